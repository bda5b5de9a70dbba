"""Whole studies."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lapwing import _lapwing
from lapwing._command import answer
from lapwing._progress import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from typing_extensions import Unpack

    from lapwing._solve import SolverOptions


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

    @property
    def conditions(self) -> list[dict[str, Any]]:
        """Every condition of the study as the report has it, read from ``json``.

        Each is a dict with ``dose``, ``view``, ``split``, ``solver``, ``repeat``, ``status``,
        ``reason``, ``folder`` and ``metrics`` by name (see :func:`metric_catalogue`), among others:
        rows for a table of pandas.
        """
        import json

        with open(self.json, encoding="utf-8") as file:
            found: list[dict[str, Any]] = json.load(file)["conditions"]
        return found

    def _repr_html_(self) -> str:
        from lapwing._html import report_table

        try:
            conditions = self.conditions
        except (OSError, ValueError, KeyError):
            # The folder has gone since.
            conditions = []
        return report_table(conditions, repr(self), self.html)

    def __repr__(self) -> str:
        if self.stopped or self.jobs is None:
            return f"<lapwing.StudyReport: stopped, report so far in {self.html}>"
        return (
            f"<lapwing.StudyReport: {len(self.jobs)} jobs, {self.failed} failed, "
            f"{len(self.skipped or [])} skipped, "
            f"report in {self.html}>"
        )


def run_study(
    design: str | os.PathLike[str] | dict[str, Any],
    folder: str | os.PathLike[str],
    *,
    replace: bool = False,
    watch: bool = False,
    jobs: int | Literal["auto"] | None = None,
    device: str | None = None,
    memory: str | float | None = None,
    progress: Callable[[dict[str, Any]], Any] | bool | None = None,
    threads: int | None = None,
) -> StudyReport:
    """Run a whole dose x overlap study: simulate, split, make views, reconstruct, compare, report.
    Resumes by itself.

    Parameters
    ----------
    design : path or dict
        A design file, or a dict with its sections, such as
        ``{"study": {"doses": [1e4]}, "solver": {"epochs": 20}}``. What is not given has the
        reference study's value, see :func:`default_design`.
    folder : path
        The study's folder. Nothing in it that is finished and up to date is done again.
    replace : bool
        Go on although results in the folder were made for another design, and replace what the
        change touches. A design that only grows (doses, views, splits, repeats, further solvers)
        needs no leave.
    watch : bool
        Write the report again and again while the study runs: its page (``report/index.html``),
        once opened, shows it growing.
    jobs : int or "auto", optional
        Reconstructions at a time, which share the threads; as many as memory suffices for unless
        given.
    device : str, optional
        Where to compute, ``"auto"``, ``"cpu"``, ``"gpu"`` or ``"gpu:N"``; as the design says unless
        given.
    memory : str or float, optional
        To work in, as ``"2GB"`` or in bytes, which reconstructions at a time share; what would not
        fit is kept in nameless scratch files in the study's folder. What is free unless given.
    progress : callable or bool, optional
        Called with a dict for every event; ``event["event"]`` names it. The study stops where it
        returns False. True for a display, see :class:`Progress`.
    threads : int, optional
        All processors unless given; results do not depend on it.

    Returns
    -------
    StudyReport
        A job that fails does not stop the others; see ``failed``.

    Raises
    ------
    ValueError
        An invalid design, naming the field and the rule; another design than that of the results in
        the folder.
    OSError
        The folder cannot be used.
    KeyboardInterrupt
        Ctrl-C, at the next event. What is finished stays, and the same call goes on from there.
    """
    how = (replace, watch, None if jobs is None else str(jobs), device, memory)
    with shown(progress, "study") as told:
        return StudyReport(**_lapwing.run_study(design, folder, how, told, threads))


def write_views(
    data_root: str | os.PathLike[str],
    views_root: str | os.PathLike[str],
    *,
    dose: float | None = None,
    views: Sequence[str] | None = None,
    dense_overlap: float | None = None,
    sparse_overlap: float | None = None,
    acceptance_floor: float | None = None,
    min_positions: int | None = None,
    reading: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make the views of split data on disk, as ``lapwing views`` does.

    Parameters
    ----------
    data_root : path
        Folder with ``dose_<D>/patched_train.npz`` and ``patched_test.npz``.
    views_root : path
        Folder for ``dose_<D>/<view>/<view>_<split>.npz``.
    dose : float, optional
        Only this one; all under ``data_root`` unless given.
    views : sequence of str, optional
        ``"dense"``, ``"sparse"``, or a step in pixels, ``"step_12.5"``; the first two unless given.
    dense_overlap, sparse_overlap : float, optional
        Shares of the pattern's side, 0.7 and 0.2 unless given: positions are at least (1 - overlap)
        N apart.
    acceptance_floor, min_positions : optional
        When a selection is enough, see :func:`select_positions`.
    reading : dict, optional
        How the data sets are to be read, by the names of the options of :func:`load`:
        ``{"quantity": "amplitude"}``.

    Returns
    -------
    dict
        ``views``: for each that was made its selection, place and ``file``; ``refused``: for each
        that was not its ``reason``.

    Raises
    ------
    OSError
        A data set or folder cannot be used.
    ValueError
        A data set breaks its contract; a name or number that cannot be.
    """
    rules = {
        "dense_overlap": dense_overlap,
        "sparse_overlap": sparse_overlap,
        "acceptance_floor": acceptance_floor,
        "min_positions": min_positions,
    }
    given = {name: value for name, value in rules.items() if value is not None}
    wanted = None if views is None else list(views)
    return _lapwing.write_views(data_root, views_root, dose, wanted, given, dict(reading or {}))


def run_jobs(
    data_root: str | os.PathLike[str],
    views_root: str | os.PathLike[str],
    artifact_root: str | os.PathLike[str],
    *,
    dose: float | None = None,
    view: str | None = None,
    split: Literal["train", "test"] | None = None,
    allow_missing_views: bool = False,
    dry_run: bool = False,
    trust_names: bool = False,
    reading: Mapping[str, Any] | None = None,
    progress: Callable[[dict[str, Any]], Any] | bool | None = None,
    threads: int | None = None,
    **options: Unpack[SolverOptions],
) -> dict[str, Any]:
    """Run the reconstruction jobs of data and views on disk and keep their records, as
    ``lapwing jobs`` does.

    Results that are there already, from the same input and options, are kept; those of other
    options keep their folders.

    Parameters
    ----------
    data_root, views_root, artifact_root : path
        Split data sets, views, and the folder for results.
    dose, view, split : optional
        Only these.
    allow_missing_views : bool
        Skip the jobs of views that do not exist, in place of an error.
    dry_run : bool
        Write the records of what would run, but run nothing.
    trust_names : bool
        Take a view for what its place says though its metadata say otherwise.
    reading : dict, optional
        How the files are to be read, by the names of the options of :func:`load`:
        ``{"quantity": "amplitude"}``.
    progress : callable or bool, optional
        Called with a dict for every event, as by :func:`run_study`, or True for a display.
    threads : int, optional
        All processors unless given; results do not depend on it.
    **options
        Solver and its options, see :func:`solver_options`; LSQML from a perturbed probe unless
        given.

    Returns
    -------
    dict
        ``run_id``, ``failed`` (their number), ``manifest`` and ``skip_summary`` of this run, and of
        a dry run ``would_fail``.

    Raises
    ------
    ValueError
        Nothing to run, a missing view, or an option that cannot be.
    OSError
        A folder cannot be used.
    """
    filters = {
        name: value
        for name, value in (("dose", dose), ("view", view), ("split", split))
        if value is not None
    }
    switches = (allow_missing_views, dry_run, trust_names)
    roots = (data_root, views_root, artifact_root)
    with shown(progress, "jobs") as told:
        said = (dict(options), dict(reading or {}))
        return _lapwing.run_jobs(roots, filters, said, switches, told, threads)


def report(
    folder: str | os.PathLike[str],
    *,
    goals: Mapping[str, float] | Iterable[str] | None = None,
    pixel_size_m: float | None = None,
) -> dict[str, str]:
    """Make the report of a study again, as ``lapwing report`` does.

    Parameters
    ----------
    folder : path
        The study's folder.
    goals : dict or strings, optional
        The quality that the answer in words is about, by metric: ``{"phase_ssim": 0.85}``, or as
        on the command line: ``"resolution=30nm"``, ``["phase_ssim=0.85", "resolution=30nm"]``.
    pixel_size_m : float, optional
        Side of an object pixel, for nanometres and photons per area of a study whose data do not
        tell it.

    Returns
    -------
    dict
        Paths of ``html``, the page, of ``csv`` and ``json``, its tables, and of ``figures``, the
        folder of its plots.

    Raises
    ------
    ValueError
        No study, an unknown metric, a pixel that contradicts the data.
    """
    words = ["report", os.fspath(folder)]
    if isinstance(goals, Mapping):
        goals = [f"{metric}={value}" for metric, value in goals.items()]
    words += [f"--goal={goal}" for goal in ([goals] if isinstance(goals, str) else goals or [])]
    made: dict[str, str] = answer(words, {"pixel_size_m": pixel_size_m})[0]
    return made


def default_design() -> dict[str, Any]:
    """The design of the reference study, in the form that :func:`run_study` takes."""
    return _lapwing.default_design()
