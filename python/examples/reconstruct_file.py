"""Reconstruct a file of any dialect and write object and probe:
``python reconstruct_file.py scan.npz result.npz``."""

from __future__ import annotations

import sys

import lapwing


def main(source: str, result: str, epochs: int = 100) -> lapwing.Reconstruction:
    """Read, look, reconstruct with progress, and save."""
    scan = lapwing.load(source)
    print(scan)
    for note in (scan.understood or {}).get("notes", []):
        print("note:", note)

    def progress(epoch: lapwing.Epoch) -> None:
        print(
            f"\repoch {epoch.done} of {epoch.total}: loss {epoch.loss:.4e}", end="", file=sys.stderr
        )

    options: lapwing.SolverOptions = {"algorithm": "LSQML", "epochs": epochs}
    if scan.mean_counts is not None:
        options["noise"] = "poisson"
    found = lapwing.reconstruct(scan, progress=progress, **options)
    print(file=sys.stderr)
    found.save(result)
    print(found)
    return found


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python reconstruct_file.py scan.npz result.npz")
    main(sys.argv[1], sys.argv[2])
