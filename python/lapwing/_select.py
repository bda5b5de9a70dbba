"""Which positions a view keeps, and how much neighbours overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lapwing import _lapwing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from lapwing._lapwing import Dataset


@dataclass(frozen=True, eq=False)
class Selection:
    """The positions that a view keeps.

    Attributes
    ----------
    indices : ndarray of int64
        Indices of the kept positions, ascending; for :meth:`lapwing.Dataset.select`.
    selection_strategy : str
        The rule that found them: "direct" or "greedy".
    n_accepted, n_rejected : int
    acceptance_rate : float
        n_accepted / (n_accepted + n_rejected).
    spacing_threshold : float
        Least distance of kept positions, pixels.
    """

    indices: NDArray[np.int64]
    selection_strategy: str
    n_accepted: int
    n_rejected: int
    acceptance_rate: float
    spacing_threshold: float


def select_positions(
    positions: ArrayLike | Dataset,
    spacing: float,
    *,
    strategy: Literal["direct", "greedy"] | None = None,
    floor: float | None = None,
    bound_share: float | None = None,
    min_positions: int | None = None,
) -> Selection:
    """Select positions at least ``spacing`` apart.

    Parameters
    ----------
    positions : array_like, shape (n, 2), or Dataset
        (y, x), pixels.
    spacing : float
        S, pixels. A view of overlap f of patterns of side N has S = (1 - f) N.
    strategy : {"direct", "greedy"}, optional
        Only this rule, whatever it keeps. "direct" keeps every position whose nearest neighbour is
        at least S away; "greedy" visits them in the order of (y, x) and keeps those at least S from
        every one kept before. Unless given: direct, or greedy when direct keeps too few.
    floor : float, optional
        Share of the positions that is enough, where the geometry allows it; 0.1 unless given.
    bound_share : float, optional
        Share of what the geometry allows that is enough where it allows less than ``floor``; 0.5
        unless given.
    min_positions : int, optional
        Least number to keep; 5 unless given.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        Neither rule keeps enough: both counts and what would help.
    """
    kept, rule, n = _lapwing.select_positions(
        positions, spacing, strategy, floor, bound_share, min_positions
    )
    count = len(kept)
    return Selection(kept, rule, count, n - count, count / n if n else 0.0, spacing)


def overlap_metrics(
    positions: ArrayLike | Dataset,
    *,
    probe_diameter_px: float | None = None,
    gridsize: Literal[1, 2] = 1,
    s_img: float = 1.0,
    n_groups: int | None = None,
    neighbor_count: int = 6,
    rng_seed_subsample: int = 456,
) -> dict[str, Any]:
    """Measure how much neighbouring illuminated discs overlap, three ways.

    Parameters
    ----------
    positions : array_like, shape (n, 2), or Dataset
        (y, x), pixels.
    probe_diameter_px : float
        Diameter of the disc, pixels; a data set's own unless given.
    gridsize : {1, 2}
        Images per group = gridsize squared.
    s_img : float
        Share of the images that is kept, above 0 and at most 1: floor(s_img n) of n.
    n_groups : int, optional
        Number of groups; for grid size 1, where every image is a group, the most that are taken. As
        many as there are images unless given.
    neighbor_count : int
        Neighbours for metrics 1 and 2. The files of a study are over those of its design, 7 unless
        it says so.
    rng_seed_subsample : int
        Seed of the image and group draws.

    Returns
    -------
    dict
        ``metric_1_group_based_avg`` (grid size 2 only), ``metric_2_image_based_avg``,
        ``metric_3_group_to_group_avg``, the parameters and the counts, under the names of the
        reference study.
    """
    sampling: dict[str, Any] = {
        "gridsize": gridsize,
        "s_img": s_img,
        "neighbor_count": neighbor_count,
        "rng_seed_subsample": rng_seed_subsample,
    }
    if n_groups is not None:
        sampling["n_groups"] = n_groups
    if probe_diameter_px is not None:
        sampling["probe_diameter_px"] = probe_diameter_px
    return _lapwing.overlap_metrics(positions, sampling)
