"""Progress at a terminal, in a log and in a notebook."""

from __future__ import annotations

import io
import sys
import types
from typing import Any

import pytest

import lapwing


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_few_lines_and_a_terminal_one(scan: lapwing.Dataset) -> None:
    for stream, lines in ((io.StringIO(), range(5, 14)), (Terminal(), range(1, 2))):
        watch = lapwing.Progress("cells", file=stream)
        found = lapwing.reconstruct(scan, algorithm="LSQML", epochs=40, progress=watch)
        text = stream.getvalue()
        assert text.count("\n") in lines and "cells: 40/40 epochs" in text and "loss" in text
        assert watch.losses == pytest.approx(found.loss) and watch.done == watch.total == 40


def test_true_is_a_display_and_false_is_none(
    scan: lapwing.Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    lapwing.reconstruct(scan, algorithm="LSQML", epochs=2, progress=True)
    assert "reconstructing: 2/2 epochs" in capsys.readouterr().err
    lapwing.reconstruct(scan, algorithm="LSQML", epochs=2, progress=False)
    assert capsys.readouterr().err == ""


def test_a_display_stops_the_solver(scan: lapwing.Dataset) -> None:
    watch = lapwing.Progress(stop_when=lambda epoch: epoch.done >= 3, file=io.StringIO())
    assert len(lapwing.reconstruct(scan, algorithm="LSQML", epochs=50, progress=watch).loss) == 3


def test_a_notebook_gets_html_that_is_written_over(
    scan: lapwing.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[dict[str, str]] = []

    class Handle:
        def update(self, bundle: dict[str, str], raw: bool) -> None:
            shown.append(bundle)

    def display(bundle: dict[str, str], raw: bool, display_id: bool) -> Handle:
        assert raw and display_id and not shown
        shown.append(bundle)
        return Handle()

    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))  # type: ignore[arg-type]
    lapwing.reconstruct(scan, algorithm="LSQML", epochs=30, progress=lapwing.Progress("<cells>"))
    assert len(shown) >= 2
    page = shown[-1]["text/html"]
    assert "&lt;cells&gt;" in page and 'aria-valuenow="100.0"' in page and "<polyline" in page
    assert "30/30 epochs" in shown[-1]["text/plain"]


def test_events_of_a_study_are_counted() -> None:
    stream = io.StringIO()
    watch = lapwing.Progress("study", file=stream)
    events: list[dict[str, Any]] = [
        {"event": "simulating", "dose": 1e4, "patterns": 9},
        {"event": "jobs planned", "jobs": 2, "skipped": 0, "epochs": 20},
        {"event": "epoch", "case": None, "done": 1, "total": 10, "loss": 0.5},
        {"event": "job done", "index": 0, "result": {}, "resumed": True},
        {"event": "job failed", "index": 1, "error": "no light"},
    ]
    for event in events:
        assert watch(event) is True
    watch.close()
    assert (watch.done, watch.total) == (20, 20)
    assert (
        "2 of 2 jobs (1 failed, 1 were there already)" in watch.text
        and "job 2 failed: no light" in stream.getvalue()
    )


def test_the_time_left_is_that_of_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("lapwing._progress.time.monotonic", lambda: clock[0])
    log = io.StringIO()
    watch = lapwing.Progress(file=log)
    # A minute of fits, then a second for each of ten epochs.
    for done in range(1, 6):
        clock[0] = 60.0 + done
        watch(types.SimpleNamespace(done=done, total=10, loss=1.0))
    lines = log.getvalue().splitlines()
    assert any("5/10" in line and "5.0 s left" in line for line in lines), lines
    assert not any("min" in line and "left" in line for line in lines), lines
