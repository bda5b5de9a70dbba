#!/usr/bin/env python3
"""The way of a stranger, timed: from a wheel or a program to the first image.

    packaging/stranger.py lapwing-0.1.0-cp310-abi3-linux_x86_64.whl
    packaging/stranger.py lapwing

Installs a wheel into a fresh virtual environment (a program needs no installation), then types the
lines of docs/start/xray.md one by one in an empty folder, up to the first image and on to the end.
Prints for each the time on the clock and of the processor (user and system), the size of what was
given, and for a wheel the median of fifteen imports. Ends with 1 where a line fails or no image
comes.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGE = "result/phase.png"


def timed(what, command, folder, path):
    """Runs a command for a shell; its seconds on the clock and of the processor."""
    environment = os.environ | {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True)
    clock, after = time.perf_counter() - start, os.times()
    if done.returncode:
        sys.exit(f"{command}\n{done.stderr.decode()}")
    processor = after[2] + after[3] - before[2] - before[3]
    if what:
        print(f"{clock:7.1f} s {processor:7.1f} s  {what}", flush=True)
    return clock, processor, done.stdout.decode()


def imports(python, folder, path):
    """Milliseconds of the package's import, on the clock and of the processor, of 15 processes."""
    clocks = "time.perf_counter(), time.process_time()"
    code = f"import time; a = {clocks}; import lapwing; b = {clocks}; "
    code += "print(b[0] - a[0], b[1] - a[1])"
    each = [timed("", f"{python} -c '{code}'", folder, path)[2].split() for _ in range(15)]
    return [[1000 * float(pair[which]) for pair in each] for which in (0, 1)]


def main():
    given = Path(sys.argv[1]).resolve()
    print(f"{given.name}: {given.stat().st_size / 1e6:.1f} MB, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as folder:
        total = [0.0, 0.0]

        def step(what, command, path):
            for index, seconds in enumerate(timed(what, command, work, path)[:2]):
                total[index] += seconds

        work = Path(folder, "work")
        work.mkdir()
        print("  clock  processor")
        if given.suffix == ".whl":
            path = Path(folder, "venv", "bin")
            step("python3 -m venv", f"{sys.executable} -m venv {path.parent}", path)
            step("pip install", f"{path}/pip install --quiet --no-cache-dir {given}", path)
        else:
            path = Path(folder, "bin")
            path.mkdir()
            (path / "lapwing").symlink_to(given)
        page = (ROOT / "docs/start/xray.md").read_text().replace("\\\n", " ")
        blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
        lines = [line for block in blocks for line in block.splitlines()]
        seen = False
        for line in lines:
            step(" ".join(line.split()), line, path)
            if not seen and (work / IMAGE).exists():
                seen = True
                print(f"{total[0]:7.1f} s {total[1]:7.1f} s  from nothing to the first image")
        if not seen:
            sys.exit(f"no {IMAGE} came")
        print(f"{total[0]:7.1f} s {total[1]:7.1f} s  the whole page")
        if given.suffix == ".whl":
            for of, found in zip(["clock", "processor"], imports(path / "python", work, path)):
                told = f"{statistics.median(found):.0f} ms ({min(found):.0f} to {max(found):.0f})"
                print(f"import lapwing, {of}: {told}, the median of 15")


main()
