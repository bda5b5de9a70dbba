"""Files: dialects, metadata, errors with the messages of the command line, and the command in the
wheel."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lapwing


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lapwing", *map(str, arguments)], capture_output=True, text=True
    )


def test_what_is_saved_is_loaded(scan: lapwing.Dataset, tmp_path: Path) -> None:
    scan.save(tmp_path / "a.npz", compressed=True)
    again = lapwing.load(tmp_path / "a.npz")
    assert np.array_equal(again.diffraction, scan.diffraction) and again.metadata == scan.metadata
    assert again.understood is not None and again.understood["dialect"] == "study"
    assert lapwing.read_metadata(tmp_path / "a.npz") == scan.metadata


def test_several_scans_are_one_data_set(scan: lapwing.Dataset, tmp_path: Path) -> None:
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in paths:
        scan.save(path)
    both = lapwing.load(paths[0], join=paths[1:])
    n = len(scan)
    assert len(both) == 2 * n and scan.scan_number is None
    for each in (both, pickle.loads(pickle.dumps(both))):
        assert each.scan_number is not None
        assert each.scan_number.tolist() == [0] * n + [1] * n
    found = lapwing.reconstruct(both, algorithm="LSQML", epochs=2)
    assert found.probe_eigenmodes is not None and len(found.probe_eigenmodes) == 1
    more = lapwing.reconstruct(both, algorithm="LSQML", epochs=1, start=found)
    assert more.probe_eigenmodes is not None and more.loss[0] < found.loss[0]
    one = lapwing.reconstruct(both, algorithm="LSQML", epochs=2, scan_probes="shared")
    assert one.probe_eigenmodes is None
    with pytest.raises(ValueError, match="scan_probes shared"):
        lapwing.reconstruct(both, algorithm="DM", epochs=2)


@pytest.mark.parametrize("form", ["pickle", "text", "bytes", "dict", "none"])
def test_metadata_in_every_form(tmp_path: Path, form: str) -> None:
    truth = {"physics_parameters": {"nphotons": 1000.0}, "text": "µ"}
    text = json.dumps(truth)
    forms: dict[str, dict[str, Any]] = {
        "pickle": {"_metadata": np.array(text, dtype=object)},
        "text": {"_metadata": np.array([text])},
        "bytes": {"_metadata": np.array(text.encode())},
        "dict": {"_metadata": np.array(truth, dtype=object)},
        "none": {"x": np.zeros(1)},
    }
    np.savez(tmp_path / "m.npz", **forms[form])
    assert lapwing.read_metadata(tmp_path / "m.npz") == (None if form == "none" else truth)


def test_extras_keep_their_dtypes(scan: lapwing.Dataset, tmp_path: Path) -> None:
    n = len(scan)
    extras = {
        "filenames": np.array([f"frame {i:03}" for i in range(n)]),
        "flags": np.arange(n) % 2 == 0,
        "codes": np.array([b"ab"] * n),
        "half": np.linspace(0, 1, n).astype(np.float16),
        "when": np.arange(n).astype("datetime64[s]"),
        "table": np.arange(6.0).reshape(2, 3),
        "phase": np.exp(1j * np.arange(n)),
    }
    np.savez(
        tmp_path / "e.npz",
        diffraction=scan.diffraction,
        probeGuess=scan.probe,
        objectGuess=scan.object,
        ycoords=scan.positions[:, 0],
        xcoords=scan.positions[:, 1],
        scan_index=np.arange(n)[::-1],
        **extras,
    )
    half = lapwing.load(tmp_path / "e.npz").select([2, 1])
    assert half.frames is not None and list(half.frames) == [n - 3, n - 2]
    found = lapwing.load(tmp_path / "e.npz").extras
    assert set(found) == set(extras)
    for name, array in extras.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array), name
    assert np.array_equal(
        lapwing.load(tmp_path / "e.npz").select([2, 1]).extras["filenames"],
        extras["filenames"][[2, 1]],
    )


def test_another_dialect_with_options(scan: lapwing.Dataset, tmp_path: Path) -> None:
    counts = scan.counts().astype(np.uint16)
    corners = scan.positions - 16
    np.savez(
        tmp_path / "tike.npz",
        data=np.fft.ifftshift(counts, axes=(1, 2))[None],
        scan=corners[None],
        probe=scan.probe[None, None, None],
    )
    tike = lapwing.load(tmp_path / "tike.npz")
    assert (
        tike.understood is not None
        and tike.understood["dialect"] == "tike"
        and tike.understood["notes"]
    )
    assert np.array_equal(tike.counts(), counts) and np.allclose(tike.positions, scan.positions)
    flipped = lapwing.load(tmp_path / "tike.npz", coordinate_order="column-row")
    assert np.allclose(flipped.positions[:, 0], scan.positions[:, 1])
    with pytest.raises(ValueError, match="quantity: expected amplitude"):
        lapwing.load(tmp_path / "tike.npz", quantity="light")  # type: ignore[arg-type]


def test_errors_are_those_of_the_command_line(scan: lapwing.Dataset, tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", diffraction=-scan.diffraction, ycoords=[1.0], xcoords=[np.nan])
    (tmp_path / "no.npz").write_bytes(b"not an archive")
    for name, kind in [
        ("bad.npz", ValueError),
        ("no.npz", ValueError),
        ("absent.npz", FileNotFoundError),
    ]:
        with pytest.raises(kind) as refused:
            lapwing.load(tmp_path / name)
        told = run("overlap", "--input", tmp_path / name)
        # Keywords stand for the flags.
        words = re.sub(r"--[a-z-]+", lambda flag: flag[0][2:].replace("-", "_"), told.stderr)
        assert told.returncode == 1 and str(refused.value) in words
    with pytest.raises(OSError):
        scan.save(tmp_path / "no folder" / "a.npz")


def test_the_command_has_its_exit_codes() -> None:
    version = run("--version")
    assert (version.returncode, version.stdout.split()) == (0, ["lapwing", lapwing.__version__])
    assert run("study", "--help").returncode == 0
    assert run("inspect", "absent.npz").returncode == 1
    assert run("nonsense").returncode == 2
    installed = Path(sys.executable).with_name("lapwing")
    assert (
        subprocess.run([installed, "--version"], capture_output=True, text=True).stdout
        == version.stdout
    )


def test_importing_needs_no_numpy() -> None:
    """What keeps the import quick: NumPy is loaded when an array is first needed."""
    code = "import sys, lapwing; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_near_field_patterns_at_an_unknown_distance_reach_no_solver(
    scan: lapwing.Dataset, tmp_path: Path
) -> None:
    near = lapwing.Dataset(
        scan.counts(), scan.positions, scan.probe, quantity="counts", geometry="near-field"
    )
    near.save(tmp_path / "near.npz")
    copy = lapwing.load(tmp_path / "near.npz")
    assert copy.geometry == "near-field" and copy.select([0, 1]).geometry == "near-field"
    for data in (near, copy):
        with pytest.raises(ValueError, match="near-field patterns: expected the Fresnel number"):
            lapwing.reconstruct(data, epochs=1)
    with pytest.raises(ValueError, match="near-field"):
        lapwing.reconstruct(
            scan.counts(),
            scan.positions,
            scan.probe,
            quantity="counts",
            geometry="near-field",
            epochs=1,
        )
    far = lapwing.load(tmp_path / "near.npz", geometry="far-field")
    assert len(lapwing.reconstruct(far, epochs=1).loss) == 1
    assert scan.geometry is None and scan.mask is None


def test_a_mask_is_a_field_of_the_data_set(scan: lapwing.Dataset, tmp_path: Path) -> None:
    good = np.ones((32, 32), bool)
    good[3, 4] = False
    np.savez(
        tmp_path / "m.npz",
        diffraction=scan.diffraction,
        probeGuess=scan.probe,
        mask=good,
        ycoords=scan.positions[:, 0],
        xcoords=scan.positions[:, 1],
    )
    found = lapwing.load(tmp_path / "m.npz")
    assert np.array_equal(found.mask, good[None]) and "mask" not in found.extras
    found.select([0, 1]).save(tmp_path / "some.npz")
    with np.load(tmp_path / "some.npz") as file:
        assert file["mask"].dtype == bool and np.array_equal(file["mask"], good)


def test_open_maps_the_patterns(tmp_path: Path, scan: lapwing.Dataset) -> None:
    path = tmp_path / "scan.npz"
    scan.save(path)
    whole = lapwing.load(path)
    mapped = lapwing.open(path, scratch=tmp_path)
    little = lapwing.load(path, memory=1e6, scratch=tmp_path)
    for kept in (mapped, little):
        np.testing.assert_array_equal(kept.diffraction, whole.diffraction)
        np.testing.assert_array_equal(kept.select([3, 1]).diffraction, whole.diffraction[[3, 1]])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scan.npz"]
    with pytest.raises(ValueError, match="2GB"):
        lapwing.load(path, memory="much")
