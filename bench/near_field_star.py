#!/usr/bin/env python3
"""The picture of a near-field scan in docs/solvers.md.

    bench/near_field_star.py LAPWING petra3-p25-near-field.cxi docs/images/near-field-star.png

The scan is part of the data of N. Samadi and others, Zenodo 10.5281/zenodo.17899482, CC BY 4.0. Needs Pillow.
"""
import os
import subprocess
import sys
import tempfile

from PIL import Image

lapwing, scan, out = sys.argv[1:4]
with tempfile.TemporaryDirectory() as folder:
    made = os.path.join(folder, "star")
    options = ["--refine-scan", "positions", "--probe-modes", "2", "--probe-eigenmodes", "2"]
    subprocess.run([lapwing, "reconstruct", "--input", scan, "--output", made, *options], check=True)
    overview = Image.open(os.path.join(made, "overview.png")).convert("RGB")
# Amplitude and phase are the upper row.
overview.crop((0, 0, overview.width, 335)).save(out, optimize=True)
