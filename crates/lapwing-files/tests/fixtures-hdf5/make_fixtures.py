"""Makes the HDF5 fixtures beside this script with h5py. Run: python3 make_fixtures.py

The patterns of every file come from the same formula, which the tests know too:
counts[k, y, x] = (7 k + 3 y + 5 x) mod 11 for 5 patterns of 12 x 10 pixels.
"""

import pathlib

import h5py
import numpy as np

FOLDER = pathlib.Path(__file__).parent
N, H, W = 5, 12, 10
K, Y, X = np.mgrid[:N, :H, :W]
COUNTS = (7 * K + 3 * Y + 5 * X) % 11
ENERGY = 8000 * 1.602176634e-19
DISTANCE, PITCH = 2.0, 75e-6
STEP = 3e-8
# x to the left seen along the beam, y up: columns run towards -x, rows towards -y.
TRANSLATION = np.array([[STEP * k, -2 * STEP * k, 0.0] for k in range(N)])


def cxi(name, data, mask=None, basis=None, translation=TRANSLATION, energy=True, links=True, **storage):
    with h5py.File(FOLDER / name, "w") as file:
        file["cxi_version"] = 160
        file["number_of_entries"] = 1
        detector = file.create_group("entry_1/instrument_1/detector_1")
        detector.create_dataset("data", data=data, **storage)
        detector["distance"] = DISTANCE
        detector["x_pixel_size"] = PITCH
        detector["y_pixel_size"] = PITCH
        if mask is not None:
            detector["mask"] = mask
        if basis is not None:
            detector["basis_vectors"] = basis
        if energy:
            file["entry_1/instrument_1/source_1/energy"] = ENERGY
        else:
            file["entry_1/instrument_1/source_1/wavelength"] = 6.62607015e-34 * 299792458 / ENERGY
        file["entry_1/sample_1/geometry_1/translation"] = translation
        if links:
            file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
            file["entry_1/data_1/translation"] = h5py.SoftLink("/entry_1/sample_1/geometry_1/translation")


mask = np.zeros((H, W), np.uint32)
mask[0, 0] = 1
mask[1, 2] = 0x1000  # still good
mask[3, 4] = 0x1004
cxi("contiguous_u16.cxi", COUNTS.astype("u2"), mask=mask)
cxi("gzip_i32.cxi", COUNTS.astype("i4"), chunks=(2, 5, 4), compression="gzip", shuffle=True, energy=False)
cxi("chunked_big_f64.cxi", COUNTS.astype(">f8") + 0.5, chunks=(1, H, W), links=False)
cxi(
    "turned.cxi",
    COUNTS.astype("u1"),
    # Transposed (3, 2), rows towards +x, columns towards -y.
    basis=np.array([[PITCH, 0, 0], [0, -PITCH, 0]]).T,
)
cxi(
    "raster.cxi",
    COUNTS[:4].reshape(2, 2, H, W).astype("u2"),
    translation=TRANSLATION[:4].reshape(2, 2, 3),
    basis=np.array([[0, -PITCH, 0], [-PITCH, 0, 0]]),
)
with h5py.File(FOLDER / "elsewhere.h5", "w") as file:
    file.create_dataset("frames", data=COUNTS.astype("u2"), chunks=(1, H, W), compression="gzip")
cxi("linked.cxi", COUNTS.astype("u2"))
with h5py.File(FOLDER / "linked.cxi", "a") as file:
    del file["entry_1/data_1/data"], file["entry_1/instrument_1/detector_1/data"]
    file["entry_1/data_1/data"] = h5py.ExternalLink("elsewhere.h5", "/frames")
cxi("electronvolts.cxi", COUNTS.astype("u2"))
with h5py.File(FOLDER / "electronvolts.cxi", "a") as file:
    file["entry_1/instrument_1/source_1/energy"][()] = 8000.0

# The pair: five patterns, positions out of order, one of a pattern that is not there, pattern 3 without one.
with h5py.File(FOLDER / "pair_dp.h5", "w") as file:
    file.create_dataset("dp", data=COUNTS.astype("f4"), chunks=(1, H, W), compression="gzip")
with h5py.File(FOLDER / "pair_product.h5", "w") as file:
    file.attrs["name"] = "fixture"
    file.attrs["comments"] = "made by h5py"
    file.attrs["detector_object_distance_m"] = DISTANCE
    file.attrs["probe_energy_eV"] = 8000.0
    file.attrs["probe_photon_count"] = 0.0
    file.attrs["exposure_time_s"] = 0.0
    file["probe_position_indexes"] = np.array([4, 0, 2, 1, 9])
    file["probe_position_x_m"] = np.array([40, 0, 20, 10, 90]) * 1e-9
    file["probe_position_y_m"] = np.array([-20, 0, -10, -5, 90]) * 1e-9
    y, x = np.mgrid[:H, :W]
    probe = np.stack([np.exp(1j * (y + x)), 0.1 * np.exp(1j * y)])[None].astype("c8")
    file["probe"] = probe
    file["probe"].attrs["pixel_height_m"] = 5e-9
    file["probe"].attrs["pixel_width_m"] = 10e-9
    y, x = np.mgrid[:31, :30]
    file["object"] = np.exp(0.1j * (y - x))[None].astype("c8")
    file["object"].attrs["pixel_height_m"] = 5e-9
    file["object"].attrs["pixel_width_m"] = 10e-9
    file["object"].attrs["center_x_m"] = 0.0
    file["object"].attrs["center_y_m"] = 0.0
    file["object_layer_spacing_m"] = np.zeros(0)
    file["costs"] = np.array([3.0, 2.0, 1.0])

# Elements of every kind, and what is refused.
with h5py.File(FOLDER / "kinds.h5", "w") as file:
    for name in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]:
        for order in "<>":
            values = np.array([1, 2, 3]).astype(np.dtype(name).newbyteorder(order))
            file[("le_" if order == "<" else "be_") + name] = values
    file["bool"] = np.array([True, False, True])
    file["text"] = "a µ in UTF-8"
    file["fixed"] = np.array([b"ab", b"cde"])
    file["scalar"] = 2.5
    file["empty"] = np.zeros((0, 4))
    file["null"] = h5py.Empty("f4")
    file["dangling"] = h5py.SoftLink("/nowhere")
    file["loop"] = h5py.SoftLink("/loop")
    file["away"] = h5py.ExternalLink("no_such_file.h5", "/x")
    file["compound"] = np.zeros(2, dtype=[("a", "f4"), ("b", "i4")])
    file.create_dataset("absurd", shape=(10**5, 10**5, 10**5), dtype="f4", chunks=(1, 100, 100))
    file.create_dataset("large", shape=(4096, 4096, 64), dtype="f8", chunks=(1, 64, 64))

# PtyLab's results: object (wavelength, state, 1, slice, y, x), probe (wavelength, 1, mode, slice, y, x).
y, x = np.mgrid[:9, :7]
with h5py.File(FOLDER / "ptylab.hdf5", "w") as file:
    file["object"] = np.stack([(y + 1j * x + 10 * slice) for slice in range(2)]).astype("c8")[None, None, None]
    file["probe"] = np.stack([(mode + y[:4, :4] - 1j * x[:4, :4]) for mode in range(3)]).astype("c8")[None, None, :, None]
    file["error"] = np.array([3.0, 2.0, 1.5], "f4")
    file["zo"], file["wavelength"], file["dxp"] = np.float32(0.03), np.float32(6.3e-7), np.float32(4e-7)
    file["purityProbe"], file["purityObject"] = np.float32(1), np.float32(1)
    file["I object"], file["I probe"] = np.zeros((9, 7), "f4"), np.zeros((4, 4), "f4")
    file["encoder_corrected"] = np.zeros((5, 2))
