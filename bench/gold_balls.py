#!/usr/bin/env python3
"""A base for simulations from a measured reconstruction with two probe modes: bench/gold_balls.py RECONSTRUCTION.mat BASE.npz

The file is one of cdtools' (MATLAB v5) with `obj`, `probe` (mode, y, x), `translation` and `basis` in metres; its object carries a rim on
every side that no window reached, which is cut off but for 8 px. Needs NumPy and SciPy. Then

    lapwing simulate --base BASE.npz --dose 1e5 --output case.npz
    lapwing reconstruct --algorithm ML --probe-modes 2 --probe-start perturbed --input case.npz --output two --compare
"""

import sys

import numpy as np
import scipy.io

RIM = 8

source, target = sys.argv[1:]
data = scipy.io.loadmat(source)
obj, probe = data["obj"], data["probe"]
size = probe.shape[-1]
# The columns of the basis are the steps of a pixel along rows and along columns of the arrays.
steps = np.linalg.lstsq(data["basis"].astype(float), data["translation"].astype(float).T, rcond=None)[0].T
corner = steps - steps.min(axis=0)
extent = np.ceil(corner.max(axis=0)).astype(int) + size
rim = (np.array(obj.shape) - extent) // 2 - RIM
rows, columns = (slice(start, start + length + 2 * RIM) for start, length in zip(rim, extent))
centre = corner + RIM + size // 2
np.savez(target, objectGuess=obj[rows, columns].astype(np.complex64), probeGuess=probe.astype(np.complex64),
         ycoords=centre[:, 0], xcoords=centre[:, 1])
print(f"object {obj[rows, columns].shape}, probe {probe.shape}, {len(centre)} positions")
