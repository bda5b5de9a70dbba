#!/usr/bin/env python3
"""Puts seeds made from the fixtures of the tests, and from pickles that call something, into a folder for each target.

    make_seeds.py FOLDER
"""

import hashlib
import io
import pathlib
import pickle
import struct
import sys
import zipfile

import numpy as np

FIXTURES = pathlib.Path(__file__).parent.parent / "tests" / "fixtures"
# As in src/lib.rs.
NAMES = (
    "diffraction diff3d data scan xcoords ycoords objectGuess probeGuess probe psi Y scan_index filenames _metadata other"
).split()


def small_archives():
    for path in sorted(FIXTURES.glob("*.npz")):
        if path.stat().st_size < 12_000:
            yield path.read_bytes()
    # An archive of archives.
    with np.load(FIXTURES / "metadata.npz") as archive:
        for name in archive.files:
            yield archive[name].astype(np.uint8).tobytes()


def readable(archive):
    """Python cannot read all that we can."""
    try:
        np.load(io.BytesIO(archive)).close()
    except zipfile.BadZipFile:
        return False
    return True


def as_members(archive):
    out = b""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        for entry in file.infolist():
            content = file.read(entry)[:6000]
            stem = entry.filename.removesuffix(".npy")
            kind = NAMES.index(stem) if stem in NAMES else 14
            kind |= 16 if entry.compress_type == zipfile.ZIP_DEFLATED else 0
            out += struct.pack("<HB", len(content), kind) + content
    return out


def pickles():
    for archive in filter(readable, small_archives()):
        with np.load(io.BytesIO(archive)) as file:
            for name in file.files:
                content = file.zip.read(name + ".npy") if name + ".npy" in file.zip.namelist() else b""
                if b"'|O'" in content[:100]:
                    yield content[content.index(b"\n") + 1 :]
    values = [
        {"a": [1, 2.5, None, True, (1, 2), b"bytes", "text"], "n": 2**70},
        {"array": np.arange(6, dtype=np.float32).reshape(2, 3), "scalar": np.float64(0.5), "int": np.int32(3)},
        np.array(["{}", {"deep": [[[]]]}], dtype=object),
        np.array([1 + 2j]),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(["a", "bcd"]),
    ]
    for protocol in range(6):
        for value in values:
            yield pickle.dumps(value, protocol)
    yield from [
        b"cposix\nsystem\n(S'x'\ntR.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x01x\x85R.",
        b"(S'x'\nios\nsystem\n.",
        b"\x80\x02(cos\nsystem\nS'x'\no.",
        b"\x80\x02csubprocess\nPopen\nS'x'\n\x85\x81.",
        b"Pevil\n.",
        b"\x80\x02}q\x00U\x01ah\x00s.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fx.",
    ]


def main():
    folder = pathlib.Path(sys.argv[1])
    archives = list(small_archives())
    for target, seeds in (
        ("archive", archives),
        ("members", [as_members(archive) for archive in filter(readable, archives)]),
        ("pickle", list(pickles())),
    ):
        (folder / target).mkdir(parents=True, exist_ok=True)
        for seed in seeds:
            (folder / target / hashlib.sha1(seed).hexdigest()[:16]).write_bytes(seed)
        print(f"{target}: {len(set(seeds))} seeds, {sum(map(len, set(seeds)))} bytes")


if __name__ == "__main__":
    main()
