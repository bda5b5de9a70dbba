"""Reading files."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from lapwing import _lapwing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Unpack

    from lapwing._lapwing import Dataset


_NOTHING_TO_DO = ("few-photons", "raster")


class ReadingOptions(TypedDict, total=False):
    """What is known about a file: the keywords of :func:`load`, for functions that hand them on."""

    experiment: str | os.PathLike[str] | Mapping[str, Any]
    dialect: str
    axis_order: Literal["nhw", "hwn"]
    companion: str | os.PathLike[str]
    join: Sequence[str | os.PathLike[str]]
    leave_out: Sequence[str]
    patterns: str
    raw: str
    energy_kev: float
    voltage_kv: float
    semi_angle_mrad: float
    numerical_aperture: float
    outermost_zone_m: float
    zone_plate_diameter_m: float
    central_stop_m: float
    zone_plate_distance_m: float
    pinhole_diameter_m: float
    defocus_m: float
    c12_m: float
    phi12_deg: float
    c21_m: float
    phi21_deg: float
    c23_m: float
    phi23_deg: float
    c30_m: float
    detector_pixel_size_m: float | Sequence[float]
    distance_m: float
    mrad_per_pixel: float | Sequence[float]
    inv_angstrom_per_pixel: float | Sequence[float]
    detector_centre: float | Sequence[float]
    detector_window: float | Sequence[float]
    binning: float
    mask: str | os.PathLike[str]
    zero_frequency: Literal["centre", "corner"]
    geometry: Literal["far-field", "near-field"]
    fresnel_number: float
    detector_blur: float
    quantity: Literal["amplitude", "intensity", "counts"]
    counts_per_quantum: float
    dark_level: float
    leave_out_frames: str | Sequence[int]
    frames: str | Sequence[int]
    region: str
    every: float
    scan_shape: float | Sequence[float]
    scan_step_m: float | Sequence[float]
    scan_snake: bool
    scan_rotation_deg: float
    positions: str | os.PathLike[str]
    position_unit: Literal["pixel", "m", "mm", "um", "nm", "angstrom"]
    coordinate_order: Literal["row-column", "column-row"]
    flip_y: bool
    flip_x: bool
    fly: str
    pixel_size_m: float
    slices: float
    slice_spacing: float
    slice_fresnel_number: float
    mask_good_is: Literal["0", "1"]
    mask_hot: bool
    mask_negative: bool
    clip_negative: bool
    common: bool


def load(
    path: str | os.PathLike[str],
    *,
    experiment: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    dialect: str | None = None,
    axis_order: Literal["nhw", "hwn"] | None = None,
    companion: str | os.PathLike[str] | None = None,
    join: Sequence[str | os.PathLike[str]] = (),
    leave_out: Sequence[str] = (),
    patterns: str | None = None,
    raw: str | None = None,
    energy_kev: float | None = None,
    voltage_kv: float | None = None,
    semi_angle_mrad: float | None = None,
    numerical_aperture: float | None = None,
    outermost_zone_m: float | None = None,
    zone_plate_diameter_m: float | None = None,
    central_stop_m: float | None = None,
    zone_plate_distance_m: float | None = None,
    pinhole_diameter_m: float | None = None,
    defocus_m: float | None = None,
    c12_m: float | None = None,
    phi12_deg: float | None = None,
    c21_m: float | None = None,
    phi21_deg: float | None = None,
    c23_m: float | None = None,
    phi23_deg: float | None = None,
    c30_m: float | None = None,
    detector_pixel_size_m: float | Sequence[float] | None = None,
    distance_m: float | None = None,
    mrad_per_pixel: float | Sequence[float] | None = None,
    inv_angstrom_per_pixel: float | Sequence[float] | None = None,
    detector_centre: float | Sequence[float] | None = None,
    detector_window: float | Sequence[float] | None = None,
    binning: float | None = None,
    mask: str | os.PathLike[str] | None = None,
    zero_frequency: Literal["centre", "corner"] | None = None,
    geometry: Literal["far-field", "near-field"] | None = None,
    fresnel_number: float | None = None,
    detector_blur: float | None = None,
    quantity: Literal["amplitude", "intensity", "counts"] | None = None,
    counts_per_quantum: float | None = None,
    dark_level: float | None = None,
    leave_out_frames: str | Sequence[int] | None = None,
    frames: str | Sequence[int] | None = None,
    region: str | None = None,
    every: float | None = None,
    scan_shape: float | Sequence[float] | None = None,
    scan_step_m: float | Sequence[float] | None = None,
    scan_snake: bool = False,
    scan_rotation_deg: float | None = None,
    positions: str | os.PathLike[str] | None = None,
    position_unit: Literal["pixel", "m", "mm", "um", "nm", "angstrom"] | None = None,
    coordinate_order: Literal["row-column", "column-row"] | None = None,
    flip_y: bool = False,
    flip_x: bool = False,
    fly: str | None = None,
    pixel_size_m: float | None = None,
    slices: float | None = None,
    slice_spacing: float | None = None,
    slice_fresnel_number: float | None = None,
    mask_good_is: Literal["0", "1"] | None = None,
    mask_hot: bool = False,
    mask_negative: bool = False,
    clip_negative: bool = False,
    common: bool = False,
    memory: str | float | None = None,
    scratch: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read a scan of any dialect of the field: the study's NPZ, ``diff3d``, tike, CXI, or a
    ptychodus or pty-chi pair.

    All but ``path`` is what is known about the file, in place of what would be understood from it;
    the names and meanings are those of ``lapwing inspect``. A file that can be read in two ways is
    refused with the option that decides.

    Parameters
    ----------
    path : path
        A NumPy archive, a ``.npy`` array, an HDF5 file or raw frames. Reading never runs code that
        a file may hold.
    experiment : path or mapping, optional
        An experiment file (``lapwing experiment init`` writes one), its sections, or its keys as
        the other arguments have them, which go before it.
    dialect : str, optional
        Whose conventions the file follows; the guide to reading lists them.
    axis_order, quantity, zero_frequency, coordinate_order, flip_y, flip_x, geometry : optional
        How the file stores things.
    companion : path, optional
        The second file: the product of a ptychodus pair, or the start probe of any other scan.
    join : sequence of path, optional
        Files of further scans of the same object, whose positions count from the same zero: read
        with the same options, their patterns stand behind those of ``path``.
    leave_out : sequence of str
        Names of arrays to pass over.
    patterns : str, optional
        Name of the array of the patterns, where it is none that is known.
    raw : str, optional
        The form of a file of raw frames: ``"empad"``, or
        ``"dtype=uint16,frame=256x256,offset=0,gap=0"``.
    energy_kev, voltage_kv : float, optional
        The beam: photons of an energy, or electrons of a voltage.
    semi_angle_mrad, numerical_aperture, outermost_zone_m, zone_plate_diameter_m : float, optional
        What shapes the probe: the optic that focuses it.
    central_stop_m, zone_plate_distance_m, pinhole_diameter_m : float, optional
        The stop on a zone plate, its distance in place of the defocus, or a pinhole.
    defocus_m, c12_m, phi12_deg, c21_m, phi21_deg, c23_m, phi23_deg, c30_m : float, optional
        Aberrations. Defocus, C10, is positive where the crossover lies before the specimen.
    detector_pixel_size_m, distance_m, mrad_per_pixel, inv_angstrom_per_pixel : optional
        The scale of the detector, in one of three ways; a pair is (y, x).
    detector_centre, detector_window, binning, mask : optional
        Which pixels of the detector are used.
    fresnel_number : float, optional
        Near-field patterns with this Fresnel number of an object pixel, pixel^2 / (wavelength x
        distance).
    detector_blur : float, optional
        Standard deviation of the detector's point spread, pixels.
    fly : str, optional
        Path of the probe during each exposure, object pixels: ``"DY,DX"``, or ``"auto"``, from
        position to position.
    counts_per_quantum, dark_level : float, optional
        What the detector writes for one photon or electron, and without light.
    leave_out_frames : str or sequence of int, optional
        Patterns to leave out: ``"3,17,40-52"``.
    frames, region, every : optional
        Part of the scan: patterns to take and no others, ``"0-99,200"``; positions within a
        rectangle, pixels of the object from the scan's first row and column, ``"0:200,50:300"``;
        one of so many patterns.
    scan_shape, scan_step_m, scan_snake : optional
        A raster scan, where the file has no positions: rows and columns, step in metres.
    scan_rotation_deg : float, optional
        Angle by which the positions are turned, from rows towards columns.
    positions, position_unit : optional
        A file of positions, in place of the file's, and its unit.
    pixel_size_m : float, optional
        Size of an object pixel, metres.
    slices : int, optional
        Number of slices of a thick object, equally far apart along the beam; 1 for a thin one.
    slice_spacing, slice_fresnel_number : float, optional
        The gap between two slices, metres, or its Fresnel number, pixel^2 / (wavelength x gap).
    mask_good_is : "0" or "1", optional
        Which number of the mask is a good pixel.
    mask_hot, mask_negative : bool
        Take pixels as bad that hold NaN, infinity or the largest number of their type, or negative
        numbers.
    clip_negative : bool
        Set negative numbers to zero.
    common : bool
        Where there are not as many patterns as positions, take the first ones of both.
    memory : str or float, optional
        Memory to work in, ``"2GB"`` or bytes. Patterns that would not fit are kept in a nameless
        scratch file, four bytes for each pixel, which NumPy sees as a memory map, and so is what is
        made of them. All of what is free unless given.
    scratch : path, optional
        The folder on whose disk that file lies; that of temporary files unless given.

    Returns
    -------
    Dataset
        Its ``understood["notes"]`` tell what was converted or assumed, its ``remarks`` what looks
        wrong, with what to do.

    Raises
    ------
    ValueError
        The file breaks the contract (all problems at once), is ambiguous or damaged.
    OSError
        It cannot be opened.

    Warns
    -----
    UserWarning
        For each of the remarks that ask for something to be done.
    """
    options: dict[str, Any] = {
        "experiment": experiment,
        "dialect": dialect,
        "axis_order": axis_order,
        "companion": companion,
        "join": list(join) or None,
        "leave_out": list(leave_out),
        "patterns": patterns,
        "raw": raw,
        "energy_kev": energy_kev,
        "voltage_kv": voltage_kv,
        "semi_angle_mrad": semi_angle_mrad,
        "numerical_aperture": numerical_aperture,
        "outermost_zone_m": outermost_zone_m,
        "zone_plate_diameter_m": zone_plate_diameter_m,
        "central_stop_m": central_stop_m,
        "zone_plate_distance_m": zone_plate_distance_m,
        "pinhole_diameter_m": pinhole_diameter_m,
        "defocus_m": defocus_m,
        "c12_m": c12_m,
        "phi12_deg": phi12_deg,
        "c21_m": c21_m,
        "phi21_deg": phi21_deg,
        "c23_m": c23_m,
        "phi23_deg": phi23_deg,
        "c30_m": c30_m,
        "detector_pixel_size_m": detector_pixel_size_m,
        "distance_m": distance_m,
        "mrad_per_pixel": mrad_per_pixel,
        "inv_angstrom_per_pixel": inv_angstrom_per_pixel,
        "detector_centre": detector_centre,
        "detector_window": detector_window,
        "binning": binning,
        "mask": mask,
        "zero_frequency": zero_frequency,
        "geometry": geometry,
        "fresnel_number": fresnel_number,
        "detector_blur": detector_blur,
        "quantity": quantity,
        "counts_per_quantum": counts_per_quantum,
        "dark_level": dark_level,
        "leave_out_frames": leave_out_frames
        if leave_out_frames is None or isinstance(leave_out_frames, str)
        else list(leave_out_frames),
        "frames": frames if frames is None or isinstance(frames, str) else list(frames),
        "region": region,
        "every": every,
        "scan_shape": scan_shape,
        "scan_step_m": scan_step_m,
        "scan_snake": scan_snake,
        "scan_rotation_deg": scan_rotation_deg,
        "positions": positions,
        "position_unit": position_unit,
        "coordinate_order": coordinate_order,
        "flip_y": flip_y,
        "flip_x": flip_x,
        "fly": fly,
        "pixel_size_m": pixel_size_m,
        "slices": slices,
        "slice_spacing": slice_spacing,
        "slice_fresnel_number": slice_fresnel_number,
        "mask_good_is": mask_good_is,
        "mask_hot": mask_hot,
        "mask_negative": mask_negative,
        "clip_negative": clip_negative,
        "common": common,
    }
    dataset = _lapwing.load(path, options, memory, scratch)
    for remark in dataset.remarks:
        if remark["what"] in _NOTHING_TO_DO:
            continue
        warnings.warn(f"{os.fspath(path)}: {remark['evidence']}; {remark['advice']}", stacklevel=2)
    return dataset


def open(  # noqa: A001 - its name is that of the built-in function, as in other libraries
    path: str | os.PathLike[str],
    *,
    scratch: str | os.PathLike[str] | None = None,
    **options: Unpack[ReadingOptions],
) -> Dataset:
    """Read a scan as :func:`load` does, without loading its patterns into memory, however few they
    are.

    They are kept in a nameless scratch file on the disk of ``scratch``, four bytes for each pixel,
    and ``diffraction`` is a memory map of it.

    Parameters
    ----------
    path : path
        As for :func:`load`.
    scratch : path, optional
        A folder with room for the patterns; that of temporary files unless given.
    **options
        As for :func:`load`.

    Returns
    -------
    Dataset
        As for :func:`load`.
    """
    return load(path, scratch=scratch, memory=0, **options)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Read ``_metadata`` of an NPZ file, however it is stored: text, bytes, or a pickle, which is
    read without being run.

    Parameters
    ----------
    path : path
        A NumPy archive.

    Returns
    -------
    dict or None
        None when the file has none.

    Raises
    ------
    ValueError
        Metadata that are there but cannot be read, with dtype, shape and first bytes.
    OSError
        The file cannot be opened.
    """
    return _lapwing.read_metadata(path)
