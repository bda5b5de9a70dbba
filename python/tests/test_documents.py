"""The Python blocks of README and guides run as they stand there, page by page."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import lapwing

ROOT = Path(__file__).parent.parent.parent
WAVELENGTH_300_KV = 1.9687489e-12
"""Metres."""


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[tuple[int, str]]:
    """The Python blocks of a page, each with the line of the page on which it begins."""
    found: list[tuple[int, str]] = []
    start = 0
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if start and line.strip() == "```":
            found.append((start, "\n".join(lines[start:number]) + "\n"))
            start = 0
        elif line.strip() == "```python":
            start = number + 1
    return found


def with_blocks() -> list[str]:
    return [page.relative_to(ROOT).as_posix() for page in pages() if blocks(page)]


def sunflower() -> tuple[np.ndarray, float]:
    """Counts (24, 24, 64, 64) of the repository's electron scan, whose disc of 20 mrad has a radius
    of 20 / 1.305 pixels, and the step of its scan, 4 pixels of the object."""
    with np.load(ROOT / "examples" / "electrons" / "sunflower.npz") as file:
        (stack,) = (file[name] for name in file.files if file[name].ndim == 4)
    return stack, 4.0


def py4dstem(folder: Path) -> None:
    """The scan as py4DSTEM 0.14 stores it, with the same numbers of pixels for 300 kV and 25
    mrad."""
    h5py = pytest.importorskip("h5py")
    counts, step_px = sunflower()
    per_angstrom = 25e-3 / (20 / 1.305) / WAVELENGTH_300_KV * 1e-10
    step = step_px / (counts.shape[-1] * per_angstrom)
    with h5py.File(folder / "datacube.h5", "w") as file:
        group = file.create_group("datacube_root/datacube")
        group["data"] = counts
        for axis, scale in enumerate((step, step, per_angstrom, per_angstrom)):
            group[f"dim{axis}"] = [0.0, scale]
        told = group.create_group("metadatabundle/calibration")
        told["R_pixel_size"], told["R_pixel_units"] = step, "A"
        told["Q_pixel_size"], told["Q_pixel_units"] = per_angstrom, "A^-1"


def hyperspy() -> ModuleType:
    """What stands in for HyperSpy, which is not installed for the tests: its `load` gives the scan
    with the attributes of a signal, see test_adopt.py."""
    counts, step_px = sunflower()
    per_nanometre = 21.4e-3 / (20 / 1.305) / WAVELENGTH_300_KV * 1e-9
    step = SimpleNamespace(units="nm", scale=step_px / (counts.shape[-1] * per_nanometre))
    scale = SimpleNamespace(units="1/nm", scale=per_nanometre)
    signal = SimpleNamespace(
        data=counts,
        axes_manager=SimpleNamespace(navigation_axes=(step, step), signal_axes=(scale, scale)),
        metadata=SimpleNamespace(
            Acquisition_instrument=SimpleNamespace(TEM=SimpleNamespace(beam_energy=300.0))
        ),
    )

    def load(path: str, lazy: bool = False) -> SimpleNamespace:
        assert Path(path).suffix == ".hspy" and lazy
        return signal

    made = ModuleType("hyperspy.api")
    vars(made)["load"] = load
    return made


def of_ptychi(scan: lapwing.Dataset) -> dict[str, Any]:
    """The variables of a script for pty-chi: positions are relative to the middle of the object."""
    height, width = scan.object.shape
    return {
        "patterns": scan.counts(),
        "positions_px": scan.positions - [height // 2, width // 2],
        "object_height": height,
        "object_width": width,
        "probe": scan.probe,
    }


@pytest.mark.parametrize("page", with_blocks())
def test_blocks_run_as_they_stand(
    page: str, scan: lapwing.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one namespace, in a folder with the file ``scan.npz``, a simulated scan, and what else the
    page speaks of."""
    monkeypatch.chdir(tmp_path)
    scan.save("scan.npz")
    given: dict[str, Any] = {}
    if page == "docs/from-pty-chi.md":
        given = of_ptychi(scan)
    if page == "docs/from-py4dstem.md":
        py4dstem(tmp_path)
    made = hyperspy()
    monkeypatch.setitem(sys.modules, "hyperspy", ModuleType("hyperspy"))
    monkeypatch.setattr(sys.modules["hyperspy"], "api", made, raising=False)
    monkeypatch.setitem(sys.modules, "hyperspy.api", made)
    space = {"__name__": "__main__", **given}
    for line, block in blocks(ROOT / page):
        # Lines in a traceback are those of the page.
        exec(compile("\n" * line + block, page, "exec"), space)
    check = CHECKS.get(page)
    assert check is not None, f"{page}: what do its blocks arrive at? Say it in CHECKS"
    check(space, scan)


def _readme(space: dict[str, Any], scan: lapwing.Dataset) -> None:
    assert space["found"].algorithm == "ML"
    assert space["found"].compare(scan).metrics["complex_correlation"] > 0.98


def _python(space: dict[str, Any], scan: lapwing.Dataset) -> None:
    assert np.array_equal(lapwing.load_reconstruction("result.npz").object.shape, scan.object.shape)
    assert Path("scan.html").stat().st_size > 10_000
    # The last scan is HyperSpy's.
    assert space["scan"].diffraction.shape == (576, 64, 64)
    assert space["found"].phase_sd is not None


def _from_ptychi(space: dict[str, Any], scan: lapwing.Dataset) -> None:
    assert space["found"].algorithm == "LSQML" and len(space["found"].loss) == 100
    assert space["found"].compare(scan).metrics["complex_correlation"] > 0.98


def _from_py4dstem(space: dict[str, Any], _: lapwing.Dataset) -> None:
    # The truth of examples/electrons/make.py: 30 degrees; and -200 angstrom at 80 kV and 20 mrad,
    # by the curvature of the probe in pixels, wavelength x defocus / pixel^2, at 300 kV and 25
    # mrad.
    pixel = WAVELENGTH_300_KV / (64 * 25e-3 / (20 / 1.305))
    expected = -200e-10 * 4.1757e-12 / (0.5e-10) ** 2 * pixel**2 / WAVELENGTH_300_KV
    assert space["orientation"]["rotation_deg"] == pytest.approx(30, abs=2)
    assert space["orientation"]["defocus_m"] == pytest.approx(expected, rel=0.2)
    assert space["found"].misfit < 1.2


CHECKS: dict[str, Callable[[dict[str, Any], lapwing.Dataset], None]] = {
    "README.md": _readme,
    "docs/python.md": _python,
    "docs/from-pty-chi.md": _from_ptychi,
    "docs/from-py4dstem.md": _from_py4dstem,
}
"""What the blocks of every page arrive at."""


def test_every_page_with_blocks_is_known() -> None:
    assert set(with_blocks()) == set(CHECKS)


@pytest.mark.parametrize("page", ["docs/from-py4dstem.md", "docs/from-pty-chi.md"])
def test_options_that_the_guides_name_are_there(page: str) -> None:
    """In the second column of their tables: flags of the command, and keywords of Python."""
    words = [sys.executable, "-m", "lapwing", "reconstruct", "--help"]
    usage = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    flags = set(re.findall(r"--[a-z0-9-]+", usage))
    names = {*lapwing.SolverOptions.__annotations__, *lapwing.ReadingOptions.__annotations__}
    names |= {*inspect.signature(lapwing.reconstruct).parameters}
    rows = [line.split("|") for line in (ROOT / page).read_text(encoding="utf-8").splitlines()]
    spans = [span for row in rows if len(row) > 3 for span in re.findall(r"`([^`]*)`", row[2])]
    told = [word for span in spans if not span.startswith("lapwing") for word in span.split()]
    named = {word for word in told if word.startswith("--")}
    keywords = {word.split("=")[0] for word in told if re.match(r"[a-z]+(_[a-z0-9]+)+", word)}
    assert named - flags == set() and keywords - names == set()
    assert len(named) > 15
