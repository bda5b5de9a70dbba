#!/usr/bin/env python3
"""Reconstruct a data set of a Lapwing study with pty-chi's LSQML.

    reconstruct.py INPUT.npz START.npz OUTPUT_DIR EPOCHS

INPUT is the study's data set, of which only the patterns are read; START holds the object, probe and window centres that
Lapwing's own solvers start from. Writes OUTPUT_DIR/reconstruction.npz. Run it with the Python that has pty-chi installed.
"""

import json
import sys
from pathlib import Path

import numpy as np
import ptychi.api as api
from ptychi.api.task import PtychographyTask


def main() -> None:
    input_file, start_file, output, epochs = sys.argv[1:5]
    data, start = np.load(input_file), np.load(start_file)
    physics = json.loads(str(data["_metadata"]))["physics_parameters"]
    # Counts, zero frequency in the centre as pty-chi wants it.
    counts = (data["diffraction"].astype(np.float64) * physics["intensity_scale"]) ** 2
    obj, probe, positions = start["object"], start["probe"], start["positions"]
    rows, columns = obj.shape
    size = probe.shape[-1]
    # pty-chi has the window's corner at round(position) + rows/2 - size/2 + 1; ours is at centre - size/2.
    offset = np.array([rows // 2 + 1, columns // 2 + 1])
    centred = positions - offset

    # Our FFT is unitary, pty-chi's has no factor in the forward direction; the start probe carries the mean photons.
    factor = size * np.sqrt((np.abs(probe) ** 2).sum() / counts.sum(axis=(1, 2)).mean())

    options = api.LSQMLOptions()
    options.data_options.data = counts.astype(np.float32)
    options.object_options.initial_guess = obj[None].astype(np.complex64)
    options.object_options.pixel_size_m = 1e-8
    options.probe_options.initial_guess = (probe / factor)[None].astype(np.complex64)
    options.probe_position_options.position_y_px = centred[:, 0]
    options.probe_position_options.position_x_px = centred[:, 1]
    reconstructor = options.reconstructor_options
    reconstructor.num_epochs = int(epochs)
    reconstructor.batch_size = 100
    reconstructor.batching_mode = api.BatchingModes.COMPACT
    reconstructor.default_device = api.Devices.CPU
    reconstructor.random_seed = 1

    task = PtychographyTask(options)
    task.run()
    np.savez(
        Path(output) / "reconstruction.npz",
        reconstructed_object=task.get_data_to_cpu("object", as_numpy=True)[0].astype(np.complex64),
        reconstructed_probe=(task.get_data_to_cpu("probe", as_numpy=True)[0] * factor).astype(np.complex64),
    )


if __name__ == "__main__":
    main()
