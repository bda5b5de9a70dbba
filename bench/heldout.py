#!/usr/bin/env python3
"""ML and LSQML on scans that no default was chosen on: other specimens, probes, overlaps, doses and seeds.

    bench/heldout.py [--doses 1000,10000,100000,1000000000] [--seeds 1,2] [--objects ...] [--scans ...] [--threads 2]
                     [--lapwing PATH] [--json OUT.json] [--solver NAME=OPTIONS ...]

Specimens are those of `lapwing simulate`, and three made here: a smooth one of wide blobs, a sparse one of few grains on an
empty film, and a weak phase with texture of all sizes. Every solver starts from a flat object and the perturbed probe. The NRMSE is the
complex one of `lapwing compare`, over all pixels that the scan saw. For every specimen and dose one row: geometric means over scans and seeds, the ratio of
ML with its prior to ML without, and the worst such ratio. Needs NumPy. --solver replaces the solvers: a name and the options of `lapwing reconstruct`.
"""

import argparse
import json
import math
import pathlib
import shlex
import sys
import tempfile

import numpy as np
from solvers import ROOT, ask, find

SIZE, FIELD = 64, 110
OBJECTS = ["smooth", "sparse", "texture", "weak-phase", "cells", "siemens-star"]
SCANS = {
    "usual": "--overlap 0.7 --scan fermat",
    "little overlap": "--overlap 0.55 --scan jittered",
    "wide aperture": "--overlap 0.75 --scan fermat --aperture 0.3 --defocus 20 --central-stop 0",
    "central stop": "--overlap 0.75 --scan jittered --aperture 0.18 --central-stop 0.4 --defocus 10",
}
SOLVERS = {
    "ML": "--algorithm ML",
    "ML, no prior": "--algorithm ML --prior 0",
    "LSQML": "--algorithm LSQML --num-epochs 50",
    "LSQML, Poisson": "--algorithm LSQML --noise poisson --num-epochs 50",
}


def blobs(rng, shape, count, narrow, wide):
    y, x = np.indices(shape)
    field = np.zeros(shape)
    for _ in range(count):
        at, radius = rng.uniform(0, shape), rng.uniform(narrow, wide)
        field += rng.uniform(-1, 1) * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * radius**2))
    return field


def texture(rng, shape, slope):
    """Noise of standard deviation 1 whose power falls as frequency to the -slope."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None]
    f = np.hypot(fy, fx)
    f[0, 0] = 1.0
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal(shape)) * f ** (-slope / 2)).real
    return (field - field.mean()) / field.std()


def specimen(kind, seed, shape):
    rng = np.random.default_rng(seed)
    if kind == "smooth":
        phase, absorption = blobs(rng, shape, 60, 8, 20), np.abs(blobs(rng, shape, 60, 8, 20))
        return 0.9 * np.exp(0.8j * phase - 0.3 * absorption)
    if kind == "sparse":
        y, x = np.indices(shape)
        field = np.ones(shape, complex)
        for _ in range(shape[0] * shape[1] // 500):
            at, radius = rng.uniform(0, shape), rng.uniform(1.5, 5)
            inside = np.clip(radius - np.hypot(y - at[0], x - at[1]) + 0.5, 0, 1)
            field *= np.exp(inside * (1.2j * rng.uniform(0.5, 1) - 0.4))
        return field
    return np.exp(0.1j * texture(rng, shape, 2.0))


def simulate(lapwing, kind, scan, dose, seed, folder):
    case = folder / "case.npz"
    source = ["--specimen", kind]
    if kind in ("smooth", "sparse", "texture"):
        side = FIELD + SIZE + 24
        # Probe and positions of a base are asked for and then not used.
        np.savez(folder / "base.npz", objectGuess=specimen(kind, seed, (side, side)).astype(np.complex64),
                 probeGuess=np.ones((SIZE, SIZE), np.complex64), ycoords=np.full(2, side / 2), xcoords=np.full(2, side / 2))
        source = ["--base", folder / "base.npz"]
    case.unlink(missing_ok=True)
    ask([lapwing, "simulate", *source, "--pattern-size", SIZE, "--field-of-view", FIELD, "--probe", "defocused",
         *shlex.split(scan), "--dose", dose, "--seed", seed, "--output", case])
    return case


def solve(lapwing, options, case, threads, folder):
    out = folder / "out"
    ask([lapwing, "reconstruct", "--quiet", *shlex.split(options), "--threads", threads, "--probe-start", "perturbed",
         "--input", case, "--output", out])
    loss = np.loadtxt(out / "loss.csv", delimiter=",", skiprows=1, ndmin=2)[:, 1]
    answer = ask([lapwing, "compare", "--reconstruction", out / "reconstruction.npz", "--truth", case, "--json"])
    ask(["rm", "-r", out])
    return {"nrmse": find(json.loads(answer), "complex_nrmse"), "diverged": not loss[-1] <= 1.5 * loss.min()}


def mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--doses", default="1000,10000,100000,1000000000")
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--objects", default=",".join(OBJECTS))
    parser.add_argument("--scans", default=",".join(SCANS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--lapwing", type=pathlib.Path, default=ROOT / "target/release/lapwing")
    parser.add_argument("--solver", action="append", metavar="NAME=OPTIONS")
    parser.add_argument("--json", type=pathlib.Path, help="write every single figure there")
    options = parser.parse_args()
    solvers = dict(text.split("=", 1) for text in options.solver) if options.solver else SOLVERS
    rows = []
    print("| specimen | dose | " + " | ".join(solvers) + " | ML / no prior | worst |")
    print("| --- | --- |" + " --- |" * (len(solvers) + 2))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for kind in options.objects.split(","):
            for dose in map(int, options.doses.split(",")):
                found = {name: [] for name in solvers}
                for scan in options.scans.split(","):
                    for seed in map(int, options.seeds.split(",")):
                        case = simulate(options.lapwing, kind, SCANS[scan], dose, seed, folder)
                        for name, how in solvers.items():
                            result = solve(options.lapwing, how, case, options.threads, folder)
                            found[name].append(result["nrmse"])
                            rows.append({"object": kind, "scan": scan, "dose": dose, "seed": seed, "solver": name, **result})
                            if result["diverged"]:
                                print(f"{kind}, {scan}, {dose}, seed {seed}: {name} diverged", file=sys.stderr, flush=True)
                ratios = [a / b for a, b in zip(found.get("ML", []), found.get("ML, no prior", []))]
                last = [f"{mean(ratios):.2f}", f"{max(ratios):.2f}"] if ratios else ["-", "-"]
                cells = [kind, f"{dose:.0e}", *(f"{mean(values):.4f}" for values in found.values()), *last]
                print("| " + " | ".join(cells) + " |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
