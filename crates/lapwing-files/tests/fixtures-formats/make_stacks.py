"""Makes hyperstack.tif, run.tif, ome.tif and shaped.tif with tifffile: rasters of patterns as ImageJ,
OME and tifffile say that they are some. Run: pip install numpy tifffile, then python3 make_stacks.py

Frames are those of make_fixtures.py, in three rows of four.
"""

import os
import pathlib

import numpy as np
import tifffile

os.chdir(pathlib.Path(__file__).parent)
I, Y, X = np.mgrid[:12, :10, :8]
COUNTS = 200 - 3 * (Y - 5) ** 2 - 4 * (X - 4) ** 2 + 7 * I + (5 * Y + 3 * X) % 11
CUBE = COUNTS.astype(np.uint16).reshape(3, 4, 10, 8)

# ImageJ: rows as frames, columns as slices; big-endian, as ImageJ itself writes.
IMAGEJ = dict(imagej=True, metadata={"axes": "TZCYX"}, byteorder=">")
tifffile.imwrite("hyperstack.tif", CUBE[:, :, None], **IMAGEJ)
# Beyond 4 GB ImageJ writes one directory, and the frames behind each other.
tifffile.imwrite("run.tif", CUBE[:, :, None], truncate=True, **IMAGEJ)
tifffile.imwrite("ome.tif", CUBE, ome=True, metadata={"axes": "TZYX"}, compression="zlib")
tifffile.imwrite("shaped.tif", CUBE.astype(np.float32), bigtiff=True, photometric="minisblack")

for name, pages in [("hyperstack.tif", 12), ("run.tif", 1), ("ome.tif", 12), ("shaped.tif", 12)]:
    with tifffile.TiffFile(name) as file:
        assert len(file.pages) == pages, (name, len(file.pages))
        assert np.array_equal(file.asarray().reshape(CUBE.shape), CUBE)
