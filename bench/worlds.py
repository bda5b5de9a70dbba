#!/usr/bin/env python3
"""The worlds of the public bench, each reconstructed with the options that fit it.

    bench/worlds.py LAPWING BENCH FOLDER [--worlds tilted,drift] [--photons 1e3,2e4] [--seeds 1,2,3,4]
                    [--algorithm ML] [--options "--vary-power"]

LAPWING is the program, BENCH the folder of the bench's gen_worlds.py and metrics.py, FOLDER where the worlds are, or are
made. `--options` takes the place of the options that fit. Prints the complex error of evaluate.py, seed by seed, and its
geometric mean, as each line is done. Needs NumPy and scikit-image.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

OPTIONS = {
    "plain": "",
    "near-field": "--fresnel-number 0.02 --moves probe",
    "slices": "--slices 2 --slice-fresnel-number 0.0133 --epochs 100",
    "blur": "--fly 0,4",
    "saturated": "",
    "tilted": "--refine-scan affine",
    "drift": "--refine-scan drift --probe-eigenmodes 2 --vary-power",
}


def call(*words):
    """Runs a program, and stops where it fails."""
    done = subprocess.run([*map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stderr}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("bench", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--worlds", default=",".join(OPTIONS))
    parser.add_argument("--photons", default="1e3,2e4,1e5")
    parser.add_argument("--seeds", default="1,2,3,4")
    parser.add_argument("--algorithm", default="ML")
    parser.add_argument("--options")
    asked = parser.parse_args()
    for world in asked.worlds.split(","):
        options = OPTIONS[world] if asked.options is None else asked.options
        for photons in map(float, asked.photons.split(",")):
            errors = []
            for seed in asked.seeds.split(","):
                case = asked.folder / f"{world}_{photons:g}_{seed}.npz"
                if not case.exists():
                    call(sys.executable, asked.bench / "gen_worlds.py", "--world", world, "--photons", photons,
                         "--seed", seed, "--out", asked.folder)
                with tempfile.TemporaryDirectory() as folder:
                    study = case.with_name(f"{case.stem}-study.npz")
                    call(asked.program, "reconstruct", "--input", study, "--output-dir", f"{folder}/r",
                         "--algorithm", asked.algorithm, "--quiet", *options.split())
                    told = call(sys.executable, asked.bench / "evaluate.py", case, f"{folder}/r/reconstruction.npz")
                errors.append(json.loads(told)["nrmse"])
            mean = np.exp(np.mean(np.log(errors)))
            each = ", ".join(f"{error:.4f}" for error in errors)
            print(f"{world}, {photons:g} photons, {asked.algorithm} {options}: {each}: {mean:.4f}", flush=True)


if __name__ == "__main__":
    main()
