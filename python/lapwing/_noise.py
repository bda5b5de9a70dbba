"""What the patterns tell of the detector, before any reconstruction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lapwing import _lapwing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lapwing._lapwing import Dataset


@dataclass(frozen=True, eq=False)
class NoiseModel:
    """What a detector adds to the light, and where it does not measure.

    Attributes
    ----------
    gain : float
        Variance over mean of the counts: 1 for photons, more where a photon or electron makes
        several counts; 1 where it cannot be told.
    background : ndarray of float32, shape (H, W)
        Light that is the same in all patterns and belongs to no coherent wave, counts per pixel and
        pattern, axes (y, x), zero frequency in the centre; 0 in bad pixels.
    mean_intensity : float
        Mean counts of a good pattern over its good pixels.
    correlated : bool
        Whether the noise of adjacent pixels is correlated.
    dead, hot : ndarray of int64, shape (n, 2)
        Pixels (y, x) that never count although light falls around them, and that show too much, or
        always the same. Pixels that the mask of the data set calls bad are not among them.
    saturation : float or None
        Counts at which the detector saturates, where many pixels have them: they hold at least that
        much light.
    lost, wrong : ndarray of int64, shape (n,)
        Indices of patterns without the light that their neighbours have, and of patterns that look
        like no other.
    """

    gain: float
    background: NDArray[np.float32]
    mean_intensity: float
    correlated: bool
    dead: NDArray[np.int64]
    hot: NDArray[np.int64]
    saturation: float | None
    lost: NDArray[np.int64]
    wrong: NDArray[np.int64]


def estimate_noise(dataset: Dataset, *, threads: int | None = None) -> NoiseModel:
    """Find gain, background, faulty pixels and faulty patterns from the counts alone, as
    ``lapwing inspect`` does.

    :func:`reconstruct` does this by itself and takes what it finds into account.

    Parameters
    ----------
    dataset : Dataset
        At least four patterns whose counts are known.
    threads : int, optional
        All processors unless given; the result does not depend on it.

    Returns
    -------
    NoiseModel

    Raises
    ------
    ValueError
        Unknown counts, fewer than four patterns.
    """
    return NoiseModel(**_lapwing.estimate_noise(dataset, threads))
