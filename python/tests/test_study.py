"""Studies: designs, progress, stopping and going on; constants; selection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lapwing
from lapwing import constants

DESIGN: dict[str, Any] = {
    "study": {"doses": [1e4], "views": ["baseline"], "pattern_size": 32},
    "scan": {"step": 6.0, "field": [60.0, 30.0]},
    "solver": {"epochs": 4},
}


def test_a_stopped_study_goes_on_and_ends_like_one_that_was_not(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    seen: list[str] = []

    def raising(event: dict[str, Any]) -> None:
        seen.append(event["event"])
        if seen.count("epoch") == 2:
            raise Enough

    with pytest.raises(Enough):
        lapwing.run_study(DESIGN, tmp_path / "a", progress=raising, threads=1)
    assert "jobs planned" in seen and "job done" not in seen
    stopped = lapwing.run_study(
        DESIGN, tmp_path / "a", progress=lambda event: event["event"] != "job done", threads=1
    )
    assert stopped.stopped and stopped.jobs is None and "stopped" in repr(stopped)
    finished = lapwing.run_study(DESIGN, tmp_path / "a")
    assert finished.failed == 0 and len(finished.jobs or []) == 2 and Path(finished.html).is_file()
    lapwing.run_study(DESIGN, tmp_path / "b")
    names = [
        path.relative_to(tmp_path / "b") for path in (tmp_path / "b").rglob("reconstruction.npz")
    ]
    assert len(names) == 2
    for name in names:
        with np.load(tmp_path / "a" / name) as a, np.load(tmp_path / "b" / name) as b:
            assert np.array_equal(a["reconstructed_object"], b["reconstructed_object"])


def test_invalid_designs_name_field_and_rule(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neighbor_count.*OVERSAMPLING-001"):
        lapwing.run_study({"study": {"neighbor_count": 3}}, tmp_path / "x")
    with pytest.raises(ValueError, match="dose"):
        lapwing.run_study({"study": {"dose": [1]}}, tmp_path / "x")
    with pytest.raises(FileNotFoundError, match="missing.toml"):
        lapwing.run_study(tmp_path / "missing.toml", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_views_and_jobs_on_disk(tmp_path: Path) -> None:
    lapwing.run_study(DESIGN, tmp_path / "made")
    data, views, out = tmp_path / "made" / "data", tmp_path / "views", tmp_path / "out"
    made = lapwing.write_views(
        data, views, views=["step_9", "dense"], dense_overlap=0.8, min_positions=3
    )
    assert {view["view"] for view in made["views"]} == {"step_9", "dense"} and made["refused"] == []
    assert all(Path(view["file"]).is_file() for view in made["views"])
    with pytest.raises(ValueError, match="sparse_train.npz"):
        lapwing.run_jobs(data, views, out, epochs=2)
    dry = lapwing.run_jobs(
        data, views, out, split="train", allow_missing_views=True, dry_run=True, epochs=2
    )
    assert (
        len(dry["manifest"]["jobs"]) == 3 and dry["would_fail"] == [] and dry["manifest"]["dry_run"]
    )
    seen: list[str] = []
    run = lapwing.run_jobs(
        data,
        views,
        out,
        dose=1e4,
        view="step_9",
        split="train",
        progress=lambda event: seen.append(event["event"]),
        epochs=2,
    )
    assert (
        run["failed"] == 0
        and run["run_id"].endswith("_dose_10000_step_9_train")
        and "job done" in seen
    )
    job = run["manifest"]["jobs"][0]
    assert (
        job["algorithm"] == "LSQML" and (Path(job["output_dir"]) / "reconstruction.npz").is_file()
    )
    with pytest.raises(ValueError, match="baseline"):
        lapwing.write_views(data, views, views=["baseline"])
    # Both take what a file does not say.
    with pytest.raises(ValueError, match="unknown option quantitty"):
        lapwing.run_jobs(data, views, out, epochs=2, reading={"quantitty": "amplitude"})
    again = lapwing.run_jobs(
        data,
        views,
        out,
        dose=1e4,
        view="step_9",
        split="train",
        reading={"quantity": "amplitude"},
        epochs=2,
    )
    assert again["failed"] == 0
    lapwing.write_views(data, views, views=["dense"], reading={"quantity": "amplitude"})


def test_goals_are_told_as_a_dict_or_as_the_command_line_has_them(tmp_path: Path) -> None:
    lapwing.run_study(DESIGN, tmp_path)
    for goals in ({"phase_ssim": 0.5}, "phase_ssim=0.5", ["phase_ssim=0.5"]):
        made = lapwing.report(tmp_path, goals=goals)
        answer = json.loads(Path(made["json"]).with_name("study_answer.json").read_text())
        goal = {asked["metric"]: asked["goal"] for asked in answer["answers"]}
        assert goal["phase_ssim"] == 0.5


def test_constants_are_those_of_the_reference_study() -> None:
    assert constants.DOSES == (1_000, 10_000, 100_000) and constants.PATTERN_SIZE == 128
    assert constants.VIEWS == ("baseline", "dense", "sparse") and constants.SPLITS == (
        "train",
        "test",
    )
    assert constants.GRIDSIZES == (1, 2) and constants.NEIGHBOR_COUNT == 7
    assert constants.view_spacing(constants.DENSE_OVERLAP) == 38.4
    assert constants.view_spacing(constants.SPARSE_OVERLAP) == 102.4
    assert constants.SEEDS == {"simulation": 42, "grouping": 123, "subsampling": 456}


def test_selection_is_the_rule_by_brute_force() -> None:
    positions = np.random.default_rng(5).uniform(0, 200, (150, 2))
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    alone = np.where((distance + np.diag(np.full(150, np.inf)) >= 12).all(axis=1))[0]
    assert np.array_equal(lapwing.select_positions(positions, 12, strategy="direct").indices, alone)
    kept: list[int] = []
    for index in np.lexsort((positions[:, 1], positions[:, 0])):
        if all(distance[index, other] >= 12 for other in kept):
            kept.append(int(index))
    greedy = lapwing.select_positions(positions, 12, strategy="greedy")
    assert np.array_equal(greedy.indices, sorted(kept))
    assert (
        greedy.n_accepted + greedy.n_rejected == 150 and greedy.acceptance_rate == len(kept) / 150
    )
    with pytest.raises(ValueError, match="at least 5 positions are needed.*median spacing"):
        lapwing.select_positions(positions, 1000)
    with pytest.raises(ValueError, match="spacing"):
        lapwing.select_positions(positions, 0)
