#!/usr/bin/env python3
"""Speed, memory and quality of Lapwing's solvers beside pty-chi's LSQML on the same data sets, run in turns.

    bench/solvers.py CASE.npz [CASE.npz ...] [--solvers LSQML,ML] [--epochs 50] [--rounds 1] [--threads 2] [--clock] [--lapwing PATH] [--ptychi-python PATH]

A case is a study data set with known dose scale, the truth as `objectGuess` and a start probe as `probeGuess`, as `lapwing
simulate` writes it. Every solver starts from that probe and a flat object. pty-chi runs as its authors advise for averaging
noise: batches of 100 neighbours with momentum 0.5; it is left out where no Python that has it is named. Each run is a process of its
own; the time of an epoch is the mean over the run, without reading files. Quality is the complex NRMSE of `lapwing
compare`, the same for all. Needs NumPy. Prints a Markdown table.

With --clock the question is how soon: pty-chi runs --epochs, and each of Lapwing's solvers as few epochs as bring it to the same
NRMSE or better, found by bisection; the run of so many is timed --rounds times.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent

PTYCHI = """
import json, logging, resource, sys, time
import numpy as np, torch
import ptychi.api as api
from ptychi.api.task import PtychographyTask

source, target, epochs, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
logging.disable(logging.WARNING)
torch.set_num_threads(threads)
with np.load(source) as case:
    counts, probe = case["counts"], case["probe"]
    rows, columns = (int(side) for side in case["shape"])
    y, x = case["y"], case["x"]
size = counts.shape[-1]
options = api.LSQMLOptions()
options.data_options.data = counts
options.object_options.initial_guess = np.ones((1, rows, columns), np.complex64)
options.object_options.pixel_size_m = 1e-8
options.probe_options.initial_guess = probe[None]
# pty-chi counts positions from the middle of the object, a pixel further than the centre of an even window.
options.probe_position_options.position_y_px = y - round(rows / 2) - 1
options.probe_position_options.position_x_px = x - round(columns / 2) - 1
solver = options.reconstructor_options
solver.num_epochs, solver.batch_size, solver.random_seed = epochs, 100, 1
solver.batching_mode = api.BatchingModes.COMPACT
solver.momentum_acceleration_gain = 0.5
solver.default_device = api.Devices.CPU
np.random.seed(1)
task = PtychographyTask(options)
start = time.perf_counter()
task.run(epochs)
seconds = (time.perf_counter() - start) / epochs
np.savez(target, reconstructed_object=task.get_data_to_cpu("object", as_numpy=True)[0].astype(np.complex64))
print(json.dumps({"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6}))
"""


def hand_over(case, path):
    """Counts, probe and positions of a data set for pty-chi, whose transform has no factor."""
    with np.load(case, allow_pickle=False) as data:
        scale = float(json.loads(str(data["_metadata"]))["physics_parameters"]["intensity_scale"])
        counts = np.rint((data["diffraction"].astype(np.float64) * scale) ** 2).astype(np.float32)
        size = counts.shape[-1]
        probe = np.asarray(data["probeGuess"]).reshape(-1, size, size) * np.complex64(scale / size)
        np.savez(path, counts=counts, probe=probe, shape=data["objectGuess"].shape, y=data["ycoords"], x=data["xcoords"])
        return len(counts)


def ask(command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout


def quality(lapwing, reconstruction, case):
    answer = json.loads(ask([lapwing, "compare", "--reconstruction", reconstruction, "--truth", case, "--json"]))
    return find(answer, "complex_nrmse")


def find(tree, key):
    if isinstance(tree, dict):
        if key in tree:
            return tree[key]
        tree = list(tree.values())
    for branch in tree if isinstance(tree, list) else []:
        if (found := find(branch, key)) is not None:
            return found
    return None


def run_lapwing(lapwing, algorithm, case, epochs, threads, folder):
    out = folder / "lapwing"
    ask([lapwing, "reconstruct", "--quiet", "--algorithm", algorithm, "--num-epochs", epochs, "--threads", threads,
         "--input", case, "--output", out])
    result = json.loads((out / "result.json").read_text())
    nrmse = quality(lapwing, out / "reconstruction.npz", case)
    ask(["rm", "-r", out])
    return {"seconds": result["seconds_per_epoch"], "memory": result["peak_memory_mb"], "nrmse": nrmse}


def run_ptychi(python, lapwing, case, epochs, threads, folder):
    data, out = folder / "case.npz", folder / "ptychi.npz"
    answer = json.loads(ask([python, "-W", "ignore", "-c", PTYCHI, data, out, epochs, threads]).splitlines()[-1])
    with np.load(case) as truth, np.load(out) as found:
        np.savez(out, reconstructed_object=found["reconstructed_object"],
                 positions=np.stack([truth["ycoords"], truth["xcoords"]], axis=1))
    return {**answer, "nrmse": quality(lapwing, out, case)}


def reach(run, goal, epochs):
    """Fewest epochs that bring a solver to `goal`, up to twice `epochs`, as if its error only fell; None where they do not."""
    short = 0
    for enough in sorted({8, 16, 32, 64, epochs, 2 * epochs}):
        if enough <= 2 * epochs and run(enough)["nrmse"] <= goal:
            break
        short = enough
    else:
        return None
    while enough - short > 1:
        middle = (enough + short) // 2
        if run(middle)["nrmse"] <= goal:
            enough = middle
        else:
            short = middle
    return enough


def clock(case, runs, options):
    """One row for pty-chi after its epochs, one for each of Lapwing's solvers when it is as good."""
    theirs = runs.pop("pty-chi LSQML")(options.epochs)
    goal, seconds = theirs["nrmse"], theirs["seconds"] * options.epochs
    print(f"| {case.name} | pty-chi LSQML | {options.epochs} | {seconds:.2f} | {goal:.4f} | 1 |", flush=True)
    for name, run in runs.items():
        epochs = reach(run, goal, options.epochs)
        if epochs is None:
            print(f"| {case.name} | {name} | - | - | not reached | - |", flush=True)
            continue
        rows = [run(epochs) for _ in range(options.rounds)]
        middle = epochs * statistics.median(row["seconds"] for row in rows)
        error = rows[0]["nrmse"]
        print(f"| {case.name} | {name} | {epochs} | {middle:.3f} | {error:.4f} | {seconds / middle:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", type=pathlib.Path, metavar="CASE.npz")
    parser.add_argument("--solvers", default="LSQML,ML", help="Lapwing's, as --algorithm names them, by commas")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=1, help="runs of every solver; medians are printed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", action="store_true", help="how long Lapwing needs to be as good as pty-chi after --epochs")
    parser.add_argument("--lapwing", type=pathlib.Path, default=ROOT / "target/release/lapwing")
    parser.add_argument("--ptychi-python", type=pathlib.Path, help="a Python that has pty-chi")
    options = parser.parse_args()
    if options.clock and not options.ptychi_python:
        parser.error("--clock compares with pty-chi: name a Python that has it with --ptychi-python")
    if options.clock:
        print("| case | solver | epochs | seconds | complex NRMSE | times sooner |")
        print("| --- | --- | --- | --- | --- | --- |")
    else:
        print("| case | solver | us per pattern and epoch | peak memory, MB | complex NRMSE |")
        print("| --- | --- | --- | --- | --- |")
    for case in options.cases:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            patterns = hand_over(case, folder / "case.npz")
            common = (options.threads, folder)
            runs = {
                f"Lapwing {solver}": lambda epochs, solver=solver: run_lapwing(options.lapwing, solver, case, epochs, *common)
                for solver in options.solvers.split(",")
            }
            if options.ptychi_python:
                runs["pty-chi LSQML"] = lambda epochs: run_ptychi(options.ptychi_python, options.lapwing, case, epochs, *common)
            if options.clock:
                clock(case, runs, options)
                continue
            results = {name: [] for name in runs}
            for _ in range(options.rounds):
                for name, run in runs.items():
                    results[name].append(run(options.epochs))
            for name, rows in results.items():
                middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
                micros = middle["seconds"] / patterns * 1e6
                print(f"| {case.name} | {name} | {micros:.0f} | {middle['memory']:.0f} | {middle['nrmse']:.4f} |", flush=True)


if __name__ == "__main__":
    main()
