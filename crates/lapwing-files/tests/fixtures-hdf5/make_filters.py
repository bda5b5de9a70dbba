"""Makes filters.h5 and filters_btree.h5 with h5py and hdf5plugin: chunks through filters that are
not HDF5's own. Run: pip install numpy h5py hdf5plugin, then
python3 make_filters.py

Unless its name says otherwise a dataset holds the patterns of make_fixtures.py, counts[k, y, x] =
(7 k + 3 y + 5 x) mod 11, as two-byte whole numbers.
"""

import pathlib

import h5py
import hdf5plugin
import numpy as np

FOLDER = pathlib.Path(__file__).parent
K, Y, X = np.mgrid[:5, :12, :10]
COUNTS = ((7 * K + 3 * Y + 5 * X) % 11).astype("<u2")
# Several blocks in a chunk, in steps that pack well: element k is k // 700. Noise does not pack.
STEPS = (np.arange(40 * 64 * 64) // 700).astype("<u2").reshape(40, 64, 64)
NOISE = np.random.default_rng(1).integers(0, 1 << 16, COUNTS.shape).astype("<u2")
BLOSC2 = {"none": 0, "shuffle": 1, "bitshuffle": 2, "delta": 3}


def blosc2(codec="zstd", words="shuffle"):
    return hdf5plugin.Blosc2(cname=codec, clevel=5, filters=BLOSC2[words])


def bitshuffle(codec="zstd", **how):
    return hdf5plugin.Bitshuffle(cname=codec, **how)


def put(file, name, data=COUNTS, chunks=(2, 12, 10), **how):
    file.create_dataset(name, data=data, chunks=chunks, **how)


def part(file):
    """Of five patterns the last one is written, the others have the fill value."""
    how = blosc2("lz4")
    file.create_dataset("part", (5, 12, 10), "<u2", chunks=(1, 12, 10), fillvalue=3, **how)[4] = COUNTS[4]


# The indices of chunks that HDF5 has had since 1.10 are small files.
with h5py.File(FOLDER / "filters.h5", "w", libver="latest") as file:
    for codec in ["blosclz", "lz4", "lz4hc", "zlib"]:
        put(file, f"blosc2_{codec}", **blosc2(codec))
    for words in BLOSC2:
        put(file, f"blosc2_{words}", **blosc2("zstd", words))
    put(file, "blosc2_edges", chunks=(2, 7, 6), **blosc2())
    put(file, "blosc2_f8", COUNTS.astype(">f8"), **blosc2("zstd", "bitshuffle"))
    put(file, "blosc2_u1", COUNTS.astype("u1"), **blosc2("lz4", "bitshuffle"))
    put(file, "blosc2_u4_delta", COUNTS.astype("<u4"), **blosc2("zstd", "delta"))
    put(file, "blosc2_line", COUNTS.ravel(), chunks=(128,), **blosc2("lz4"))
    put(file, "blosc2_checked", fletcher32=True, **blosc2())
    put(file, "blosc2_growing", maxshape=(None, 12, 10), **blosc2())
    put(file, "blosc2_growing_twice", maxshape=(None, None, 10), **blosc2())
    put(file, "blosc2_single", chunks=COUNTS.shape, **blosc2())
    for codec in ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"]:
        put(file, f"blosc_{codec}", **hdf5plugin.Blosc(cname=codec, shuffle=1))
    put(file, "blosc_bitshuffle", **hdf5plugin.Blosc(cname="zstd", shuffle=2))
    for codec in ["none", "lz4", "zstd"]:
        put(file, f"bitshuffle_{codec}", **bitshuffle(codec))
    put(file, "bitshuffle_edges", chunks=(2, 7, 7), **bitshuffle(nelems=16))
    put(file, "bitshuffle_f8", COUNTS.astype(">f8"), **bitshuffle())
    put(file, "bitshuffle_checked", fletcher32=True, **bitshuffle())
    put(file, "bzip2_shuffled", shuffle=True, **hdf5plugin.BZip2())
    put(file, "zstd_shuffled", shuffle=True, **hdf5plugin.Zstd())
    put(file, "lzf_shuffled", compression="lzf", shuffle=True)
    put(file, "lz4", **hdf5plugin.LZ4())
    put(file, "gzip_checked", compression="gzip", shuffle=True, fletcher32=True)
    put(file, "zeros", 0 * COUNTS, **blosc2("lz4"))
    put(file, "ones", 0 * COUNTS + 1, **blosc2("lz4"))
    part(file)
    for words in ["shuffle", "delta"]:
        put(file, f"steps_blosc2_{words}", STEPS, (20, 64, 64), **blosc2("zstd", words))
    put(file, "steps_bitshuffle", STEPS, (20, 64, 64), **bitshuffle())
    # Not read here.
    put(file, "zfp", COUNTS.astype("<f4"), **hdf5plugin.Zfp(reversible=True))

# The index that HDF5 makes unless told otherwise.
with h5py.File(FOLDER / "filters_btree.h5", "w") as file:
    put(file, "blosc2_edges", chunks=(2, 7, 6), **blosc2())
    put(file, "bitshuffle_edges", chunks=(2, 7, 7), **bitshuffle(nelems=16))
    put(file, "noise_blosc2", NOISE, **blosc2())
    put(file, "noise_bitshuffle", NOISE, **bitshuffle())
    put(file, "noise", NOISE)
    part(file)
