"""The compiled part of the package. Only ``Dataset``, ``probe_diameter`` and ``__version__`` are
public, through ``lapwing``."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lapwing._viewer import Viewer

__version__: str

@final
class Dataset:
    """A scan: patterns, positions and what is known of object and probe.

    It never changes; its arrays are read-only, and ``replace`` makes a changed one. It can be
    sliced, copied and pickled.

    Parameters
    ----------
    patterns : array_like, shape (n, H, W) or, of a raster, (ny, nx, H, W)
        Real numbers of any dtype and memory layout, not negative. Copied once. Arrays of PyTorch,
        CuPy and others are taken as they are.
    positions : array_like, shape (n, 2) or (ny, nx, 2), optional
        Window centres (y, x), pixels of the object array. Of a raster ``scan_step_m`` may be given
        in their place.
    probe : array_like, shape (H, W) or (modes, H, W), optional
        Complex, in the unit of ``patterns``: square roots of photons when these are counts.
    object : array_like, shape (M, M'), optional
        Complex object on its full grid: the truth in simulated data. It fixes the grid of
        reconstructions.
    quantity : {"counts", "amplitude", "intensity"}
        What ``patterns`` hold: photon counts, square roots of intensities, or intensities of
        unknown unit. Must be said.
    zero_frequency : {"centre", "corner"}
        Where the patterns have it: at index (H // 2, W // 2), or at (0, 0).
    geometry : {"far-field", "near-field"}, optional
        How the detector sees the sample; else as the metadata say
        (``physics_parameters.geometry``).
    metadata : mapping, optional
        Plain JSON values; ``physics_parameters.intensity_scale`` is the scale s of counts = (s x
        amplitude)^2.
    mask : array_like of bool, shape (H, W) or (n, H, W), optional
        True where a pixel of the detector is good, zero frequency in the centre.
    leave_out_frames : sequence of int or str, optional
        Patterns to leave out, also as ``"3,17,40-52"``.
    experiment : path or dict, optional
        Beam, optics and scale of the detector: an experiment file, its sections
        ``dict(beam=dict(voltage_kv=300), ...)``, or keys such as ``dict(voltage_kv=300,
        semi_angle_mrad=20, mrad_per_pixel=0.4)``. A start probe is made of the optics where none
        is given.
    **described
        The same keys one by one: beam, optics, scale of the detector or ``pixel_size_m``, and how
        the patterns come about: ``fresnel_number`` (near field), ``moves``, ``fly``,
        ``detector_blur``, ``slices``, ``slice_spacing``, ``slice_fresnel_number``. They go before
        ``experiment``. All other keywords of :func:`load` that suit an array (``scan_step_m``,
        ``scan_shape``, ``scan_rotation_deg``, ``position_unit``, ``binning``, ``clip_negative``,
        ...) are taken too; then patterns and positions are read as an ``.npy`` file of them would
        be.

    Warns
    -----
    UserWarning
        What looks wrong, as :func:`load` does.

    Raises
    ------
    ValueError
        All problems at once: lengths that disagree, numbers that are negative or not finite,
        windows off the object.
    """

    def __new__(
        cls,
        patterns: ArrayLike,
        positions: ArrayLike | None = None,
        probe: ArrayLike | None = None,
        object: ArrayLike | None = None,
        *,
        quantity: Literal["counts", "amplitude", "intensity"] | None = None,
        zero_frequency: Literal["centre", "corner"] = "centre",
        geometry: Literal["far-field", "near-field"] | None = None,
        metadata: Mapping[str, Any] | None = None,
        mask: ArrayLike | None = None,
        leave_out_frames: Sequence[int] | str | None = None,
        experiment: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        **described: Any,
    ) -> Dataset: ...
    @property
    def diffraction(self) -> NDArray[np.float32]:
        """Amplitudes (square roots of intensities), shape (n, H, W), zero frequency in the centre.

        Read-only; a memory map where the patterns are kept on disk.
        """
    @property
    def positions(self) -> NDArray[np.float64]:
        """Window centres (y, x), shape (n, 2), pixels."""
    @property
    def object(self) -> NDArray[np.complex64] | None:
        """The object on its full grid, axes (y, x), or (slice, y, x) of several slices."""
    @property
    def frames(self) -> NDArray[np.int64] | None:
        """The frame of a series that each pattern is, where the file tells it."""
    @property
    def scan_number(self) -> NDArray[np.int64] | None:
        """Which of several scans of one object each pattern belongs to, counted from 0."""
    @property
    def probe(self) -> NDArray[np.complex64] | None:
        """Probe modes, axes (mode, y, x), in the unit of the amplitudes, when there is one."""
    @property
    def metadata(self) -> dict[str, Any] | None:
        """A copy of the metadata; ``replace`` makes a data set with others."""
    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Which detector pixels are good, shape (1, H, W) or (n, H, W); None when all are."""
    @property
    def geometry(self) -> Literal["far-field", "near-field"] | None:
        """How the detector sees the sample; None when nobody said, which counts as far field."""
    @property
    def extras(self) -> dict[str, NDArray[Any]]:
        """Copies of the other arrays of the file, kept for the way out."""
    @property
    def remarks(self) -> list[dict[str, Any]]:
        """What looks wrong: ``what``, ``evidence``, ``advice``, and the ``patterns`` and ``pixels``
        concerned.

        Those that are ``certain`` are left out by reconstructions; those that ask for nothing to be
        done have ``warns`` False.
        """
    @property
    def understood(self) -> dict[str, Any] | None:
        """How the file stored things, and in ``notes`` all that was converted or assumed; None
        without a file."""
    @property
    def n_patterns(self) -> int:
        """Number of patterns."""
    @property
    def pattern_shape(self) -> tuple[int, int]:
        """Shape (H, W) of a pattern."""
    @property
    def intensity_scale(self) -> float | None:
        """The scale s of counts = (s x amplitude)^2, when it is known."""
    @property
    def mean_counts(self) -> float | None:
        """Mean photon counts per pattern, when the scale is known."""
    @property
    def pixel_size_m(self) -> tuple[float, float] | None:
        """Size of an object pixel along (y, x), metres, when it is known."""
    @property
    def in_memory(self) -> bool:
        """Whether the patterns are in memory, or kept in a scratch file."""
    @property
    def probe_diameter_px(self) -> float:
        """Diameter of the illuminated disc, pixels: the probe's, else 0.6 times the pattern's
        side."""
    @property
    def overlap(self) -> float:
        """Mean overlap of a disc with its 6 nearest others (metric 2), 0 to 1."""
    def counts(self) -> NDArray[np.float32]:
        """Photon counts, shape (n, H, W); whole numbers are restored exactly. ``ValueError``
        without a scale."""
    def select(self, indices: ArrayLike) -> Dataset:
        """The data set of the patterns at ``indices``, in that order; arrays with one entry per
        pattern follow.

        Whole numbers from 0, or booleans. ``scan[10:20]`` and ``scan[-1]`` count as lists do.
        Patterns on disk stay there.
        """
    def __getitem__(self, key: Any, /) -> Dataset: ...
    def split(
        self, *, axis: Literal["y", "x"] = "y", fraction: float = 0.5, guard_band: float = 0.0
    ) -> tuple[Dataset, Dataset]:
        """Train and test splits: train where the coordinate is below min + fraction (max - min).

        Positions nearer to the cut than half of ``guard_band``, pixels, belong to neither.
        """
    def replace(
        self,
        *,
        positions: ArrayLike = ...,
        probe: ArrayLike | None = ...,
        object: ArrayLike | None = ...,
        metadata: Mapping[str, Any] | None = ...,
        mask: ArrayLike | None = ...,
        geometry: Literal["far-field", "near-field"] | None = ...,
    ) -> Dataset:
        """A data set with something else in place of what is named."""
    def save(self, path: str | os.PathLike[str], *, compressed: bool = False) -> list[Path]:
        """Write a file, whole or not at all, and return what was written.

        ``.npz`` and any other end: the study's format; ``.cxi``: CXI 1.6; ``.h5``: the patterns of
        a ptychodus or pty-chi pair, with their product beside it.
        """
    def view(self, **how: Any) -> Viewer:
        """:func:`lapwing.view` of this: mean pattern, probe, object and scan with zoom."""
    def __copy__(self) -> Dataset: ...
    def __deepcopy__(self, memo: Any, /) -> Dataset: ...
    def __len__(self) -> int: ...
    def _repr_png_(self) -> bytes: ...
    def _repr_html_(self) -> str: ...

def load(
    path: str | os.PathLike[str],
    options: dict[str, Any],
    memory: str | float | None,
    scratch: str | os.PathLike[str] | None,
) -> Dataset: ...
def quanta(metadata: dict[str, Any] | None) -> str: ...
def restore_dataset(state: dict[str, Any], extras: bytes) -> Dataset: ...
def calibrate(
    dataset: Dataset, said: dict[str, Any], text: str
) -> tuple[Dataset, dict[str, Any] | None, bytes | None, str | None]: ...
def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any] | None: ...
def simulate_scan(
    object: ArrayLike,
    probe: ArrayLike,
    positions: ArrayLike,
    dose_and_seed: tuple[float, int],
    described_and_apparatus: tuple[dict[str, Any], dict[str, Any]],
    threads: int | None,
) -> Dataset: ...
def thin_dataset(
    dataset: Dataset, dose: float, seed: int, threads: int | None
) -> tuple[Dataset, str | None]: ...
def without_limit(dataset: Dataset, threads: int | None) -> tuple[Dataset, str] | None: ...
def thin_counts(
    counts: ArrayLike, dose: float, seed: int, threads: int | None
) -> NDArray[np.float32]: ...
def make_specimen(name: str, shape: tuple[int, int], seed: int) -> NDArray[np.complex64]: ...
def make_probe(shape: tuple[int, int], design: dict[str, Any]) -> NDArray[np.complex64]: ...
def make_scan(
    kind: str,
    step: float | None,
    overlap: float | None,
    probe_diameter: float | None,
    field: tuple[float, float],
    window: tuple[int, int],
    seed: int,
) -> tuple[NDArray[np.float64], tuple[int, int]]: ...
def probe_diameter(probe: ArrayLike) -> float:
    """Equivalent-disc diameter of a probe, 2 sqrt(2) times its r.m.s. radius, pixels.

    Parameters
    ----------
    probe : array_like, shape (H, W) or (modes, H, W)
        Complex.

    Returns
    -------
    float
    """

def select_positions(
    positions: ArrayLike | Dataset,
    spacing: float,
    strategy: str | None,
    floor: float | None,
    bound_share: float | None,
    min_positions: int | None,
) -> tuple[NDArray[np.int64], str, int]: ...
def overlap_metrics(positions: ArrayLike | Dataset, sampling: dict[str, Any]) -> dict[str, Any]: ...
def estimate_noise(dataset: Dataset, threads: int | None) -> dict[str, Any]: ...
def solver_options(options: dict[str, Any]) -> dict[str, Any]: ...
def solvers() -> list[dict[str, Any]]: ...
def reconstruct(
    dataset: Dataset,
    options: dict[str, Any],
    progress: Callable[[int, int, float], object] | None,
    threads: int | None,
    start: dict[str, Any] | None = None,
) -> dict[str, Any]: ...
def save_reconstruction(path: str | os.PathLike[str], fields: dict[str, Any]) -> None: ...
def load_reconstruction(
    path: str | os.PathLike[str], array: str | None = None
) -> dict[str, Any]: ...
def object_png(
    object: ArrayLike, probe: ArrayLike, positions: ArrayLike, metadata: dict[str, Any] | None
) -> bytes: ...
def compare_objects(
    reconstruction: ArrayLike,
    truth: ArrayLike,
    positions: ArrayLike | None,
    probe: ArrayLike | None,
    threads: int | None,
) -> dict[str, Any]: ...
def compare_laid(
    made: tuple[ArrayLike, tuple[int, int], ArrayLike | None, ArrayLike | None],
    truth: tuple[ArrayLike, ArrayLike | None, ArrayLike | None],
    said: ArrayLike | None,
    threads: int | None,
) -> dict[str, Any]: ...
def metric_catalogue() -> dict[str, dict[str, Any]]: ...
def comparison_png(aligned: ArrayLike, truth: ArrayLike, mask: NDArray[np.bool_]) -> bytes: ...
def settle_design(design: str | os.PathLike[str] | dict[str, Any]) -> dict[str, Any]: ...
def default_design() -> dict[str, Any]: ...
def run_study(
    design: str | os.PathLike[str] | dict[str, Any],
    folder: str | os.PathLike[str],
    how: tuple[bool, bool, str | None, str | None, str | float | None],
    progress: Callable[[dict[str, Any]], object] | None,
    threads: int | None,
) -> dict[str, Any]: ...
def write_views(
    data_root: str | os.PathLike[str],
    views_root: str | os.PathLike[str],
    dose: float | None,
    views: list[str] | None,
    rules: dict[str, Any],
    reading: dict[str, Any],
) -> dict[str, Any]: ...
def run_jobs(
    roots: tuple[str | os.PathLike[str], str | os.PathLike[str], str | os.PathLike[str]],
    filters: dict[str, Any],
    said: tuple[dict[str, Any], dict[str, Any]],
    switches: tuple[bool, bool, bool],
    progress: Callable[[dict[str, Any]], object] | None,
    threads: int | None,
) -> dict[str, Any]: ...
def design_text(design: dict[str, Any]) -> str: ...
def answer(
    arguments: list[str], progress: Callable[[dict[str, Any]], object] | None, threads: int | None
) -> tuple[Any, list[str]]: ...
def main(arguments: list[str]) -> int: ...
