#!/usr/bin/env python3
"""ML against LSQML on the worlds of the public bench with other specimens, and in light of two modes.

    bench/specimens.py LAPWING BENCH FOLDER [--specimens weak,sparse,textured,two-modes] [--worlds plain,raster]
                       [--photons 1e3,1e6] [--seed 1]

LAPWING is the program, BENCH the folder of the bench's gen_worlds.py and evaluate.py, FOLDER where the scans are, or are
made: by that generator, whose object is made another (weak: a phase of at most 0.1 rad; sparse: a tenth of the strong
one's texture; textured: correlated noise in phase and amplitude) or whose light gets a second mode, the probe times tanh of
the column, with a fifth of the power, given as `--probe-modes 2`. No other option. Prints the complex errors of evaluate.py
and their ratio, as each line is done. Needs NumPy and scikit-image.
"""

import argparse
import json
import pathlib
import sys
import tempfile

import numpy as np

from worlds import call

WORLDS = "plain,raster,background,gain,everything,drift,seam,saturated,blur,far-probe"
OBJECT = """    phase = texture(size, rng, 0.1 if weak else 0.8)
    amp = 1.0 if weak else 0.7 + 0.3 * unit(gauss_blur(dead_leaves((size, size), rng, 2.0, 40.0), 0.8))
"""
FAR = "            model[j] = far(fourier_shift(probe, fr) * patch)\n    if world"
OTHER = {
    "weak": (OBJECT, "    phase, amp = texture(size, rng, 0.1), 1.0\n"),
    "sparse": (OBJECT, """    t = texture(size, rng, 1.0)
    here = gauss_blur((t > np.quantile(t, 0.9)).astype(float), 0.8)
    phase, amp = 0.8 * here, 1 - 0.3 * here
"""),
    "textured": (OBJECT, """    phase = 0.8 * (2 * unit(power_noise((size, size), rng, 1.0)) - 1)
    amp = 0.7 + 0.3 * unit(power_noise((size, size), rng, 1.0))
"""),
    "two-modes": (FAR, """            second = probe * np.tanh((np.arange(N) - N / 2) / 6)[None]
            second *= np.sqrt(0.25 * (abs(probe) ** 2).sum() / (abs(second) ** 2).sum())
            model[j] = sum(far(fourier_shift(mode, fr) * patch) for mode in (probe, second))
    if world"""),
}


def generator(bench, specimen):
    """The bench's `make` with this specimen."""
    source = (bench / "gen_worlds.py").read_text()
    old, new = OTHER[specimen]
    if source.count(old) != 1:
        sys.exit(f"{bench / 'gen_worlds.py'} is another version: {old!r} is not in it once")
    names = {"__name__": "gen_worlds", "__file__": str(bench / "gen_worlds.py")}
    exec(compile(source.replace(old, new), "gen_worlds.py", "exec"), names)
    return names["make"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("bench", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--specimens", default=",".join(OTHER))
    parser.add_argument("--worlds", default=WORLDS)
    parser.add_argument("--photons", default="1e3,1e6")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    for specimen in asked.specimens.split(","):
        make = generator(asked.bench, specimen)
        for world in asked.worlds.split(","):
            if specimen == "two-modes" and world in ("drift", "blur"):
                continue  # Their light is made in another way.
            for photons in map(float, asked.photons.split(",")):
                name = f"{specimen}_{world}_{photons:g}_{asked.seed}"
                case, study = asked.folder / f"{name}.npz", asked.folder / f"{name}-study.npz"
                if not study.exists():
                    made = make(world, photons, asked.seed)
                    np.savez(case, **made[0])
                    np.savez(study, **made[1])
                errors = []
                for algorithm in ("LSQML", "ML"):
                    options = ["--probe-modes", "2"] if specimen == "two-modes" else []
                    with tempfile.TemporaryDirectory() as folder:
                        call(asked.program, "reconstruct", "--input", study, "--output-dir", f"{folder}/r",
                             "--algorithm", algorithm, "--quiet", *options)
                        told = call(sys.executable, asked.bench / "evaluate.py", case, f"{folder}/r/reconstruction.npz")
                    errors.append(json.loads(told)["nrmse"])
                lsqml, ml = errors
                print(f"{specimen}, {world}, {photons:g}: {lsqml:.4f}, {ml:.4f} ({ml / lsqml:.2f})", flush=True)


if __name__ == "__main__":
    main()
