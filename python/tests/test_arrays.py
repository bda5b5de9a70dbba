"""Arrays of any layout and dtype give the same result or are refused; nothing is transposed or
guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lapwing


def layouts(counts: np.ndarray) -> dict[str, np.ndarray]:
    """The same numbers in every layout and dtype that makes sense."""
    padded = np.zeros((2 * counts.shape[0], counts.shape[1] + 3, counts.shape[2] + 5))
    padded[::2, 1:-2, 2:-3] = counts
    return {
        "Fortran order": np.asfortranarray(counts),
        "float64": counts.astype(np.float64),
        "uint16": counts.astype(np.uint16),
        "int64": counts.astype(np.int64),
        "big endian": counts.astype(">f4"),
        "strided view": padded[::2, 1:-2, 2:-3],
        "reversed": np.ascontiguousarray(counts[::-1, :, ::-1])[::-1, :, ::-1],
        "moved axes": np.moveaxis(np.ascontiguousarray(np.moveaxis(counts, 0, -1)), -1, 0),
        "read-only": np.frombuffer(counts.tobytes(), counts.dtype).reshape(counts.shape),
    }


def test_every_layout_and_dtype_is_the_same_data(scan: lapwing.Dataset) -> None:
    counts = scan.counts()
    assert (
        counts.dtype == np.float32
        and np.array_equal(counts, np.round(counts))
        and counts.max() < 65536
    )
    whole = lapwing.Dataset(counts, scan.positions, scan.probe, quantity="counts")
    assert np.array_equal(whole.counts(), counts)
    for name, same in layouts(counts).items():
        assert np.array_equal(same, counts), name
        other = lapwing.Dataset(
            same, np.asfortranarray(scan.positions), scan.probe.astype(complex), quantity="counts"
        )
        assert np.array_equal(other.diffraction, whole.diffraction), name
        assert other.intensity_scale == whole.intensity_scale
        assert np.array_equal(other.positions, scan.positions)


def test_a_missing_quantity_is_asked_for(scan: lapwing.Dataset, tmp_path: Path) -> None:
    """In one sentence, with what may be given; a path is told from an array first."""
    for make in (lapwing.Dataset, lapwing.reconstruct):
        with pytest.raises(ValueError, match='^quantity is missing.*"counts".*lapwing.load'):
            make(scan.counts(), scan.positions)
        with pytest.raises(ValueError, match="lapwing.load") as refused:
            make(tmp_path / "scan.npz")
        assert "quantity is missing" not in str(refused.value)


@pytest.mark.filterwarnings("ignore:patterns")  # positions that are all the same
def test_large_stacks_are_converted_in_blocks() -> None:
    counts = np.random.default_rng(1).poisson(3.0, (700, 64, 65)).astype(np.uint16)
    assert counts.size * 4 > 2 * (4 << 20)
    positions = np.zeros((700, 2))
    assert np.array_equal(lapwing.Dataset(counts, positions, quantity="counts").counts(), counts)


def test_amplitudes_intensities_and_corners(scan: lapwing.Dataset) -> None:
    amplitude = scan.diffraction
    squared = lapwing.Dataset(amplitude.astype(float) ** 2, scan.positions, quantity="intensity")
    assert np.allclose(squared.diffraction, amplitude, atol=1e-7) and squared.mean_counts is None
    corner = np.fft.ifftshift(amplitude, axes=(1, 2))
    shifted = lapwing.Dataset(corner, scan.positions, quantity="amplitude", zero_frequency="corner")
    assert np.array_equal(shifted.diffraction, amplitude)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"patterns": lambda p: p.astype(complex)}, ["patterns", "real numbers", "complex"]),
        ({"patterns": lambda p: p[0]}, ["patterns", "(pattern, y, x)", "shape"]),
        ({"patterns": lambda p: np.moveaxis(p, 0, -1)}, ["patterns", "moveaxis"]),
        ({"patterns": lambda p: p > 1}, ["patterns", "bool"]),
        ({"patterns": lambda p: p.astype(str)}, ["patterns", "real numbers"]),
        ({"patterns": lambda p: np.ma.masked_less(p, 1)}, ["patterns", "masked"]),
        ({"patterns": lambda p: p - 1}, ["diffraction", "negative"]),
        (
            {"patterns": lambda p: np.where(p == p.max(), np.nan, p)},
            ["diffraction", "finite", "NaN"],
        ),
        ({"positions": lambda p: p.T}, ["positions", "(n, 2)"]),
        ({"positions": lambda p: p[:-1]}, ["positions, one for each pattern"]),
        ({"positions": lambda p: p + 1000}, ["off the object"]),
        ({"probe": lambda p: p.real}, ["probe", "complex", "float32"]),
        ({"probe": lambda p: p[0][..., None]}, ["probeGuess", "shape"]),
        ({"object": lambda o: abs(o)}, ["object", "complex"]),
        ({"quantity": lambda _: "photons"}, ["quantity", "counts"]),
        ({"zero_frequency": lambda _: "middle"}, ["zero_frequency", "corner"]),
        ({"metadata": lambda _: {"a": {1: 2}}}, ["metadata.a", "keys"]),
        ({"metadata": lambda _: {"a": float("nan")}}, ["metadata.a", "finite"]),
    ],
)
def test_what_makes_no_sense_is_refused(
    scan: lapwing.Dataset, change: dict, words: list[str]
) -> None:
    given = {
        "patterns": scan.counts(),
        "positions": scan.positions,
        "probe": scan.probe,
        "object": scan.object,
        "quantity": "counts",
    }
    ((name, function),) = change.items()
    given[name] = function(given.get(name))
    with pytest.raises(ValueError) as refused:
        lapwing.Dataset(**given)
    for word in words:
        assert word in str(refused.value)


def test_all_problems_are_told_at_once(scan: lapwing.Dataset) -> None:
    with pytest.raises(ValueError, match="(?s)diffraction.*positions, one for each.*probeGuess"):
        lapwing.Dataset(-scan.counts(), scan.positions[1:], scan.probe[:, 1:], quantity="counts")


def test_arrays_show_the_data_set_and_cannot_be_written_to(scan: lapwing.Dataset) -> None:
    for array in (scan.diffraction, scan.object, scan.probe, scan.positions):
        assert array is not None and not array.flags.writeable
    assert np.shares_memory(scan.diffraction, scan.diffraction)
    with pytest.raises(ValueError, match="WRITEABLE"):
        scan.diffraction.setflags(write=True)
    # The memory stays as long as an array shows it.
    amplitude = lapwing.Dataset(np.ones((1, 8, 8)), [[0, 0]], quantity="amplitude").diffraction
    assert np.array_equal(amplitude, np.ones((1, 8, 8)))


def test_data_sets_are_changed_by_making_others(scan: lapwing.Dataset) -> None:
    half = scan.select(np.arange(0, len(scan), 2))
    assert np.array_equal(half.diffraction, scan.diffraction[::2])
    assert half.mean_counts == pytest.approx(
        scan.counts()[::2].sum(axis=(1, 2), dtype=float).mean(), rel=1e-6
    )
    with pytest.raises(ValueError, match="indices"):
        scan.select([len(scan)])
    with pytest.raises(ValueError, match="indices"):
        scan.select([-1])
    train, test = scan.split(guard_band=2.0)
    assert train.positions[:, 0].max() <= test.positions[:, 0].min() - 2.0
    blank = scan.replace(object=None, metadata={"mine": [1, None, "x", np.float32(0.5)]})
    assert blank.object is None and blank.metadata == {"mine": [1, None, "x", 0.5]}
    with pytest.raises(ValueError, match="found dose"):
        scan.replace(dose=3)  # type: ignore[call-arg]


def test_what_lies_under_a_mask_is_no_dose(scan: lapwing.Dataset, tmp_path: Path) -> None:
    counts, positions = scan.counts(), scan.positions
    n, height, width = counts.shape
    good = np.ones((height, width), bool)
    good[3, 4] = good[height // 2, 2] = False
    sound = float(np.where(good, counts, 0).sum(axis=(1, 2)).mean())
    dirty = counts.copy()
    dirty[:, 3, 4], dirty[:, height // 2, 2] = 65535, np.nan
    layers = np.repeat(good[None], n, 0)
    corner = np.fft.ifftshift(dirty, axes=(1, 2))
    raster = dict(scan_shape=(n // 4, 4), scan_step_m=1e-9, pixel_size_m=1e-9)
    filled = np.nan_to_num(dirty, nan=7.0)
    with pytest.warns(UserWarning, match="2 pixels"):
        whole = lapwing.Dataset(filled, positions, quantity="counts")
    for made in (
        lapwing.Dataset(dirty, positions, quantity="counts", mask=good),
        lapwing.Dataset(dirty, positions, quantity="counts", mask=layers),
        lapwing.Dataset(corner, positions, quantity="counts", mask=good, zero_frequency="corner"),
        lapwing.Dataset(filled, quantity="counts", mask=good, **raster),
        whole.replace(mask=good),
    ):
        assert not made.diffraction[:, ~good].any()
        told = made.metadata["physics_parameters"]["nphotons"]
        assert told == pytest.approx(sound, rel=1e-5)
        found = made.counts().sum(axis=(1, 2)).mean()
        assert found == pytest.approx(sound, rel=1e-5)
    # As a file has it.
    np.savez(
        tmp_path / "scan.npz",
        diffraction=filled,
        xcoords=positions[:, 1],
        ycoords=positions[:, 0],
        mask=good,
    )
    of_file = lapwing.load(tmp_path / "scan.npz", quantity="counts")
    told = of_file.metadata["physics_parameters"]["nphotons"]
    assert told == pytest.approx(sound, rel=1e-5)
    with pytest.raises(ValueError, match="mask"):
        lapwing.Dataset(dirty, positions, quantity="counts", mask=good[1:])


def test_rasters_masks_and_frames_to_leave_out(scan: lapwing.Dataset) -> None:
    counts, positions = scan.counts()[:12], scan.positions[:12]
    shape = counts.shape[1:]
    plain = lapwing.Dataset(counts, positions, quantity="counts")
    raster = lapwing.Dataset(
        counts.reshape(3, 4, *shape), positions.reshape(3, 4, 2), quantity="counts"
    )
    assert np.array_equal(raster.diffraction, plain.diffraction) and np.array_equal(
        raster.positions, positions
    )
    good = np.ones(shape, bool)
    good[3, 5] = False
    masked = lapwing.Dataset(
        counts, positions, quantity="counts", mask=good, leave_out_frames=[2, 7]
    )
    assert np.array_equal(masked.mask[0], good)
    assert np.array_equal(masked.positions, np.delete(positions, [2, 7], axis=0))
    with pytest.raises(ValueError, match=r"probe.astype\(complex\)"):
        lapwing.Dataset(counts, positions, np.ones(shape), quantity="counts")
    for wrong, word in (
        ({"mask": good.astype(int)}, "booleans"),
        ({"leave_out_frames": [12]}, "0 to 11"),
    ):
        with pytest.raises(ValueError, match=word):
            lapwing.Dataset(counts, positions, quantity="counts", **wrong)


def test_arrays_carry_an_experiment_and_the_misfit_is_told(scan: lapwing.Dataset) -> None:
    experiment = dict(voltage_kv=300, semi_angle_mrad=0.513, mrad_per_pixel=0.1, defocus_m=1e-6)
    told = lapwing.Dataset(scan.counts(), scan.positions, quantity="counts", experiment=experiment)
    parameters = told.metadata["physics_parameters"]
    assert abs(parameters["wavelength_m"] / 1.9687489e-12 - 1) < 1e-6
    side = scan.pattern_shape[0]
    assert abs(parameters["pixel_size_m"] / (1.9687489e-12 / (side * 1e-4)) - 1) < 1e-6
    with pytest.raises(ValueError, match="^patterns: (.|\n)*scan_step_m: expected no such option"):
        lapwing.Dataset(
            scan.counts(), scan.positions, quantity="counts", experiment=dict(scan_step_m=1e-9)
        )
    made = lapwing.reconstruct(
        scan.counts(), scan.positions, scan.probe, quantity="counts", num_epochs=30
    )
    assert 0.5 < made.misfit < 1.5


def test_what_is_nearly_right_is_told_how_it_would_be(scan: lapwing.Dataset) -> None:
    counts, positions, probe = scan.counts(), scan.positions, scan.probe
    with pytest.warns(UserWarning, match="whole numbers as counts"):
        lapwing.Dataset(1.3 * counts, positions, quantity="counts")
    with pytest.raises(ValueError, match=r"give probe\[0\], and probe_eigenmodes = 1"):
        lapwing.Dataset(counts, positions, np.stack([probe, probe]), quantity="counts")
    with pytest.raises(ValueError, match=r"ML needs photon.*\(quantity .counts.\).*LSQML"):
        lapwing.reconstruct(counts, positions, probe, quantity="intensity", algorithm="ML")
    with pytest.raises(ValueError, match="focused, defocused or disc"):
        lapwing.make_probe(32, kind="round")  # type: ignore[arg-type]
    for shape in (32.5, (32, 32, 2), "32"):
        with pytest.raises(ValueError, match="whole number of pixels, or"):
            lapwing.make_probe(shape)  # type: ignore[arg-type]
    assert lapwing.make_probe(np.int64(32)).shape == (1, 32, 32)


def test_what_is_under_a_mask_may_be_no_number_however_a_scan_is_described() -> None:
    counts = np.random.default_rng(3).poisson(4.0, (4, 5, 16, 16)).astype(np.float32)
    rows, columns = np.mgrid[:4, :5]
    positions = np.stack([3.0 * rows, 3.0 * columns], axis=-1)
    good = np.ones((16, 16), bool)
    good[3, 5] = False
    dirty = np.where(good, counts, np.nan)
    expected = np.where(good, counts, 0).reshape(-1, 16, 16)
    everywhere = np.broadcast_to(good, counts.shape)
    for patterns, mask, where in (
        (dirty, good, "centre"),
        (dirty, everywhere, "centre"),
        (dirty.reshape(-1, 16, 16), everywhere.reshape(-1, 16, 16), "centre"),
        (np.fft.ifftshift(dirty, axes=(-2, -1)), good, "corner"),
    ):
        made = lapwing.Dataset(
            patterns,
            positions,
            quantity="counts",
            zero_frequency=where,
            mask=mask,
            scan_rotation_deg=10,
        )
        np.testing.assert_allclose(made.counts(), expected, atol=1e-3)
        assert made.mask is not None and not made.mask[0, 3, 5]


def test_a_motion_is_text_or_two_numbers(scan: lapwing.Dataset, tmp_path: Path) -> None:
    scan.save(tmp_path / "scan.npz")

    def path(dataset: lapwing.Dataset) -> list[list[float]]:
        assert dataset.metadata is not None
        return dataset.metadata["physics_parameters"]["exposure_path_px"]

    expected = [[0.0, -0.75], [0.0, -0.25], [0.0, 0.25], [0.0, 0.75]]
    for fly in ("0,2", (0, 2), [0.0, 2.0], np.array([0, 2])):
        assert path(lapwing.load(tmp_path / "scan.npz", fly=fly)) == expected
        made = lapwing.Dataset(scan.counts(), scan.positions, quantity="counts", fly=fly)
        assert path(made) == expected
    for wrong in ("fast", (1, 2, 3), (0, float("nan"))):
        with pytest.raises(ValueError, match="DY,DX in object pixels"):
            lapwing.load(tmp_path / "scan.npz", fly=wrong)


def test_what_solvers_find_is_simulated(scan: lapwing.Dataset, tmp_path: Path) -> None:
    assert scan.object is not None and scan.probe is not None
    middle = scan.positions.mean(axis=0)
    inner = middle + 0.5 * (scan.positions - middle)

    def simulated(**options: Any) -> lapwing.Dataset:
        return lapwing.simulate(scan.object, scan.probe, inner, 10_000, seed=3, **options)

    plain = simulated()
    plain.save(tmp_path / "plain.npz")
    with np.load(tmp_path / "plain.npz") as file:
        assert "true_ycoords" not in file
    drifting = simulated(scan_drift=(1.0, -3.0))
    drifting.save(tmp_path / "drifting.npz")
    assert np.array_equal(drifting.positions, inner)
    share = np.arange(len(inner)) / (len(inner) - 1) - 0.5
    with np.load(tmp_path / "drifting.npz") as file:
        assert np.allclose(file["true_ycoords"] - inner[:, 0], share)
        assert np.allclose(file["true_xcoords"] - inner[:, 1], -3.0 * share)
    moved = inner + share[:, None] * np.array([1.0, -3.0])
    there = lapwing.simulate(scan.object, scan.probe, moved, 10_000, seed=3)
    assert np.array_equal(there.counts(), drifting.counts())
    for options in ({"focus_drift": 2.0}, {"focus_flicker": 1.0}, {"scan_scale": 1.05}):
        assert not np.array_equal(simulated(**options).counts(), plain.counts())
    with pytest.raises(ValueError, match="where the stage really is"):
        simulated(scan_drift=(0.0, 200.0))


def test_a_gap_between_slices_may_be_in_metres(scan: lapwing.Dataset) -> None:
    assert scan.object is not None and scan.probe is not None
    thick = np.stack([scan.object, scan.object])

    def simulated(**options: float) -> lapwing.Dataset:
        return lapwing.simulate(thick, scan.probe, scan.positions, 10_000, seed=3, **options)

    # 0.1 nm, 300 kV, 10 nm: 1e-20 / (1.96875e-12 x 1e-8).
    metres = simulated(slice_spacing=1e-8, pixel_size_m=1e-10, voltage_kv=300)
    number = simulated(slice_fresnel_number=1e-20 / (1.96875e-12 * 1e-8))
    assert np.abs(metres.counts() - number.counts()).mean() < 1e-2
    assert metres.pixel_size_m == pytest.approx((1e-10, 1e-10))
    with pytest.raises(ValueError, match="slice_fresnel_number"):
        simulated(slice_spacing=1e-8)
