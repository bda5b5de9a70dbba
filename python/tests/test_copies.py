"""Arrays of other libraries, slices, copies and pickles."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lapwing


class Exchanged:
    """An array that offers nothing but DLPack, as libraries do that are not NumPy's friends."""

    def __init__(self, values: np.ndarray, device: int = 1) -> None:
        self.values, self.device = values, device

    def __dlpack__(self, **how: Any) -> Any:
        return self.values.__dlpack__(**how)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (self.device, 0)


class OnCard:
    """An array of CuPy: NumPy may not take it, ``get`` copies it over."""

    __cuda_array_interface__: dict[str, Any] = {}

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def get(self) -> np.ndarray:
        return self.values

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


def test_arrays_of_other_libraries_are_taken(scan: lapwing.Dataset) -> None:
    counts, positions, probe = scan.counts(), scan.positions.copy(), scan.probe.copy()
    plain = lapwing.Dataset(counts, positions, probe, quantity="counts")
    for other in (Exchanged, OnCard):
        same = lapwing.Dataset(other(counts), other(positions), other(probe), quantity="counts")  # type: ignore[arg-type]
        assert np.array_equal(same.diffraction, plain.diffraction) and np.array_equal(
            same.probe, plain.probe
        )
        assert np.array_equal(same.positions, positions)
    with pytest.raises(
        ValueError, match=r"patterns: expected an array that NumPy can take, found .*Exchanged"
    ):
        lapwing.Dataset(Exchanged(counts, device=2), positions, quantity="counts")  # type: ignore[arg-type]


def test_data_sets_are_sliced_as_lists_are(scan: lapwing.Dataset) -> None:
    assert np.array_equal(scan[3:9:2].positions, scan.positions[3:9:2])
    assert np.array_equal(scan[-1].diffraction, scan.diffraction[-1:])
    upper = scan.positions[:, 0] > np.median(scan.positions[:, 0])
    assert np.array_equal(scan[upper].positions, scan.select(upper).positions)
    assert np.array_equal(scan[[5, 2, 5]].positions, scan.positions[[5, 2, 5]])
    assert sum(1 for _ in scan) == len(scan)
    for wrong in (len(scan), "a", 1.5, np.zeros((2, 2), bool)):
        with pytest.raises((IndexError, ValueError)):
            scan[wrong]


def same(one: lapwing.Dataset, other: lapwing.Dataset) -> None:
    for name in ("diffraction", "positions", "object", "probe", "mask"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert (mine is None) == (theirs is None), name
        assert mine is None or (np.array_equal(mine, theirs) and mine.dtype == theirs.dtype), name
    for name in ("metadata", "geometry", "understood", "intensity_scale", "remarks"):
        assert getattr(one, name) == getattr(other, name), name
    assert list(one.extras) == list(other.extras)
    assert all(np.array_equal(one.extras[name], other.extras[name]) for name in one.extras)


def test_data_sets_are_copied_and_pickled(scan: lapwing.Dataset, tmp_path: Path) -> None:
    assert copy.copy(scan) is scan and copy.deepcopy([scan])[0] is scan, "they never change"
    same(pickle.loads(pickle.dumps(scan)), scan)
    # A file with extras; a mask, optics and the near field.
    scan.save(tmp_path / "scan.npz")
    with np.load(tmp_path / "scan.npz") as arrays:
        np.savez(
            tmp_path / "more.npz", **arrays, label=np.array("cells"), frame=np.arange(len(scan))
        )
    file = lapwing.load(tmp_path / "more.npz")
    assert set(file.extras) == {"label", "frame"}
    same(pickle.loads(pickle.dumps(file)), file)
    good = np.ones(scan.pattern_shape, bool)
    good[0, 3] = False
    optics: dict[str, Any] = {"voltage_kv": 300, "semi_angle_mrad": 0.513, "mrad_per_pixel": 0.1}
    described = lapwing.Dataset(
        scan.counts(), scan.positions, quantity="counts", mask=good, **optics
    )
    back = pickle.loads(pickle.dumps(described))
    same(back, described)
    options: dict[str, Any] = {"algorithm": "LSQML", "epochs": 2, "probe_start": "optics"}
    assert np.array_equal(
        lapwing.reconstruct(back, **options).object,
        lapwing.reconstruct(described, **options).object,
    )
    same(pickle.loads(pickle.dumps(near(scan))), near(scan))


def test_stacks_on_disk_are_in_memory_after_a_pickle(scan: lapwing.Dataset, tmp_path: Path) -> None:
    scan.save(tmp_path / "scan.npz")
    on_disk = lapwing.open(tmp_path / "scan.npz")
    assert (
        not on_disk.in_memory and not on_disk[::2].in_memory and copy.deepcopy(on_disk) is on_disk
    )
    back = pickle.loads(pickle.dumps(on_disk))
    assert back.in_memory
    same(back, on_disk)


def test_results_are_pickled_and_copied(scan: lapwing.Dataset) -> None:
    made = lapwing.reconstruct(scan, algorithm="LSQML", epochs=3)
    compared = made.compare(scan)
    for other in (pickle.loads(pickle.dumps((made, compared))), copy.deepcopy((made, compared))):
        assert np.array_equal(other[0].object, made.object) and other[0].options == made.options
        assert other[1].metrics == compared.metrics and np.array_equal(
            other[1].error, compared.error
        )
    noise = lapwing.estimate_noise(scan)
    assert pickle.loads(pickle.dumps(noise)).gain == noise.gain


def near(scan: lapwing.Dataset) -> lapwing.Dataset:
    return lapwing.Dataset(scan.counts(), scan.positions, quantity="counts", fresnel_number=0.05)


def test_keywords_describe_arrays(scan: lapwing.Dataset) -> None:
    assert near(scan).geometry == "near-field"
    by_distance = lapwing.Dataset(
        scan.counts(),
        scan.positions,
        quantity="counts",
        geometry="near-field",
        energy_kev=8.0,
        distance_m=0.1,
        detector_pixel_size_m=1e-6,
    )
    assert by_distance.pixel_size_m == (1e-6, 1e-6), "of an image the detector's"
    truth = lapwing.make_specimen("cells", (96, 96), seed=2)
    probe = lapwing.make_probe(48)
    positions, _ = lapwing.make_scan(step=5.0, field=(40.0, 40.0), window=48)
    images = lapwing.simulate(truth, probe, positions, 1e4, fresnel_number=0.05)
    said: dict[str, Any] = {"quantity": "counts", "experiment": {"fresnel_number": 0.05}}
    made = lapwing.reconstruct(
        images.counts(), positions, images.probe, **said, algorithm="LSQML", epochs=15
    )
    assert (
        np.array_equal(
            made.object.shape,
            lapwing.reconstruct(images, algorithm="LSQML", epochs=15).object.shape,
        )
        or made.object.ndim == 2
    )
    assert made.loss[-1] < 0.7 * made.loss[0]
    # Keywords go before an experiment.
    both = lapwing.Dataset(
        scan.counts(),
        scan.positions,
        quantity="counts",
        experiment={"energy_kev": 8.0, "pixel_size_m": 1e-8},
        pixel_size_m=2e-8,
    )
    assert both.pixel_size_m == (2e-8, 2e-8)
    for wrong, words in (
        ({"fresnel": 0.1}, "did you mean fresnel_number"),
        ({"slices": 3}, "gap between its slices"),
        ({"scan_snake": True}, "scan_snake"),
        ({"fresnel_number": -1.0}, "positive number"),
    ):
        with pytest.raises(ValueError, match=words):
            lapwing.Dataset(scan.counts(), scan.positions, quantity="counts", **wrong)


def test_masks_and_geometry_are_replaced(scan: lapwing.Dataset) -> None:
    good = np.ones(scan.pattern_shape, bool)
    good[1, 2] = False
    masked = scan.replace(mask=good, geometry="near-field")
    assert np.array_equal(masked.mask[0], good) and masked.geometry == "near-field"
    assert masked.replace(mask=None, geometry=None).mask is None
    with pytest.raises(ValueError, match="boolean"):
        scan.replace(mask=good.astype(int))
