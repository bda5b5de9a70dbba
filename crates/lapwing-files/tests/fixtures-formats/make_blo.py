"""A block file by RosettaSciIO's writer, with the header's numbers that it leaves out:

    pip install numpy rosettasciio
    python make_blo.py

The numbers are those of `counts` in tests/suite/blo.rs.
"""

import struct
from pathlib import Path

import numpy as np
from rsciio.blockfile import file_reader, file_writer

PATH = Path(__file__).with_name("scan.blo")
NY, NX, SIDE = 3, 4, 8

i, y, x = np.indices((NY * NX, SIDE, SIDE))
DATA = (((i * SIDE + y) * SIDE + x) * 31 % 251).astype(np.uint8).reshape(NY, NX, SIDE, SIDE)


def axis(name, index, size, scale, units, navigate):
    return dict(name=name, index_in_array=index, size=size, scale=scale, offset=0.0, units=units, navigate=navigate)


axes = [
    axis("y", 0, NY, 2.5, "nm", True),
    axis("x", 1, NX, 2.0, "nm", True),
    axis("dy", 2, SIDE, 0.01, "cm", False),
    axis("dx", 3, SIDE, 0.01, "cm", False),
]
signal = dict(data=DATA, axes=axes, metadata={}, original_metadata={}, attributes={"_lazy": False})
PATH.unlink(missing_ok=True)
file_writer(str(PATH), signal, navigator=None, show_progressbar=False)
with open(PATH, "r+b") as f:
    for at, form, value in [(28, "<H", 1250), (46, "<I", 200_000), (52, "<I", 2500)]:
        f.seek(at)
        f.write(struct.pack(form, value))
read = file_reader(str(PATH))[0]
assert np.array_equal(read["data"], DATA)
assert [axis["scale"] for axis in read["axes"]] == [2.5, 2.0, 0.01, 0.01]
header = read["original_metadata"]["blockfile_header"]
assert (header["Beam_energy"], header["Camera_length"], header["Scan_rotation"]) == (200_000, 2500, 1250)
print(PATH.stat().st_size)
