"""Scans that a file does not describe, and how they lie on the detector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import lapwing

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """Counts of a raster of 13 x 17 patterns in an archive that holds nothing else."""
    probe = lapwing.make_probe((48, 48), kind="defocused", aperture=0.15, defocus=8.0)
    y, x = np.mgrid[:13, :17] * 3.0
    positions = np.stack([y.ravel(), x.ravel()], axis=1) + 32.0
    scan = lapwing.simulate(
        lapwing.make_specimen("cells", (128, 128), seed=5), probe, positions, 2e4, seed=7
    )
    path = tmp_path / "stack.npz"
    np.savez(path, frames=np.round(scan.counts()).astype(np.uint16).reshape(13, 17, 48, 48))
    return path


def test_a_stack_is_described_by_keywords_or_by_a_file(stack: Path) -> None:
    # 48 pixels of 1/(48 nm): an object pixel of 1 nm.
    known: dict[str, Any] = {"inv_angstrom_per_pixel": 0.1 / 48, "scan_step_m": 3e-9}
    scan = lapwing.load(stack, voltage_kv=300, **known, leave_out_frames=[0, 5])
    assert scan.positions.shape == (13 * 17 - 2, 2)
    np.testing.assert_allclose(scan.positions[0] - scan.positions[1], [0.0, -3.0], atol=1e-6)
    # Rows 2 to 4 of the first six columns, every third of these.
    part = lapwing.load(stack, **known, region="6:12,:15", every=3, frames=range(17 * 8))
    assert part.positions.shape == (6, 2)
    np.testing.assert_allclose(np.ptp(part.positions, axis=0), [6.0, 9.0], atol=1e-6)
    with pytest.raises(ValueError, match="region"):
        lapwing.load(stack, **known, region="900:,:")
    experiment = stack.with_name("e.toml")
    experiment.write_text(
        "[detector]\ninv_angstrom_per_pixel = 0.0020833333\n[scan]\nstep_m = 3e-9\n"
    )
    described = lapwing.load(stack, experiment=experiment)
    np.testing.assert_allclose(
        described.positions, lapwing.load(stack, **known).positions, atol=1e-5
    )
    with pytest.raises(ValueError, match="2 x 3 = 6"):
        lapwing.load(stack, **known, scan_shape=(2, 3))
    with pytest.raises(ValueError, match="scan_step_m"):
        lapwing.load(stack, inv_angstrom_per_pixel=0.1)


def test_the_scan_is_turned_to_where_it_lies_and_a_probe_is_made(stack: Path) -> None:
    known: dict[str, Any] = {"inv_angstrom_per_pixel": 0.1 / 48, "scan_step_m": 3e-9}
    scan = lapwing.load(stack, **known, scan_rotation_deg=30)
    turned, found = lapwing.calibrate(scan)
    assert abs(found["rotation_deg"] + 30) < 2
    assert not found["transposed"]
    as_said = lapwing.load(stack, **known).positions
    apart = turned.positions - turned.positions.mean(axis=0) - (as_said - as_said.mean(axis=0))
    assert np.abs(apart).max() < 1.5
    assert turned.probe is None
    result = lapwing.reconstruct(turned, algorithm="LSQML", epochs=10)
    assert result.probe.shape == (1, 48, 48)
    assert result.loss[-1] < 0.7 * lapwing.reconstruct(scan, algorithm="LSQML", epochs=10).loss[-1]


def test_the_magnification_of_a_beam_that_diverges_is_found(tmp_path: Path) -> None:
    positions, shape = lapwing.make_scan(step=7.0, field=(50.0, 50.0), window=96)
    truth, light = lapwing.make_specimen("cells", shape, seed=4), np.ones((1, 96, 96), np.complex64)
    images = lapwing.simulate(truth, light, positions, 2e6, fresnel_number=0.03)
    # Positions were measured in metres of the stage, and read in pixels of the detector: a third of
    # what the images move by.
    told: dict[str, Any] = {
        "energy_kev": 12.39841984,
        "distance_m": 0.3,
        "detector_pixel_size_m": 1e-6,
    }
    scan = lapwing.Dataset(
        images.counts(), positions / 3, quantity="counts", geometry="near-field", **told
    )
    turned, found = lapwing.calibrate(scan)
    assert abs(found["magnification"] - 3) < 4 * found["magnification_sd"] < 0.15
    assert found["pixel_size_m"] == pytest.approx(
        1e-6 / 3, rel=0.02
    ) and turned.pixel_size_m == pytest.approx((1e-6 / 3,) * 2, rel=0.02)
    apart = turned.positions - turned.positions[0] - (positions - positions[0])
    assert np.abs(apart).max() < 0.02 * 60
    with pytest.warns(UserWarning, match="diverges"):
        made = lapwing.reconstruct(scan, algorithm="LSQML", epochs=2)
    assert np.array_equal(
        made.object, lapwing.reconstruct(turned, algorithm="LSQML", epochs=2).object
    )
    scan.save(tmp_path / "images.npz")
    _, again = lapwing.calibrate(tmp_path / "images.npz", write=tmp_path / "e.toml")
    assert again == found
    written = next(
        line
        for line in (tmp_path / "e.toml").read_text().splitlines()
        if line.startswith("pixel_size_m")
    )
    assert float(written.split("=")[1].split("#")[0]) == pytest.approx(
        found["pixel_size_m"], rel=1e-5
    )
    lapwing.calibrate(scan, figure=tmp_path / "search.png")
    assert (tmp_path / "search.png").read_bytes().startswith(b"\x89PNG")
    # A pixel that somebody said is not doubted, and has nothing to draw.
    assert lapwing.calibrate(turned)[1] == {}
    with pytest.raises(ValueError, match="nothing to write"):
        lapwing.calibrate(turned, figure=tmp_path / "none.png")


def test_a_calibration_shows_and_keeps_itself(stack: Path, tmp_path: Path) -> None:
    known: dict[str, Any] = {
        "inv_angstrom_per_pixel": 0.1 / 48,
        "scan_step_m": 3e-9,
        "scan_rotation_deg": 30,
    }
    turned, found = lapwing.calibrate(
        stack, **known, figure=tmp_path / "search.png", write=tmp_path / "e.toml"
    )
    assert (tmp_path / "search.png").read_bytes() == found.picture and found.picture.startswith(
        b"\x89PNG"
    )
    assert "data:image/png" in found._repr_html_()
    # The file says both, what was said and what was found.
    again = lapwing.load(stack, experiment=tmp_path / "e.toml")
    apart = (
        again.positions
        - again.positions.mean(axis=0)
        - (turned.positions - turned.positions.mean(axis=0))
    )
    assert np.abs(apart).max() < 0.05
    found.save(tmp_path / "own.toml")
    assert (tmp_path / "own.toml").read_text() == (tmp_path / "e.toml").read_text()
    with pytest.raises(ValueError, match="file alone"):
        lapwing.calibrate(turned, voltage_kv=300)


def test_arrays_take_what_is_said_of_files(stack: Path) -> None:
    frames = np.load(stack)["frames"]
    known: dict[str, Any] = {
        "voltage_kv": 300.0,
        "inv_angstrom_per_pixel": 0.1 / 48,
        "scan_step_m": 3e-9,
        "scan_rotation_deg": 20.0,
    }
    from_file = lapwing.load(stack, quantity="counts", **known)
    raster = lapwing.Dataset(frames, quantity="counts", **known)
    assert np.array_equal(raster.positions, from_file.positions)
    assert np.array_equal(raster.diffraction, from_file.diffraction)
    assert raster.pixel_size_m == pytest.approx(from_file.pixel_size_m)
    # Sections as in an experiment's file, in both.
    sections = {
        "beam": {"voltage_kv": 300.0},
        "detector": {"inv_angstrom_per_pixel": 0.1 / 48},
        "scan": {"step_m": 3e-9, "rotation_deg": 20.0},
    }
    for other in (
        lapwing.Dataset(frames, quantity="counts", experiment=sections),
        lapwing.load(stack, quantity="counts", experiment=sections),
        lapwing.load(stack, quantity="counts", experiment=known),
    ):
        assert np.array_equal(other.positions, from_file.positions)
    # Positions beside it, in metres and turned.
    metres = lapwing.Dataset(
        frames.reshape(-1, 48, 48),
        raster.positions * 1e-9,
        quantity="counts",
        position_unit="m",
        inv_angstrom_per_pixel=0.1 / 48,
    )
    apart = metres.positions - metres.positions[0] - (raster.positions - raster.positions[0])
    assert np.abs(apart).max() < 1e-5
    found = lapwing.reconstruct(
        frames, quantity="counts", experiment=known, algorithm="LSQML", epochs=2
    )
    assert np.array_equal(
        found.object, lapwing.reconstruct(from_file, algorithm="LSQML", epochs=2).object
    )
    dark = frames.astype(np.float32) - 0.5
    clipped = lapwing.Dataset(dark, quantity="intensity", clip_negative=True, **known)
    assert clipped.diffraction.min() == 0
    with pytest.raises(ValueError, match="scan_step_m"):
        lapwing.Dataset(frames, quantity="counts")
    with pytest.raises(ValueError, match=r"experiment=dict\(voltage_kv="):
        lapwing.reconstruct(from_file, voltage_kv=300.0)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"experiment=dict\(scan_step_m="):
        lapwing.reconstruct(frames, quantity="counts", scan_step_m=1e-9)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"lapwing.calibrate\(data\)"):
        lapwing.reconstruct(from_file, calibrate=True)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match=r"^experiment: "):
        lapwing.load("nowhere.npy", experiment={"beam": {"voltage": 300}})
    with pytest.raises(ValueError, match=r"positions: expected the path of a file, found"):
        lapwing.load("nowhere.npy", positions=from_file.positions)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="progress="):
        lapwing.reconstruct(from_file, callback=print)  # type: ignore[call-arg]


def test_arrays_that_look_wrong_are_warned_of(stack: Path) -> None:
    frames = np.load(stack)["frames"].reshape(-1, 48, 48).copy()
    frames[7] = 0
    y, x = np.mgrid[:13, :17] * 3.0
    positions = np.stack([y.ravel(), x.ravel()], axis=1)
    with pytest.warns(UserWarning, match="patterns: .*7"):
        scan = lapwing.Dataset(frames, positions, quantity="counts")
    assert any(remark["what"] == "lost-patterns" for remark in scan.remarks)
    kept = lapwing.Dataset(frames, positions, quantity="counts", leave_out_frames="7,100-102")
    assert kept.n_patterns == 13 * 17 - 4
    with pytest.raises(ValueError, match="leave_out_frames.*0 to 220"):
        lapwing.Dataset(frames[:, ::2, ::2], positions, quantity="counts", leave_out_frames="7,500")
