"""Whole studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lapwing import _lapwing

if TYPE_CHECKING:
    import os
    from collections.abc import Callable


@dataclass(frozen=True, repr=False)
class StudyReport:
    """What became of a study.

    Attributes
    ----------
    folder : str
    run_id : str or None
        None when the study was stopped.
    jobs : list of dict or None
        One record for each reconstruction, as in ``reconstruction_manifest.json``.
    failed : int or None
        Number of jobs that failed.
    skipped : list of dict or None
        Cases that were not run, and why.
    stopped : bool
        A progress callback returned False; the same call goes on from there.
    html, csv, json : str
        Files of the report.
    """

    folder: str
    run_id: str | None
    jobs: list[dict[str, Any]] | None
    failed: int | None
    skipped: list[dict[str, Any]] | None
    stopped: bool
    html: str
    csv: str
    json: str

    def __repr__(self) -> str:
        if self.stopped or self.jobs is None:
            return f"<lapwing.StudyReport: stopped, report so far in {self.html}>"
        return (
            f"<lapwing.StudyReport: {len(self.jobs)} jobs, {self.failed} failed, {len(self.skipped or [])} skipped, "
            f"report in {self.html}>"
        )


def run_study(
    design: str | os.PathLike[str] | dict[str, Any],
    folder: str | os.PathLike[str],
    *,
    replace: bool = False,
    progress: Callable[[dict[str, Any]], Any] | None = None,
    threads: int | None = None,
) -> StudyReport:
    """Run a whole dose x overlap study: simulate, split, make views, reconstruct, compare, report. Resumes by itself.

    Parameters
    ----------
    design : path or dict
        A design file, or a dict with its sections, such as ``{"study": {"doses": [1e4]}, "solver": {"epochs": 20}}``. What is
        not given has the reference study's value, see :func:`default_design`.
    folder : path
        The study's folder. Nothing in it that is finished and up to date is done again.
    replace : bool
        Go on although results in the folder were made for another design, and replace what the change touches. A design
        that only grows (doses, views, splits, repeats, further solvers) needs no leave.
    progress : callable, optional
        Called with a dict for every event; ``event["event"]`` names it. The study stops where it returns False.
    threads : int, optional
        All processors unless given; results do not depend on it.

    Returns
    -------
    StudyReport
        A job that fails does not stop the others; see ``failed``.

    Raises
    ------
    ValueError
        An invalid design, naming the field and the rule; another design than that of the results in the folder.
    OSError
        The folder cannot be used.
    KeyboardInterrupt
        Ctrl-C, at the next event. What is finished stays, and the same call goes on from there.
    """
    return StudyReport(**_lapwing.run_study(design, folder, replace, progress, threads))


def default_design() -> dict[str, Any]:
    """The design of the reference study, in the form that :func:`run_study` takes."""
    return _lapwing.default_design()
