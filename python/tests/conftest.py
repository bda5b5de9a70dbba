"""What the tests share: one small simulated scan."""

from __future__ import annotations

import pytest

import lapwing


@pytest.fixture(scope="session")
def scan() -> lapwing.Dataset:
    """60 or so patterns of 32 x 32 px of cells at 10,000 photons."""
    probe = lapwing.make_probe(32)
    diameter = lapwing.probe_diameter(probe)
    positions, shape = lapwing.make_scan(
        overlap=0.75, probe_diameter=diameter, field=(30.0, 26.0), window=32, seed=3
    )
    return lapwing.simulate(
        lapwing.make_specimen("cells", shape, seed=3), probe, positions, 10_000, seed=3
    )
