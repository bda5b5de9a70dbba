"""Makes files that people have and that differ a little from what their formats say, with h5py and
NumPy: micrometres.cxi, amplitudes.cxi, shelves_dp.h5 with shelves_positions.h5, columns.emd,
own_positions.npz, single_electrons.h5, placeless.cxi, motors.h5, no_optics.ptyd, cbed.mat,
metres.mat, cell_v73.mat, units_beside.h5, raster.nxs, energy.nxs, millimetres.cxi and furlongs.cxi. Run: pip install numpy scipy h5py, then
python3 make_strangers.py

Frames and positions are those of make_fixtures.py.
"""

import os
import pathlib

import h5py
import numpy as np
import scipy.io

os.chdir(pathlib.Path(__file__).parent)
I, Y, X = np.mgrid[:12, :10, :8]
COUNTS = (200 - 3 * (Y - 5) ** 2 - 4 * (X - 4) ** 2 + 7 * I + (5 * Y + 3 * X) % 11).astype("<u2")
K = np.arange(12)
PLACES = np.stack([K // 4 * 3.0 + K * 0.25, K % 4 * 3.5 - K * 0.125], 1)
# 2 Angstrom, 1 m, 1 mm: object pixels of 2e-8 m and 2.5e-8 m.
METRES = PLACES * np.array([2e-8, 2.5e-8])
ENERGY = 6.62607015e-34 * 299792458 / 2e-10


def cxi(name, data, unit=None, in_metres=1.0, placed=True):
    with h5py.File(name, "w") as f:
        f["cxi_version"] = 160
        f["entry_1/instrument_1/source_1/energy"] = ENERGY
        detector = f.create_group("entry_1/instrument_1/detector_1")
        detector["distance"], detector["x_pixel_size"], detector["y_pixel_size"] = 1.0, 1e-3, 1e-3
        f.create_dataset("entry_1/data_1/data", data=data, compression="gzip")
        if not placed:
            return
        # The sample moves against the beam; rows run towards -y, columns towards -x.
        t = np.zeros((12, 3))
        t[:, 0], t[:, 1] = METRES[:, 1] / in_metres, METRES[:, 0] / in_metres
        f["entry_1/data_1/translation"] = t
        if unit:
            f["entry_1/data_1/translation"].attrs["units"] = unit


cxi("micrometres.cxi", COUNTS, "um", 1e-6)
cxi("no_unit.cxi", COUNTS, None, 1e-9)
cxi("amplitudes.cxi", np.sqrt(COUNTS).astype("<f4"))
# fold_slice: patterns alone, positions (x, y) beside them as MATLAB's (n, 2) is in HDF5.
with h5py.File("shelves_dp.h5", "w") as f:
    f.create_dataset("dp", data=COUNTS.astype("<f4"), compression="gzip")
with h5py.File("shelves_positions.h5", "w") as f:
    f["probe_positions_0"] = METRES.T[::-1]
# Velox: frames along the last axis.
with h5py.File("columns.emd", "w") as f:
    f.create_dataset("Data/Image/0123/Data", data=COUNTS.transpose(1, 2, 0), compression="gzip")
np.savez_compressed("own_positions.npz", diffraction=COUNTS.reshape(3, 4, 10, 8), where=PLACES.reshape(3, 4, 2))
with h5py.File("single_electrons.h5", "w") as f:
    frames = f.create_dataset("electron_events/frames", (4,), dtype=h5py.vlen_dtype(np.uint32))
    for k in range(4):
        frames[k] = np.arange(k + 1, dtype=np.uint32)
    f["electron_events/scan_positions"] = np.arange(4, dtype=np.uint32)

cxi("placeless.cxi", COUNTS, placed=False)
# A beamline's motors, an array and a unit each.
with h5py.File("motors.h5", "w") as f:
    f.create_dataset("frames", data=COUNTS, compression="gzip")
    for axis, metres in zip("yx", METRES.T):
        f[f"motors/pos_{axis}"] = metres * 1e6
        f[f"motors/pos_{axis}"].attrs["units"] = "um"
# ptypy writes 'None' for what it was not told.
with h5py.File("no_optics.ptyd", "w") as f:
    f.create_dataset("chunks/0/data", data=COUNTS.astype("<f4"), compression="gzip")
    f["chunks/0/positions"], f["chunks/0/indices"] = METRES, K
    for name in ["energy", "distance", "psize"]:
        f[f"meta/{name}"] = "None"
# Four axes as MATLAB has them: (H, W, ny, nx).
scipy.io.savemat("cbed.mat", {"cbed": COUNTS.reshape(3, 4, 10, 8).transpose(2, 3, 0, 1)}, do_compression=True)
scipy.io.savemat("metres.mat", {"dp": COUNTS.transpose(1, 2, 0), "positions": METRES}, do_compression=True)
# A cell in a file of MATLAB 7.3: references to arrays.
with h5py.File("cell_v73.mat", "w", userblock_size=512) as f:
    cell = f.create_dataset("dp", (2, 1), dtype=h5py.ref_dtype)
    cell.attrs["MATLAB_class"] = np.bytes_("cell")
    for k, name in enumerate("ab"):
        f[f"#refs#/{name}"] = COUNTS[k]
        cell[k, 0] = f[f"#refs#/{name}"].ref
with open("cell_v73.mat", "r+b") as f:
    f.write("MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(116).encode() + bytes(8) + b"\0\x02IM")
# Numbers that say what they are: a unit beside the value, a pair, and a switch that is no number.
with h5py.File("units_beside.h5", "w") as f:
    f.create_dataset("data/frames", data=COUNTS.reshape(3, 4, 10, 8), compression="gzip")
    f["data/frames"].attrs["scan_step_A"] = [5.0, 5.0]
    f["data/frames"].attrs["scan_step_nm"] = True
    f["meta/dk"] = 0.025
    f["meta/dk"].attrs["units"] = "1/\u00c5"
    f["meta/scan_step_um"] = np.bool_(True)
# NeXus leaves the units to the file: millimetres and nanometres here.
with h5py.File("raster.nxs", "w") as f:
    f.create_dataset("entry/data/data", data=COUNTS.reshape(3, 4, 10, 8), compression="gzip")
    for name, value, unit in [("x_pixel_size", 1.0, "mm"), ("y_pixel_size", 1.0, "mm"), ("distance", 1.0, "m")]:
        f[f"entry/instrument/detector/{name}"] = value
        f[f"entry/instrument/detector/{name}"].attrs["units"] = unit
    f["entry/instrument/beam/incident_wavelength"] = 0.2
    f["entry/instrument/beam/incident_wavelength"].attrs["units"] = "nm"
# NXbeam has the energy, and each length its own unit.
with h5py.File("energy.nxs", "w") as f:
    f.create_dataset("entry/data/data", data=COUNTS.reshape(3, 4, 10, 8), compression="gzip")
    detector, beam = f.create_group("entry/instrument/detector"), f.create_group("entry/instrument/beam")
    for group, name, value, unit in [
        (detector, "x_pixel_size", 1000.0, "um"), (detector, "y_pixel_size", 1000.0, "microns"),
        (detector, "distance", 100.0, "cm"), (beam, "incident_energy", ENERGY / 1.602176634e-19, "eV")]:
        group[name] = value
        group[name].attrs["units"] = unit
# CXI with other units than its own, and an energy for each exposure.
for name, metres, unit in [("millimetres.cxi", 1e-3, "mm"), ("furlongs.cxi", 1.0, "furlong")]:
    cxi(name, COUNTS)
    with h5py.File(name, "a") as f:
        detector = f["entry_1/instrument_1/detector_1"]
        for length in ["distance", "x_pixel_size", "y_pixel_size"]:
            detector[length][()] = detector[length][()] / metres
            detector[length].attrs["units"] = unit
        del f["entry_1/instrument_1/source_1/energy"]
        f["entry_1/instrument_1/source_1/energy"] = ENERGY * (1 + 1e-5 * np.sin(K))
