#!/usr/bin/env python3
"""The same counts in Zarr's version 3, by its own package (zarr 3, which writes version 3; make_fixtures.py needs zarr 2).

usage: make_zarr3.py       (writes beside itself)
pip install 'zarr>=3'
"""
import pathlib

import numpy as np
import zarr
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ZstdCodec

HERE = pathlib.Path(__file__).parent
y, x = np.mgrid[:10, :8]
COUNTS = np.stack([200 - 3 * (y - 5) ** 2 - 4 * (x - 4) ** 2 + 7 * i + (5 * y + 3 * x) % 11 for i in range(12)]).astype(np.uint16)

if __name__ == "__main__":
    path = HERE / "codecs_v3.zarr.zip"
    path.unlink(missing_ok=True)
    kinds = dict(
        plain=dict(compressors=None), gzip=dict(compressors=GzipCodec()), zstd=dict(compressors=ZstdCodec()), blosc=dict(compressors=BloscCodec(cname="zlib")),
        crc=dict(compressors=[ZstdCodec(), Crc32cCodec()]), big=dict(serializer=BytesCodec(endian="big"), compressors=None),
        sharded=dict(chunks=(1, 5, 4), shards=(2, 10, 8), compressors=ZstdCodec()), keys=dict(chunk_key_encoding=dict(name="v2", separator=".")))
    with zarr.storage.ZipStore(str(path), mode="w") as store:
        group = zarr.create_group(store)
        for name, kind in kinds.items():
            array = group.create_array(name, shape=(3, 10, 8), dtype="u2", **{"chunks": (2, 10, 5), **kind})
            array[:] = COUNTS[:3]
        group.create_array("empty", shape=(3, 10, 8), chunks=(1, 10, 8), dtype="f4", fill_value=float("nan"))
