"""Studies that run elsewhere, on a cluster or in another process; and the search for a dose."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Literal

from lapwing._command import answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ASKED = "asked.toml"
"""The design of a study that was given as a dict, in the study's folder."""


def _design_file(
    design: str | os.PathLike[str] | dict[str, Any], folder: str | os.PathLike[str]
) -> str:
    """The file of a design; that of a dict is written into the study's folder, where a cluster
    finds it."""
    if not isinstance(design, dict):
        return os.fspath(design)
    from lapwing import _lapwing

    _lapwing.settle_design(design)
    text = _lapwing.design_text(design)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(os.fspath(folder), _ASKED)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def prepare_study(
    design: str | os.PathLike[str] | dict[str, Any],
    folder: str | os.PathLike[str],
    *,
    replace: bool = False,
    progress: Callable[[dict[str, Any]], Any] | bool | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Make the data sets and views of a study and leave its reconstructions to others, as
    ``lapwing study prepare`` does.

    Parameters
    ----------
    design : path or dict
        As for :func:`run_study`.
    folder : path
        The study's folder.
    replace : bool
        Replace results that were made for another design, as far as the change touches them.
    progress : callable or bool, optional
        Called with a dict for every event, or True for a display.
    threads : int, optional
        All processors unless given.

    Returns
    -------
    dict
        ``folder``, ``run_id``, ``jobs`` to run and ``missing_jobs``.

    Raises
    ------
    ValueError
        An invalid design.
    """
    from lapwing._progress import shown

    words = ["study", "prepare", _design_file(design, folder)]
    with shown(progress, "preparing") as told:
        found: dict[str, Any] = answer(
            words, {"output": os.fspath(folder), "replace": replace}, told, threads
        )[0]
    return found


def submit_study(
    design: str | os.PathLike[str] | dict[str, Any],
    folder: str | os.PathLike[str],
    *,
    engine: Literal["slurm", "hq"] = "slurm",
    tasks: int | None = None,
    partition: str | None = None,
    account: str | None = None,
    time: str | None = None,
    memory: str | None = None,
    cpus: int | None = None,
    gpus: int | None = None,
    sbatch: Sequence[str] = (),
    dry_run: bool = False,
) -> dict[str, Any]:
    """Hand a study to a batch system, as ``lapwing study submit`` does: data, reconstructions side
    by side, report.

    Parameters
    ----------
    design : path or dict
        As for :func:`run_study`; a dict is written into the folder as ``asked.toml``.
    folder : path
        The study's folder, which all machines see.
    engine : {"slurm", "hq"}
        The batch system: Slurm or HyperQueue.
    tasks : int, optional
        Tasks that reconstruct side by side; 16 unless given here or in the design's section
        ``[slurm]``, as all that follows.
    partition, account, time, memory : str, optional
        As the batch system writes them: ``time="01:30:00"``, ``memory="8G"``.
    cpus, gpus : int, optional
        Of each task.
    sbatch : sequence of str
        Further options of sbatch, such as ``["--qos=long"]``.
    dry_run : bool
        Return the scripts and submit nothing.

    Returns
    -------
    dict
        ``folder``, ``reconstructions``, ``tasks`` and ``cluster`` with the numbers of the jobs; of
        a dry run ``scripts``, each with ``file`` and ``text``. The scripts start the interpreter
        that runs this.

    Raises
    ------
    ValueError
        The batch system is not there, refuses, or is already running this study.
    """
    options: dict[str, Any] = {
        "output": os.fspath(folder),
        "engine": engine,
        "tasks": tasks,
        "partition": partition,
        "account": account,
        "time": time,
        "memory": memory,
        "cpus": cpus,
        "gpus": gpus,
        "sbatch": list(sbatch),
        "dry_run": dry_run,
    }
    found: dict[str, Any] = answer(["study", "submit", _design_file(design, folder)], options)[0]
    return found


def cancel_study(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """End what a batch system has in hand of a study, as ``lapwing study cancel`` does.

    Parameters
    ----------
    folder : path
        The study's folder.

    Returns
    -------
    dict
        ``folder`` and the jobs ``cancelled``.

    Raises
    ------
    ValueError
        It was handed to no batch system, or that refuses.
    """
    found: dict[str, Any] = answer(["study", "cancel", folder])[0]
    return found


def study_status(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Say what of a study is done, running, failed and why, skipped, and still to do, as
    ``lapwing study status`` does.

    Parameters
    ----------
    folder : path
        The study's folder.

    Returns
    -------
    dict
        ``name``; the numbers ``total``, ``done``, ``running``, ``failed``, ``skipped`` and
        ``pending``; ``jobs``, each with its condition, ``status`` and ``reason``; ``held_by`` (who
        is at work, or None); and ``cluster``, what a batch system says.

    Raises
    ------
    ValueError
        The folder holds no study.
    """
    found: dict[str, Any] = answer(["study", "status", folder])[0]
    return found


def watch_study(
    folder: str | os.PathLike[str], *, seconds: float = 5.0, timeout: float | None = None
) -> dict[str, Any]:
    """Show how a study goes that another process or a cluster runs, until nothing is left to do.

    In a notebook a table that updates itself, elsewhere a line whenever something changed. Ctrl-C
    ends the watching, not the study.

    Parameters
    ----------
    folder : path
        The study's folder.
    seconds : float
        Time between two looks.
    timeout : float, optional
        Seconds after which to stop watching.

    Returns
    -------
    dict
        The last :func:`study_status`.

    Raises
    ------
    ValueError
        The folder holds no study; ``seconds`` is not above 0.
    """
    from lapwing._progress import Board

    if not seconds > 0:
        raise ValueError(f"seconds: expected a number above 0, found {seconds}")
    ends = None if timeout is None else time.monotonic() + timeout
    board = Board()
    status = study_status(folder)
    try:
        while True:
            board.show(status)
            left = status.get("pending", 0) + status.get("running", 0)
            if (left == 0 and status.get("held_by") is None) or (
                ends is not None and time.monotonic() >= ends
            ):
                break
            time.sleep(seconds if ends is None else max(0.0, min(seconds, ends - time.monotonic())))
            status = study_status(folder)
    except KeyboardInterrupt:
        pass
    return status


def search_study(
    design: str | os.PathLike[str] | dict[str, Any],
    folder: str | os.PathLike[str],
    *,
    goal: str | None = None,
    precision: float | None = None,
    pixel_size_m: float | None = None,
    jobs: int | Literal["auto"] | None = None,
    progress: Callable[[dict[str, Any]], Any] | bool | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Find for every view the least dose that reaches a goal, by bisection, as
    ``lapwing study search`` does.

    Parameters
    ----------
    design : path or dict
        As for :func:`run_study`; its lowest and highest dose are those of the search.
    folder : path
        The study's folder. It grows by the doses that are looked at; what is done there already is
        used.
    goal : str, optional
        What must be reached, such as ``"phase_ssim=0.9"`` or ``"resolution=30nm"``; the design's
        section ``[goal]`` unless given.
    precision : float, optional
        Factor between two doses at which the search ends; 1.25, or the design's, unless given.
    pixel_size_m : float, optional
        Side of an object pixel, for a goal in nanometres of data that do not tell it.
    jobs : int or "auto", optional
        Reconstructions at a time.
    progress : callable or bool, optional
        Called with a dict for every event, or True for a display; the search stops where a callback
        returns False.
    threads : int, optional
        All processors unless given; results do not depend on it.

    Returns
    -------
    dict
        ``goal``; ``views``, each with its ``view``, ``dose`` and the doses ``tried``; ``report``,
        its files.

    Raises
    ------
    ValueError
        No goal, a goal that was measured nowhere, a design with one dose; a callback that stopped
        the search.
    """
    from lapwing._progress import shown

    options: dict[str, Any] = {
        "output": os.fspath(folder),
        "goal": goal,
        "precision": precision,
        "pixel_size_m": pixel_size_m,
        "jobs": None if jobs is None else str(jobs),
    }
    words = ["study", "search", _design_file(design, folder)]
    with shown(progress, "searching") as told:
        options["quiet"] = told is None
        found: dict[str, Any] = answer(words, options, told, threads)[0]
    return found
