#!/usr/bin/env python3
"""The same counts as Nion Swift stores them, by its own writers (nionswift, GPL: used here only to write these two files).

usage: make_nion.py       (writes beside itself)
pip install nionswift
"""
import datetime
import pathlib

import numpy as np
from nion.swift.model import HDF5Handler, NDataHandler

HERE = pathlib.Path(__file__).parent
y, x = np.mgrid[:10, :8]
COUNTS = np.stack([200 - 3 * (y - 5) ** 2 - 4 * (x - 4) ** 2 + 7 * i + (5 * y + 3 * x) % 11 for i in range(12)]).astype(np.uint16)
CUBE = COUNTS.reshape(3, 4, 10, 8)

scale = lambda value, units: dict(offset=0.0, scale=value, units=units)
# 2 mrad are 0.1 / Angstrom at 0.02 Angstrom, 300 kV.
PROPERTIES = dict(
    type="data-item", is_sequence=False, collection_dimension_count=2, datum_dimension_count=2, data_shape=[3, 4, 10, 8], data_dtype="uint16",
    dimensional_calibrations=[scale(0.5, "nm"), scale(0.5, "nm"), scale(0.4e-3, "rad"), scale(0.4e-3, "rad")],
    metadata=dict(instrument=dict(high_tension=300000.0)))

if __name__ == "__main__":
    for handler, name in ((NDataHandler.NDataHandler, "scan.ndata"), (HDF5Handler.HDF5Handler, "nion.h5")):
        path = HERE / name
        path.unlink(missing_ok=True)
        storage = handler(path) if handler is NDataHandler.NDataHandler else handler(str(path))
        when = datetime.datetime(2026, 1, 1)
        storage.write_data(CUBE, when)
        storage.write_properties(PROPERTIES, when)
        storage.close()
