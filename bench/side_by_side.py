#!/usr/bin/env python3
"""The jobs of a prepared study by 1, 2, 4 and 8 processes of one thread each.

    bench/side_by_side.py PROGRAM STUDY [--rounds 3] [--processes 1,2,4,8]

STUDY is a folder that `lapwing study prepare` has made; every run works on a copy of it. In each round all numbers of
processes take a turn. Prints for each run the time, the processor time, both for each job, and what of it was not
epochs of a solver, where one process had the processor for itself; and what a process takes that finds nothing to do.
"""

import argparse
import json
import pathlib
import resource
import shutil
import subprocess
import tempfile
import time


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(program, folder, count):
    """Seconds and processor seconds of so many processes that do the jobs in a folder."""
    command = [program, "jobs", "--study", folder, "--threads", "1", "--jobs", "1", "--quiet"]
    began, before = time.time(), processor_seconds()
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(count)]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise SystemExit(f"{' '.join(map(str, command))}: exit codes {codes}")
    return time.time() - began, processor_seconds() - before


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("study", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", default="1,2,4,8")
    options = parser.parse_args()
    for _ in range(options.rounds):
        for count in map(int, options.processes.split(",")):
            with tempfile.TemporaryDirectory() as place:
                folder = shutil.copytree(options.study, pathlib.Path(place) / "study")
                seconds, processor = run(options.program.resolve(), folder, count)
                done = [json.loads(path.read_text()) for path in folder.rglob("result.json")]
                epochs = sum(job["seconds_per_epoch"] * job["loss"]["epochs"] for job in done)
                idle = run(options.program.resolve(), folder, 1)
            jobs = len(done)
            line = (
                f"{count} processes, {jobs} jobs: {seconds:.1f} s, processor {processor:.1f} s, "
                f"{processor / jobs:.3f} s a job"
            )
            if count == 1:
                line += f", {(processor - epochs) / jobs:.3f} s of it no epochs"
            print(f"{line}; nothing to do: {idle[0]:.2f} s, processor {idle[1]:.2f} s", flush=True)


if __name__ == "__main__":
    main()
