"""Makes series_master.h5 and its series_data_000001.h5 to series_data_000003.h5 with h5py and
hdf5plugin, after the layout of DECTRIS' file writer (SIMPLON manual, section 4.7.5): three triggers
of four frames each, Zstandard behind bitshuffle. Run: pip install numpy h5py hdf5plugin, then
python3 make_series.py

Frames are those of make_fixtures.py.
"""

import os
import pathlib

import h5py
import hdf5plugin
import numpy as np

os.chdir(pathlib.Path(__file__).parent)
N, H, W = 12, 10, 8
I, Y, X = np.mgrid[:N, :H, :W]
COUNTS = 200 - 3 * (Y - 5) ** 2 - 4 * (X - 4) ** 2 + 7 * I + (5 * Y + 3 * X) % 11

for k in (1, 2, 3):
    with h5py.File(f"series_data_{k:06d}.h5", "w", libver="latest") as f:
        part = COUNTS[4 * k - 4 : 4 * k].astype(np.uint16)
        how = hdf5plugin.Bitshuffle(cname="zstd")
        data = f.create_dataset("entry/data/data", data=part, chunks=(1, H, W), maxshape=(None, H, W), **how)
        data.attrs["image_nr_low"], data.attrs["image_nr_high"] = 4 * k - 3, 4 * k
with h5py.File("series_master.h5", "w") as f:
    for k in (1, 2, 3):
        f[f"entry/data/data_{k:06d}"] = h5py.ExternalLink(f"series_data_{k:06d}.h5", "entry/data/data")
    g = f.create_group("entry/instrument/detector")
    g["detectorSpecific/nimages"], g["detectorSpecific/ntrigger"] = 4, 3
