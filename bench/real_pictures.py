#!/usr/bin/env python3
"""Makes the pictures of real and of others' scans: real_pictures.py LAPWING DATA [OUT]

LAPWING is the program, DATA a folder with the scans below, OUT where the pictures go (docs/images). A scan that is not there is
passed over by name. Each picture is the `phase.png` that the command leaves, neither cropped, coloured nor scaled here: the program
draws the box of the scan's positions, phase without its mean and its ramp, in the colours of magma. It takes two minutes of
processor time (`siemens-star.png` without any option, so by ML).

siemens-star-tike.npz       X-rays, 516 patterns of 128 x 128: tests/data/siemens-star-small.npz.bz2 of
                            https://github.com/AdvancedPhotonSource/tike, unpacked (BSD-style licence)
cryo-4dstem-corner.npz      electrons, viruses and gold, 40 x 40 patterns of 128 x 128, `data` in counts of 8 bits: the corner of the
                            test scan of https://github.com/SeanXPWu/Ptycho.jl, patterns binned by two (MIT licence)
ducky-4dstem.npz            electrons, simulated by https://github.com/ophusgroup, 25 x 25 patterns of 128 x 128, `diff` (MIT
                            licence)
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
PICTURES = {
    "siemens-star.png": ("siemens-star-tike.npz", []),
    "virus-4dstem.png": (
        "cryo-4dstem-corner.npz",
        "--voltage-kv 300 --semi-angle-mrad 1.03 --scan-step-m 3.125e-9 --mrad-per-pixel 0.03308 --calibrate".split(),
    ),
    "duck-4dstem.png": (
        "ducky-4dstem.npz",
        "--inv-angstrom-per-pixel 0.025 --scan-step-m 5e-10 --calibrate --num-epochs 60".split(),
    ),
}


def main() -> None:
    program, data = (Path(word).resolve() for word in sys.argv[1:3])
    out = Path(sys.argv[3]) if len(sys.argv) > 3 else IMAGES
    for picture, (scan, options) in PICTURES.items():
        if not (data / scan).exists():
            print(f"{picture}: there is no {scan} in {data}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / "result"
            subprocess.run([program, "reconstruct", "--input", data / scan, "--output", result, *options], check=True)
            shutil.copy(result / "phase.png", out / picture)


main()
