"""The same data and options through the command line and through Python give the same bits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lapwing


def command(*arguments: object) -> Any:
    """The JSON that the command prints."""
    words = [sys.executable, "-m", "lapwing", *map(str, arguments), "--json"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("same") / "cells.npz"
    command(
        *(
            "simulate",
            "--specimen",
            "cells",
            "--pattern-size",
            32,
            "--overlap",
            0.7,
            "--field-of-view",
            "30x26",
        ),
        *("--dose", 10000, "--seed", 7, "--output", path),
    )
    return path


def test_simulate_and_load(file: Path) -> None:
    data = lapwing.load(file)
    probe = lapwing.make_probe(32)
    positions, shape = lapwing.make_scan(
        overlap=0.7, probe_diameter=lapwing.probe_diameter(probe), field=(30, 26), window=32, seed=7
    )
    made = lapwing.simulate(
        lapwing.make_specimen("cells", shape, seed=7), probe, positions, 1e4, seed=7
    )
    assert np.array_equal(made.diffraction, data.diffraction)
    assert np.array_equal(made.object, data.object) and np.array_equal(made.probe, data.probe)
    assert (
        np.array_equal(made.positions, data.positions)
        and made.intensity_scale == data.intensity_scale
    )
    with np.load(file) as arrays:
        assert np.array_equal(arrays["diffraction"], data.diffraction)
        assert np.array_equal(arrays["ycoords"], data.positions[:, 0])


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["--num-epochs", 6], {"epochs": 6}),
        (
            [
                "--num-epochs",
                4,
                "--batching",
                "random",
                "--batch-size",
                9,
                "--noise",
                "poisson",
                "--batch-seed",
                3,
            ],
            {"epochs": 4, "batching": "random", "batch_size": 9, "noise": "poisson", "seed": 3},
        ),
        (
            ["--algorithm", "ML", "--num-epochs", 12, "--prior", 5],
            {"algorithm": "ML", "epochs": 12, "prior": 5.0},
        ),
        (
            ["--num-epochs", 2, "--start", "guess", "--probe-start", "perturbed"],
            {"epochs": 2, "object_start": "guess", "probe_start": "perturbed"},
        ),
    ],
)
def test_reconstruct_and_compare(file: Path, tmp_path: Path, words: list, options: Any) -> None:
    command("reconstruct", "--input-npz", file, "--output-dir", tmp_path, "--threads", 1, *words)
    data = lapwing.load(file)
    found = lapwing.reconstruct(data, **options)
    found.save(tmp_path / "python.npz")
    with (
        np.load(tmp_path / "reconstruction.npz") as theirs,
        np.load(tmp_path / "python.npz") as ours,
    ):
        assert set(theirs.files) == set(ours.files)
        for name in set(theirs.files) - {"timestamp"}:
            assert np.array_equal(theirs[name], ours[name]), name
        assert np.array_equal(theirs["reconstructed_object"], found.object)
        assert np.array_equal(theirs["loss"], found.loss)
    told = command("compare", "--reconstruction", tmp_path / "reconstruction.npz", "--truth", file)
    compared = found.compare(data)
    assert compared.metrics == told["metrics"] and compared.alignment == told["alignment"]
    assert compared.doubts == told["doubts"]


def test_what_is_doubted_is_so_for_both(file: Path, tmp_path: Path) -> None:
    # A band of frequencies of the truth is missing: the first dip is not where the detail ends.
    data = lapwing.load(file)
    truth = data.object
    assert truth is not None
    spectrum = np.fft.fft2(truth)
    y, x = np.meshgrid(*(np.fft.fftfreq(side) for side in truth.shape), indexing="ij")
    radius = np.hypot(y, x)
    rng = np.random.default_rng(1)
    noise = np.fft.fft2(rng.normal(size=truth.shape) + 1j * rng.normal(size=truth.shape))
    band = (radius > 0.08) & (radius < 0.14)
    made = np.fft.ifft2(np.where(band, noise, spectrum)).astype(np.complex64)
    np.savez(tmp_path / "made.npz", reconstructed_object=made, positions=data.positions)
    told = command("compare", "--reconstruction", tmp_path / "made.npz", "--truth", file)
    assert lapwing.load_reconstruction(tmp_path / "made.npz").compare(data).doubts == told["doubts"]
    assert any("phase_resolution" in name for name in told["doubts"])


def test_thin(file: Path, tmp_path: Path) -> None:
    command("thin", "--input", file, "--dose", 500, "--seed", 11, "--output", tmp_path / "thin.npz")
    theirs, ours = (
        lapwing.load(tmp_path / "thin.npz"),
        lapwing.thin(lapwing.load(file), 500, seed=11),
    )
    assert np.array_equal(theirs.diffraction, ours.diffraction)
    # A file of the command line also tells when each of its steps was made.
    metadata = theirs.metadata
    assert metadata is not None and metadata["data_transformations"][-1].pop("timestamp")
    assert metadata == ours.metadata
    counts = lapwing.load(file).counts()
    thinned = lapwing.thin(counts, 500, seed=11)
    assert np.all(thinned <= counts) and thinned.sum() / len(counts) == pytest.approx(500, rel=0.05)


def test_overlap(file: Path) -> None:
    for gridsize in (1, 2):
        words = ["--gridsize", gridsize, "--s-img", 0.5, "--n-groups", 20]
        told = command("overlap", "--input", file, *words)
        data = lapwing.load(file)
        assert lapwing.overlap_metrics(data, gridsize=gridsize, s_img=0.5, n_groups=20) == told
        same = lapwing.overlap_metrics(
            data.positions,
            probe_diameter_px=data.probe_diameter_px,
            gridsize=gridsize,
            s_img=0.5,
            n_groups=20,
        )
        assert same == told


def test_study(tmp_path: Path) -> None:
    design = {
        "study": {"doses": [1e4], "views": ["baseline"], "pattern_size": 32},
        "scan": {"step": 6.0, "field": [60.0, 30.0]},
        "solver": {"epochs": 3},
    }
    (tmp_path / "design.toml").write_text(
        "study = { doses = [1e4], views = ['baseline'], pattern_size = 32 }\n"
        "scan = { step = 6, field = [60, 30] }\nsolver = { epochs = 3 }\n"
    )
    command("study", "run", tmp_path / "design.toml", "--output", tmp_path / "command")
    report = lapwing.run_study(design, tmp_path / "python")
    assert report.failed == 0 and report.jobs is not None and len(report.jobs) == 2
    names = sorted(
        path.relative_to(tmp_path / "command") for path in (tmp_path / "command").rglob("*.npz")
    )
    assert len(names) >= 4
    for name in names:
        with (
            np.load(tmp_path / "command" / name) as theirs,
            np.load(tmp_path / "python" / name) as ours,
        ):
            for array in set(theirs.files) - {"timestamp"}:
                # Error maps know nothing of pixels that no pattern saw.
                nan = theirs[array].dtype.kind in "fc"
                assert np.array_equal(theirs[array], ours[array], equal_nan=nan), (name, array)
