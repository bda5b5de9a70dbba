"""Simulated data, and what they are made from."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Literal, overload

from lapwing import _lapwing
from lapwing._lapwing import Dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import ArrayLike, NDArray


def make_specimen(
    name: Literal["siemens-star", "cells", "weak-phase"], shape: tuple[int, int], *, seed: int = 42
) -> NDArray[np.complex64]:
    """A built-in specimen.

    Parameters
    ----------
    name : {"siemens-star", "cells", "weak-phase"}
    shape : (int, int)
        Rows and columns.
    seed : int
        Chooses where things lie; the star is the same for every seed.

    Returns
    -------
    ndarray of complex64, shape ``shape``
        Transmission, of modulus about 1.
    """
    return _lapwing.make_specimen(name, shape, seed)


def make_probe(
    shape: int | tuple[int, int],
    *,
    kind: Literal["focused", "defocused", "disc"] = "defocused",
    diameter: float | None = None,
    aperture: float | None = None,
    central_stop: float = 0.0,
    defocus: float | None = None,
    astigmatism: float = 0.0,
    spherical: float = 0.0,
) -> NDArray[np.complex64]:
    """A built-in probe, centred on (H // 2, W // 2), with sum |P|^2 = 1.

    Parameters
    ----------
    shape : int or (int, int)
        Height and width of the window, pixels.
    kind : {"focused", "defocused", "disc"}
    diameter : float, optional
        Equivalent-disc diameter (2 sqrt(2) x r.m.s. radius) of a disc or defocused probe, pixels;
        half a window unless given.
    aperture : float, optional
        Radius of the aperture, cycles per pixel.
    central_stop : float
        Radius of the central stop as a fraction of the aperture's.
    defocus : float, optional
        Radians at the aperture's edge, in place of ``diameter``.
    astigmatism, spherical : float
        Radians at the aperture's edge.

    Returns
    -------
    ndarray of complex64, shape (1, H, W)
    """
    design = {
        "kind": kind,
        "diameter": diameter,
        "aperture": aperture,
        "central_stop": central_stop,
        "defocus": defocus,
        "astigmatism": astigmatism,
        "spherical": spherical,
    }
    return _lapwing.make_probe(_both(shape, "shape"), design)


def _both(sides: int | tuple[int, int], name: str) -> tuple[int, int]:
    """Height and width, of one number or two."""
    import operator

    given = sides if isinstance(sides, (tuple, list)) else (sides, sides)
    try:
        height, width = (operator.index(side) for side in given)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: expected a whole number of pixels, or (height, width), found {sides!r}"
        ) from None
    return height, width


def make_scan(
    kind: Literal["raster", "jittered", "fermat"] = "jittered",
    *,
    step: float | None = None,
    overlap: float | None = None,
    probe_diameter: float | None = None,
    field: tuple[float, float],
    window: int | tuple[int, int],
    seed: int = 42,
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """A scan, and the shape of the smallest object that holds its windows with a margin of two
    pixels.

    Parameters
    ----------
    kind : {"raster", "jittered", "fermat"}
    step : float, optional
        Distance of neighbouring positions, pixels.
    overlap : float, optional
        In place of ``step``: linear overlap of neighbouring discs, 0 to below 1, step = (1 -
        overlap) ``probe_diameter``.
    probe_diameter : float, optional
        Pixels; see :func:`lapwing.probe_diameter`.
    field : (float, float)
        Height and width that the positions span, pixels.
    window : int or (int, int)
        Height and width of a pattern, pixels.
    seed : int
        Of the jitter.

    Returns
    -------
    positions : ndarray of float64, shape (n, 2)
        Window centres (y, x) on the object.
    shape : (int, int)
        Shape of the object.
    """
    return _lapwing.make_scan(
        kind, step, overlap, probe_diameter, field, _both(window, "window"), seed
    )


def simulate(
    object: ArrayLike,
    probe: ArrayLike,
    positions: ArrayLike,
    dose: float,
    *,
    fresnel_number: float | None = None,
    moves: str | None = None,
    fly: str | Sequence[float] | None = None,
    detector_blur: float | None = None,
    slice_fresnel_number: float | None = None,
    slice_spacing: float | None = None,
    pixel_size_m: float | None = None,
    energy_kev: float | None = None,
    voltage_kv: float | None = None,
    beam_flicker: float = 0.0,
    beam_fading: float = 0.0,
    focus_drift: float = 0.0,
    focus_flicker: float = 0.0,
    scan_scale: float = 1.0,
    scan_aspect: float = 1.0,
    scan_rotation_deg: float = 0.0,
    scan_shear: float = 0.0,
    scan_drift: Sequence[float] = (0.0, 0.0),
    scan_scatter: float = 0.0,
    saturation: float | None = None,
    seed: int = 42,
    threads: int | None = None,
) -> Dataset:
    """Diffraction of an object and a probe at a dose, with Poisson counts.

    Parameters
    ----------
    object : array_like of complex, shape (M, M') or (slices, M, M')
        Transmission; slices of a thick object, the first one met by the beam first.
    probe : array_like of complex, shape (H, W) or (modes, H, W)
        Of any power: the dose settles it.
    positions : array_like, shape (n, 2)
        Window centres (y, x), pixels of ``object``.
    dose : float
        Mean photons per pattern, a whole number.
    fresnel_number : float, optional
        Near field, with this Fresnel number of an object pixel, pixel^2 / (wavelength x distance).
    moves : {"specimen", "probe"}, optional
        What moves in a near field: the specimen, while light and detector stand still, unless it is
        the probe, over specimen and detector.
    fly : (dy, dx) or "auto", optional
        Motion of the probe during each exposure, pixels; ``"auto"``: from position to position.
    detector_blur : float, optional
        Standard deviation of the detector's point spread, pixels; 0 for none.
    slice_fresnel_number : float, optional
        Of an object pixel over the gap between two slices, pixel^2 / (wavelength x gap).
    slice_spacing : float, optional
        The gap in metres instead, with ``pixel_size_m`` and ``energy_kev`` or ``voltage_kv``.
    pixel_size_m : float, optional
        Side of an object pixel, metres.
    energy_kev, voltage_kv : float, optional
        Photon energy, or the voltage that accelerates the electrons; the data set keeps the
        wavelength.
    beam_flicker : float
        Standard deviation of the logarithm of the beam's power, drawn for every pattern.
    beam_fading : float
        Share of its power that the beam loses, evenly from the first pattern to the last.
    focus_drift, focus_flicker : float
        Change of the probe's focus, evenly from the first pattern to the last, and standard
        deviation of what is drawn for every pattern: radians at the edge of its pupil. ``probe`` is
        that half-way.
    scan_scale, scan_aspect, scan_rotation_deg, scan_shear : float
        The affine map, about their mean, from ``positions`` to the places where patterns are taken,
        as ``refine_scan="affine"`` looks for it.
    scan_drift : (dy, dx)
        How far these places go away from ``positions``, evenly from the first pattern to the last,
        pixels: a specimen that drifts, or a beam that wanders, as ``refine_scan="drift"`` looks for
        it.
    scan_scatter : float
        Standard deviation of every place along each axis, pixels, as ``refine_scan="positions"``
        looks for it.
    saturation : float, optional
        Counts at which a pixel saturates, a whole number: it holds no more.
    seed : int
        Of the photon noise and all else that is drawn.
    threads : int, optional
        All processors unless given; the result does not depend on it.

    Returns
    -------
    Dataset
        With ``object`` and ``probe`` as the truth; ``counts()`` are the photons. ``object`` is the
        product of the slices of a thick one. Its file has ``true_ycoords`` and ``true_xcoords``
        where patterns are taken elsewhere than told.
    """
    described = {
        "fresnel_number": fresnel_number,
        "moves": moves,
        "fly": fly,
        "detector_blur": detector_blur,
        "slice_fresnel_number": slice_fresnel_number,
        "slice_spacing": slice_spacing,
        "pixel_size_m": pixel_size_m,
        "energy_kev": energy_kev,
        "voltage_kv": voltage_kv,
    }
    apparatus = {
        "beam_flicker": beam_flicker,
        "beam_fading": beam_fading,
        "focus_drift": focus_drift,
        "focus_flicker": focus_flicker,
        "scan_scale": scan_scale,
        "scan_aspect": scan_aspect,
        "scan_rotation_deg": scan_rotation_deg,
        "scan_shear": scan_shear,
        "scan_drift": scan_drift,
        "scan_scatter": scan_scatter,
        "saturation": saturation,
    }
    return _lapwing.simulate_scan(
        object, probe, positions, (dose, seed), (described, apparatus), threads
    )


@overload
def thin(data: Dataset, dose: float, *, seed: int = ..., threads: int | None = ...) -> Dataset: ...
@overload
def thin(
    data: ArrayLike, dose: float, *, seed: int = ..., threads: int | None = ...
) -> NDArray[np.float32]: ...
def thin(
    data: Dataset | ArrayLike, dose: float, *, seed: int = 42, threads: int | None = None
) -> Dataset | NDArray[np.float32]:
    """Thin photon counts to a lower dose, exactly: every photon stays with probability dose /
    present dose.

    Parameters
    ----------
    data : Dataset, or array_like of whole numbers, shape (n, H, W)
        Counts. The present dose is the nominal one in the metadata of a data set, else the mean of
        the counts.
    dose : float
        Mean photons per pattern to thin to; at most the present dose.
    seed : int
    threads : int, optional
        All processors unless given; the result does not depend on it.

    Returns
    -------
    Dataset or ndarray of float32
        As ``data``.

    Raises
    ------
    ValueError
        Unknown counts, numbers that are not whole, a dose above the present one.

    Warns
    -----
    UserWarning
        The counts of a data set are not single photons (see :func:`estimate_noise`), so that the
        dose is not one in photons. Of an array, which has no positions, this cannot be told.
    """
    if isinstance(data, Dataset):
        thinned, note = _lapwing.thin_dataset(data, dose, seed, threads)
        if note is not None:
            warnings.warn(note, UserWarning, stacklevel=2)
        return thinned
    return _lapwing.thin_counts(data, dose, seed, threads)
