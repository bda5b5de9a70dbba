"""How good is a reconstruction at three doses and three spacings of the positions? A study in
memory, as a table.

Run it with ``python dose_and_overlap.py``; it takes some seconds.
"""

from __future__ import annotations

import lapwing


def main(field: float = 120.0, epochs: int = 40) -> list[tuple[int, float, int, float]]:
    """Print the table and return its rows: dose, spacing in pixels, number of patterns, complex
    correlation."""
    probe = lapwing.make_probe(64)
    diameter = lapwing.probe_diameter(probe)
    positions, shape = lapwing.make_scan(
        overlap=0.8, probe_diameter=diameter, field=(field, field), window=64
    )
    specimen = lapwing.make_specimen("cells", shape)
    rows = []
    print(" dose  spacing  patterns  correlation")
    for dose in (100, 1_000, 10_000):
        scan = lapwing.simulate(specimen, probe, positions, dose)
        for spacing in (1.0, 8.0, 16.0):
            view = scan.select(lapwing.select_positions(scan, spacing, strategy="greedy").indices)
            found = lapwing.reconstruct(view, algorithm="ML", epochs=epochs)
            correlation = float(found.compare(scan).metrics["complex_correlation"])
            rows.append((dose, spacing, len(view), correlation))
            print(f"{dose:5}  {spacing:7.1f}  {len(view):8}  {correlation:.4f}")
    return rows


if __name__ == "__main__":
    main()
