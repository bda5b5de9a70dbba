"""Amplitude, phase, probe, error map and scan side by side, with zoom and cursors that go together:
one page of plain HTML."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from lapwing._html import label
from lapwing._written import warn_of_replaced

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lapwing._compare import Alignment
    from lapwing._lapwing import Dataset
    from lapwing._reconstruction import Reconstruction

_NOTHING = 65535
"""Stands for a pixel without a number."""
_MOST = 2048
"""Pixels along a side of a picture; larger ones are shown in blocks."""


class Viewer:
    """A page that shows arrays, made by :func:`view`. It needs no server and no network.

    As the last line of a cell of a notebook it is shown there, in a frame of its own.
    """

    def __init__(self, title: str, height: int) -> None:
        self.title = title
        self.height = height
        """Height of the frame in a notebook, CSS pixels."""
        self._facts: list[tuple[str, str]] = []
        self._data: dict[str, Any] = {
            "planes": {},
            "panels": [],
            "scan": [],
            "loss": [],
            "slices": 1,
            "modes": [],
        }

    @property
    def html(self) -> str:
        """The whole page."""
        import html
        import json

        with open(
            os.path.join(os.path.dirname(__file__), "_viewer.html"), encoding="utf-8"
        ) as file:
            page = file.read()
        facts = "".join(
            f"<span>{html.escape(name)} <b>{html.escape(value)}</b></span>"
            for name, value in self._facts
        )
        # Whatever a title says, it cannot end the element.
        data = json.dumps(self._data, allow_nan=False, separators=(",", ":")).replace(
            "<", "\\u003c"
        )
        for mark, text in (
            ("%TITLE%", html.escape(self.title)),
            ("%FACTS%", facts),
            ("%DATA%", data),
        ):
            page = page.replace(mark, text)
        return page

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, which any browser opens."""
        warn_of_replaced(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.html)

    def __repr__(self) -> str:
        titles = ", ".join(panel["title"] for panel in self._data["panels"])
        return f"<lapwing.Viewer: {titles}; save_html(path) writes it>"

    def _repr_html_(self) -> str:
        import html

        return (
            f'<iframe title="{html.escape(self.title)}" sandbox="allow-scripts" '
            f'style="width:100%;height:{self.height}px;border:0" '
            f'srcdoc="{html.escape(self.html, quote=True)}"></iframe>'
        )

    def _plane(
        self,
        name: str,
        shape: tuple[int, ...],
        pixel: float | None,
        seen: tuple[float, float, float] | None = None,
    ) -> None:
        """What pictures share; ``seen`` is (top, left, side) of what is shown first, pixels."""
        rows, columns = shape
        side = float(max(rows, columns))
        top, left, side = seen or ((rows - side) / 2 - 0.5, (columns - side) / 2 - 0.5, side)
        self._data["planes"][name] = {"top": top, "left": left, "side": side, "pixel": pixel}

    def _panel(
        self,
        title: str,
        plane: str,
        layers: list[NDArray[Any]],
        colours: str,
        unit: str = "",
        *,
        seen: NDArray[np.bool_] | None = None,
        choice: str | None = None,
        scan: bool = False,
        limits: tuple[float, float] | None = None,
    ) -> None:
        """A picture of an array, or of several of which one is shown; unless given its range is
        that of where ``seen`` is true."""
        import base64
        import zlib

        import numpy as np

        by = max(1, -(-max(layers[0].shape) // _MOST))
        small = [_blocks(layer, by) for layer in layers]
        known = np.concatenate([layer[np.isfinite(layer)].ravel() for layer in small])
        least, most = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        most = most if most > least else least + 1.0
        of = small[0] if seen is None else small[0][_blocks(seen.astype(np.float32), by) > 0.5]
        of = of[np.isfinite(of)]
        low, high = (
            (float(q) for q in np.quantile(of, [0.003, 0.997])) if of.size else (least, most)
        )
        low, high = limits or (low, high)
        packed = []
        for layer in small:
            scaled = np.nan_to_num(
                (layer - least) / (most - least) * (_NOTHING - 1),
                nan=_NOTHING,
                posinf=_NOTHING,
                neginf=_NOTHING,
            )
            packed.append(
                base64.b64encode(zlib.compress(np.round(scaled).astype("<u2").tobytes(), 6)).decode(
                    "ascii"
                )
            )
        rows, columns = small[0].shape
        self._data["panels"].append(
            {
                "title": title,
                "unit": unit,
                "plane": plane,
                "colours": colours,
                "rows": rows,
                "columns": columns,
                "by": by,
                "least": least,
                "most": most,
                "low": low,
                "high": high if high > low else most,
                "choice": choice,
                "scan": scan,
                "layers": packed,
                "note": f"shown by {by} x {by} px" if by > 1 else "",
            }
        )


def _blocks(array: NDArray[Any], by: int) -> NDArray[np.float32]:
    """Means of blocks of ``by`` x ``by`` pixels; those at the far edges may be smaller."""
    import numpy as np

    array = np.asarray(array, np.float32)
    if by == 1:
        return array
    rows, columns = (-(-side // by) * by for side in array.shape)
    padded = np.full((rows, columns), np.nan, np.float32)
    padded[: array.shape[0], : array.shape[1]] = array
    blocks = padded.reshape(rows // by, by, columns // by, by)
    number = np.isfinite(blocks).sum(axis=(1, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: NDArray[np.float32] = (np.nansum(blocks, axis=(1, 3)) / number).astype(np.float32)
    return mean


def view(
    shown: Reconstruction | Dataset | Alignment, *, title: str | None = None, height: int = 760
) -> Viewer:
    """Look at a result or a scan: pictures side by side with zoom, contrast, and cursors that go
    together.

    Parameters
    ----------
    shown : Reconstruction, Dataset or Comparison
        Of a reconstruction amplitude, phase, error maps where there are, probe modes, scan and loss
        are shown; of a data set its mean pattern, probe, object and scan; of a comparison
        reconstruction, truth and error.
    title : str, optional
        Title of the page.
    height : int
        Height of the frame in a notebook, CSS pixels.

    Returns
    -------
    Viewer
        Its ``save_html(path)`` writes the page, which needs neither server nor network. Pictures
        above 2048 pixels are shown by blocks; numbers have 16 bits of the range of their picture.

    Raises
    ------
    ValueError
        Something else.
    """
    from lapwing._compare import Alignment
    from lapwing._lapwing import Dataset
    from lapwing._reconstruction import Reconstruction

    if isinstance(shown, Reconstruction):
        return _of_reconstruction(
            shown,
            Viewer(
                title
                or (f"{shown.algorithm} reconstruction" if shown.algorithm else "reconstruction"),
                height,
            ),
        )
    if isinstance(shown, Dataset):
        return _of_dataset(shown, Viewer(title or "data set", height))
    if isinstance(shown, Alignment):
        return _of_comparison(shown, Viewer(title or "comparison with the truth", height))
    raise ValueError(
        "shown: expected a Reconstruction, a Dataset or a Comparison, found "
        f"{type(shown).__qualname__}"
    )


def _of_reconstruction(made: Reconstruction, viewer: Viewer) -> Viewer:
    import numpy as np

    slices = made.object if made.object.ndim == 3 else made.object[None]
    shape = slices.shape[1:]
    positions = None if made.positions is None else made.positions - np.asarray(made.origin, float)
    window = None if made.probe is None else made.probe.shape[1:]
    seen, area = _scanned(shape, positions, window)
    viewer._plane("object", shape, _pixel(made.metadata), area)
    viewer._data["slices"] = len(slices)
    choice = "slice" if len(slices) > 1 else None
    viewer._panel(
        "amplitude",
        "object",
        [abs(one) for one in slices],
        "grey",
        seen=seen,
        choice=choice,
        scan=True,
    )
    viewer._panel(
        "phase",
        "object",
        [_phase(one, seen) for one in slices],
        "magma",
        "rad",
        seen=seen,
        choice=choice,
        scan=True,
    )
    for name, unit, sd in (("amplitude", "", made.amplitude_sd), ("phase", "rad", made.phase_sd)):
        if sd is not None:
            viewer._panel(f"error of the {name}", "object", [sd], "viridis", unit, seen=seen)
    if made.probe is not None:
        _probe(viewer, made.probe, _pixel(made.metadata))
    if positions is not None:
        viewer._data["scan"] = np.round(positions, 3).tolist()
    viewer._data["loss"] = [float(loss) for loss in made.loss if math.isfinite(loss)]
    viewer._facts = [("object", f"{shape[0]} x {shape[1]} px")]
    if made.positions is not None:
        viewer._facts.append(("patterns", str(len(made.positions))))
    if made.misfit is not None:
        viewer._facts.append(("misfit", f"{made.misfit:.3f} times the noise"))
    return viewer


def _of_dataset(data: Dataset, viewer: Viewer) -> Viewer:
    import numpy as np

    pixel = data.pixel_size_m
    side = None if pixel is None else math.sqrt(pixel[0] * pixel[1])
    total = np.zeros(data.pattern_shape)
    for start in range(0, len(data), 64):
        total += (data.diffraction[start : start + 64].astype(float) ** 2).sum(axis=0)
    scale = data.intensity_scale
    mean = total / max(len(data), 1) * (1.0 if scale is None else scale**2)
    if data.mask is not None:
        mean = np.where(data.mask.any(axis=0), mean, np.nan)
    viewer._plane("detector", data.pattern_shape, None)
    positive = mean[np.isfinite(mean) & (mean > 0)]
    floor = float(positive.min()) if positive.size else 1.0
    unit = "log10 of counts" if scale is not None else "log10"
    viewer._panel("mean pattern", "detector", [np.log10(np.maximum(mean, floor))], "viridis", unit)
    if data.probe is not None:
        _probe(viewer, data.probe, side)
    height, width = data.pattern_shape
    if data.object is not None:
        object = data.object if data.object.ndim == 2 else data.object.prod(axis=0)
        shape = object.shape
        seen, area = _scanned(shape, data.positions, data.pattern_shape)
        viewer._plane("object", shape, side, area)
        viewer._panel(
            "object, amplitude", "object", [abs(object)], "grey", seen=seen, scan=True
        )
        viewer._panel(
            "object, phase",
            "object",
            [_phase(object, seen)],
            "magma",
            "rad",
            seen=seen,
            scan=True,
        )
        viewer._data["scan"] = np.round(data.positions, 3).tolist()
    elif len(data):
        # Where the windows lie, on the smallest grid that holds them.
        low = data.positions.min(axis=0) - [height / 2, width / 2]
        places = data.positions - low
        extent = np.ceil(places.max(axis=0) + [height / 2, width / 2]).astype(int)
        by = max(1, -(-int(extent.max()) // 512))
        counted = np.zeros(-(-extent // by), np.float32)
        for y, x in ((places - [height / 4, width / 4]) / by).astype(int):
            counted[y : y + max(1, height // (2 * by)), x : x + max(1, width // (2 * by))] += 1
        viewer._plane("object", (int(extent[0]), int(extent[1])), side)
        viewer._panel(
            "patterns over the scan",
            "object",
            [np.kron(counted, np.ones((by, by)))[: extent[0], : extent[1]]],
            "grey",
            scan=True,
        )
        viewer._data["scan"] = np.round(places, 3).tolist()
    viewer._facts = [("patterns", f"{len(data)} of {height} x {width} px")]
    if data.mean_counts is not None:
        from lapwing import _lapwing

        quanta = _lapwing.quanta(data.metadata)
        viewer._facts.append((f"{quanta} per pattern", f"{data.mean_counts:.4g}"))
    return viewer


def _of_comparison(found: Any, viewer: Viewer) -> Viewer:
    import numpy as np

    mask = found.mask
    viewer._plane("object", found.truth.shape, None)

    def masked(array: NDArray[Any]) -> NDArray[Any]:
        return np.where(mask, array, np.nan)

    middle = np.angle(np.sum(found.truth[mask]) or 1.0)
    turned = np.exp(-1j * middle)
    both = [
        ("amplitude", "grey", "", abs),
        ("phase", "magma", "rad", lambda array: np.angle(array * turned)),
    ]
    for what, colours, unit, of in both:
        # Both in the range of the truth, so that they can be compared by eye.
        limits = np.quantile(of(found.truth)[mask], [0.003, 0.997]).tolist()
        for name, array in (("reconstruction", found.aligned), ("truth", found.truth)):
            viewer._panel(
                f"{name}, {what}", "object", [masked(of(array))], colours, unit, limits=limits
            )
    if hasattr(found, "error"):
        viewer._panel("|difference|", "object", [masked(found.error)], "viridis")
        viewer._panel("phase error", "object", [masked(found.phase_error)], "viridis", "rad")
        names = ("complex_correlation", "phase_ssim")
        viewer._facts = [
            (label(name), f"{found.metrics[name]:.4f}")
            for name in names
            if found.metrics.get(name) is not None
        ]
    return viewer


def _probe(viewer: Viewer, probe: NDArray[np.complex64], pixel: float | None) -> None:
    import numpy as np

    power = (abs(probe.astype(complex)) ** 2).sum(axis=(1, 2))
    viewer._data["modes"] = (power / (power.sum() or 1.0)).tolist()
    viewer._plane("probe", probe.shape[1:], pixel)
    choice = "mode" if len(probe) > 1 else None
    viewer._panel("probe, amplitude", "probe", [abs(mode) for mode in probe], "grey", choice=choice)
    phases = [
        np.where(abs(mode) > 0.05 * abs(mode).max(), np.angle(mode), np.nan) for mode in probe
    ]
    viewer._panel("probe, phase where it is bright", "probe", phases, "magma", "rad", choice=choice)


def _scanned(
    shape: tuple[int, ...], positions: NDArray[np.float64] | None, window: tuple[int, ...] | None
) -> tuple[NDArray[np.bool_] | None, tuple[float, float, float] | None]:
    """Pixels within the scan, and the square (top, left, side) around it with a quarter of a
    window."""
    import numpy as np

    if positions is None or window is None or not len(positions):
        return None, None
    low, high = positions.min(axis=0), positions.max(axis=0)
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    seen = (rows >= low[0]) & (rows <= high[0]) & (columns >= low[1]) & (columns <= high[1])
    margin = 0.25 * np.asarray(window, float)
    side = float(max(high - low + 2 * margin))
    top, left = (low + high) / 2 - side / 2
    return (seen if seen.any() else None), (float(top), float(left), side)


def _phase(object: NDArray[np.complex64], seen: NDArray[np.bool_] | None) -> NDArray[Any]:
    """The phase, that of the mean over the scan at zero."""
    import numpy as np

    middle = np.angle(np.sum(object if seen is None else object[seen]) or 1.0)
    phase: NDArray[Any] = np.angle(object * np.exp(-1j * middle))
    return phase


def _pixel(metadata: dict[str, Any] | None) -> float | None:
    """Size of an object pixel, metres."""
    parameters = (metadata or {}).get("physics_parameters") or {}
    size = parameters.get("pixel_size_m")
    if isinstance(size, (int, float)):
        return float(size)
    height, width = parameters.get("pixel_size_y_m"), parameters.get("pixel_size_x_m")
    if isinstance(height, (int, float)) and isinstance(width, (int, float)):
        return math.sqrt(height * width)
    return None
