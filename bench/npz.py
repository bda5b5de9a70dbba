#!/usr/bin/env python3
"""Time and memory of Lapwing's NPZ reader beside numpy.load, in one run, each file read by both in turns.

    bench/npz.py [--rounds 5] [--cold] [--scale 1.0] [--keep DIR] [--only TEXT]

Makes a stored archive of 2 GB and a deflated one of 500 MB (times --scale) in a temporary folder, which it removes; with --keep
they stay in DIR and are used again by the next run. Needs NumPy, cargo and about 4 GB of disk and of memory. Each reading is a process of its own; its time runs from opening the file to
the whole array in memory, without the start of the process. Files are in the page cache unless --cold, which drops them before
every reading.
"""

import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import zlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent

NUMPY = """
import sys, time
import numpy as np
how, path, key = sys.argv[1:]
start = time.perf_counter()
array = np.load(path)[key]
if how == "f32":
    array = array.astype(np.float32)
seconds = time.perf_counter() - start
status = open("/proc/self/status").read()
peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
print(seconds, array.nbytes, peak)
"""


def patterns():
    """256 far-field patterns of 256 x 256 in photon counts: a bright disc, speckle around it, few photons outside."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[-128:128, -128:128]
    envelope = 60.0 / (1.0 + (np.hypot(y, x) / 20.0) ** 2.5) + 0.3
    speckle = rng.exponential(1.0, (256, 256, 256))
    return rng.poisson(envelope * speckle).astype(np.uint16)


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]}: {done.stderr}")
    seconds, size, peak = done.stdout.split()
    return float(seconds), int(size), int(peak)


def forget(path):
    """Drops the file from the page cache."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the files, 1 by default")
    parser.add_argument("--cold", action="store_true", help="read from the disk, not from the page cache")
    parser.add_argument("--keep", metavar="DIR", help="make the files in DIR, and leave them there for the next run")
    parser.add_argument("--only", metavar="TEXT", default="", help="only the cases whose name holds TEXT")
    options = parser.parse_args()

    cargo = ["cargo", "build", "--release", "--quiet", "-p", "lapwing-files", "--example", "time_read"]
    subprocess.run(cargo, cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    reader = str(target / "release" / "examples" / "time_read")

    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(options.keep or stack.enter_context(tempfile.TemporaryDirectory()))
        counts = patterns()
        amplitude = np.sqrt(counts.astype(np.float32)) / np.float32(700)
        packed = len(zlib.compress(amplitude[:32].tobytes())) / amplitude[:32].nbytes

        def make(name, base, size, save):
            path = folder / name
            n = max(1, round(size * options.scale / base[0].nbytes))
            if not path.exists():
                # In pixels of the object: any that are there.
                places = np.full(n, 200.0)
                part = folder / f"part-{name}"
                save(part, diffraction=base[np.arange(n) % len(base)], xcoords=places, ycoords=places)
                part.rename(path)
            print(f"{name}: {path.stat().st_size / 1e6:.0f} MB, {n} patterns of {base.dtype}", flush=True)
            return path

        stored = make("stored.npz", amplitude, 2e9, np.savez)
        whole = make("stored_uint16.npz", counts, 5e8, np.savez)
        deflated = make("deflated.npz", amplitude, 5e8 / packed, np.savez_compressed)

        cases = [
            ("stored float32", "read", stored),
            ("deflated float32", "read", deflated),
            ("stored uint16 to float32", "f32", whole),
            ("stored float32, whole data set", "dataset", stored),
            ("deflated float32, whole data set", "dataset", deflated),
            ("stored uint16, whole data set", "dataset", whole),
        ]
        print(f"\n{'cold' if options.cold else 'warm'} page cache, {os.cpu_count()} cores, medians of {options.rounds} rounds")
        print("| file | numpy.load | Lapwing | NumPy / Lapwing (lowest to highest) | peak / stack, NumPy | Lapwing |")
        print("| --- | --- | --- | --- | --- | --- |")
        for name, how, path in (case for case in cases if options.only in case[0]):
            theirs, ours = [], []
            command = [reader, how, str(path)] + ([] if how == "dataset" else ["diffraction"])
            numpy = [sys.executable, "-c", NUMPY, "read" if how == "read" else "f32", str(path), "diffraction"]
            if not options.cold:
                run(command)
            for _ in range(options.rounds):
                for times, what in ((theirs, numpy), (ours, command)):
                    if options.cold:
                        forget(path)
                    times.append(run(what))
            ratios = sorted(a[0] / b[0] for a, b in zip(theirs, ours))
            seconds = [statistics.median(row[0] for row in rows) for rows in (theirs, ours)]
            peaks = [max(row[2] / row[1] for row in rows) for rows in (theirs, ours)]
            print(
                f"| {name} | {seconds[0]:.2f} s | {seconds[1]:.2f} s "
                f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) "
                f"| {peaks[0]:.2f} | {peaks[1]:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
