#!/usr/bin/env python3
"""Makes the files in fixtures/ with NumPy (2.4 was used); run it from anywhere, it needs nothing else.

Element k (in C order) of every array of `arrays.npz` follows a rule that tests/suite/numpy_files.rs states again, so that
the values are checked against the rule and not against the reader.
"""
import io
import json
import pathlib
import pickle
import zipfile

import numpy as np
from numpy.lib import format as npy_format

HERE = pathlib.Path(__file__).parent / "fixtures"
HERE.mkdir(exist_ok=True)
DATE = (1980, 1, 1, 0, 0, 0)


def npy_bytes(array, version=None):
    out = io.BytesIO()
    npy_format.write_array(out, array, version=version, allow_pickle=False)
    return out.getvalue()


def archive(members, deflated=False):
    """An archive with fixed dates; members are (name, bytes)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as file:
        for name, data in members:
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = file.compression
            file.writestr(info, data)
    return out.getvalue()


# --- every dtype, byte order and memory order --------------------------------------------------------------------

def example(dtype, shape):
    k = np.arange(np.prod(shape))
    kind = dtype.kind
    if kind == "b":
        values = k % 3 == 0
    elif kind == "u":
        values = k * 7 % 251
    elif kind == "i":
        values = k * 5 - 23
    elif kind == "f":
        values = (k - 5) / 4
    elif kind == "c":
        values = (k - 5) / 4 + 1j * k
    elif kind == "U":
        values = np.array([f"é{i}π" for i in k])
    else:
        values = np.array([f"b{i}".encode() for i in k])
    return values.astype(dtype).reshape(shape)


codes = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "U6", "S4"]
members = []
for code in codes:
    for order in "<>":
        dtype = np.dtype(order + code) if code != "?" else np.dtype("?")
        side = "le" if order == "<" else "be"
        array = example(dtype, (2, 3, 4))
        members.append((f"{code}_{side}_c.npy", npy_bytes(array)))
        members.append((f"{code}_{side}_f.npy", npy_bytes(np.asfortranarray(array))))
    members.append((f"{code}_0d.npy", npy_bytes(example(np.dtype(code), (1,)).reshape(()))))
    members.append((f"{code}_empty.npy", npy_bytes(example(np.dtype(code), (6,))[:0].reshape((0, 3)))))
for version in [(1, 0), (2, 0), (3, 0)]:
    members.append((f"version{version[0]}.npy", npy_bytes(example(np.dtype("f4"), (5,)), version)))
record = np.zeros(3, dtype=[("größe", "<f8"), ("tag", "S3"), ("pair", "<i2", (2,))])
members.append(("record.npy", npy_bytes(record, (3, 0))))
members.append(("date.npy", npy_bytes(np.array(["2026-01-02", "1970-01-01"], dtype="<M8[D]"))))
(HERE / "arrays_stored.npz").write_bytes(archive(members))
(HERE / "arrays_deflated.npz").write_bytes(archive(members, deflated=True))


# --- ways of making an archive -----------------------------------------------------------------------------------

class Pipe(io.RawIOBase):
    """A stream that cannot seek, so that zipfile writes data descriptors."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


data = npy_bytes(example(np.dtype("f8"), (3, 5)))
for name, kind in [("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)]:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", kind) as file:
        for member in ["a.npy", "b.npy"]:
            info = zipfile.ZipInfo(member, DATE)
            info.compress_type = kind
            with file.open(info, "w", force_zip64=member == "b.npy") as out:
                out.write(data)
    (HERE / f"descriptors_{name}.npz").write_bytes(pipe.data)

out = io.BytesIO()
with zipfile.ZipFile(out, "w") as file:
    for name, content in [("README.txt", b"read me"), ("a.npy", data), ("plots/", b""), ("plots/x.png", b"\x89PNG"),
                          ("group/b.npy", data)]:
        file.writestr(zipfile.ZipInfo(name, DATE), content)
    file.comment = b"a comment that holds PK\x05\x06, the mark of the end"
(HERE / "strangers.npz").write_bytes(out.getvalue())


# --- metadata in every encoding ----------------------------------------------------------------------------------

METADATA = {
    "schema_version": "1.0",
    "physics_parameters": {"nphotons": 1e9, "N": 64, "gridsize": 1, "intensity_scale": 988.211666},
    "data_transformations": [{"tool": "generator", "operation": "simulate", "parameters": {"ü": None}}],
    "flags": [True, False],
}
TEXT = json.dumps(METADATA)
(HERE / "metadata.json").write_text(TEXT + "\n")


def object_npy(array, protocol, module=None):
    out = io.BytesIO()
    npy_format.write_array_header_1_0(out, npy_format.header_data_from_array_1_0(array))
    data = pickle.dumps(array, protocol=protocol)
    if module == 1:
        # As NumPy 1 would have written it: another module name, and no frame, whose length would be wrong.
        if data[2:3] == b"\x95":
            data = data[:2] + data[11:]
        for name in [b"multiarray", b"numeric"]:
            new, old = b"numpy._core." + name, b"numpy.core." + name
            data = data.replace(b"\x8c" + bytes([len(new)]) + new, b"\x8c" + bytes([len(old)]) + old)
            data = data.replace(new, old)
        assert b"_core" not in data
        pickle.loads(data)  # NumPy 2 still knows the old names
    out.write(data)
    return out.getvalue()


def zero_d(value):
    array = np.empty((), dtype=object)
    array[()] = value
    return array


plain = {
    "U": np.array(TEXT),
    "U_be": np.array(TEXT).astype(">U%d" % (len(TEXT) + 9)),
    "S": np.array(TEXT.encode()),
    "S_1": np.array([TEXT.encode()]),
    "U_1": np.array([TEXT]),
    "U_1_1": np.array([[TEXT]]),
    "U_be_1_1": np.array([[TEXT]]).astype(">U900"),
    "S_1_1": np.array([[TEXT.encode()]]),
    "uint8": np.frombuffer(TEXT.encode(), dtype=np.uint8),
}
variants = {name: npy_bytes(array) for name, array in plain.items()}
for protocol in range(6):
    numpy_inside = dict(METADATA)
    numpy_inside["physics_parameters"] = {
        "nphotons": np.float64(1e9), "N": np.int64(64), "gridsize": np.uint8(1), "intensity_scale": np.array(988.211666),
    }
    numpy_inside["schema_version"] = np.str_("1.0")
    numpy_inside["flags"] = np.array([True, False])
    objects = {
        "str": zero_d(TEXT),
        "str_1": np.array([TEXT], dtype=object),
        "str_1_1": np.array([[TEXT]], dtype=object),
        "dict": zero_d(METADATA),
        "dict_1": np.array([METADATA], dtype=object),
        "bytes": zero_d(TEXT.encode()),
        "nested": zero_d(np.array([np.array([TEXT], dtype=object)], dtype=object)),
        "nested_U": zero_d(np.array([TEXT])),
        "np_str": zero_d(np.str_(TEXT)),
        "np_bytes": zero_d(np.bytes_(TEXT.encode())),
        "numpy_inside": zero_d(numpy_inside),
    }
    for name, array in objects.items():
        variants[f"{name}_p{protocol}"] = object_npy(array, protocol)
        if name in ("str", "dict", "numpy_inside"):
            variants[f"{name}_p{protocol}_numpy1"] = object_npy(array, protocol, module=1)

# As Python 2 and NumPy 1 wrote a 0-d object array that holds a str.
header = io.BytesIO()
npy_format.write_array_header_1_0(header, npy_format.header_data_from_array_1_0(zero_d("")))
variants["python2_p2"] = header.getvalue() + (
    b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03"
    b"(K\x01)cnumpy\ndtype\nq\x04U\x02O8K\x00K\x01\x87Rq\x05(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb"
    b"\x89]q\x06T" + len(TEXT.encode()).to_bytes(4, "little") + TEXT.encode() + b"atb.")

inner = {}
for name, data in variants.items():
    inner[f"{name}.npy"] = npy_bytes(np.frombuffer(
        archive([("x.npy", npy_bytes(np.arange(3))), ("_metadata.npy", data)], deflated=len(inner) % 2 == 1), np.uint8))
(HERE / "metadata.npz").write_bytes(archive(inner.items(), deflated=True))


# --- scans -------------------------------------------------------------------------------------------------------

rng = np.random.default_rng(5)
n, H, W = 7, 6, 8
counts = rng.poisson(40 * np.exp(-((np.arange(H)[:, None] - H // 2) ** 2 + (np.arange(W) - W // 2) ** 2) / 6), (n, H, W))
s = np.sqrt(counts.sum() / n)
y, x = rng.uniform(4, 20, n), rng.uniform(5, 24, n)
obj = (rng.normal(size=(26, 30)) + 1j * rng.normal(size=(26, 30))).astype(np.complex64)
probe = (rng.normal(size=(2, H, W)) + 1j * rng.normal(size=(2, H, W))).astype(np.complex64)
np.savez_compressed(
    HERE / "study.npz", diffraction=(np.sqrt(counts) / s).astype(np.float32), objectGuess=obj, probeGuess=probe,
    xcoords=x, ycoords=y, scan_index=np.arange(n), filenames=np.array([f"f{i}.tif" for i in range(n)], dtype=object),
    pixel_size=np.float64(1.5e-8), Y=np.ones((n, H, W), np.complex64),
    _metadata=np.array(json.dumps({"physics_parameters": {"intensity_scale": s, "nphotons": s * s}}), dtype=object))
np.savez_compressed(
    HERE / "hwn.npz", diff3d=np.asfortranarray(np.moveaxis(counts, 0, -1).astype(np.uint16)), xcoords=x.astype(np.float32),
    ycoords=y.astype(np.float32), objectGuess=obj.astype(np.complex128), probeGuess=probe[0][:, :, None],
    Y=np.moveaxis(np.arange(n * H * W).reshape(n, H, W) * np.complex64(1), 0, -1))
corners = np.stack([y - H // 2, x - W // 2], axis=-1)
np.savez_compressed(
    HERE / "tike.npz", data=np.fft.ifftshift(counts, axes=(1, 2)).astype(np.float32)[None], scan=corners[None],
    probe=probe[None, None, None], psi=obj[None])
np.savez(HERE / "expected.npz", counts=counts.astype(np.uint16), amplitude=np.sqrt(counts) / s, scale=s, x=x, y=y,
         object=obj, probe=probe)

total = sum(path.stat().st_size for path in HERE.iterdir())
print(f"{total} bytes in {HERE}")
