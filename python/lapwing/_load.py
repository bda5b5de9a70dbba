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


class ReadingOptions(TypedDict, total=False):
    """What is known about a file: the keywords of :func:`load`, for functions that hand them on."""

    experiment: str | os.PathLike[str] | Mapping[str, Any]
    """An experiment file, its sections, or its keys as the others have them."""
    # Options of reading.
    dialect: str
    """Dialect."""
    axis_order: Literal["nhw", "hwn"]
    """Order of the axes, patterns first or last (of four: ny, nx, H, W or H, W, ny, nx)."""
    companion: str | os.PathLike[str]
    """Second file: the product (probe, positions) of a ptychodus or pty-chi pair, or the start
    probe of any other scan."""
    join: Sequence[str | os.PathLike[str]]
    """File of a further scan of the same object, whose positions count from the same zero."""
    leave_out: Sequence[str]
    """Pass over this array."""
    patterns: str
    """Name of the array of the patterns, (n, H, W) or (ny, nx, H, W), where it is none that is
    known."""
    raw: str
    """Raw binary frames: empad, empad-g2 (calibrated), or dtype=uint16,frame=256x256,offset=0,gap=0
    (bytes before the first frame and between frames)."""
    energy_kev: float
    """Photon energy, keV."""
    voltage_kv: float
    """Voltage that accelerates the electrons, kV."""
    semi_angle_mrad: float
    """Convergence semi-angle."""
    numerical_aperture: float
    """Numerical aperture of the focusing optic."""
    outermost_zone_m: float
    """Width of a zone plate's outermost zone."""
    zone_plate_diameter_m: float
    """Diameter of the zone plate."""
    central_stop_m: float
    """Diameter of the central stop on the zone plate."""
    zone_plate_distance_m: float
    """Distance from the zone plate to the specimen, in place of the defocus."""
    pinhole_diameter_m: float
    """Diameter of a pinhole; its distance to the specimen is the defocus."""
    defocus_m: float
    """Defocus C10; positive where the crossover lies before the specimen (overfocus)."""
    c12_m: float
    """Twofold astigmatism C12."""
    phi12_deg: float
    """Direction of C12, from columns towards rows."""
    c21_m: float
    """Axial coma C21."""
    phi21_deg: float
    """Direction of C21."""
    c23_m: float
    """Threefold astigmatism C23."""
    phi23_deg: float
    """Direction of C23."""
    c30_m: float
    """Spherical aberration C30."""
    detector_pixel_size_m: float | Sequence[float]
    """Pitch of the detector's pixels, one number or y,x."""
    distance_m: float
    """Distance from the specimen to the detector."""
    mrad_per_pixel: float | Sequence[float]
    """Angle that a pixel of the detector spans, in place of pitch and distance."""
    inv_angstrom_per_pixel: float | Sequence[float]
    """Spatial frequency that a pixel of the detector spans, in place of pitch and distance."""
    detector_centre: float | Sequence[float]
    """Pixel of the stored patterns that the direct beam meets; it is moved to the centre."""
    detector_window: int | Sequence[int]
    """Pixels of the detector to use around that centre: fewer are cut out, more are filled up and
    masked."""
    binning: int
    """Sum N x N pixels of the detector, after the window was cut."""
    mask: str | os.PathLike[str]
    """Mask of the stored patterns, a file of any kind that is read, or `FILE::NAME`: true where a
    pixel is good, or bits as CXI has them."""
    mask_good_is: Literal["0", "1"]
    """Which number of the mask is a good pixel; the mask may then leave as few as it likes."""
    mask_hot: bool
    """Take pixels as bad that hold NaN, infinity or the largest number of their type."""
    mask_negative: bool
    """Take pixels with negative numbers as bad."""
    zero_frequency: Literal["centre", "corner"]
    """Where the zero frequency is."""
    geometry: Literal["far-field", "near-field"]
    """How the detector sees the sample."""
    fresnel_number: float
    """Near-field patterns with this Fresnel number of an object pixel, pixel^2 / (wavelength x
    distance)."""
    detector_blur: float
    """Standard deviation of the detector's point spread, 0 for none, at most 4."""
    quantity: Literal["amplitude", "intensity", "counts"]
    """What the patterns hold."""
    counts_per_quantum: float
    """What the detector writes for one photon or electron; the patterns are divided by it."""
    dark_level: float
    """What the detector writes without light; it is subtracted first, and what is below 0 then
    becomes 0."""
    leave_out_frames: str | Sequence[int]
    """Patterns to leave out, counted from 0 as they are stored: 3,17,40-52."""
    frames: str | Sequence[int]
    """Patterns to take and no others, counted from 0 as they are stored: 0-99,200."""
    region: str
    """Part of the scan to take, pixels of the object from the first row and column of its positions
    (of joined scans the first one's): 0:200,50:300."""
    every: int
    """Take one of so many patterns, in the order in which they are stored."""
    clip_negative: bool
    """Set negative numbers to zero."""
    common: bool
    """Where there are not as many patterns as positions, take the first ones of both."""
    scan_shape: int | Sequence[int]
    """Rows and columns of a raster scan, where the file has no positions."""
    scan_step_m: float | Sequence[float]
    """Step of a raster scan, one number or between rows, between columns."""
    scan_snake: bool
    """Every other row of the raster scan runs backwards."""
    scan_rotation_deg: float
    """Turn the positions by this angle, from rows towards columns, after exchange and reversal of
    their coordinates."""
    positions: str | os.PathLike[str]
    """Positions (n, 2) as (y, x) or (ny, nx, 2), .npy, text, or `FILE::NAME` for an array of an NPZ
    or HDF5 file, in place of the file's."""
    position_unit: Literal["pixel", "m", "mm", "um", "nm", "angstrom"]
    """Unit of the file of positions (pixels of the object unless given)."""
    coordinate_order: Literal["row-column", "column-row"]
    """Order of the two coordinates of a position; column-row exchanges them (a transposed scan)."""
    flip_y: bool
    """Reverse the sign of the row coordinates."""
    flip_x: bool
    """Reverse the sign of the column coordinates."""
    fly: str | Sequence[float]
    """The probe moves over the specimen, or that under it, during each exposure: by this much, in
    object pixels, or auto, from position to position."""
    moves: Literal["specimen", "probe"]
    """What moves in a near-field scan: the specimen, while light and detector stand still, or the
    probe, over specimen and detector."""
    pixel_size_m: float
    """Size of an object pixel, in place of what beam and detector tell."""
    slices: int
    """Number of slices of a thick object, equally far apart along the beam, 1 for a thin one, at
    most 64."""
    slice_spacing: float
    """Distance between two slices of a thick object; needs wavelength and object pixel."""
    slice_fresnel_number: float
    """Fresnel number of an object pixel over the gap between two slices, pixel^2 / (wavelength x
    gap), in place of the distance."""
    # End of options of reading.


def load(
    path: str | os.PathLike[str],
    *,
    experiment: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    # Keywords of reading.
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
    detector_window: int | Sequence[int] | None = None,
    binning: int | None = None,
    mask: str | os.PathLike[str] | None = None,
    mask_good_is: Literal["0", "1"] | None = None,
    mask_hot: bool = False,
    mask_negative: bool = False,
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
    every: int | None = None,
    clip_negative: bool = False,
    common: bool = False,
    scan_shape: int | Sequence[int] | None = None,
    scan_step_m: float | Sequence[float] | None = None,
    scan_snake: bool = False,
    scan_rotation_deg: float | None = None,
    positions: str | os.PathLike[str] | None = None,
    position_unit: Literal["pixel", "m", "mm", "um", "nm", "angstrom"] | None = None,
    coordinate_order: Literal["row-column", "column-row"] | None = None,
    flip_y: bool = False,
    flip_x: bool = False,
    fly: str | Sequence[float] | None = None,
    moves: Literal["specimen", "probe"] | None = None,
    pixel_size_m: float | None = None,
    slices: int | None = None,
    slice_spacing: float | None = None,
    slice_fresnel_number: float | None = None,
    # End of keywords of reading.
    memory: str | float | None = None,
    scratch: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Read a scan of any dialect that is known: files of microscopes, beamlines and programs of the
    field (the guide to reading lists them).

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
        the other arguments have them, which take precedence.
    dialect : str, optional
        Dialect.
    axis_order : "nhw" or "hwn", optional
        Order of the axes, patterns first or last (of four: ny, nx, H, W or H, W, ny, nx).
    companion : path, optional
        Second file: the product (probe, positions) of a ptychodus or pty-chi pair, or the start
        probe of any other scan.
    join : sequence of path, optional
        File of a further scan of the same object, whose positions count from the same zero.
    leave_out : sequence of str, optional
        Pass over this array.
    patterns : str, optional
        Name of the array of the patterns, (n, H, W) or (ny, nx, H, W), where it is none that is
        known.
    raw : str, optional
        Raw binary frames: empad, empad-g2 (calibrated), or
        dtype=uint16,frame=256x256,offset=0,gap=0 (bytes before the first frame and between frames).
    energy_kev : float, optional
        Photon energy, keV.
    voltage_kv : float, optional
        Voltage that accelerates the electrons, kV.
    semi_angle_mrad : float, optional
        Convergence semi-angle.
    numerical_aperture : float, optional
        Numerical aperture of the focusing optic.
    outermost_zone_m : float, optional
        Width of a zone plate's outermost zone.
    zone_plate_diameter_m : float, optional
        Diameter of the zone plate.
    central_stop_m : float, optional
        Diameter of the central stop on the zone plate.
    zone_plate_distance_m : float, optional
        Distance from the zone plate to the specimen, in place of the defocus.
    pinhole_diameter_m : float, optional
        Diameter of a pinhole; its distance to the specimen is the defocus.
    defocus_m : float, optional
        Defocus C10; positive where the crossover lies before the specimen (overfocus).
    c12_m : float, optional
        Twofold astigmatism C12.
    phi12_deg : float, optional
        Direction of C12, from columns towards rows.
    c21_m : float, optional
        Axial coma C21.
    phi21_deg : float, optional
        Direction of C21.
    c23_m : float, optional
        Threefold astigmatism C23.
    phi23_deg : float, optional
        Direction of C23.
    c30_m : float, optional
        Spherical aberration C30.
    detector_pixel_size_m : float or (float, float), optional
        Pitch of the detector's pixels, one number or y,x.
    distance_m : float, optional
        Distance from the specimen to the detector.
    mrad_per_pixel : float or (float, float), optional
        Angle that a pixel of the detector spans, in place of pitch and distance.
    inv_angstrom_per_pixel : float or (float, float), optional
        Spatial frequency that a pixel of the detector spans, in place of pitch and distance.
    detector_centre : float or (float, float), optional
        Pixel of the stored patterns that the direct beam meets; it is moved to the centre.
    detector_window : int or (int, int), optional
        Pixels of the detector to use around that centre: fewer are cut out, more are filled up and
        masked.
    binning : int, optional
        Sum N x N pixels of the detector, after the window was cut.
    mask : path, optional
        Mask of the stored patterns, a file of any kind that is read, or `FILE::NAME`: true where a
        pixel is good, or bits as CXI has them.
    mask_good_is : "0" or "1", optional
        Which number of the mask is a good pixel; the mask may then leave as few as it likes.
    mask_hot : bool, optional
        Take pixels as bad that hold NaN, infinity or the largest number of their type.
    mask_negative : bool, optional
        Take pixels with negative numbers as bad.
    zero_frequency : "centre" or "corner", optional
        Where the zero frequency is.
    geometry : "far-field" or "near-field", optional
        How the detector sees the sample.
    fresnel_number : float, optional
        Near-field patterns with this Fresnel number of an object pixel, pixel^2 / (wavelength x
        distance).
    detector_blur : float, optional
        Standard deviation of the detector's point spread, 0 for none, at most 4.
    quantity : "amplitude", "intensity" or "counts", optional
        What the patterns hold.
    counts_per_quantum : float, optional
        What the detector writes for one photon or electron; the patterns are divided by it.
    dark_level : float, optional
        What the detector writes without light; it is subtracted first, and what is below 0 then
        becomes 0.
    leave_out_frames : str or sequence of int, optional
        Patterns to leave out, counted from 0 as they are stored: 3,17,40-52.
    frames : str or sequence of int, optional
        Patterns to take and no others, counted from 0 as they are stored: 0-99,200.
    region : str, optional
        Part of the scan to take, pixels of the object from the first row and column of its
        positions (of joined scans the first one's): 0:200,50:300.
    every : int, optional
        Take one of so many patterns, in the order in which they are stored.
    clip_negative : bool, optional
        Set negative numbers to zero.
    common : bool, optional
        Where there are not as many patterns as positions, take the first ones of both.
    scan_shape : int or (int, int), optional
        Rows and columns of a raster scan, where the file has no positions.
    scan_step_m : float or (float, float), optional
        Step of a raster scan, one number or between rows, between columns.
    scan_snake : bool, optional
        Every other row of the raster scan runs backwards.
    scan_rotation_deg : float, optional
        Turn the positions by this angle, from rows towards columns, after exchange and reversal of
        their coordinates.
    positions : path, optional
        Positions (n, 2) as (y, x) or (ny, nx, 2), .npy, text, or `FILE::NAME` for an array of an
        NPZ or HDF5 file, in place of the file's.
    position_unit : "pixel", "m", "mm", "um", "nm" or "angstrom", optional
        Unit of the file of positions (pixels of the object unless given).
    coordinate_order : "row-column" or "column-row", optional
        Order of the two coordinates of a position; column-row exchanges them (a transposed scan).
    flip_y : bool, optional
        Reverse the sign of the row coordinates.
    flip_x : bool, optional
        Reverse the sign of the column coordinates.
    fly : str or (float, float), optional
        The probe moves over the specimen, or that under it, during each exposure: by this much, in
        object pixels, or auto, from position to position.
    moves : "specimen" or "probe", optional
        What moves in a near-field scan: the specimen, while light and detector stand still, or the
        probe, over specimen and detector.
    pixel_size_m : float, optional
        Size of an object pixel, in place of what beam and detector tell.
    slices : int, optional
        Number of slices of a thick object, equally far apart along the beam, 1 for a thin one, at
        most 64.
    slice_spacing : float, optional
        Distance between two slices of a thick object; needs wavelength and object pixel.
    slice_fresnel_number : float, optional
        Fresnel number of an object pixel over the gap between two slices, pixel^2 / (wavelength x
        gap), in place of the distance.
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
    names = ReadingOptions.__annotations__
    options = {name: value for name, value in locals().items() if name in names}
    dataset = _lapwing.load(path, options, memory, scratch)
    for remark in dataset.remarks:
        if remark["warns"]:
            text = f"{os.fspath(path)}: {remark['evidence']}; {remark['advice']}"
            warnings.warn(text, stacklevel=2)
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
