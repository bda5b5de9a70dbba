"""Reading files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from lapwing import _lapwing

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from lapwing._lapwing import Dataset


def load(
    path: str | os.PathLike[str],
    *,
    dialect: str | None = None,
    axis_order: Literal["nhw", "hwn"] | None = None,
    quantity: Literal["amplitude", "intensity", "counts"] | None = None,
    zero_frequency: Literal["centre", "corner"] | None = None,
    coordinate_order: Literal["row-column", "column-row"] | None = None,
    flip_y: bool = False,
    flip_x: bool = False,
    companion: str | os.PathLike[str] | None = None,
    pixel_size_m: float | None = None,
    geometry: Literal["far-field", "near-field"] | None = None,
    leave_out: Sequence[str] = (),
) -> Dataset:
    """Read a scan of any dialect of the field: the study's NPZ, ``diff3d``, tike, CXI, or a ptychodus or pty-chi pair.

    All but ``path`` is what is known about the file, in place of what would be understood from it; the names and meanings
    are those of ``lapwing inspect``. A file that can be read in two ways is refused with the option that decides.

    Parameters
    ----------
    path : path
        A NumPy archive or HDF5 file. Reading never runs code that a file may hold.
    dialect : str, optional
        Whose conventions the file follows; the guide to reading lists them.
    axis_order, quantity, zero_frequency, coordinate_order, flip_y, flip_x, geometry : optional
        How the file stores things.
    companion : path, optional
        The second file: the product of a ptychodus pair, or the start probe of a CXI file.
    pixel_size_m : float, optional
        Size of an object pixel, metres, where positions are in metres.
    leave_out : sequence of str
        Names of arrays to pass over.

    Returns
    -------
    Dataset
        Its ``understood["notes"]`` tell what was converted or assumed.

    Raises
    ------
    ValueError
        The file breaks the contract (all problems at once), is ambiguous or damaged.
    OSError
        It cannot be opened.
    """
    options: dict[str, Any] = {
        "dialect": dialect,
        "axis_order": axis_order,
        "quantity": quantity,
        "zero_frequency": zero_frequency,
        "coordinate_order": coordinate_order,
        "flip_y": flip_y,
        "flip_x": flip_x,
        "companion": companion,
        "pixel_size_m": pixel_size_m,
        "geometry": geometry,
        "leave_out": list(leave_out),
    }
    return _lapwing.load(path, options)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Read ``_metadata`` of an NPZ file, however it is stored: text, bytes, or a pickle, which is read without being run.

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
