#!/usr/bin/env python3
"""Whether two builds of Lapwing give the same bits: the guard of a change that is to change nothing.

    bench/same_bits.py OLD NEW [--solvers LSQML,ML,...] [--pattern-size 128] [--study STUDY.toml] [--threads N]

OLD and NEW are two programs. OLD simulates a scan; each reconstructs it with every solver, in turns, and does the
study of STUDY.toml (examples/quick.toml). Object, probe, positions and losses are compared bit for bit, the
other arrays too, but for the time and the history in the metadata. Prints a line for each solver, with the seconds of both, and one
for the study; exits with 1 where any array differs or is missing. Needs NumPy.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Told by the clock, or by the program's version.
LEFT_OUT = {"timestamp", "_metadata"}
OPTIONS = {"DM": ["--num-epochs", "10"], "RAAR": ["--num-epochs", "10"], "rPIE": ["--num-epochs", "6"], "ePIE": ["--num-epochs", "6"]}


def call(program, *words, threads=None):
    """Runs a program; returns its seconds. What it says is shown when it fails."""
    environment = dict(os.environ)
    if threads:
        environment["RAYON_NUM_THREADS"] = str(threads)
    began = time.perf_counter()
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{program} {' '.join(map(str, words))}\n{done.stderr}")
    return time.perf_counter() - began


def arrays(folder):
    """Every array of every NPZ file below a folder, by file and name."""
    found = {}
    for path in sorted(folder.rglob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            for name in file.files:
                if name not in LEFT_OUT:
                    found[f"{path.relative_to(folder)}: {name}"] = file[name]
    return found


def differences(old, new):
    """Names of the arrays that are not the same in both folders."""
    old, new = arrays(old), arrays(new)
    same = {name for name in old.keys() & new.keys() if (old[name].dtype, old[name].shape, old[name].tobytes()) == (new[name].dtype, new[name].shape, new[name].tobytes())}
    return sorted((old.keys() | new.keys()) - same), len(same)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("--solvers", default="LSQML,ML,rPIE,ePIE,DM,RAAR")
    parser.add_argument("--pattern-size", type=int, default=128)
    parser.add_argument("--study", type=pathlib.Path, default=ROOT / "examples/quick.toml")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    programs = {"old": options.old.resolve(), "new": options.new.resolve()}
    wrong = False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        scan, size = folder / "scan.npz", options.pattern_size
        call(programs["old"], "simulate", "--specimen", "cells", "--dose", "1e5", "--pattern-size", size,
             "--field-of-view", f"{size}x{size}", "--overlap", "0.7", "--output", scan)

        def told(what, seconds):
            changed, same = differences(folder / "old" / what, folder / "new" / what)
            verdict = f"{same} arrays the same" + (f", {len(changed)} differ: {', '.join(changed[:4])}" if changed else "")
            print(f"{what:8} {seconds['old']:7.2f} s {seconds['new']:7.2f} s  {verdict}", flush=True)
            return bool(changed) or same == 0

        for solver in options.solvers.split(","):
            seconds = {
                which: call(program, "reconstruct", "--input", scan, "--output", folder / which / solver, "--probe-start", "perturbed",
                            "--algorithm", solver, *OPTIONS.get(solver, []), threads=options.threads)
                for which, program in programs.items()
            }
            wrong |= told(solver, seconds)
        seconds = {
            which: call(program, "study", "run", options.study, "--output", folder / which / "study", threads=options.threads)
            for which, program in programs.items()
        }
        wrong |= told("study", seconds)
    sys.exit(int(wrong))


if __name__ == "__main__":
    main()
