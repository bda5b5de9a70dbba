"""Studies that somebody else runs, and the search for a dose."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lapwing

DESIGN: dict[str, Any] = {
    "study": {"doses": [1e3, 1e5], "views": ["baseline"], "pattern_size": 32},
    "scan": {"step": 6.0, "field": [60.0, 30.0]},
    "solver": {"algorithm": "ML", "epochs": 10},
}


def test_scripts_start_the_package_that_is_here(tmp_path: Path) -> None:
    told = lapwing.submit_study(
        DESIGN, tmp_path / "study", tasks=2, time="01:00:00", sbatch=["--qos=long"], dry_run=True
    )
    scripts = {Path(script["file"]).name: script["text"] for script in told["scripts"]}
    assert (
        "#SBATCH --array=1-2" in scripts["reconstruct.sh"]
        and "#SBATCH --qos=long" in scripts["reconstruct.sh"]
    )
    started = next(line for line in scripts["prepare.sh"].splitlines() if "study prepare" in line)
    words = shlex.split(started.strip().rstrip("&").strip())
    assert (
        words[words.index("-m") - 1] == sys.executable and words[words.index("-m") + 1] == "lapwing"
    )
    # What is handed over can be typed.
    design = words[words.index("prepare") + 1]
    first = [
        sys.executable,
        "-m",
        "lapwing",
        "study",
        "prepare",
        design,
        "--output",
        str(tmp_path / "typed"),
    ]
    assert subprocess.run(first, capture_output=True).returncode == 0
    with pytest.raises(ValueError, match="tasks"):
        lapwing.submit_study(DESIGN, tmp_path / "study", tasks=0, dry_run=True)
    with pytest.raises(ValueError, match="no batch system"):
        lapwing.cancel_study(tmp_path / "typed")


def test_a_study_is_prepared_run_and_watched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "study"
    with pytest.raises(ValueError, match="holds no study"):
        lapwing.study_status(folder)
    prepared = lapwing.prepare_study(DESIGN, folder)
    assert len(prepared["jobs"]) == 4
    status = lapwing.study_status(folder)
    assert (status["total"], status["pending"], status["done"]) == (4, 4, 0)
    lapwing.watch_study(folder, seconds=0.01, timeout=0.02)
    assert "4 pending" in capsys.readouterr().err
    seen: list[str] = []
    report = lapwing.run_study(
        DESIGN,
        folder,
        watch=True,
        jobs=1,
        device="cpu",
        progress=lambda event: seen.append(event["event"]),
    )
    assert (
        report.failed == 0 and "job done" in seen and "<th>phase SSIM</th>" in report._repr_html_()
    )
    assert [row["dose"] for row in report.conditions] == [1000, 1000, 100_000, 100_000]
    low, high = report.conditions[0]["metrics"], report.conditions[2]["metrics"]
    assert low["complex_correlation"] < high["complex_correlation"]
    status = lapwing.watch_study(folder)
    assert status["done"] == 4 and status["held_by"] is None
    assert "4 done" in capsys.readouterr().err
    with pytest.raises(ValueError, match="seconds"):
        lapwing.watch_study(folder, seconds=0)
    with pytest.raises(ValueError, match="gpu:7"):
        lapwing.run_study(DESIGN, folder, device="tpu")


def test_the_least_dose_is_searched_for(tmp_path: Path) -> None:
    found = lapwing.search_study(
        DESIGN, tmp_path / "search", goal="complex_correlation=0.9", precision=3, jobs=2
    )
    (view,) = found["views"]
    assert view["view"] == "baseline" and len(view["tried"]) >= 2
    assert all(tried["value"] is not None for tried in view["tried"])
    assert Path(found["report"]["html"]).is_file()
    with pytest.raises(ValueError, match="goal"):
        lapwing.search_study(DESIGN, tmp_path / "search")
