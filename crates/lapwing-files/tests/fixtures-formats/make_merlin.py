"""Raw frames of Merlin (R64), laid out as Medipix3 sends them and read back by LiberTEM:

    pip install numpy libertem
    python make_merlin.py

The counts are those of `counts` in tests/suite/merlin.rs.
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
N = 6


def counts(depth, height, width):
    """Some number below 2^depth for each pixel, another in each frame."""
    i, y, x = np.indices((N, height, width)).astype(np.uint64)
    return (((i * height + y) * width + x) * 2654435761 >> 7) % 2**depth


def words(values, width):
    """Pixels of `width` bits in words of 64, the first in the last bits, most significant byte first."""
    each = 64 // width
    parts = values.astype(np.uint64).reshape(-1, each) << (np.arange(each, dtype=np.uint64) * np.uint64(width))
    return np.bitwise_or.reduce(parts, axis=1).astype(">u8").tobytes()


def packed(frame, depth):
    if depth == 24:
        return words(frame >> np.uint64(12), 16) + words(frame & np.uint64(4095), 16)
    return words(frame, {1: 1, 6: 8, 12: 16}[depth])


def as_sent(frame):
    """Rows of four chips beside each other: lower right, lower left (both turned), upper right, upper left."""
    half = len(frame) // 2
    upper, lower = frame[:half], frame[half:][::-1, ::-1]
    return np.hstack([lower[:, :half], lower[:, half:], upper[:, half:], upper[:, :half]])


def write(name, depth, frames, quad):
    rows, columns = frames.shape[1:]
    told = (rows // 2, columns * 2) if quad else (rows, columns * 2 if depth == 24 else columns)
    layout, chips, length = ("2x2", 4, 768) if quad else ("1x1", 1, 384)
    with open(HERE / name, "wb") as f:
        for k, frame in enumerate(frames):
            head = (
                f"MQ1,{k + 1:06d},{length:05d},{chips:02d},{told[1]:04d},{told[0]:04d},R64,{layout:>6},01,"
                f"2026-11-26 10:00:00.000000,0.001,0,0,0,1.0E+2,MQ1A,2026-11-26T10:00:00.000000000Z,1000000ns,{depth},"
            )
            f.write(head.ljust(length, "\0").encode())
            f.write(packed(as_sent(frame) if quad else frame, depth))


def read(name):
    """The frames as LiberTEM reads them."""
    from libertem.api import Context
    from libertem.io.dataset.base import BufferedBackend
    from libertem.udf.sum import SumUDF

    def one(index):
        return np.arange(N).reshape(2, 3) == index

    with Context.make_with("inline") as context:
        data = context.load("mib", path=str(HERE / name), nav_shape=(2, 3), disable_glob=True, io_backend=BufferedBackend())
        sums = [context.run_udf(dataset=data, udf=SumUDF(), roi=one(k))["intensity"].data for k in range(N)]
        return np.stack(sums)


if __name__ == "__main__":
    for name, depth, height, width, quad in [
        ("raw_1.mib", 1, 4, 64, False),
        ("raw_6.mib", 6, 5, 16, False),
        ("raw_12.mib", 12, 5, 8, False),
        ("raw_24.mib", 24, 8, 8, False),
        ("quad_6.mib", 6, 16, 16, True),
        ("quad_12.mib", 12, 8, 8, True),
    ]:
        frames = counts(depth, height, width)
        write(name, depth, frames, quad)
        found = read(name)
        if depth == 24:  # of which it reads the first frame of a file, in a type of 16 bits
            found, frames = found[:1] % 2**16, frames[:1] % 2**16
        assert np.array_equal(found, frames), name
