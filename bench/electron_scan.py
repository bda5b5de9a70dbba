#!/usr/bin/env python3
"""A low-dose electron scan as a study data set, and the picture of its reconstructions in docs/solvers.md.

    bench/electron_scan.py data SCAN.npz OUT.npz
    bench/electron_scan.py picture docs/images/electron-scan.png RECONSTRUCTION.npz [RECONSTRUCTION.npz ...]

SCAN.npz holds `data` (slow scan, fast scan, detector row, detector column) in counts of the detector: the corner of the test scan of
Ptycho.jl (MIT licence; frozen viruses and gold particles, 300 kV), cut to 40 x 40 positions and binned to 128 px. Its geometry is below; which of
the sixteen transpositions, rotations and signs is right was found by the loss of short reconstructions. Then

    lapwing reconstruct --input OUT.npz --output ml --probe-start file --algorithm ML
    lapwing reconstruct --input OUT.npz --output lsqml --probe-start file

The picture shows the phases side by side on one grey scale. A constant and a slope over the scan, which no data tell, are taken out. Needs NumPy.
"""

import argparse
import json
import struct
import zlib

import numpy as np

WAVELENGTH = 0.0197  # Angstrom, 300 kV
PIXEL = 4.65  # Angstrom, of the object
STEP = 31.25  # Angstrom, of the scan
SEMI_ANGLE = 1.03e-3  # rad
DEFOCUS = -13.5e4  # Angstrom
ROTATION = np.deg2rad(126.0)  # of the scan against the detector, after its axes are exchanged
MARGIN = 70.0  # px from the object's corner to the first window's centre

CROP = 280  # px of the object in the picture, around the middle of the scan
RANGE = (-0.15, 0.3)  # rad, black and white
GREYS = 52
GAP = 6  # px between pictures


def data(source, target):
    with np.load(source) as scan:
        counts = scan["data"]
    slow, fast, size, _ = counts.shape
    counts = counts.reshape(-1, size, size).astype(float)
    i, k = np.indices((slow, fast))
    # The slow axis runs along x.
    y, x = ((index.ravel() - n / 2) * STEP / PIXEL for index, n in ((k, fast), (i, slow)))
    cos, sin = np.cos(ROTATION), np.sin(ROTATION)
    y, x = cos * y - sin * x, sin * y + cos * x

    frequency = (np.arange(size) - size // 2) / (size * PIXEL)
    angle = WAVELENGTH * np.hypot(frequency[:, None], frequency[None, :])
    pupil = (angle < SEMI_ANGLE) * np.exp(-1j * np.pi / WAVELENGTH * DEFOCUS * angle**2)
    probe = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(pupil)))
    probe /= np.sqrt((np.abs(probe) ** 2).sum())

    mean = counts.sum() / len(counts)
    scale = np.sqrt(mean)
    physics = {"nphotons": mean, "N": size, "gridsize": 1, "intensity_scale": scale}
    np.savez(target, diffraction=(np.sqrt(counts) / scale).astype(np.float32), probeGuess=probe.astype(np.complex64),
             xcoords=x - x.min() + MARGIN, ycoords=y - y.min() + MARGIN,
             _metadata=json.dumps({"schema_version": "1.0.0", "physics_parameters": physics}))


def phase(path):
    """Phase in the middle of the scan, without constant and slope."""
    with np.load(path, allow_pickle=False) as file:
        field, places = file["reconstructed_object"], file["positions"]
        origin = file["reconstructed_object_origin"]
    middle = np.rint(places.mean(axis=0) - origin).astype(int)
    rows, columns = (slice(at - CROP // 2, at + CROP // 2) for at in middle)
    field = field[rows, columns].astype(complex)
    y, x = np.indices(field.shape)
    terms = np.stack([np.ones(field.size), y.ravel(), x.ravel()], axis=1)
    field /= field.mean()
    for _ in range(5):
        plane = np.linalg.lstsq(terms, np.angle(field).ravel(), rcond=None)[0]
        field *= np.exp(-1j * (terms @ plane)).reshape(field.shape)
    return np.angle(field)


def picture(target, paths):
    low, high = RANGE
    panels = []
    for path in paths:
        grey = np.clip((phase(path) - low) / (high - low), 0, 1)
        grey = np.rint(grey * (GREYS - 1)) * (255 // (GREYS - 1))
        panels += [grey.astype(np.uint8), np.full((CROP, GAP), 255, np.uint8)]
    image = np.concatenate(panels[:-1], axis=1)
    height, width = image.shape

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    lines = b"".join(b"\0" + row.tobytes() for row in image)
    with open(target, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(lines, 9)))
        file.write(chunk(b"IEND", b""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("data", help="make the data set")
    make.add_argument("source", metavar="SCAN.npz")
    make.add_argument("target", metavar="OUT.npz")
    draw = commands.add_parser("picture", help="draw reconstructions of it side by side")
    draw.add_argument("target", metavar="OUT.png")
    draw.add_argument("reconstructions", nargs="+", metavar="RECONSTRUCTION.npz")
    options = parser.parse_args()
    if options.command == "data":
        data(options.source, options.target)
    else:
        picture(options.target, options.reconstructions)


if __name__ == "__main__":
    main()
