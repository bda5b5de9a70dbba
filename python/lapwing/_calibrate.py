"""How a scan lies on its detector, found from the patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lapwing import _lapwing

if TYPE_CHECKING:
    from lapwing._lapwing import Dataset


def calibrate(dataset: Dataset) -> tuple[Dataset, dict[str, Any]]:
    """Find rotation, transposition and defocus of a scan, as ``lapwing calibrate`` does, and turn its positions.

    Parameters
    ----------
    dataset : Dataset
        A scan whose patterns show the bright disc of the optics; its positions spread over an area.

    Returns
    -------
    Dataset
        The same with its positions where they are, and without its object.
    dict
        What was found: ``transposed``, ``rotation_deg``, ``defocus_m`` (None where wavelength or pixel are unknown) and
        ``curvature_px2``, each with its standard deviation where the scan is large enough to tell; ``twin``, the other solution
        that explains the patterns as well; ``agreement``, ``disc_centre``, ``disc_radius`` and ``semi_angle_mrad``.

    Raises
    ------
    ValueError
        The patterns cannot tell.
    """
    return _lapwing.calibrate(dataset)
