#!/usr/bin/env python3
"""What slow variations, further scans, and terms at values that change nothing cost: processor time of an epoch over
that without them.

    bench/term_costs.py LAPWING [--rounds 3] [--ways neutral,...]

LAPWING is the program. 400 simulated patterns of 64 px, whole and as two files; of every way 60 epochs less 20, in turns,
the median of the rounds. Prints the ratio, and those of the rounds. Needs NumPy; a busy machine makes it noisy.
"""

import argparse
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

import numpy as np

NEUTRAL = ("--fly 0,0 --detector-blur 0 --slices 1 --probe-modes 1 --probe-eigenmodes 0 --vary-power=false "
           "--refine-scan none --saturation auto --choose none")
WAYS = {
    "none": ("all", ""),
    "neutral": ("all", NEUTRAL),
    "--probe-eigenmodes 2": ("all", "--probe-eigenmodes 2"),
    "the same, slow": ("all", "--probe-eigenmodes 2 --probe-variation slow"),
    "--vary-power": ("all", "--vary-power"),
    "the same, slow ": ("all", "--vary-power --probe-variation slow"),
    "--join": ("a", "--join {}/b.npz"),
    "--join, one probe": ("a", "--join {}/b.npz --scan-probes shared"),
}
SOLVERS = {"ML": "--prior 20", "LSQML": ""}


def processor_time(*words):
    """Seconds that the program computes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run([*map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stderr}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", default=",".join(WAYS))
    asked = parser.parse_args()
    ways = {way: of for way, of in WAYS.items() if way == "none" or way in asked.ways.split(",")}
    with tempfile.TemporaryDirectory() as folder:
        processor_time(asked.program, "simulate", "--specimen", "cells", "--pattern-size", 64, "--overlap", 0.7,
                       "--field-of-view", "190x190", "--dose", 1e4, "--seed", 1, "--output", f"{folder}/all.npz")
        whole = dict(np.load(f"{folder}/all.npz", allow_pickle=True))
        n = len(whole["xcoords"])
        for name, part in (("a", slice(0, n // 2)), ("b", slice(n // 2, n))):
            cut = {key: value[part] if value.shape[:1] == (n,) else value for key, value in whole.items()}
            np.savez(f"{folder}/{name}.npz", **cut)

        def epoch(algorithm, file, options):
            times = []
            for epochs in (20, 60):
                with tempfile.TemporaryDirectory() as result:
                    words = f"--algorithm {algorithm} {SOLVERS[algorithm]} --threads 2 --quiet {options.format(folder)}"
                    times.append(processor_time(asked.program, "reconstruct", "--input", f"{folder}/{file}.npz", "--epochs", epochs,
                                                "--output-dir", f"{result}/r", *words.split()))
            return (times[1] - times[0]) / 40

        for algorithm in SOLVERS:
            rounds = [{way: epoch(algorithm, *of) for way, of in ways.items()} for _ in range(asked.rounds)]
            usual = statistics.median(round_["none"] for round_ in rounds)
            for way in ways:
                each = [round_[way] / usual for round_ in rounds]
                print(f"{algorithm} {way}: {statistics.median(each):.2f} ({', '.join(f'{one:.2f}' for one in each)})", flush=True)


if __name__ == "__main__":
    main()
