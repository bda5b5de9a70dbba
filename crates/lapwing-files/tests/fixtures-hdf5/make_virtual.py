"""Makes virtual.h5 with its sources virtual_0.h5, virtual_1.h5, ..., virtual_hostile.h5,
indices.h5.gz and user_block.h5.gz, with h5py and hdf5plugin: virtual datasets over compressed ones, and chunks in
numbers. Run: pip install numpy h5py hdf5plugin, then python3 make_virtual.py

Unless its name says otherwise a dataset holds the patterns of make_fixtures.py, counts[k, y, x] =
(7 k + 3 y + 5 x) mod 11, as two-byte whole numbers.
"""

import gzip
import os
import pathlib

import h5py
import hdf5plugin
import numpy as np

FOLDER = pathlib.Path(__file__).parent
os.chdir(FOLDER)
K, Y, X = np.mgrid[:6, :12, :10]
COUNTS = ((7 * K + 3 * Y + 5 * X) % 11).astype("<u2")
BLOSC2 = hdf5plugin.Blosc2(cname="zstd", clevel=5, filters=1)
SHUFFLED = hdf5plugin.Bitshuffle(cname="zstd")
GROWING = (None, 12, 10)

# Indices: of one chunk, fixed, extensible, a B-tree of version 2.
with h5py.File("virtual_0.h5", "w", libver="latest") as file:
    file.create_dataset("early", data=COUNTS[:3], chunks=(3, 12, 10), **BLOSC2)
    file.create_dataset("even", data=COUNTS[0::2], chunks=(2, 12, 10), **BLOSC2)
    file.create_dataset("left", data=COUNTS[:, :, :4], chunks=(1, 12, 4), **SHUFFLED)
    file.create_dataset("growing", data=COUNTS, chunks=(1, 12, 10), maxshape=GROWING, **SHUFFLED)
    file.create_dataset("block", data=COUNTS[:2], chunks=(1, 12, 10), **BLOSC2)
    # More members than a group has in its header.
    for number in range(12):
        file[f"alias_{number}"] = h5py.SoftLink("/growing")
with h5py.File("virtual_1.h5", "w") as file:
    file.create_dataset("late", data=COUNTS[3:], chunks=(2, 5, 10), **SHUFFLED)
    file.create_dataset("odd", data=COUNTS[1::2], chunks=(1, 12, 10), **BLOSC2)
    file.create_dataset("right", data=COUNTS[:, :, 4:], chunks=(4, 12, 6), **BLOSC2)
    file.create_dataset("plain", data=COUNTS.astype(">u2"), chunks=(2, 12, 10), compression="gzip")
    file.create_dataset("block", data=COUNTS[2:4], chunks=(2, 12, 10), **SHUFFLED)
with h5py.File("virtual_2.h5", "w", libver="latest") as file:
    limits = (None, None, 10)
    file.create_dataset("growing", data=COUNTS, chunks=(2, 5, 10), maxshape=limits, **BLOSC2)
    file.create_dataset("block", data=COUNTS[4:], chunks=(2, 12, 10), **BLOSC2)


def source(name, dataset, shape, **how):
    return h5py.VirtualSource(name, dataset, shape=shape, dtype="<u2", **how)


with h5py.File("virtual.h5", "w", libver="latest") as file:
    def layout(shape=COUNTS.shape, dtype="<u2", **how):
        return h5py.VirtualLayout(shape=shape, dtype=dtype, **how)

    stacked = layout()
    stacked[:3] = source("virtual_0.h5", "early", (3, 12, 10))
    stacked[3:] = source("virtual_1.h5", "late", (3, 12, 10))
    file.create_virtual_dataset("stacked", stacked)
    turns = layout()
    turns[0::2] = source("virtual_0.h5", "even", (3, 12, 10))
    turns[1::2] = source("virtual_1.h5", "odd", (3, 12, 10))
    file.create_virtual_dataset("turns", turns)
    tiles = layout()
    tiles[:, :, :4] = source("virtual_0.h5", "left", (6, 12, 4))
    tiles[:, :, 4:] = source("virtual_1.h5", "right", (6, 12, 6))
    file.create_virtual_dataset("tiles", tiles)
    raster = layout((2, 3, 12, 10))
    raster[0] = source("virtual_0.h5", "early", (3, 12, 10))
    raster[1] = source("virtual_1.h5", "late", (3, 12, 10))
    file.create_virtual_dataset("raster", raster)
    converted = layout(dtype=">f8")
    converted[:] = source("virtual_1.h5", "plain", (6, 12, 10))
    file.create_virtual_dataset("converted", converted)
    linked = layout()
    linked[:] = source("virtual_0.h5", "alias_7", (6, 12, 10))
    file.create_virtual_dataset("linked", linked)
    tree = layout()
    tree[:, :, :] = source("/far/away/virtual_2.h5", "growing", (6, 12, 10))
    file.create_virtual_dataset("tree", tree)
    nested = layout()
    nested[:, 2:, 3:] = h5py.VirtualSource(".", "turns", shape=(6, 12, 10))[:, 2:, 3:]
    nested[:, :2, :] = h5py.VirtualSource(".", "tiles", shape=(6, 12, 10))[:, :2, :]
    nested[:, 2:, :3] = h5py.VirtualSource(".", "stacked", shape=(6, 12, 10))[:, 2:, :3]
    file.create_virtual_dataset("nested", nested)
    gaps = layout()
    gaps[4:] = source("virtual_1.h5", "late", (3, 12, 10))[1:]
    file.create_virtual_dataset("gaps", gaps, fillvalue=3)

    # Selections without end; the extent is that of the source.
    def endless(name, names, spaces):
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        for (target, origin), (path, dataset) in zip(spaces, names):
            how.set_virtual(target, path, dataset, origin)
        most = (h5py.h5s.UNLIMITED, 12, 10)
        space = h5py.h5s.create_simple((0, 12, 10), most)
        kind = h5py.h5t.STD_U16LE
        h5py.h5d.create(file.id, name, kind, space, dcpl=how)

    most = (h5py.h5s.UNLIMITED, 12, 10)
    every = h5py.h5s.create_simple((6, 12, 10), most)
    every.select_hyperslab((0, 0, 0), (1, 1, 1), None, most)
    endless(b"endless", [(b"virtual_0.h5", b"growing")], [(every, every)])
    # Blocks of two frames, each in a file with a running number.
    blocks = h5py.h5s.create_simple((2, 12, 10), most)
    blocks.select_hyperslab((0, 0, 0), (h5py.h5s.UNLIMITED, 1, 1), (2, 1, 1), (2, 12, 10))
    one = h5py.h5s.create_simple((2, 12, 10))
    endless(b"numbered", [(b"virtual_%b.h5", b"block")], [(blocks, one)])

# What goes round in circles, and what is filled over and over.
with h5py.File("virtual_hostile.h5", "w", libver="latest") as file:
    for name, other in [("round", "about"), ("about", "round")]:
        circle = h5py.VirtualLayout(shape=(4, 8, 8), dtype="<u2")
        circle[:2] = h5py.VirtualSource(".", other, shape=(4, 8, 8))[:2]
        circle[2:] = h5py.VirtualSource(".", other, shape=(4, 8, 8))[2:]
        file.create_virtual_dataset(name, circle)
    file["plain"] = np.zeros((4, 8, 8), "<u2")
    over = h5py.VirtualLayout(shape=(4, 8, 8), dtype="<u2")
    for _ in range(3):
        over[:] = h5py.VirtualSource(".", "plain", shape=(4, 8, 8))
    file.create_virtual_dataset("over", over)

# 70,000 chunks, of which some are written, by each index that there can be of them: chunk k holds
# k mod 251 + 1 and k mod 7 + 1.
CHUNKS = 70_000
SOME = [0, 1, 3, 4, 17, 1000, 1023, 1024, 5000, 65_535, 65_536, 65_537, 69_000, CHUNKS - 1]


def indices(name, user_block):
    with h5py.File(name, "w", libver="latest", userblock_size=user_block) as file:
        for index, limits in [("fixed", None), ("extensible", (None, 2)), ("tree", (None, None))]:
            for code, how in [("blosc2", BLOSC2), ("bitshuffle", SHUFFLED)]:
                data = file.create_dataset(
                    f"{index}_{code}", (CHUNKS, 2), "u1", chunks=(1, 2), maxshape=limits, **how
                )
                for k in SOME:
                    data[k] = k % 251 + 1, k % 7 + 1
        # The second axis grows, so that chunks are counted along the first one.
        data = file.create_dataset(
            "across", (3, 24_000), "u1", chunks=(1, 1), maxshape=(4, None), **BLOSC2
        )
        for k in SOME:
            data[k % 3, k // 3] = k % 251 + 1
    path = pathlib.Path(name)
    pathlib.Path(f"{name}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    path.unlink()


indices("indices.h5", 0)
# Behind 2048 bytes that are no HDF5: addresses count from there.
indices("user_block.h5", 2048)
