"""Scans of other programs, by stand-ins that carry what their objects carry."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import lapwing


@pytest.fixture(scope="module")
def raster() -> tuple[np.ndarray, np.ndarray]:
    """Counts (5, 7, 24, 24) and the positions of their raster, steps of 3 and 2 pixels."""
    rng = np.random.default_rng(3)
    counts = rng.poisson(4.0, (5, 7, 24, 24)).astype(np.uint16)
    y, x = np.mgrid[:5, :7]
    return counts, np.stack([3.0 * y.ravel(), 2.0 * x.ravel()], axis=1)


def apart(found: lapwing.Dataset, positions: np.ndarray) -> float:
    """How far positions are from what they should be, apart from where they begin."""
    return float(np.abs(found.positions - found.positions[0] - (positions - positions[0])).max())


def hyperspy(counts: np.ndarray, units: str, scale: float) -> SimpleNamespace:
    def axis(units: str, scale: float) -> SimpleNamespace:
        return SimpleNamespace(units=units, scale=scale)

    # Navigation axes are listed x first; steps of 2 and 3 pixels of 1 nm.
    manager = SimpleNamespace(
        navigation_axes=(axis("nm", 2.0), axis("nm", 3.0)),
        signal_axes=(axis(units, scale), axis(units, scale)),
    )
    microscope = SimpleNamespace(TEM=SimpleNamespace(beam_energy=300.0, convergence_angle=1.0))
    return SimpleNamespace(
        data=counts,
        axes_manager=manager,
        metadata=SimpleNamespace(Acquisition_instrument=microscope),
    )


def test_hyperspy(raster: tuple[np.ndarray, np.ndarray]) -> None:
    counts, positions = raster
    # 24 pixels of 1 / (24 nm) make an object pixel of 1 nm.
    for units, scale in (
        ("1/nm", 1 / 24),
        ("$A^{-1}$", 0.1 / 24),
        ("nm^-1", 1 / 24),
        ("mrad", 1.9687489 / 24),
    ):
        found = lapwing.adopt(hyperspy(counts, units, scale))
        assert apart(found, positions) < 1e-5, units
        assert np.array_equal(found.counts().reshape(counts.shape), counts)
        assert found.pixel_size_m == pytest.approx((1e-9, 1e-9))
        assert found.metadata["physics_parameters"]["wavelength_m"] == pytest.approx(
            1.9687489e-12, rel=1e-6
        )
    lazy = hyperspy(counts, "1/nm", 1 / 24)
    lazy.data = SimpleNamespace(compute=lambda: counts)
    assert np.array_equal(lapwing.adopt(lazy).counts().reshape(counts.shape), counts)
    with pytest.raises(ValueError, match="size of an object pixel is unknown.*pixel_size_m"):
        lapwing.adopt(hyperspy(counts, "px", 1.0))
    said = lapwing.adopt(hyperspy(counts, "px", 1.0), pixel_size_m=1e-9, scan_rotation_deg=90.0)
    assert apart(said, np.stack([-positions[:, 1], positions[:, 0]], axis=1)) < 1e-9
    swapped = lapwing.adopt(hyperspy(counts, "px", 1.0), pixel_size_m=1e-9, transposed=True)
    assert apart(swapped, positions[:, ::-1]) < 1e-9
    spectra = hyperspy(counts, "1/nm", 1.0)
    spectra.axes_manager.signal_axes = spectra.axes_manager.signal_axes[:1]
    with pytest.raises(ValueError, match="two navigation and two signal axes, found 2 and 1"):
        lapwing.adopt(spectra)


def test_rotation_and_transposition_are_those_of_py4dstem_as_the_guide_says() -> None:
    """py4DSTEM turns rows of positions by [[cos, -sin], [sin, cos]] from the right and exchanges
    the axes afterwards."""
    counts = np.random.default_rng(1).poisson(4.0, (4, 6, 8, 8))
    y, x = np.mgrid[:4, :6]
    plain, angle = np.stack([y.ravel(), x.ravel()], axis=1).astype(float), 17.0
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    theirs = plain @ [[cos, -sin], [sin, cos]]
    known = {"pixel_size_m": 1e-9, "scan_step_m": 1e-9}
    turned = lapwing.adopt(hyperspy(counts, "px", 1.0), scan_rotation_deg=-angle, **known)
    assert apart(turned, theirs) < 1e-9
    both = lapwing.adopt(
        hyperspy(counts, "px", 1.0), scan_rotation_deg=angle, transposed=True, **known
    )
    assert apart(both, theirs[:, ::-1]) < 1e-9


def test_py4dstem(raster: tuple[np.ndarray, np.ndarray]) -> None:
    counts, positions = raster
    calibration = SimpleNamespace(
        get_R_pixel_size=lambda: 20.0,
        get_R_pixel_units=lambda: "A",
        get_Q_pixel_size=lambda: 0.1 / 24,
        get_Q_pixel_units=lambda: "A^-1",
        get_QR_rotation_degrees=lambda: 12.0,
        get_QR_flip=lambda: None,
    )
    cube = SimpleNamespace(data=counts.astype(np.float32), calibration=calibration)
    with pytest.warns(UserWarning, match="rotation of 12.0 degrees"):
        found = lapwing.adopt(cube, scan_step_m=(3e-9, 2e-9))
    assert apart(found, positions) < 1e-6 and found.mean_counts is not None
    with pytest.warns(UserWarning):
        assert apart(lapwing.adopt(cube), positions * [2 / 3, 1.0]) < 1e-6


class Tensor:
    """What an array of PyTorch with gradients offers."""

    requires_grad = True

    def __init__(self, values: np.ndarray, bound: bool = True) -> None:
        self.values, self.bound = values, bound

    def detach(self) -> Tensor:
        return Tensor(self.values, bound=False)

    def cpu(self) -> Tensor:
        return self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self.bound:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return self.values


@pytest.mark.filterwarnings("ignore:patterns")  # made-up probes
def test_ptychi(raster: tuple[np.ndarray, np.ndarray]) -> None:
    counts, positions = raster
    probe = np.exp(1j * np.arange(2 * 24 * 24)).reshape(1, 2, 24, 24).astype(np.complex64)
    options = SimpleNamespace(
        data_options=SimpleNamespace(
            data=Tensor(counts.reshape(-1, 24, 24)),
            wavelength_m=1e-10,
            free_space_propagation_distance_m=np.inf,
            fft_shift=True,
            valid_pixel_mask=np.ones((24, 24), bool),
        ),
        probe_options=SimpleNamespace(initial_guess=probe),
        probe_position_options=SimpleNamespace(
            position_y_px=positions[:, 0], position_x_px=positions[:, 1]
        ),
        object_options=SimpleNamespace(pixel_size_m=5e-9),
    )
    found = lapwing.adopt(options)
    assert (
        np.array_equal(found.counts(), counts.reshape(-1, 24, 24))
        and apart(found, positions) < 1e-9
    )
    assert (
        found.geometry == "far-field"
        and found.pixel_size_m == (5e-9, 5e-9)
        and found.probe.shape == (2, 24, 24)
    )
    assert found.metadata["physics_parameters"]["wavelength_m"] == pytest.approx(1e-10)
    options.data_options.fft_shift = False
    options.data_options.valid_pixel_mask[0, 0] = False
    assert not lapwing.adopt(options).mask[0, 12, 12], "a mask lies as the data do"
    expected = np.fft.fftshift(counts.reshape(-1, 24, 24), axes=(1, 2))
    expected[:, 12, 12] = 0
    assert np.array_equal(lapwing.adopt(options).counts(), expected), "a bad pixel has no light"
    # A task has what was refined; near-field patterns are images.
    options.data_options.free_space_propagation_distance_m = 4e-6
    moved = SimpleNamespace(
        options=options,
        probe_positions=SimpleNamespace(data=Tensor(2 * positions)),
        probe=SimpleNamespace(data=probe),
    )
    near = lapwing.adopt(moved)
    assert near.geometry == "near-field" and apart(near, 2 * positions) < 1e-9
    assert near.metadata["physics_parameters"]["fresnel_number"] == pytest.approx(
        5e-9**2 / (1e-10 * 4e-6)
    )


@pytest.mark.filterwarnings("ignore:patterns")  # made-up probes
def test_ptypy(raster: tuple[np.ndarray, np.ndarray]) -> None:
    counts, positions = raster
    frames = counts.reshape(-1, 24, 24)
    probe = np.ones((1, 24, 24), np.complex64)
    geometry = SimpleNamespace(propagation="farfield", lam=1e-10, distance=2.0)
    views = {}
    for index, (frame, position) in enumerate(zip(frames, positions, strict=True)):
        pod = SimpleNamespace(
            ob_view=SimpleNamespace(coord=position * 5e-9, psize=np.array([5e-9, 5e-9])),
            ma_view=SimpleNamespace(data=np.ones((24, 24), bool)),
            pr_view=SimpleNamespace(storage=SimpleNamespace(data=probe)),
            geometry=geometry,
        )
        views[f"V{index:04d}"] = SimpleNamespace(
            data=frame.astype(np.float32), pod=pod, active=True
        )
    ptycho = SimpleNamespace(pods={"P0000": None}, diff=SimpleNamespace(views=views))
    found = lapwing.adopt(ptycho)
    assert (
        np.array_equal(found.counts(), frames)
        and apart(found, positions) < 1e-9
        and found.mask is None
    )
    views["V0003"].pod.ma_view.data[2, 5] = False
    views["V0001"].active = False
    masked = lapwing.adopt(ptycho)
    assert len(masked) == len(frames) - 1 and not masked.mask[2, 2, 5] and masked.mask[0].all()


def test_what_is_none_of_these_is_told_where_to_go(raster: tuple[np.ndarray, np.ndarray]) -> None:
    counts, _ = raster
    with pytest.raises(
        ValueError, match=r"found numpy.ndarray; arrays are given to lapwing.Dataset"
    ):
        lapwing.adopt(counts)
    with pytest.raises(ValueError, match=r"object of HyperSpy; give lapwing.adopt\(data\)"):
        lapwing.reconstruct(hyperspy(counts, "1/nm", 1.0))  # type: ignore[call-overload, arg-type]
    with pytest.raises(ValueError, match=r"give lapwing.load\(path\)"):
        lapwing.reconstruct("scan.npz")
