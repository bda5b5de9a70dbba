#!/usr/bin/env python3
"""Memory, time and files of a study's report and of a comparison, by the side of the object.

    bench/large_object.py PROGRAM [--sides 3000,6000,12000] [--doses 2] [--step 100] [--folder DIR]

For each side: an object of that many pixels a side is scanned by 64 x 64 patterns far apart, a study reconstructs both
halves of the scan at each dose by two epochs of LSQML, and `lapwing report` and `lapwing compare` (of one result with
the truth) are run on what it left. Prints for each command the time and the largest memory of its own, without the
pages of mapped files, and the sizes of the page, of the figures, and of the largest result's pictures. Needs NumPy and
some 20 bytes of disk for each pixel, dose and half. With --folder the studies are kept, and those that are there are
not made again.
"""

import argparse
import pathlib
import subprocess
import tempfile
import time

import numpy as np

DESIGN = """
[study]
name = "large object"
doses = [{doses}]
views = ["baseline"]
pattern_size = 64

[base]
file = "{base}"

[scan]
kind = "raster"
step = {step}
field = [{field}, {field}]

[[solver]]
algorithm = "LSQML"
epochs = 2
"""


def make_base(path, side):
    """An object of absorbing and refracting squares, and a disc as a probe."""
    draws = np.random.default_rng(1)
    tile = np.kron(draws.normal(size=(250, 250)), np.ones((8, 8)))
    repeats = -(-side // len(tile))
    phase = 0.3 * np.tile(tile, (repeats, repeats))[:side, :side].astype("f4")
    object_ = np.exp((1j - 0.1) * phase).astype("c8")
    y, x = np.mgrid[-32:32, -32:32]
    probe = (np.hypot(y, x) < 16).astype("c8")
    np.savez(path, objectGuess=object_, probeGuess=probe)


def measured(*command):
    """Seconds, and the largest memory of its own in GB, of a command."""
    began, most = time.time(), 0
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    status = pathlib.Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        for line in status.read_text().splitlines():
            if line.startswith("RssAnon:"):
                most = max(most, int(line.split()[1]))
        time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {process.stderr.read().decode()}")
    return time.time() - began, most / 1e6


def size(paths):
    return sum(path.stat().st_size for path in paths) / 1e6


def report(program, folder, side, doses, step):
    study, base = folder / f"study_{side}", folder / f"base_{side}.npz"
    if not (study / "report").exists():
        make_base(base, side)
        design = folder / f"design_{side}.toml"
        values = ", ".join(str(1000 * 10**i) for i in range(doses))
        design.write_text(DESIGN.format(base=base.resolve(), step=step, field=side - 100, doses=values))
        spent = measured(program, "study", "run", design, "--output", study, "--jobs", "1", "--quiet")
        print(f"{side:6} px  study    {spent[0]:6.1f} s  {spent[1]:6.2f} GB", flush=True)
        base.unlink()
    spent = measured(program, "report", study)
    page = study / "report"
    sizes = f"page {size([page / 'index.html']):.2f} MB, figures {size((page / 'figures').iterdir()):.2f} MB"
    result = study / "reconstructions" / "dose_1000" / "baseline" / "train"
    sizes += f", pictures of one result {size(result.glob('*.png')):.2f} MB"
    print(f"{side:6} px  report   {spent[0]:6.1f} s  {spent[1]:6.2f} GB  {sizes}", flush=True)
    truth = study / "data" / "dose_1000" / "patched_train.npz"
    each = ["--reconstruction", result / "reconstruction.npz"]
    figure = folder / f"compare_{side}.png"
    spent = measured(program, "compare", "--truth", truth, *each, "--figure", figure)
    print(f"{side:6} px  compare  {spent[0]:6.1f} s  {spent[1]:6.2f} GB  figure {size([figure]):.2f} MB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--sides", default="3000,6000,12000")
    parser.add_argument("--doses", type=int, default=2)
    parser.add_argument("--step", type=float, default=100)
    parser.add_argument("--folder", type=pathlib.Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for side in map(int, given.sides.split(",")):
            report(given.program.resolve(), folder, side, given.doses, given.step)


if __name__ == "__main__":
    main()
