"""Reconstructions: what they hold, and their way to and from disk."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from lapwing import _lapwing

if TYPE_CHECKING:
    import os

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from lapwing._compare import Comparison
    from lapwing._lapwing import Dataset
    from lapwing._viewer import Viewer


@dataclass(frozen=True, eq=False, repr=False)
class Reconstruction:
    """A reconstruction, and what it was made with. One read from a file may lack all but its
    object.

    Attributes
    ----------
    object : ndarray of complex64, shape (M, M') or, of several slices, (slice, M, M')
        Transmission; 1 where no window reached.
    probe : ndarray of complex64, shape (modes, H, W), or None
        In square roots of photons when the data are counts.
    probe_eigenmodes, probe_weights : ndarray of complex64, shapes (K, H, W) and (n, K), or None
        Where the probe varies, the first mode of pattern j is
        ``probe[0] + sum_k weights[j, k] eigenmodes[k]``.
    beam_power : ndarray of float64, shape (n,), or None
        The beam's power in every pattern over its geometric mean, where it varies: the probe of
        pattern j is brighter by its root; 1 for patterns that were left out.
    positions : ndarray of float64, shape (n, 2), or None
        Window centres (y, x), as refined, pixels.
    amplitude_sd, phase_sd : ndarray of float32, shape (M, M'), or None
        Standard deviations of the object's amplitude, and of its phase in radians, as far as chance
        goes; NaN where no light fell. None unless ``error_maps`` replicates were asked for.
    loss : ndarray of float64, shape (epochs,)
    misfit : float or None
        Deviance of the counts from the model over what their noise makes of it: 1 for a perfect
        model. None where the counts are not known, and when read from a file.
    origin : (int, int)
        Where pixel (0, 0) of ``object`` lies: (row, column) = (y, x) - origin.
    algorithm : str or None
    options : dict or None
        Every option of the solver, settled; ``reconstruct(data, **options)`` gives the same bits
        again, with the same ``start``.
    seconds : float or None
        None when read from a file.
    metadata : dict or None
        Of the data.
    measured_positions : ndarray of float64, shape (n, 2), or None
        As ``positions``, as they were measured, where the reconstruction has moved them.
    """

    object: NDArray[np.complex64]
    probe: NDArray[np.complex64] | None
    probe_eigenmodes: NDArray[np.complex64] | None
    probe_weights: NDArray[np.complex64] | None
    beam_power: NDArray[np.float64] | None
    positions: NDArray[np.float64] | None
    amplitude_sd: NDArray[np.float32] | None
    phase_sd: NDArray[np.float32] | None
    loss: NDArray[np.float64]
    misfit: float | None
    origin: tuple[int, int]
    algorithm: str | None
    options: dict[str, Any] | None
    seconds: float | None
    metadata: dict[str, Any] | None
    measured_positions: NDArray[np.float64] | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the NPZ file that ``lapwing reconstruct`` writes as ``reconstruction.npz``."""
        _lapwing.save_reconstruction(
            path, {field.name: getattr(self, field.name) for field in fields(self)}
        )

    def compare(self, truth: Dataset | ArrayLike, *, threads: int | None = None) -> Comparison:
        """:func:`lapwing.compare` of this with the truth."""
        from lapwing._compare import compare

        return compare(self, truth, threads=threads)

    def view(self, **how: Any) -> Viewer:
        """:func:`lapwing.view` of this: pictures with zoom and cursors that go together."""
        from lapwing._viewer import view

        return view(self, **how)

    def __repr__(self) -> str:
        rows, columns = self.object.shape[-2:]
        parts = [f"{self.algorithm or 'algorithm unknown'}, {len(self.loss)} epochs"]
        parts.append(
            f"loss {self.loss[0]:.4e} to {self.loss[-1]:.4e}" if len(self.loss) else "no epochs"
        )
        if self.misfit is not None:
            parts.append(f"misfit {self.misfit:.3f} times the noise")
        parts.append(
            f"object {rows} x {columns} px"
            + (f" in {len(self.object)} slices" if self.object.ndim == 3 else "")
        )
        if self.probe is not None:
            modes, height, width = self.probe.shape
            parts.append(f"{modes} probe mode{'' if modes == 1 else 's'} of {height} x {width} px")
        if self.seconds is not None:
            parts.append(f"{self.seconds:.2f} s")
        return f"<lapwing.Reconstruction: {', '.join(parts)}>"

    def _repr_png_(self) -> bytes | None:
        """Amplitude and phase over the area of the scan, and the probe, with colour bars; scale
        bars where pixels have a size.

        None without probe or positions.
        """
        if self.probe is None or self.positions is None:
            return None
        object = self.object if self.object.ndim == 2 else self.object.prod(axis=0)
        positions = self.positions - [float(self.origin[0]), float(self.origin[1])]
        return _lapwing.object_png(object, self.probe, positions, self.metadata)

    def _repr_html_(self) -> str:
        from lapwing._html import shown

        picture = self._repr_png_()
        if self.probe is None or self.positions is None or picture is None:
            import html

            return f"<pre>{html.escape(repr(self))}</pre>"
        rows, columns = self.object.shape[-2:]
        modes, height, width = self.probe.shape
        facts: list[tuple[str, Any]] = [
            ("epochs", len(self.loss)),
            ("loss", f"{self.loss[0]:.4g} to {self.loss[-1]:.4g}" if len(self.loss) else None),
            ("patterns", f"{len(self.positions)} of {height} x {width} px"),
            ("object", f"{rows} x {columns} px"),
            ("probe modes", modes),
            (
                f"{_lapwing.quanta(self.metadata)} per pattern",
                ((self.metadata or {}).get("physics_parameters") or {}).get("nphotons"),
            ),
            ("seconds", None if self.seconds is None else float(self.seconds)),
        ]
        title = f"{self.algorithm} reconstruction" if self.algorithm else "reconstruction"
        return shown(title, facts, picture, self.options)


def load_reconstruction(path: str | os.PathLike[str], array: str | None = None) -> Reconstruction:
    """Read a reconstruction of this or of another program: what ``lapwing compare`` takes.

    Read are ``reconstruction.npz``, the NPZ files of the scripts around pty-chi, of tike and
    PtychoPINN, the product files of ptychodus and pty-chi and the results of PtyLab (HDF5), the
    object of a data set, and any file with one complex picture, plain ``.npy`` files among them.
    Positions are read from NPZ files alone: other programs count theirs from other places.

    Parameters
    ----------
    path : path
        The file. Reading never runs code that it may hold.
    array : str, optional
        The array of the object, where there are several. It comes without probe and positions,
        which belong to one of them only.

    Returns
    -------
    Reconstruction

    Raises
    ------
    ValueError
        No array, or more than one, could be the object; the file is damaged.
    OSError
        It cannot be opened.
    """
    return Reconstruction(**_lapwing.load_reconstruction(path, array))
