"""A reconstruction against the truth."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lapwing import _lapwing
from lapwing._html import label
from lapwing._lapwing import Dataset
from lapwing._reconstruction import Reconstruction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from lapwing._viewer import Viewer


@dataclass(frozen=True, eq=False, repr=False)
class Alignment:
    """A reconstruction without what ptychography cannot determine. Arrays are crops of the region
    that is compared, axes (y, x).

    Attributes
    ----------
    aligned : ndarray of complex64
        The reconstruction in the truth's place, scale and phase.
    truth : ndarray of complex64
    mask : ndarray of bool
        The pixels that count; the others hold values of no meaning.
    rows : (int, int)
        The region on the truth's array, half-open.
    columns : (int, int)
    alignment : dict
        What was removed: ``shift`` (y, x), pixels; ``ramp`` (y, x), radians per pixel; ``scale``;
        ``phase``, radians.
    """

    aligned: NDArray[np.complex64]
    truth: NDArray[np.complex64]
    mask: NDArray[np.bool_]
    rows: tuple[int, int]
    columns: tuple[int, int]
    alignment: dict[str, Any]

    def __repr__(self) -> str:
        (y, x), scale = self.alignment["shift"], self.alignment["scale"]
        rows, columns = self.aligned.shape
        name = type(self).__name__
        return (
            f"<lapwing.{name}: {rows} x {columns} px, shift ({y:.3f}, {x:.3f}) px, "
            f"scale {scale:.4g}{self._numbers()}>"
        )

    def _numbers(self) -> str:
        return ""

    def view(self, **how: Any) -> Viewer:
        """:func:`lapwing.view` of this: pictures with zoom and cursors that go together."""
        from lapwing._viewer import view

        return view(self, **how)

    def _repr_png_(self) -> bytes:
        """Amplitude and phase of both, and the error, with colour bars."""
        return _lapwing.comparison_png(self.aligned, self.truth, self.mask)

    def _repr_html_(self) -> str:
        from lapwing._html import shown

        (y, x), rows, columns = self.alignment["shift"], *self.aligned.shape
        facts: list[tuple[str, Any]] = [
            ("compared", f"{rows} x {columns} px"),
            ("shift", f"({y:.2f}, {x:.2f}) px"),
            ("scale", float(self.alignment["scale"])),
        ]
        return shown(
            "aligned with the truth",
            facts + self._key_numbers(),
            self._repr_png_(),
            self._all_numbers(),
        )

    def _key_numbers(self) -> list[tuple[str, Any]]:
        return []

    def _all_numbers(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Alignment):
    """An alignment, and how well reconstruction and truth then agree.

    Attributes
    ----------
    metrics : dict
        Every metric by name; docs/metrics.md defines them.
    doubts : dict
        Why a resolution among the curves is not to be trusted, by its name in pixels, such as
        ``phase_resolution_0_5_px``; empty where all are. It is what ``lapwing compare`` and the
        report leave out.
    frc : dict
        Fourier ring correlations of the complex, amplitude and phase images.
    error : ndarray of float32
        |aligned - truth|.
    phase_error : ndarray of float32
        Radians, planes removed.
    """

    metrics: dict[str, Any]
    doubts: dict[str, str]
    frc: dict[str, Any]
    error: NDArray[np.float32]
    phase_error: NDArray[np.float32]

    def _numbers(self) -> str:
        found = (
            (label(name), self.metrics.get(name)) for name in ["complex_correlation", "phase_ssim"]
        )
        return "".join(f", {label} {value:.4f}" for label, value in found if value is not None)

    def _key_numbers(self) -> list[tuple[str, Any]]:
        names = [
            "complex_correlation",
            "complex_nrmse",
            "phase_ssim",
            "amplitude_ssim",
            "phase_psnr",
        ]
        return [(label(name), self.metrics.get(name)) for name in names]

    def _all_numbers(self) -> dict[str, Any]:
        return self.metrics


def metric_catalogue() -> dict[str, dict[str, Any]]:
    """What is known of every number of a comparison, by its name in :attr:`Comparison.metrics`, in
    JSON and in CSV.

    Returns
    -------
    dict
        For each name ``title``, ``unit`` (empty for pure numbers), ``higher_is_better`` (``None``
        for what is no quality), ``perfect`` (the value of a perfect result, or ``None``) and
        ``meaning``, one sentence.
    """
    return _lapwing.metric_catalogue()


def compare(
    reconstruction: Reconstruction | ArrayLike,
    truth: Dataset | ArrayLike,
    *,
    positions: ArrayLike | None = None,
    probe: ArrayLike | None = None,
    threads: int | None = None,
) -> Comparison:
    """Align a reconstruction with the truth and measure how well they agree.

    Counted are the pixels that the scan illuminates: that of the reconstruction, else of the
    truth's data set, with the truth's probe where it is known. Without positions and probe the
    whole object counts.

    Parameters
    ----------
    reconstruction : Reconstruction, or array_like of complex, shape (M, M')
        An array must be on the truth's grid.
    truth : Dataset, or array_like of complex, shape (M, M')
        A data set's ``object`` is the truth.
    positions : array_like, shape (n, 2), optional
        Window centres (y, x) on the truth's array, in place of those above.
    probe : array_like of complex, optional
        In place of the one above.
    threads : int, optional
        All processors unless given; the result does not depend on it.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        A path, different grids, no truth, a region that is too small, where the two would agree far
        better elsewhere than where the positions put them, and where the positions of a part of a
        raster lie on the truth's in several ways of which the objects tell none.

    Warns
    -----
    UserWarning
        Where the positions of reconstruction and truth count from different zeros, and are laid on
        each other.
    """
    for name, given, way in (
        ("reconstruction", reconstruction, "lapwing.load_reconstruction(path)"),
        ("truth", truth, "lapwing.load(path)"),
    ):
        if isinstance(given, (str, os.PathLike)):
            raise ValueError(f"{name}: expected arrays, found a path; give {way}")
    made: Any = reconstruction
    known: Any = truth
    if isinstance(truth, Dataset):
        if truth.object is None:
            raise ValueError("truth: expected a data set with an object, found one without")
        known = truth.object if truth.object.ndim == 2 else truth.object.prod(axis=0)
        positions = (
            truth.positions
            if positions is None and not isinstance(reconstruction, Reconstruction)
            else positions
        )
        probe = truth.probe if probe is None else probe
    if not isinstance(reconstruction, Reconstruction):
        return Comparison(**_lapwing.compare_objects(made, known, positions, probe, threads))
    own = (
        reconstruction.object,
        reconstruction.origin,
        reconstruction.positions,
        reconstruction.probe,
    )
    of_truth = truth.positions if isinstance(truth, Dataset) else None
    fields = _lapwing.compare_laid(own, (known, of_truth, probe), positions, threads)
    apart = fields.pop("apart")
    if apart is not None:
        import warnings

        warnings.warn(
            f"the reconstruction's positions count from another zero than the truth's, {apart} px "
            "apart: laid on the truth by the positions",
            stacklevel=2,
        )
    return Comparison(**fields)


def align(
    reconstruction: Reconstruction | ArrayLike,
    truth: Dataset | ArrayLike,
    *,
    positions: ArrayLike | None = None,
    probe: ArrayLike | None = None,
    threads: int | None = None,
) -> Alignment:
    """Align a reconstruction with the truth: remove shift, phase ramp, phase and scale.

    Parameters as for :func:`compare`.

    Returns
    -------
    Alignment
    """
    found = compare(reconstruction, truth, positions=positions, probe=probe, threads=threads)
    return Alignment(
        found.aligned, found.truth, found.mask, found.rows, found.columns, found.alignment
    )
