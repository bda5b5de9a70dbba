#!/usr/bin/env python3
"""Probes that vary along a scan: the complex error without, with free and with slow variations.

    bench/slow_variations.py LAPWING [--kinds wave,mild,fade,jumpy] [--photons 1e3,1e4] [--seeds 1,2]

LAPWING is the program. It simulates cells of 64 px patterns; at whole pixels of these the patterns are made anew with a
probe that goes over to one of another focus: by half of it and back twice (wave), by two fifths and a fifth less power
(mild), wholly from the first pattern to the last (slow), by another share in every pattern (jumpy), or whose beam loses
half of its power (fade). ML with its defaults and LSQML reconstruct with the options that fit. Prints geometric means
over the seeds. Needs NumPy.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

SIDE = 64
OPTIONS = {"fade": ["--vary-power"], "mild": ["--probe-eigenmodes", "1", "--vary-power"]}


def call(program, *words):
    """Runs the program and returns what it prints."""
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program} {' '.join(map(str, words))}\n{done.stderr}")
    return done.stdout


def variation(kind, n, seed):
    """Share of the other probe, and the beam's power, in every pattern."""
    along = (np.arange(n) + 0.5) / n
    share, power = np.zeros(n), np.ones(n)
    if kind == "slow":
        share = along
    elif kind == "mild":
        share, power = 0.4 * along, 1 - 0.2 * along
    elif kind == "wave":
        share = 0.25 * (1 + np.sin(4 * np.pi * along))
    elif kind == "fade":
        power = 1 - 0.5 * along
    elif kind == "jumpy":
        share = np.random.default_rng(seed + 100).random(n)
    return share, power


def scan(base, path, kind, photons, seed):
    """Writes the scan of one kind from the simulated `base`."""
    with np.load(base, allow_pickle=True) as file:
        truth, probe, x, y = (file[name] for name in ("objectGuess", "probeGuess", "xcoords", "ycoords"))
    probe = probe if probe.ndim == 2 else probe[0]
    x, y = np.rint(x), np.rint(y)
    frequency = np.fft.fftfreq(SIDE)
    squared = frequency[:, None] ** 2 + frequency[None] ** 2
    other = 0.9 * np.fft.ifft2(np.fft.fft2(probe) * np.exp(-60j * np.pi * squared))
    share, power = variation(kind, len(x), seed)
    intensity = []
    for j in range(len(x)):
        row, column = int(y[j]) - SIDE // 2, int(x[j]) - SIDE // 2
        wave = ((1 - share[j]) * probe + share[j] * other) * np.sqrt(power[j])
        wave = wave * truth[row : row + SIDE, column : column + SIDE]
        intensity.append(np.abs(np.fft.fftshift(np.fft.fft2(wave, norm="ortho"))) ** 2)
    intensity = np.array(intensity)
    intensity *= photons * len(x) / intensity.sum()
    counts = np.random.default_rng(seed + 200).poisson(intensity).astype(np.float32)
    np.savez(path, diffraction=counts, objectGuess=truth, probeGuess=probe, xcoords=x, ycoords=y)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--kinds", default="wave,mild,fade,jumpy")
    parser.add_argument("--photons", default="1e3,1e4")
    parser.add_argument("--seeds", default="1,2")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for kind in asked.kinds.split(","):
            varies = OPTIONS.get(kind, ["--probe-eigenmodes", "1"])
            ways = {"none": [], "free": varies, "slow": [*varies, "--probe-variation", "slow"]}
            for photons in map(float, asked.photons.split(",")):
                for algorithm in ("ML", "LSQML"):
                    told = []
                    for way, options in ways.items():
                        errors = []
                        for seed in map(int, asked.seeds.split(",")):
                            base, path = folder / f"base{seed}.npz", folder / "scan.npz"
                            if not base.exists():
                                call(asked.program, "simulate", "--specimen", "cells", "--pattern-size", SIDE, "--overlap", 0.7,
                                     "--field-of-view", 160, "--dose", 1e4, "--seed", seed, "--output", base)
                            scan(base, path, kind, photons, seed)
                            made = call(asked.program, "reconstruct", path, "--output", folder / f"{algorithm}{way}{seed}", "--quantity", "counts",
                                        "--algorithm", algorithm, "--compare", "--json", *options)
                            errors.append(json.loads(made)["comparison"]["metrics"]["complex_nrmse"])
                        told.append(f"{way} {np.exp(np.mean(np.log(errors))):.4f}")
                    print(f"{kind}, {photons:g} photons, {algorithm}: {', '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
