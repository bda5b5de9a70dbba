"""What the command line answers without a reconstruction: the same from Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lapwing


def command(*arguments: object) -> Any:
    """The JSON that the command prints."""
    words = [sys.executable, "-m", "lapwing", *map(str, arguments), "--json"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_plan_is_that_of_the_command_line_and_follows_its_formula() -> None:
    known = {
        "resolution_m": 30e-9,
        "phase": 0.1,
        "probe_diameter_m": 1e-6,
        "flux": 1e9,
        "overhead_s": 0.01,
    }
    found = lapwing.plan(**known, field_m=(10e-6, 5e-6))
    words = [
        word for name, value in known.items() for word in (f"--{name.replace('_', '-')}", value)
    ]
    assert found == command("plan", *words, "--field-m", "1e-5x5e-6")
    # Rose: k = 5 errors of 1 / sqrt(2 N) make N = k^2 / (2 c^2).
    assert found["bound"]["photons_on_detail"] == pytest.approx(25 / (2 * found["contrast"] ** 2))
    assert found["contrast"] == pytest.approx(abs(np.exp(0.1j) - 1))
    bare = {"resolution_m": 30e-9, "probe_diameter_m": 1e-6, "field_m": 1e-5}
    for more, told in [
        ({}, "expected phase or absorption or delta, found none"),
        ({"delta": 1e-6}, "expected thickness_m, found none"),
        ({"phase": 0.0}, "phase: expected a number greater than 0, found 0.0"),
    ]:
        with pytest.raises(ValueError) as refused:
            lapwing.plan(**bare, **more)
        assert str(refused.value) == told


def test_a_plan_is_simulated_with_progress_and_can_be_stopped() -> None:
    small: dict[str, Any] = {
        "resolution_m": 40e-9,
        "phase": 0.3,
        "probe_diameter_m": 400e-9,
        "field_m": 1e-6,
    }
    seen: list[dict[str, Any]] = []

    def stop(event: dict[str, Any]) -> bool:
        seen.append(event)
        return len(seen) < 3

    with pytest.raises(ValueError, match="stopped"):
        lapwing.plan(**small, simulate=True, progress=stop)
    assert [event["done"] for event in seen] == [1, 2, 3]


def test_devices_are_told() -> None:
    found = lapwing.devices()
    assert found == command("devices") and found["cpu"]["threads"] >= 1


def test_files_are_inspected_and_converted(scan: lapwing.Dataset, tmp_path: Path) -> None:
    known = lapwing.Dataset(
        scan.counts(),
        scan.positions,
        scan.probe * scan.intensity_scale,
        quantity="counts",
        energy_kev=8.0,
        pixel_size_m=1e-8,
    )
    file = tmp_path / "scan.npz"
    assert lapwing.convert(known, file) == [file]
    found = lapwing.inspect(file, figure=tmp_path / "scan.png")
    assert found == command("inspect", file) and found["contract"]["ok"]
    assert (tmp_path / "scan.png").read_bytes().startswith(b"\x89PNG")
    with pytest.warns(UserWarning, match="no distance of the detector is known"):
        assert lapwing.convert(known, tmp_path / "scan.cxi") == [tmp_path / "scan.cxi"]
    assert lapwing.convert(file, tmp_path / "pair.h5") == [
        tmp_path / "pair.h5",
        tmp_path / "pair.product.h5",
    ]
    for other, companion in (("scan.cxi", None), ("pair.h5", tmp_path / "pair.product.h5")):
        back = lapwing.load(tmp_path / other, companion=companion)
        assert np.array_equal(back.counts(), known.counts())
        apart = back.positions - back.positions[0] - (known.positions - known.positions[0])
        assert np.abs(apart).max() < 1e-6
    command("convert", file, tmp_path / "theirs.cxi")
    assert (tmp_path / "theirs.cxi").read_bytes() == (tmp_path / "scan.cxi").read_bytes()
    for refused, words in (
        (lambda: lapwing.convert(scan, tmp_path / "x.cxi"), "wavelength"),
        (lambda: lapwing.convert(scan, tmp_path / "x.tif"), r"\.npz, \.cxi or \.h5"),
        (lambda: lapwing.convert(file, file), "the input itself"),
        (lambda: lapwing.convert(scan, tmp_path / "x.npz", voltage_kv=300), "file alone"),
    ):
        with pytest.raises(ValueError, match=words):
            refused()
    with pytest.raises(FileNotFoundError):
        lapwing.inspect(tmp_path / "nothing.npz")


def test_broken_files_are_inspected_all_the_same(scan: lapwing.Dataset, tmp_path: Path) -> None:
    np.savez(
        tmp_path / "broken.npz",
        diffraction=-scan.counts(),
        xcoords=np.zeros(3),
        ycoords=np.zeros(3),
    )
    found = lapwing.inspect(tmp_path / "broken.npz")
    assert not found["contract"]["ok"] and len(found["contract"]["problems"]) >= 1


def test_experiments_and_designs_are_written_once(tmp_path: Path) -> None:
    path = lapwing.write_experiment(tmp_path / "e.toml")
    assert "voltage_kv" in Path(path).read_text()
    with pytest.raises(ValueError, match="exists already"):
        lapwing.write_experiment(path)
    whole = lapwing.write_design(tmp_path / "whole.toml")
    assert Path(whole).read_text().startswith("#")
    design = {
        "study": {"doses": [1e4], "views": ["baseline"], "pattern_size": 32},
        "solver": {"epochs": 3},
    }
    mine = lapwing.write_design(tmp_path / "mine.toml", design)
    with pytest.raises(ValueError, match="exists already"):
        lapwing.write_design(mine, design)
    with pytest.raises(ValueError, match="pattern_sise"):
        lapwing.write_design(tmp_path / "other.toml", {"study": {"pattern_sise": 32}})
    assert not (tmp_path / "other.toml").exists()


def test_halves_of_the_photons_add_up_and_are_independent(scan: lapwing.Dataset) -> None:
    first, second = lapwing.photon_halves(scan)
    counts = scan.counts()
    assert np.array_equal(first.counts() + second.counts(), counts)
    assert first.mean_counts == pytest.approx(
        counts.sum(axis=(1, 2), dtype=float).mean() / 2, rel=0.01
    )
    # Given the whole, halves are anticorrelated binomials of variance n / 4.
    difference = first.counts() - second.counts()
    assert (difference**2).sum() / counts.sum() == pytest.approx(1.0, abs=0.05)
    fit = lapwing.reconstruct(
        first, algorithm="LSQML", epochs=5, object_start="guess", probe_start="file"
    )
    assert fit.loss[0] < 0.2, "object and probe of a half explain it"


def test_halves_leave_out_what_the_detector_has_clipped(scan: lapwing.Dataset) -> None:
    assert scan.object is not None and scan.probe is not None
    clipped = lapwing.simulate(
        scan.object, scan.probe, scan.positions, 10_000, saturation=60, seed=3
    )
    with pytest.warns(UserWarning, match="limit of 60 counts"):
        first, second = lapwing.photon_halves(clipped)
    counts = clipped.counts()
    at_limit = counts > 59.5
    assert 0 < at_limit.sum() < counts.size / 10
    for half in (first, second):
        assert half.mask is not None and np.array_equal(half.mask, ~at_limit)
        assert not half.counts()[at_limit].any()
    both = first.counts() + second.counts()
    assert np.array_equal(both[~at_limit], counts[~at_limit])


def test_any_command_answers(scan: lapwing.Dataset, tmp_path: Path) -> None:
    scan.save(tmp_path / "scan.npz")
    seen: list[str] = []
    record = lapwing.command(
        "reconstruct",
        tmp_path / "scan.npz",
        output_dir=tmp_path / "result",
        algorithm="LSQML",
        num_epochs=3,
        progress=lambda event: seen.append(event["event"]),
    )
    assert (
        record["epochs"] == 3
        and seen == ["epoch"] * 3
        and (tmp_path / "result" / "reconstruction.npz").is_file()
    )
    same = lapwing.reconstruct(lapwing.load(tmp_path / "scan.npz"), algorithm="LSQML", epochs=3)
    assert np.array_equal(
        lapwing.load_reconstruction(tmp_path / "result" / "reconstruction.npz").object, same.object
    )
    overlap = lapwing.command("overlap", tmp_path / "scan.npz", gridsize=1)
    assert overlap == command("overlap", tmp_path / "scan.npz", "--gridsize", 1)
    with pytest.raises(ValueError, match="num_epoch") as refused:
        lapwing.command("reconstruct", tmp_path / "scan.npz", output_dir=tmp_path, num_epoch=3)
    assert "--" not in str(refused.value)
