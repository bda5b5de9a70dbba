#!/usr/bin/env python3
"""Small scans in the formats of other programs, by the writers of their own ecosystems where there are any.

usage: make_fixtures.py       (writes beside itself)
pip install numpy scipy h5py hdf5plugin emdfile rosettasciio hdf5storage tifffile 'zarr<3'
"""
import pathlib
import shutil
import struct

import emdfile
import h5py
import hdf5plugin
import hdf5storage
import numcodecs
import numpy as np
import rsciio.digitalmicrograph
import rsciio.emd
import rsciio.hspy
import rsciio.quantumdetector
import rsciio.zspy
import scipy.io
import tifffile
import zarr

HERE = pathlib.Path(__file__).parent
NY, NX, H, W = 3, 4, 10, 8

# Counts of a spot that differ from pattern to pattern: c[i, y, x] = 200 - 3 (y - 5)^2 - 4 (x - 4)^2 + 7 i + (5 y + 3 x) mod 11.
y, x = np.mgrid[:H, :W]
COUNTS = np.stack([200 - 3 * (y - 5) ** 2 - 4 * (x - 4) ** 2 + 7 * i + (5 * y + 3 * x) % 11 for i in range(NY * NX)]).astype(np.uint16)
CUBE = COUNTS.reshape(NY, NX, H, W)
# Positions (y, x), pixels, not on a raster.
PLACES = np.stack([np.arange(12) // 4 * 3.0 + np.arange(12) * 0.25, np.arange(12) % 4 * 3.5 - np.arange(12) * 0.125], 1)
PROBE = (np.exp(-((y - 5.0) ** 2 + (x - 4.0) ** 2) / 6) * np.exp(0.1j * y)).astype(np.complex64)


def fresh(name):
    path = HERE / name
    path.unlink(missing_ok=True)
    return path


def ptyd():
    """ptypy's layout (ptypy/core/data.py), two chunks; by h5py, for ptypy brings MPI and more."""
    with h5py.File(fresh("scan.ptyd"), "w") as f:
        for k, part in enumerate((slice(0, 7), slice(7, 12))):
            g = f.create_group(f"chunks/{k}")
            g["data"] = COUNTS[part].astype(np.float32)
            g["positions"] = PLACES[part] * np.array([2e-8, 2.5e-8])
            g["indices"] = np.arange(12)[part]
            weights = np.ones((part.stop - part.start, H, W), np.float32)
            weights[:, 2, 3] = 0
            g["weights"] = weights
        m = f.create_group("meta")
        m["energy"], m["distance"], m["psize"] = 6.2, 1.0, 1e-3
        m["shape"] = np.array([H, W])
        m["label"] = "None"


def ptyr():
    with h5py.File(fresh("scan.ptyr"), "w") as f:
        f["content/obj/Sscan_00G00/data"] = np.ones((1, 24, 26), np.complex64) * (0.5 + 0.25j)
        f["content/probe/Sscan_00G00/data"] = np.stack([PROBE, PROBE * 0.5j])
        f["content/positions/Sscan_00G00"] = PLACES * 1e-8
        f["content/runtime/iter_info/00000/error"] = np.zeros(3)


def emd():
    """py4DSTEM's EMD 1.0 by emdfile, its writer; Berkeley's by RosettaSciIO."""
    root = emdfile.Root(name="datacube_root")
    cube = emdfile.Array(
        data=CUBE, name="datacube", units="counts",
        dims=[[0, 0.5], [0, 0.5], [0, 0.02], [0, 0.02]], dim_units=["nm", "nm", "A^-1", "A^-1"])
    root.tree(cube)
    meta = emdfile.Metadata(name="calibration")
    for key, value in dict(R_pixel_size=5.0, R_pixel_units="A", Q_pixel_size=0.02, Q_pixel_units="A^-1").items():
        meta[key] = value
    cube.metadata = meta
    emdfile.save(str(fresh("py4dstem.h5")), root, mode="o")

    axis = lambda size, scale, units, navigate, index: dict(
        size=size, scale=scale, offset=0.0, units=units, navigate=navigate, name=f"a{index}", index_in_array=index, _type="UniformDataAxis", is_binned=False)
    axes = [axis(NY, 0.5, "nm", True, 0), axis(NX, 0.5, "nm", True, 1), axis(H, 0.2, "1/nm", False, 2), axis(W, 0.2, "1/nm", False, 3)]
    signal = dict(data=CUBE, axes=axes, metadata=dict(General=dict(title="scan"), Signal=dict(signal_type="")), original_metadata={}, package="", package_version="", attributes={"_lazy": False, "ragged": False}, tmp_parameters={}, package_info={}, learning_results={}, models={})
    rsciio.emd.file_writer(str(fresh("berkeley.emd")), dict(signal))
    rsciio.hspy.file_writer(str(fresh("scan.hspy")), dict(signal), compression=None)
    # As RosettaSciIO hands on exchanged.dm4: by its units the axes of the detector come first.
    axes = [axis(H, 0.2, "1/nm", True, 0), axis(W, 0.2, "1/nm", True, 1), axis(NY, 0.5, "nm", False, 2), axis(NX, 500.0, "pm", False, 3)]
    beam = dict(Acquisition_instrument=dict(TEM=dict(beam_energy=300.0)), **signal["metadata"])
    exchanged = dict(signal, data=CUBE.transpose(2, 3, 0, 1).copy(), axes=axes, metadata=beam)
    rsciio.hspy.file_writer(str(fresh("exchanged.hspy")), exchanged, compression="gzip")
    with zarr.ZipStore(str(fresh("scan.zspy.zip")), mode="w") as store:
        rsciio.zspy.file_writer(store, dict(signal), compressor=numcodecs.Blosc("zstd"))


def zarr_2():
    """Zarr 2 in a folder, with chunks that reach beyond the array, and with every codec in a ZIP archive; version 3 is in
    make_zarr3.py."""
    shutil.rmtree(HERE / "scan.zarr", ignore_errors=True)
    zarr.open_group(str(HERE / "scan.zarr"), mode="w").create_dataset("scan/patterns", data=CUBE, chunks=(2, 4, 7, 8))
    codecs = dict(
        plain=dict(compressor=None), zlib=dict(compressor=numcodecs.Zlib()), gzip=dict(compressor=numcodecs.GZip()), zstd=dict(compressor=numcodecs.Zstd()),
        lz4=dict(compressor=numcodecs.LZ4()), bz2=dict(compressor=numcodecs.BZ2()), blosc=dict(compressor=numcodecs.Blosc("lz4hc", shuffle=2)),
        columns=dict(compressor=None, order="F"), shuffled=dict(compressor=numcodecs.Zlib(), filters=[numcodecs.Shuffle(2)]), nested=dict(dimension_separator="/"),
        big=dict(compressor=None, dtype=">u2"))
    with zarr.ZipStore(str(fresh("codecs_v2.zarr.zip")), mode="w") as store:
        group = zarr.group(store=store)
        for name, kinds in codecs.items():
            group.create_dataset(name, data=COUNTS[:3], chunks=(2, 10, 5), **kinds)
        sparse = group.create_dataset("sparse", shape=(3, H, W), chunks=(1, H, W), dtype="f4", fill_value=-2.5)
        sparse[1] = COUNTS[1]


def eiger():
    """Master file of DECTRIS' file writer with two linked files, as its manual has it; bitshuffle-LZ4."""
    for k, part in ((1, slice(0, 8)), (2, slice(8, 12))):
        with h5py.File(fresh(f"eiger_data_{k:06d}.h5"), "w") as f:
            data = COUNTS[part].astype(np.uint32)
            data[:, 2, 3] = 2**32 - 1
            f.create_dataset("entry/data/data", data=data, chunks=(1, H, W), **hdf5plugin.Bitshuffle(cname="lz4"))
    with h5py.File(fresh("eiger_master.h5"), "w") as f:
        for k in (1, 2):
            f[f"entry/data/data_{k:06d}"] = h5py.ExternalLink(f"eiger_data_{k:06d}.h5", "entry/data/data")
        g = f.create_group("entry/instrument/detector")
        g["beam_center_x"], g["beam_center_y"], g["x_pixel_size"], g["y_pixel_size"] = 4.0, 5.0, 1e-4, 1e-4
        g["detector_distance"] = 2.0
        mask = np.zeros((H, W), np.uint32)
        mask[2, 3] = 1
        g["detectorSpecific/pixel_mask"] = mask
        g["detectorSpecific/photon_energy"] = 6200.0
        g["photon_energy"] = 6200.0


def mib():
    """Merlin's frames, checked with RosettaSciIO's reader."""
    path = fresh("scan.mib")
    with open(path, "wb") as f:
        for k, c in enumerate(COUNTS):
            head = f"MQ1,{k + 1:06d},00384,01,{W:04d},{H:04d},U16,   1x1,01,2026-11-26 10:00:00.000000,0.001,0,0,0,1.0E+2,MQ1A,2026-11-26T10:00:00.000000000Z,1000000ns,12,"
            f.write(head.ljust(384, "\0").encode())
            f.write(c.astype(">u2").tobytes())
    read = rsciio.quantumdetector.file_reader(str(path), navigation_shape=(NX, NY))[0]["data"]
    # Its reader turns the frames upside down, as they come from the camera.
    assert np.array_equal(read[..., ::-1, :], CUBE) or np.array_equal(read, CUBE)


def matlab():
    arrays = dict(dp=COUNTS.transpose(1, 2, 0).astype(np.float64), probe=PROBE, positions=PLACES, p=dict(lambda_=1e-10, note="text"))
    scipy.io.savemat(fresh("scan_v5.mat"), arrays, do_compression=True)
    scipy.io.savemat(fresh("plain_v5.mat"), dict(x=np.arange(6, dtype=np.int16).reshape(2, 3), z=PROBE, s=dict(a=np.array([1.5, 2.5]), b=dict(c=3))), do_compression=False)
    hdf5storage.savemat(str(fresh("scan_v73.mat")), dict(dp=COUNTS.transpose(1, 2, 0).astype(np.float64), probe=PROBE, probe_positions_0=PLACES[:, ::-1].copy()), format="7.3", store_python_metadata=False)


def tif():
    tifffile.imwrite(fresh("scan.tif"), COUNTS, photometric="minisblack", compression="zlib")


def dm4():
    """DigitalMicrograph's tree of tags, checked with RosettaSciIO's reader; the first image is a thumbnail."""

    def tag(name, kind, body):
        return struct.pack(">BH", kind, len(name)) + name.encode() + struct.pack(">Q", len(body)) + body

    def data(name, info, raw):
        return tag(name, 21, b"%%%%" + struct.pack(f">{len(info) + 1}Q", len(info), *info) + raw)

    def number(name, kind, value):
        return data(name, [kind], struct.pack({5: "<I", 6: "<f", 3: "<i", 8: "<B"}[kind], value))

    def text(name, value):
        return data(name, [20, 4, len(value)], value.encode("utf-16-le"))

    def group(name, *children):
        return tag(name, 20, struct.pack(">BBQ", 1, 0, len(children)) + b"".join(children))

    def image(array, kind, code, axes, *tags):
        calibrations = [group("", number("Origin", 6, 0.0), number("Scale", 6, scale), text("Units", unit)) for scale, unit in axes]
        brightness = group("Brightness", number("Origin", 6, 0.0), number("Scale", 6, 1.0), text("Units", ""))
        return group(
            "",
            group(
                "ImageData",
                group("Calibrations", brightness, group("Dimension", *calibrations), number("DisplayCalibratedUnits", 8, 1)),
                data("Data", [20, kind, array.size], array.tobytes()),
                number("DataType", 5, code),
                group("Dimensions", *[number("", 5, length) for length in array.shape[::-1]]),
                number("PixelDepth", 5, array.itemsize)),
            text("Name", "scan"),
            group("ImageTags", *tags))

    def file(name, *images):
        children = [number("ApplicationBounds", 5, 0), group("ImageList", *images)]
        body = struct.pack(">BBQ", 1, 0, len(children)) + b"".join(children)
        path = fresh(name)
        path.write_bytes(struct.pack(">IQI", 4, len(body) - 4, 1) + body + bytes(8))
        return str(path)

    thumbnail = image(np.arange(16, dtype="<i4").reshape(4, 4), 3, 23, [(1.0, ""), (1.0, "")])
    near, far = [(0.2, "1/nm")] * 2, [(0.5, "nm")] * 2
    scan = image(CUBE.astype("<u2"), 4, 10, near + far)
    read = rsciio.digitalmicrograph.file_reader(file("scan.dm4", thumbnail, scan))[-1]
    assert np.array_equal(np.squeeze(read["data"]), CUBE), read["data"].shape
    assert [round(axis["scale"], 6) for axis in read["axes"]] == [0.5, 0.5, 0.2, 0.2]
    # The scan's axes are the fast ones: by their units, and by GMS' tag where there are none.
    exchanged = CUBE.astype("<u2").transpose(2, 3, 0, 1).copy()
    volts = group("Microscope Info", number("Voltage", 6, 300e3))
    file("exchanged.dm4", thumbnail, image(exchanged, 4, 10, far + near, volts))
    swapped = lambda truth: group("Meta Data", number("Data Order Swapped", 8, truth))
    bare = [(1.0, "")] * 4
    file("exchanged_by_tag.dm4", image(exchanged, 4, 10, bare, swapped(0)))
    file("no_units.dm4", image(CUBE.astype("<u2"), 4, 10, bare))


if __name__ == "__main__":
    for make in (ptyd, ptyr, emd, zarr_2, eiger, mib, matlab, tif, dm4):
        make()
