#!/usr/bin/env python3
"""Makes sunflower.npz, a simulated 4D-STEM scan as an instrument leaves it: a raw stack of counts, and nothing that says how to read it.

    examples/electrons/make.py [OUT.npz]

Atoms that lie like the seeds of a sunflower, every third of them heavy; 80 kV, 20 mrad, 200 A out of focus, 24 x 24 positions 2 A apart on a
raster that is turned by 30 degrees against the detector, 64 x 64 pixels of 1.305 mrad, 2,000 electrons each. Needs NumPy.
"""

import sys

import numpy as np

WAVELENGTH = 0.041757  # Angstrom, 80 kV
PIXEL = 0.5  # Angstrom, of the object
SIDE = 64  # of a pattern
SEMI_ANGLE = 20e-3  # rad
DEFOCUS = -200.0  # Angstrom
STEP = 2.0  # Angstrom
SCAN = 24  # positions along each side
TURN = np.deg2rad(30.0)
ELECTRONS = 2000
SIZE = 256  # pixels of the simulated object

random = np.random.default_rng(2)


def atoms():
    """(y, x) in Angstrom from the middle, and the phase of every atom: seeds of a sunflower, every third of them heavy."""
    index = np.arange(1, 100)
    radius, angle = 1.5 * np.sqrt(index), index * np.pi * (3 - np.sqrt(5))
    return np.stack([radius * np.sin(angle), radius * np.cos(angle), np.where(index % 3 == 0, 1.2, 0.6)], axis=1)


def transmission():
    axis = (np.arange(SIZE) - SIZE // 2) * PIXEL
    phase = np.zeros((SIZE, SIZE))
    for y, x, height in atoms():
        phase += height * np.exp(-((axis[:, None] - y) ** 2 + (axis[None, :] - x) ** 2) / (2 * 0.5**2))
    return np.exp(1j * phase)


def main():
    frequency = np.fft.fftfreq(SIDE, PIXEL)
    fy, fx = frequency[:, None], frequency[None, :]
    angle = WAVELENGTH * np.hypot(fy, fx)
    pupil = (angle < SEMI_ANGLE) * np.exp(-1j * np.pi / WAVELENGTH * DEFOCUS * angle**2)
    specimen = transmission()
    stack = np.zeros((SCAN, SCAN, SIDE, SIDE), np.uint8)
    for row in range(SCAN):
        for column in range(SCAN):
            y, x = (row - (SCAN - 1) / 2) * STEP, (column - (SCAN - 1) / 2) * STEP
            y, x = np.cos(TURN) * y - np.sin(TURN) * x, np.sin(TURN) * y + np.cos(TURN) * x
            whole_y, whole_x = round(y / PIXEL), round(x / PIXEL)
            # The rest of the way is the probe's, by the shift theorem.
            rest = np.exp(-2j * np.pi * (fy * (y - whole_y * PIXEL) + fx * (x - whole_x * PIXEL)))
            probe = np.fft.fftshift(np.fft.ifft2(pupil * rest))
            top, left = (SIZE // 2 + whole - SIDE // 2 for whole in (whole_y, whole_x))
            wave = np.fft.fft2(probe * specimen[top : top + SIDE, left : left + SIDE])
            intensity = np.fft.fftshift(np.abs(wave) ** 2)
            stack[row, column] = random.poisson(intensity * (ELECTRONS / intensity.sum())).clip(0, 255)
    np.savez_compressed(sys.argv[1] if len(sys.argv) > 1 else "sunflower.npz", data=stack)


main()
