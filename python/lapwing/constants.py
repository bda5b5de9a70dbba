"""Design constants of the reference study: the defaults of :func:`lapwing.run_study`."""

from __future__ import annotations

from typing import Any

from lapwing import _lapwing

_design: dict[str, Any] = _lapwing.default_design()

DOSES: tuple[int, ...] = tuple(_design["study"]["doses"])
"""Mean photons per pattern."""
VIEWS: tuple[str, ...] = tuple(_design["study"]["views"])
"""Views, in the order of the jobs."""
SPLITS: tuple[str, ...] = tuple(_design["study"]["splits"])
"""Splits, in the order of the jobs."""
PATTERN_SIZE: int = _design["study"]["pattern_size"]
"""Side N of a pattern, pixels."""
GRIDSIZES: tuple[int, ...] = tuple(_design["study"]["gridsize"])
"""Images per group = gridsize squared."""
NEIGHBOR_COUNT: int = _design["study"]["neighbor_count"]
"""Neighbour count K of groups; at least gridsize squared."""
DENSE_OVERLAP: float = _design["views"]["dense_overlap"]
"""Overlap of the dense view; its spacing is (1 - overlap) N."""
SPARSE_OVERLAP: float = _design["views"]["sparse_overlap"]
"""Overlap of the sparse view."""
SPLIT_FRACTION: float = _design["split"]["fraction"]
"""Where the split cuts the y axis."""
SEEDS: dict[str, int] = dict(_design["seeds"])
"""Seeds of simulation, grouping and subsampling."""


def view_spacing(overlap: float, pattern_size: int = PATTERN_SIZE) -> float:
    """Least distance of positions in a view, S = (1 - overlap) N, pixels (to a billionth)."""
    return round((1.0 - overlap) * pattern_size * 1e9) / 1e9
