"""How a scan lies on its detector, found from the patterns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from lapwing import _lapwing
from lapwing._lapwing import Dataset
from lapwing._written import warn_of_replaced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Unpack

    from lapwing._load import ReadingOptions


class Calibration(dict[str, Any]):
    """What :func:`calibrate` found, by name; in a notebook with the picture of the search.

    Attributes
    ----------
    picture : bytes or None
        The search as a PNG file: agreement over rotation and defocus.
    experiment : str or None
        An experiment file that says what was known and what was found.
    """

    picture: bytes | None
    experiment: str | None

    def __init__(
        self, found: Mapping[str, Any], picture: bytes | None = None, experiment: str | None = None
    ) -> None:
        super().__init__(found)
        self.picture = picture
        self.experiment = experiment

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the experiment file, in place of one that is there; ``calibrate(..., write=path)``
        keeps what that one says."""
        if self.experiment is None:
            raise ValueError("nothing was found that an experiment file could say")
        warn_of_replaced(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.experiment)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Calibration, (dict(self), self.picture, self.experiment))

    def _repr_png_(self) -> bytes | None:
        return self.picture

    def _repr_html_(self) -> str | None:
        from lapwing._html import shown

        if self.picture is None:
            return None
        names = ("rotation_deg", "transposed", "defocus_m", "semi_angle_mrad", "disc_radius")
        return shown(
            "calibration", [(name, self.get(name)) for name in names], self.picture, dict(self)
        )


def calibrate(
    data: Dataset | str | os.PathLike[str],
    *,
    figure: str | os.PathLike[str] | None = None,
    write: str | os.PathLike[str] | None = None,
    **options: Unpack[ReadingOptions],
) -> tuple[Dataset, Calibration]:
    """Find rotation, transposition and defocus of a scan, as ``lapwing calibrate`` does, and turn
    its positions.

    Of near-field patterns it is the magnification of a beam that diverges, by how far the images
    move.

    Parameters
    ----------
    data : Dataset or path
        A scan whose positions spread over an area.
    figure : path, optional
        Also write the picture of the search, a PNG file; of the near field how far images moved.
    write : path, optional
        Also write what was said and what was found into this experiment file, which is made when
        there is none.
    **options
        What is known about a file, as for :func:`load`; they go into the experiment file, too.

    Returns
    -------
    Dataset
        The same with its positions where they are, and without its object.
    Calibration
        A dict of what was found: ``transposed``, ``rotation_deg``, ``defocus_m`` (None where
        wavelength or pixel are unknown) and ``curvature_px2``, each with its standard deviation
        where the scan is large enough to tell; ``twin``, the other solution that explains the
        patterns as well; ``agreement``, ``disc_centre``, ``disc_radius`` and ``semi_angle_mrad``.
        Of the near field ``magnification``, ``magnification_sd`` and ``pixel_size_m``, or nothing
        where the beam is parallel, the pixel of the object is known already, or the images do not
        tell.

    Raises
    ------
    ValueError
        The patterns cannot tell.
    OSError
        A file cannot be read or written.
    """
    from lapwing._load import load

    if not isinstance(data, Dataset):
        data = load(data, **options)
    elif options:
        raise ValueError(
            f"{', '.join(options)}: expected with a file alone, found a data set; say it where the "
            "data set is made: "
            "lapwing.load(path, ...) or lapwing.Dataset(...)"
        )
    text = ""
    if write is not None and os.path.exists(write):
        with open(write, encoding="utf-8") as file:
            text = file.read()
    turned, found, picture, experiment = _lapwing.calibrate(data, dict(options), text)
    calibration = Calibration(found or {}, picture, experiment)
    for path, contents in (
        (figure, picture),
        (write, None if experiment is None else experiment.encode()),
    ):
        if path is None:
            continue
        if contents is None:
            raise ValueError(
                f"{os.fspath(path)}: nothing to write: of a beam that is parallel, a pixel that "
                "has been said or images that do not move together there is no magnification"
            )
        with open(path, "wb") as target:
            target.write(contents)
    return turned, calibration
