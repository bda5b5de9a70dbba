#!/usr/bin/env python3
"""pty-chi's LSQML on the worlds of the public bench, with the option that fits each.

  ptychi_worlds.py BENCH CASE.npz [CASE.npz ...] [--fit no] [--batching random] ...

BENCH is the folder of the bench's metrics.py, whose complex error evaluate.py prints as well; the
cases are files of its gen_worlds.py. Prints one JSON line per case. Needs the Python that has
pty-chi installed. `--fit no` leaves the world's own option out.
"""
import argparse
import json
import logging
import os
import sys
import time
from importlib.metadata import version

import numpy as np
import torch

import ptychi.api as api
from ptychi import utils
from ptychi.api.task import PtychographyTask

parser = argparse.ArgumentParser()
parser.add_argument("bench")
parser.add_argument("case", nargs="+")
parser.add_argument(
    "--fit", choices=["yes", "no"], default="yes", help="the option that fits the world"
)
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--batch", type=int, default=100)
parser.add_argument("--batching", choices=["compact", "random", "uniform"], default="compact")
parser.add_argument("--momentum", type=float, help="default: 0.5 of compact batches, else 0")
parser.add_argument("--noise", choices=["gaussian", "poisson"], default="poisson")
parser.add_argument("--eigenmodes", type=int, default=3, help="drift")
parser.add_argument("--relaxation", type=float, default=1.0, help="drift: of modes and weights")
parser.add_argument("--modes", type=int, default=3, help="blur: incoherent modes")
parser.add_argument("--positions-from", type=int, default=0, help="tilted: epoch, counted from 0")
parser.add_argument("--position-step", type=float, default=1.0, help="tilted")
parser.add_argument("--position-limit", type=float, default=0.5, help="tilted: pixels per update")
parser.add_argument(
    "--clipped",
    type=float,
    default=0.1,
    help="saturated: pixels at the limit in more than this share of the patterns are masked",
)
args = parser.parse_args()
sys.path.insert(0, args.bench)
from metrics import evaluate  # noqa: E402

logging.disable(logging.WARNING)
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
momentum = args.momentum
if momentum is None:
    momentum = 0.5 if args.batching == "compact" else 0.0
WAVELENGTH, PIXEL = 1e-10, 1e-9  # ten wavelengths: paraxial


def distance(fresnel_number):
    """The path over which a pixel has this Fresnel number."""
    return PIXEL**2 / (WAVELENGTH * fresnel_number)


def along_x(probe, count):
    """The probe and its moments along x as weaker modes, each orthogonal to those before it."""
    x = np.arange(probe.shape[1]) - probe.shape[1] / 2
    modes = [probe / np.linalg.norm(probe)]
    for k in range(1, count):
        mode = probe * x**k
        for other in modes:
            mode = mode - other * np.vdot(other, mode)
        modes.append(mode / np.linalg.norm(mode))
    share = np.array([1.0] + [0.1] * (count - 1))
    share *= np.linalg.norm(probe) ** 2 / share.sum()
    return np.stack(modes) * np.sqrt(share)[:, None, None]


for path in args.case:
    case = np.load(path)
    world, truth, counts = str(case["world"]), case["object"], case["patterns"]
    near, tuned = world == "near-field", args.fit == "yes"
    side, height, width = counts.shape[-1], *truth.shape
    # The case's positions are corners of windows, pty-chi's are relative to the object's middle.
    middle = np.array([height // 2 - side // 2 + 1, width // 2 - side // 2 + 1])
    positions = case["pos_tl"] - middle
    probe = case["probe_init"][None, None].astype(np.complex64)
    slices = 2 if world == "slices" and tuned else 1

    task_options = api.LSQMLOptions()
    reconstructor = task_options.reconstructor_options
    reconstructor.num_epochs = args.epochs
    reconstructor.batch_size = args.batch
    reconstructor.batching_mode = api.BatchingModes(args.batching)
    reconstructor.noise_model = api.NoiseModels(args.noise)
    reconstructor.momentum_acceleration_gain = momentum
    reconstructor.default_device = api.Devices.CPU
    reconstructor.random_seed = 1
    data = task_options.data_options
    data.data = counts
    data.wavelength_m = WAVELENGTH
    task_options.object_options.pixel_size_m = PIXEL
    fitted = {}
    if slices == 2:
        fitted = {"slices": 2, "fresnel_number": 1 / 75}
        task_options.object_options.slice_spacings_m = [distance(1 / 75)]
    if near and tuned:
        fitted = {"fresnel_number": 0.02}
        data.free_space_propagation_distance_m = distance(0.02)
        data.fft_shift = False
        probe = probe * side  # this propagator keeps the power, the far field's does not
    if world == "drift" and tuned:
        fitted = {"eigenmodes": args.eigenmodes, "relaxation": args.relaxation}
        torch.manual_seed(1)
        modes = torch.as_tensor(probe)
        weights = task_options.opr_mode_weight_options
        if args.eigenmodes:
            modes = utils.add_additional_opr_probe_modes_to_probe(modes, args.eigenmodes)
        weights.initial_weights = utils.generate_initial_opr_mode_weights(
            len(counts), modes.shape[0], probe=modes if args.eigenmodes else None
        )
        weights.optimizable = True
        weights.optimize_eigenmode_weights = args.eigenmodes > 0
        weights.optimize_intensity_variation = True
        weights.update_relaxation = args.relaxation
        task_options.probe_options.eigenmode_update_relaxation = args.relaxation
        probe = modes.numpy()
    if world == "tilted" and tuned:
        fitted = {"step": args.position_step, "limit": args.position_limit}
        fitted |= {"affine": True, "from": args.positions_from}
        place = task_options.probe_position_options
        place.optimizable = True
        place.step_size = args.position_step
        place.optimization_plan.start = args.positions_from
        place.correction_options.update_magnitude_limit = args.position_limit
        place.affine_transform_constraint.enabled = True
        place.affine_transform_constraint.optimization_plan.start = args.positions_from
    if world == "blur" and tuned:
        fitted = {"incoherent_modes": args.modes}
        probe = along_x(case["probe_init"].astype(complex), args.modes)[None]
    if world == "saturated" and tuned:
        mask = (counts >= counts.max()).mean(0) <= args.clipped
        fitted = {"masked_pixels": int((~mask).sum())}
        data.valid_pixel_mask = mask
    task_options.object_options.initial_guess = np.ones((slices, height, width), np.complex64)
    task_options.probe_options.initial_guess = probe.astype(np.complex64)
    task_options.probe_position_options.position_y_px = positions[:, 0]
    task_options.probe_position_options.position_x_px = positions[:, 1]

    began, line = time.perf_counter(), {"case": os.path.basename(path)}
    try:
        task = PtychographyTask(task_options)
        task.run()
        found = task.get_data_to_cpu("object", as_numpy=True)
        line["complex_error"] = round(evaluate(found.prod(0), truth, case["roi"])["nrmse"], 5)
        if slices == 2:
            pairs = zip(found, case["slices"])
            line["slices"] = [round(evaluate(a, b, case["roi"])["nrmse"], 5) for a, b in pairs]
        if world == "tilted" and tuned:
            y = task.get_probe_positions_y(as_numpy=True)
            x = task.get_probe_positions_x(as_numpy=True)
            off = np.stack([y, x], 1) + middle - case["true_pos_tl"]
            off -= off.mean(0)
            line["position_rms"] = round(float(np.sqrt((off**2).sum(1).mean())), 3)
    except Exception as error:  # what pty-chi refuses is a result too
        line["error"] = f"{type(error).__name__}: {error}"
    line |= {"fit": fitted, "noise": args.noise, "batching": args.batching, "momentum": momentum}
    line |= {"batch": args.batch, "epochs": args.epochs}
    line |= {"seconds": round(time.perf_counter() - began, 1)}
    line |= {"ptychi": version("ptychi"), "torch": torch.__version__}
    print(json.dumps(line), flush=True)
