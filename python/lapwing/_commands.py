"""What the command line answers without a reconstruction: plans, devices, files."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from lapwing import _lapwing
from lapwing._command import answer
from lapwing._lapwing import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Unpack

    from lapwing._load import ReadingOptions


def plan(
    *,
    resolution_m: float,
    probe_diameter_m: float,
    field_m: float | tuple[float, float],
    phase: float | None = None,
    absorption: float | None = None,
    delta: float | None = None,
    beta: float | None = None,
    thickness_m: float | None = None,
    energy_kev: float | None = None,
    voltage_kv: float | None = None,
    overlap: float | None = None,
    flux: float | None = None,
    overhead_s: float | None = None,
    efficiency: float | None = None,
    pixel_size_m: float | None = None,
    pattern_size: int | None = None,
    bytes_per_pixel: float | None = None,
    mass_absorption_m2_kg: float | None = None,
    density_kg_m3: float | None = None,
    stopping_power: float | None = None,
    simulate: bool = False,
    progress: Callable[[dict[str, Any]], Any] | bool | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Say which dose, scan and time an experiment needs, before there are data, as ``lapwing plan``
    does.

    Parameters
    ----------
    resolution_m : float
        The detail to be seen, half a period, metres.
    probe_diameter_m : float
        Diameter of the illuminated disc, metres.
    field_m : float or (float, float)
        Height and width that the positions span, metres.
    phase : float, optional
        Phase of the detail relative to its surroundings, radians. One of ``phase``, ``absorption``
        and ``delta`` is needed.
    absorption : float, optional
        Share of the amplitude that the detail takes away, 0 to below 1.
    delta, beta, thickness_m : float, optional
        Decrement of the refractive index and absorption index of the detail, and its thickness, in
        place of these.
    energy_kev, voltage_kv : float, optional
        The beam: photons of an energy, or electrons of a voltage.
    overlap : float, optional
        Linear overlap of neighbouring discs, 0 to below 1; 0.7 unless given.
    flux : float, optional
        Photons or electrons per second on the specimen.
    overhead_s : float, optional
        Time that a position takes besides its exposure, seconds.
    efficiency : float, optional
        Share of the photons on the specimen that are counted; 1 unless given.
    pixel_size_m : float, optional
        Side of an object pixel; half the detail unless given.
    pattern_size : int, optional
        Side of a pattern, pixels; what holds the probe twice unless given.
    bytes_per_pixel : float, optional
        Of the detector on disk; 2 unless given.
    mass_absorption_m2_kg, density_kg_m3, stopping_power : float, optional
        For a dose in gray: mass energy-absorption coefficient, m^2/kg; density, kg/m^3, with
        ``beta``; mass stopping power for electrons, MeV cm^2/g.
    simulate : bool
        Confirm the expected dose by a simulation of a part of the scan, seconds to minutes.
    progress : callable or bool, optional
        Of the simulation: called with a dict for every event, or True for a display.
    threads : int, optional
        All processors unless given; results do not depend on it.

    Returns
    -------
    dict
        ``contrast``, ``step_m``, ``patterns``, ``pixel_m``, ``window``; ``any_microscope``,
        ``bound`` and ``expected``, each with ``photons_per_pattern``, ``fluence_m2``,
        ``photons_on_detail``, ``gray``, ``exposure_s``, ``scan_s``; ``data_bytes``,
        ``memory_bytes``, ``reconstruction_s``, ``remarks``, and of a simulation ``simulated``.

    Raises
    ------
    ValueError
        Quantities that cannot be, or too few of them; a callback that stopped the simulation.
    """
    from lapwing._progress import shown

    field = (
        field_m
        if isinstance(field_m, (int, float))
        else "x".join(repr(float(side)) for side in field_m)
    )
    options = {
        "resolution_m": resolution_m,
        "probe_diameter_m": probe_diameter_m,
        "field_m": field,
        "phase": phase,
        "absorption": absorption,
        "delta": delta,
        "beta": beta,
        "thickness_m": thickness_m,
        "energy_kev": energy_kev,
        "voltage_kv": voltage_kv,
        "overlap": overlap,
        "flux": flux,
        "overhead_s": overhead_s,
        "efficiency": efficiency,
        "pixel_size_m": pixel_size_m,
        "pattern_size": pattern_size,
        "bytes_per_pixel": bytes_per_pixel,
        "mass_absorption_m2_kg": mass_absorption_m2_kg,
        "density_kg_m3": density_kg_m3,
        "stopping_power": stopping_power,
        "simulate": simulate,
    }
    with shown(progress, "simulating") as told:
        found: dict[str, Any] = answer(["plan"], options, told, threads)[0]
    return found


def devices() -> dict[str, Any]:
    """List what reconstructions can be computed on, as ``lapwing devices`` does.

    Returns
    -------
    dict
        ``cpu`` with its number of ``threads``, and ``gpu``, a list of graphics cards, each with
        ``name``, ``driver``, ``interface``, ``software`` (a program that stands in for a card),
        ``discrete``, ``memory_bytes`` and ``largest_array_bytes``; the N-th is ``device="gpu:N"``.
    """
    found: dict[str, Any] = answer(["devices"])[0]
    return found


def inspect(
    path: str | os.PathLike[str],
    *,
    figure: str | os.PathLike[str] | None = None,
    **options: Unpack[ReadingOptions],
) -> dict[str, Any]:
    """Say what a file holds and what is understood of it, however broken it is, as
    ``lapwing inspect`` does.

    Parameters
    ----------
    path : path
        The file.
    figure : path, optional
        Also draw mean pattern, probe, positions and the patterns' totals into this PNG file.
    **options
        What is known about the file, as for :func:`load`.

    Returns
    -------
    dict
        ``file``, ``dialect``, ``arrays``, ``metadata``, ``understood``, ``noise``, and ``contract``
        with ``ok`` and all ``problems``.

    Raises
    ------
    ValueError
        The file is none that can be listed.
    OSError
        It cannot be opened.
    """
    found: dict[str, Any] = answer(["inspect", path], {"figure": figure, **options})[0]
    return found


def convert(
    source: Dataset | str | os.PathLike[str],
    path: str | os.PathLike[str],
    **options: Unpack[ReadingOptions],
) -> list[Path]:
    """Write a scan in the format that the end of ``path`` names, as ``lapwing convert`` does.

    Parameters
    ----------
    source : Dataset or path
        The scan; a file of any format that is read.
    path : path
        ``.npz`` the study's format, ``.cxi`` CXI 1.6, ``.h5`` or ``.hdf5`` the patterns of a
        ptychodus or pty-chi pair, with their product beside it as ``NAME.product.h5``.
    **options
        What is known about the file, as for :func:`load`.

    Returns
    -------
    list of pathlib.Path
        The files that were written.

    Raises
    ------
    ValueError
        An end that names no format; a wavelength, pixel size or probe that the format needs and
        that is not known.
    OSError
        A file cannot be read or written.

    Warns
    -----
    UserWarning
        For what is not there as it was, such as arrays of text, for which CXI has no place.
    """
    if isinstance(source, Dataset):
        if options:
            raise ValueError(
                f"{', '.join(options)}: expected with a file alone, found a data set; say it where "
                "the data set is made: "
                "lapwing.load(path, ...) or lapwing.Dataset(...)"
            )
        end = os.path.splitext(os.fspath(path))[1].lower()
        if end not in (".npz", ".cxi", ".h5", ".hdf5"):
            raise ValueError(
                f"{os.fspath(path)}: expected a name that ends in .npz, .cxi or .h5, found {end!r}"
            )
        return source.save(path)
    from lapwing._load import load

    if os.path.exists(path) and os.path.samefile(source, path):
        raise ValueError(
            f"{os.fspath(path)}: expected another file to write, found the input itself"
        )
    scan = load(source, **options)
    return convert(scan, path)


def write_experiment(path: str | os.PathLike[str]) -> str:
    """Write an experiment file with every key as a remark, to be filled in, as
    ``lapwing experiment init`` does.

    Parameters
    ----------
    path : path
        The file; one that exists stays as it is.

    Returns
    -------
    str
        Its path, for ``load(..., experiment=path)``.

    Raises
    ------
    ValueError
        The file exists.
    OSError
        It cannot be written.
    """
    answer(["experiment", "init", path])
    return os.fspath(path)


def write_design(path: str | os.PathLike[str], design: dict[str, Any] | None = None) -> str:
    """Write a design file for :func:`run_study`: a commented one with all defaults, or one that
    says what a dict says.

    Parameters
    ----------
    path : path
        The file; one that exists stays as it is.
    design : dict, optional
        As :func:`run_study` takes it.

    Returns
    -------
    str
        Its path.

    Raises
    ------
    ValueError
        The file exists, or the dict is no design.
    OSError
        It cannot be written.
    """
    if design is None:
        answer(["study", "init", path])
        return os.fspath(path)
    _lapwing.settle_design(design)
    text = _lapwing.design_text(design)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ValueError(
            f"{os.fspath(path)}: it exists already; name a new file, or remove it first"
        ) from None
    return os.fspath(path)


def photon_halves(
    data: Dataset, *, seed: int = 42, threads: int | None = None
) -> tuple[Dataset, Dataset]:
    """Deal the photons of a scan to two independent halves: what reconstructions of both have in
    common is signal.

    Every photon goes to one half or the other with equal probability, so that halves of Poisson
    counts are independent Poisson counts (M. van Heel and M. Schatz, J. Struct. Biol. 151, 250
    (2005)).

    Parameters
    ----------
    data : Dataset
        With known counts.
    seed : int
    threads : int, optional
        All processors unless given; the result does not depend on it.

    Returns
    -------
    (Dataset, Dataset)
        Their counts add up to those of ``data``; pixels at the limit of its detector, which say no
        more than "at least", are masked in both.

    Raises
    ------
    ValueError
        Unknown counts, or numbers that are not whole.

    Warns
    -----
    UserWarning
        Pixels reach the detector's limit.
    """
    import numpy as np

    if (left := _lapwing.without_limit(data, threads)) is not None:
        data, note = left
        warnings.warn(note, UserWarning, stacklevel=2)
    counts = data.counts()
    total = counts.sum(dtype=float) / max(len(counts), 1)
    first = _lapwing.thin_counts(counts, total / 2, seed, threads)
    second = np.round(counts) - first
    metadata = data.metadata or {}
    parameters = dict(metadata.get("physics_parameters") or {})
    # Scale and dose are those of the halves' own counts.
    for name in ("intensity_scale", "mean_counts_per_pattern", "nphotons"):
        parameters.pop(name, None)
    if data.probe is not None:
        scale = (data.intensity_scale or 1.0) / np.sqrt(2)
        probe = data.probe * np.float32(scale)
    else:
        probe = None
    made = [
        Dataset(
            half,
            data.positions,
            probe,
            data.object,
            quantity="counts",
            geometry=data.geometry,
            metadata={**metadata, "physics_parameters": parameters},
            mask=None if data.mask is None else data.mask[0] if len(data.mask) == 1 else data.mask,
        )
        for half in (first, second)
    ]
    return made[0], made[1]
