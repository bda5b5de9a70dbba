#!/usr/bin/env python3
"""The strength of the prior that ML chooses, against the strength that has the smallest error.

    bench/strengths.py LAPWING BENCH FOLDER [--cases plain:2e4,raster:2e4,...] [--seed 5] [--factors 0.25,0.5,2,4]

LAPWING is the program, BENCH the folder of the bench's gen_worlds.py and evaluate.py, FOLDER where the worlds are, or are
made. Every case is reconstructed by ML with its defaults, and then with the strength that it chose times each of 1 and
the factors, the weight of absorption and the cost of jumps as chosen, for as many epochs as a given strength has. Prints a Markdown row for each
case: the strength, the error, the smallest of all errors and the strength that has it, and their ratio. Needs NumPy and
scikit-image.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from worlds import call

CASES = (
    "plain:2e4,raster:2e4,background:2e4,gain:2e4,everything:2e4,seam:2e4,far-probe:2e4,plain:1e3,plain:1e5,everything:1e3"
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("bench", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--cases", default=CASES)
    parser.add_argument("--seed", default="5")
    parser.add_argument("--factors", default="0.25,0.5,2,4")
    asked = parser.parse_args()
    print("| case | strength | error | smallest error, at | ratio |\n| --- | --- | --- | --- | --- |", flush=True)
    for name in asked.cases.split(","):
        world, photons = name.split(":")
        case = asked.folder / f"{world}_{float(photons):g}_{asked.seed}.npz"
        if not case.exists():
            call(sys.executable, asked.bench / "gen_worlds.py", "--world", world, "--photons", photons,
                 "--seed", asked.seed, "--out", asked.folder)
        study = case.with_name(f"{case.stem}-study.npz")

        def error_of(*options):
            with tempfile.TemporaryDirectory() as folder:
                call(asked.program, "reconstruct", "--input", study, "--output-dir", f"{folder}/r", "--algorithm", "ML",
                     "--quiet", *options)
                told = call(sys.executable, asked.bench / "evaluate.py", case, f"{folder}/r/reconstruction.npz")
                return json.loads(told)["nrmse"], json.loads(pathlib.Path(f"{folder}/r/result.json").read_text())

        error, record = error_of()
        chosen = {choice["option"]: choice["value"] for choice in record["choices"]}
        strength, absorption = chosen["prior"], chosen.get("prior_absorption", 1)
        jumps = "bounded" if chosen.get("prior_jumps", 0) else "linear"
        tried = [(error, strength)]
        for factor in [1.0, *map(float, asked.factors.split(","))]:
            other = strength * factor
            given = error_of("--prior", other, "--prior-absorption", absorption, "--prior-jumps", jumps)
            tried.append((given[0], other))
        least, at = min(tried)
        print(f"| {world}, {photons} | {strength:.3g} | {error:.4f} | {least:.4f}, {at:.3g} | {error / least:.3f} |",
              flush=True)


if __name__ == "__main__":
    main()
