"""Ptychography dose x overlap studies with native solvers, on NumPy arrays.

Everywhere: axes are (y, x), stacks (pattern, y, x) and (mode, y, x); a position is the centre (y,
x) of a pattern's window in pixels of the object array, pixel centres at integers, and the centre of
a window of shape (H, W) is its index (H // 2, W // 2); patterns have their zero frequency in the
centre; doses are photons per pattern, lengths pixels, phases radians. Whatever could be read in two
ways is refused with what to do, and nothing is transposed.

Errors are ``ValueError``, or ``OSError`` when the system said no, with the messages of the command
line. Results are the same bits on any number of threads, and the same as those of the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lapwing._adopt import adopt
from lapwing._calibrate import Calibration, calibrate
from lapwing._cluster import (
    cancel_study,
    prepare_study,
    search_study,
    study_status,
    submit_study,
    watch_study,
)
from lapwing._command import command
from lapwing._commands import (
    convert,
    devices,
    inspect,
    photon_halves,
    plan,
    write_design,
    write_experiment,
)
from lapwing._compare import Alignment, Comparison, align, compare, metric_catalogue
from lapwing._lapwing import Dataset, __version__, probe_diameter
from lapwing._load import ReadingOptions, load, open, read_metadata  # noqa: A004
from lapwing._make import make_probe, make_scan, make_specimen, simulate, thin
from lapwing._noise import NoiseModel, estimate_noise
from lapwing._progress import Progress
from lapwing._reconstruction import Reconstruction, load_reconstruction
from lapwing._select import Selection, overlap_metrics, select_positions
from lapwing._solve import Epoch, SolverOptions, reconstruct, solver_options, solvers
from lapwing._study import StudyReport, default_design, report, run_jobs, run_study, write_views
from lapwing._viewer import Viewer, view

if TYPE_CHECKING:
    from lapwing import constants

__all__ = [
    "Alignment",
    "Calibration",
    "Comparison",
    "Dataset",
    "Epoch",
    "NoiseModel",
    "Progress",
    "ReadingOptions",
    "Reconstruction",
    "Selection",
    "SolverOptions",
    "StudyReport",
    "Viewer",
    "__version__",
    "adopt",
    "align",
    "calibrate",
    "cancel_study",
    "command",
    "compare",
    "constants",
    "convert",
    "default_design",
    "devices",
    "estimate_noise",
    "inspect",
    "load",
    "load_reconstruction",
    "make_probe",
    "make_scan",
    "make_specimen",
    "metric_catalogue",
    "open",
    "overlap_metrics",
    "photon_halves",
    "plan",
    "prepare_study",
    "probe_diameter",
    "read_metadata",
    "reconstruct",
    "report",
    "run_jobs",
    "run_study",
    "search_study",
    "select_positions",
    "simulate",
    "solver_options",
    "solvers",
    "study_status",
    "submit_study",
    "thin",
    "view",
    "watch_study",
    "write_design",
    "write_experiment",
    "write_views",
]


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)


def __getattr__(name: str) -> object:
    """The constants settle a design, which takes longer than the rest of the import: they come when
    they are asked for."""
    if name == "constants":
        import importlib

        return importlib.import_module("lapwing.constants")
    raise AttributeError(f"module 'lapwing' has no attribute {name!r}")
