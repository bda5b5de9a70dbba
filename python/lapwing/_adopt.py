"""Scans that other programs hold in memory, known by what their objects carry: nothing of theirs is
imported."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, Literal

from lapwing._arrays import host
from lapwing._lapwing import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

_METRES = {
    "m": 1.0,
    "mm": 1e-3,
    "um": 1e-6,
    "µm": 1e-6,
    "μm": 1e-6,
    "nm": 1e-9,
    "pm": 1e-12,
    "a": 1e-10,
    "å": 1e-10,
    "angstrom": 1e-10,
}
_MILLIRADIANS = {"mrad": 1.0, "rad": 1e3, "urad": 1e-3, "deg": 1e3 * math.pi / 180}


class _Found:
    """What an object tells."""

    def __init__(
        self,
        patterns: Any,
        *,
        positions: NDArray[np.float64] | None = None,
        step_m: tuple[float, float] | None = None,
        zero_frequency: Literal["centre", "corner"] = "centre",
        probe: Any = None,
        mask: Any = None,
        geometry: Literal["far-field", "near-field"] | None = None,
        known: dict[str, Any] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.patterns = patterns
        """Axes (pattern, y, x), or (ny, nx, y, x) of a raster."""
        self.positions = positions
        """(y, x), pixels of the object; None of a raster."""
        self.step_m = step_m
        """Of a raster: between rows, and between columns."""
        self.zero_frequency = zero_frequency
        self.probe = probe
        self.mask = mask
        self.geometry = geometry
        self.known = known or {}
        """Options of reading."""
        self.notes = notes


def adopt(
    source: Any,
    *,
    quantity: Literal["counts", "amplitude", "intensity"] | None = None,
    scan_step_m: float | tuple[float, float] | None = None,
    scan_rotation_deg: float | None = None,
    transposed: bool = False,
    **described: Any,
) -> Dataset:
    """Take over a scan that another program holds in memory.

    Taken are a HyperSpy (pyxem, LiberTEM-HyperSpy) signal with two navigation and two signal axes,
    also a lazy one; a py4DSTEM ``DataCube``; pty-chi's task or its options; and a ptypy ``Ptycho``
    with its data. They are known by their attributes, so the program need not be installed. The
    patterns are copied.

    Parameters
    ----------
    source : HyperSpy signal, DataCube, task, options or Ptycho
        One of these.
    quantity : {"counts", "amplitude", "intensity"}, optional
        What its patterns hold; unless given counts where they are whole numbers, else intensities.
    scan_step_m : float or (float, float), optional
        Step between rows, and between columns, metres, of a raster; in place of what the object
        tells.
    scan_rotation_deg : float, optional
        Angle by which the positions of a raster are turned, from rows towards columns; see
        :func:`calibrate`.
    transposed : bool
        Exchange rows and columns of the scan.
    **described
        What the object does not tell, as for :class:`Dataset`: ``voltage_kv``, ``semi_angle_mrad``,
        ``mrad_per_pixel``, ``pixel_size_m``, ``leave_out_frames`` and others. They take precedence
        over what it tells.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        An object of another kind; a raster without step or scale of the detector; data that break
        the contract.

    Warns
    -----
    UserWarning
        What the object tells and is not taken over.
    """
    import numpy as np

    program = program_of(source)
    if program is None:
        kind = f"{type(source).__module__}.{type(source).__qualname__}"
        raise ValueError(
            "source: expected a HyperSpy signal, a py4DSTEM DataCube, a pty-chi task or a ptypy "
            f"Ptycho, found {kind}; "
            "arrays are given to lapwing.Dataset, files to lapwing.load"
        )
    found = _PROGRAMS[program][1](source)
    for note in found.notes:
        warnings.warn(f"{program}: {note}", stacklevel=2)
    known = {**found.known, **described}
    if "semi_angle_mrad" not in described:
        known = _without_lone_optics(known)
    patterns = np.asarray(host(found.patterns, "patterns"))
    positions = found.positions
    if positions is None:
        steps = found.step_m if scan_step_m is None else scan_step_m
        positions = _raster(patterns, steps, known, program)
    elif scan_step_m is not None:
        raise ValueError(
            f"scan_step_m: expected with a raster alone, found positions in the object of {program}"
        )
    positions = _turned(positions, transposed, scan_rotation_deg)
    if quantity is None:
        quantity = "counts" if _is_counts(patterns) else "intensity"
    mask = None if found.mask is None else np.asarray(host(found.mask, "mask")).astype(bool)
    if mask is not None and found.zero_frequency == "corner":
        # Masks of data sets have it in the centre.
        mask = np.fft.fftshift(mask, axes=(-2, -1))
    return Dataset(
        patterns,
        positions,
        None if found.probe is None else host(found.probe, "probe"),
        quantity=quantity,
        zero_frequency=found.zero_frequency,
        geometry=known.pop("geometry", found.geometry),
        mask=mask,
        leave_out_frames=known.pop("leave_out_frames", None),
        experiment=known.pop("experiment", None),
        **known,
    )


def program_of(source: Any) -> str | None:
    """The program whose object it is."""
    return next((name for name, (knows, _) in _PROGRAMS.items() if knows(source)), None)


def _raster(
    patterns: NDArray[Any], steps: Any, known: dict[str, Any], program: str
) -> NDArray[np.float64]:
    """Window centres of a raster, pixels of the object."""
    import numpy as np

    if patterns.ndim != 4:
        raise ValueError(
            f"patterns: expected axes (ny, nx, y, x) in the object of {program}, found shape "
            f"{patterns.shape}; "
            "other scans are given to lapwing.Dataset with their positions"
        )
    if steps is None:
        raise ValueError(
            "scan_step_m: expected the step of the raster in metres, found none in the object of "
            f"{program}"
        )
    step_y, step_x = (
        (float(steps), float(steps)) if np.ndim(steps) == 0 else (float(steps[0]), float(steps[1]))
    )
    pixel_y, pixel_x = _object_pixel(patterns.shape[2:], known, program)
    rows, columns = np.mgrid[: patterns.shape[0], : patterns.shape[1]].astype(float)
    positions: NDArray[np.float64] = np.stack(
        [rows * (step_y / pixel_y), columns * (step_x / pixel_x)], axis=-1
    )
    return positions.reshape(-1, 2)


_SCALES = (
    *(
        "pixel_size_m",
        "inv_angstrom_per_pixel",
        "mrad_per_pixel",
        "detector_pixel_size_m",
        "distance_m",
    ),
    *("voltage_kv", "energy_kev", "experiment"),
)
"""Options that tell the size of an object pixel."""


def _object_pixel(
    shape: tuple[int, ...], known: dict[str, Any], program: str
) -> tuple[float, float]:
    """Size of an object pixel, metres, as a data set of one pattern has it."""
    import numpy as np

    told = {name: known[name] for name in _SCALES if known.get(name) is not None}
    one = Dataset(np.ones((1, *shape), np.float32), [[0.0, 0.0]], quantity="amplitude", **told)
    if one.pixel_size_m is None:
        raise ValueError(
            f"the size of an object pixel is unknown in the object of {program}: give "
            "inv_angstrom_per_pixel, or "
            "mrad_per_pixel with voltage_kv or energy_kev, or pixel_size_m"
        )
    return one.pixel_size_m


def _turned(
    positions: NDArray[np.float64], transposed: bool, degrees: float | None
) -> NDArray[np.float64]:
    """Positions turned about their middle, from rows towards columns, as the readers of files do
    it."""
    import numpy as np

    if transposed:
        positions = positions[:, ::-1]
    if not degrees:
        return positions
    middle = (positions.min(axis=0) + positions.max(axis=0)) / 2
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    y, x = (positions - middle).T
    turned: NDArray[np.float64] = np.stack([cos * y - sin * x, sin * y + cos * x], axis=-1) + middle
    return turned


def _is_counts(patterns: NDArray[Any]) -> bool:
    import numpy as np

    if patterns.dtype.kind in "iu":
        return True
    some = patterns[:: max(1, len(patterns) // 16)]
    return bool(np.array_equal(some, np.round(some)))


# HyperSpy: `axes_manager` lists axes in the order (x, y), `data` has them as (y, x).


def _is_hyperspy(source: Any) -> bool:
    return (
        hasattr(source, "axes_manager") and hasattr(source, "data") and hasattr(source, "metadata")
    )


def _of_hyperspy(signal: Any) -> _Found:
    manager = signal.axes_manager
    navigation, detector = list(manager.navigation_axes)[::-1], list(manager.signal_axes)[::-1]
    if len(navigation) != 2 or len(detector) != 2:
        raise ValueError(
            "HyperSpy: expected a signal with two navigation and two signal axes, found "
            f"{len(navigation)} and {len(detector)}"
        )
    known: dict[str, Any] = {}
    scales = [
        _scale_of(axis, _MILLIRADIANS, "mrad_per_pixel") or _inverse(axis) for axis in detector
    ]
    if all(scales) and scales[0][0] == scales[1][0]:  # type: ignore[index]
        known[scales[0][0]] = (scales[0][1], scales[1][1])  # type: ignore[index]
    steps = [_scale_of(axis, _METRES, "step") for axis in navigation]
    for name, key in (("voltage_kv", "beam_energy"), ("semi_angle_mrad", "convergence_angle")):
        value = _item(signal.metadata, f"Acquisition_instrument.TEM.{key}")
        if isinstance(value, (int, float)) and value > 0:
            known[name] = float(value)
    step = (steps[0][1], steps[1][1]) if steps[0] and steps[1] else None
    data = signal.data
    # Lazy signals hold an array of dask.
    return _Found(data.compute() if hasattr(data, "compute") else data, step_m=step, known=known)


def _scale_of(axis: Any, units: dict[str, float], name: str) -> tuple[str, float] | None:
    """Name and value of an axis' scale, where its unit is one of these."""
    factor = units.get(str(axis.units).strip().lower())
    return None if factor is None or not axis.scale else (name, abs(float(axis.scale)) * factor)


def _inverse(axis: Any) -> tuple[str, float] | None:
    """The same of an axis of spatial frequencies, 1/Angstrom."""
    unit = str(axis.units).strip().lower().replace("$", "").replace("{", "").replace("}", "")
    for suffix in ("^-1", "⁻¹"):
        if unit.endswith(suffix):
            unit = "1/" + unit[: -len(suffix)]
    if not unit.startswith("1/"):
        return None
    factor = _METRES.get(unit[2:].strip())
    return (
        None
        if factor is None or not axis.scale
        else ("inv_angstrom_per_pixel", abs(float(axis.scale)) * 1e-10 / factor)
    )


def _item(tree: Any, path: str) -> Any:
    """An entry of HyperSpy's tree of metadata, or of nested dicts."""
    for name in path.split("."):
        if isinstance(tree, dict):
            tree = tree.get(name)
        else:
            tree = getattr(tree, name, None)
        if tree is None:
            return None
    return tree


def _without_lone_optics(known: dict[str, Any]) -> dict[str, Any]:
    """Without a semi-angle that no wavelength and scale make a probe of."""
    if "voltage_kv" not in known or not {"mrad_per_pixel", "inv_angstrom_per_pixel"} & set(known):
        known.pop("semi_angle_mrad", None)
    return known


# py4DSTEM: `data` has axes (R_x, R_y, Q_x, Q_y), of which x counts rows.


def _is_py4dstem(source: Any) -> bool:
    calibration = getattr(source, "calibration", None)
    return (
        hasattr(calibration, "get_R_pixel_size")
        and hasattr(calibration, "get_Q_pixel_size")
        and hasattr(source, "data")
    )


def _of_py4dstem(cube: Any) -> _Found:
    calibration = cube.calibration
    known: dict[str, Any] = {}
    scale, unit = calibration.get_Q_pixel_size(), calibration.get_Q_pixel_units()
    name = {"A^-1": "inv_angstrom_per_pixel", "mrad": "mrad_per_pixel"}.get(unit)
    if name is not None and scale:
        known[name] = float(scale)
    factor = _METRES.get(str(calibration.get_R_pixel_units()).strip().lower())
    step = calibration.get_R_pixel_size()
    angle = _asked(
        calibration, "get_probe_convergence_semiangle_mrad", "get_convergence_semiangle_mrad"
    )
    notes = []
    rotation, flip = (
        _asked(calibration, "get_QR_rotation_degrees"),
        _asked(calibration, "get_QR_flip"),
    )
    if rotation or flip:
        notes.append(
            f"the calibration tells a rotation of {rotation or 0} "
            f"degrees{' and a flip' if flip else ''} between scan and detector, "
            "which is not taken over; lapwing.calibrate finds it, or say scan_rotation_deg and "
            "transposed"
        )
    if angle:
        known["semi_angle_mrad"] = float(angle)
    return _Found(
        cube.data,
        step_m=(float(step) * factor, float(step) * factor)
        if factor is not None and step
        else None,
        known=known,
        notes=tuple(notes),
    )


def _asked(of: Any, *names: str) -> Any:
    """What the first of these methods that there is returns."""
    for name in names:
        method = getattr(of, name, None)
        if callable(method):
            try:
                return method()
            except Exception:  # noqa: BLE001 - another program's getters of what was never set
                return None
    return None


# pty-chi: intensities that are not shifted (zero frequency in the middle, which `fft_shift` moves);
# positions (y, x) in pixels.


def _is_ptychi(source: Any) -> bool:
    options = getattr(source, "options", source)
    return hasattr(options, "data_options") and hasattr(options, "probe_position_options")


def _of_ptychi(source: Any) -> _Found:
    import numpy as np

    options = getattr(source, "options", source)
    data, places = options.data_options, options.probe_position_options
    moved = getattr(getattr(source, "probe_positions", None), "data", None)
    if moved is None:
        positions = np.stack(
            [
                np.asarray(host(axis, "positions"))
                for axis in (places.position_y_px, places.position_x_px)
            ],
            axis=-1,
        )
    else:
        positions = np.asarray(host(moved, "positions"))
    made = getattr(getattr(source, "probe", None), "data", None)
    probe = options.probe_options.initial_guess if made is None else made
    if probe is not None:
        probe = np.asarray(host(probe, "probe"))
        # Axes (eigenmode, mode, y, x): the first of the eigenmodes is the probe itself.
        probe = probe[0] if probe.ndim == 4 else probe
    distance = float(getattr(data, "free_space_propagation_distance_m", math.inf))
    near = math.isfinite(distance)
    wavelength = float(data.wavelength_m)
    known: dict[str, Any] = {"energy_kev": 1.23984198e-9 / wavelength}
    pixel = float(options.object_options.pixel_size_m)
    # A metre is what stands there when nobody said.
    if pixel != 1.0:
        known["pixel_size_m"] = pixel
    if near and "pixel_size_m" in known:
        known["fresnel_number"] = known["pixel_size_m"] ** 2 / (wavelength * distance)
    return _Found(
        data.data,
        positions=np.asarray(positions, float),
        zero_frequency="centre" if near or getattr(data, "fft_shift", True) else "corner",
        probe=probe,
        mask=getattr(data, "valid_pixel_mask", None),
        geometry="near-field" if near else "far-field",
        known=known,
    )


# ptypy: a view of `diff` for each pattern, whose pod leads to the views of object and probe.


def _is_ptypy(source: Any) -> bool:
    return (
        hasattr(source, "pods")
        and hasattr(source, "diff")
        and hasattr(getattr(source, "diff", None), "views")
    )


def _of_ptypy(ptycho: Any) -> _Found:
    import numpy as np

    views = [view for _, view in sorted(ptycho.diff.views.items()) if getattr(view, "active", True)]
    if not views:
        raise ValueError(
            "ptypy: expected a Ptycho with its data (level 2 or more), found no patterns"
        )
    pods = [view.pod for view in views]
    first = pods[0]
    pixel = np.broadcast_to(np.asarray(first.ob_view.psize, float), 2)
    positions = np.array([np.asarray(pod.ob_view.coord, float) for pod in pods]) / pixel
    masks = np.array([np.asarray(pod.ma_view.data).astype(bool) for pod in pods])
    same = bool((masks == masks[0]).all())
    geometry = first.geometry
    near = str(getattr(geometry, "propagation", "farfield")) == "nearfield"
    known: dict[str, Any] = {"pixel_size_m": float(np.sqrt(pixel[0] * pixel[1]))}
    wavelength = getattr(geometry, "lam", None)
    if wavelength:
        known["energy_kev"] = 1.23984198e-9 / float(wavelength)
        if near:
            known["fresnel_number"] = known["pixel_size_m"] ** 2 / (
                float(wavelength) * float(geometry.distance)
            )
    probes = np.asarray(first.pr_view.storage.data)
    return _Found(
        np.array([np.asarray(view.data) for view in views]),
        positions=positions,
        probe=probes if probes.ndim == 3 else probes[None],
        mask=None if masks.all() else masks[0] if same else masks,
        geometry="near-field" if near else "far-field",
        known=known,
    )


_PROGRAMS: dict[str, tuple[Callable[[Any], bool], Callable[[Any], _Found]]] = {
    "HyperSpy": (_is_hyperspy, _of_hyperspy),
    "py4DSTEM": (_is_py4dstem, _of_py4dstem),
    "pty-chi": (_is_ptychi, _of_ptychi),
    "ptypy": (_is_ptypy, _of_ptypy),
}
