"""Reconstruction: arrays in, arrays out."""

from __future__ import annotations

import warnings
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

from lapwing import _lapwing
from lapwing._lapwing import Dataset
from lapwing._progress import shown
from lapwing._reconstruction import Reconstruction

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike
    from typing_extensions import Unpack


class Epoch(NamedTuple):
    """What a progress callback is given after every epoch."""

    done: int
    """Number of epochs done, from 1."""
    total: int
    """Number of epochs asked for."""
    loss: float
    """Loss of this epoch."""


class SolverOptions(TypedDict, total=False):
    """Options of the solvers, under the names of designs and of the command line. What is not given
    has the solver's default.

    ``num_epochs`` and ``batch_seed``, the spellings of the command line, are understood too.
    """

    # The table of solvers.
    algorithm: Literal["LSQML", "ML", "rPIE", "ePIE", "DM", "RAAR", "auto"]
    """Name of the solver, see :func:`solvers`; "auto" unless given: ML where photon counts are
    known, else LSQML."""
    epochs: int | Literal["auto"]
    """LSQML, rPIE, ePIE, DM, RAAR: Number of epochs; one epoch visits every pattern once; ML:
    Number of epochs at most, those of the search for the strength of the prior included; auto: as
    many as it takes. One epoch visits every pattern once. Fits before the reconstruction, for an
    affine map or an even drift of the scan or for diffuse light, are not counted."""
    object_start: str
    """Start object: flat, guess (the file's objectGuess, in simulated data the answer itself), or
    the file of an earlier reconstruction to go on from, with its probe, its positions, and how its
    probe varies; one of fewer or more patterns of the scan gives object and probe."""
    probe_start: Literal["auto", "file", "optics", "patterns", "perturbed"]
    """Start probe: auto (what the experiment says by `from`, else the file's, else that of the
    optics described, else made of the patterns), file (its probeGuess), optics, patterns, or
    perturbed (the file's out of focus and astigmatic)."""
    probe_modes: int
    """Number of incoherent probe modes; those that the file lacks are found by a short fit of
    photon counts, or made [default: as many as the file has]."""
    background: str
    """Static light in all patterns, added to the model: auto (read off the patterns' moments),
    none, or a file with the counts of every pixel (the array background, or the only one)."""
    gain: float | Literal["auto"]
    """Variance over mean of the counts, more than 1 where a photon makes several; auto: from what
    neighbouring patterns differ by."""
    saturation: float | Literal["auto"]
    """Counts at which the detector saturates, which say that there was at least so much light;
    auto: where the largest value is frequent beyond chance."""
    faulty: Literal["leave-out", "keep"]
    """Dead and hot pixels and lost or wrong patterns: leave-out (those that are found), or keep,
    which takes saturated counts as they are, too, unless a limit is said."""
    error_maps: int
    """Replicates of the counts from which standard deviations of amplitude and phase are made,
    pixel by pixel; 2 do; 0: none. Each costs 12 epochs."""
    refine_scan: str
    """What to refine of the scan: affine (scale, aspect, rotation and shear: some 50 fits of 28
    epochs before the reconstruction, besides its own epochs), drift (an even one, where patterns
    are counts: some 20 such fits; and slow ones, by LSQML and ML), positions (each by itself, by
    LSQML and ML)."""
    choose: str
    """What to choose from the data by held-out pixels: background (all, half or none of what was
    found), modes (the number of probe modes), positions (whether to refine them)."""
    device: Literal[
        "auto", "cpu", "gpu", "gpu:0", "gpu:1", "gpu:2", "gpu:3", "gpu:4", "gpu:5", "gpu:6", "gpu:7"
    ]
    """Where to compute: auto (a graphics card where there is one and the reconstruction is long
    enough to pay for it, else the processor), cpu, gpu (the first card), or gpu:N."""
    batch_size: int
    """LSQML: Patterns per batch, at most; batches of an epoch differ in size by at most one; rPIE,
    ePIE: Patterns per batch, at most; 1 is the published algorithm."""
    batching: Literal["random", "compact", "sparse"]
    """LSQML: Grouping of positions into batches: compact (neighbours together), random (a new
    partition every epoch) or sparse (fixed sets, each spread over the scan)."""
    object_moves: Literal["batch", "epoch"]
    """LSQML: When the object moves, after every batch or once per epoch; unless given, once per
    epoch with compact batches and after every batch with others."""
    preconditioner: Literal["scan", "batch"]
    """LSQML: What the object's update is divided by: the illumination by the whole scan or by the
    batch."""
    noise: Literal["gaussian", "poisson"]
    """LSQML: Likelihood: gaussian (of amplitudes, any unit) or poisson (needs photon counts)."""
    momentum: float
    """LSQML: Gain of the momentum acceleration where the object moves once per epoch, 0 for none.
    0.5 is the field's usual choice; 0.7 gave the smallest errors over four doses on simulated
    scans. Not used with amplitude limits."""
    damping: float
    """LSQML: Share of the largest illumination that is added (in quadrature) to the illumination by
    which the object direction is divided; keeps the faint rim of the scan from amplifying noise."""
    step_scale: float
    """LSQML: Factor on the least-squares steps of object and probe."""
    probe_from_epoch: int
    """LSQML, rPIE, ePIE, DM, RAAR: First epoch, counted from 1, in which the probe moves."""
    refine_positions: Literal["drift", "single"]
    """LSQML, ML: How positions move where they are refined: drift (all together, slowly along the
    scan) or single (each by itself, where nothing is given)."""
    positions_from_epoch: int
    """LSQML: First epoch, counted from 1, in which the positions are refined, 10 unless given;
    given alone, each by itself; ML: First epoch of the second stage, counted from 1 over both, in
    which the positions are refined, 10 unless given; given alone, each by itself."""
    prior: float | Literal["auto"]
    """LSQML: Strength of the edge-preserving prior, photons, which needs counts; 0 switches it off;
    ML: Strength of the edge-preserving prior, photons; auto: the one that best predicts detector
    pixels that the fit was not shown; 0 switches it off."""
    prior_edge: float
    """LSQML, ML: Difference between neighbouring object pixels above which the prior spares edges;
    the object's r.m.s. is 1."""
    seed: int
    """LSQML, ML, rPIE, ePIE: Seed of random batches."""
    start_epochs: int
    """ML: Epochs of the first stage, of small batches; may be 0. Of a thick object at most 3."""
    start_batch_size: int
    """ML: Patterns per batch in the first stage, at most."""
    prior_absorption: float | Literal["auto"]
    """ML: How many times as much the prior weighs differences across the specimen's own direction
    (absorption, where it only shifts the phase) as along it; auto: as predicts held-out pixels best
    where the strength is chosen so, else 1."""
    prior_jumps: Literal["linear", "bounded"]
    """ML: How the prior grows with differences far above its edge: in proportion (linear) or
    towards a bound (bounded), which spares sharp edges; unless said, as predicts held-out pixels
    best where the strength is chosen so, else in proportion."""
    object_alpha: float
    """rPIE: Share of the largest illumination under the object's update. Small values are fast on
    clean data and fit noise."""
    probe_alpha: float
    """rPIE: Share of the largest object power under the probe's update."""
    object_step: float
    """ePIE: Factor on the object's update (alpha in the paper)."""
    probe_step: float
    """ePIE: Factor on the probe's update (beta in the paper)."""
    beta: float
    """DM: Relaxation: how far the waves move, 1 in the published algorithm; RAAR: Relaxation: the
    weight of the reflections against the modulus projection."""
    object_inertia: float
    """DM, RAAR: Share of the largest illumination that holds the object where it was."""
    probe_inertia: float
    """DM, RAAR: Share of the largest object power that holds the probe where it was."""
    overlap_rounds: int
    """DM, RAAR: How often object and probe are made of the waves in turn in every epoch."""
    probe_eigenmodes: int
    """LSQML, ML: Number of eigenmodes by which the first probe mode varies from pattern to pattern
    (orthogonal probe relaxation); 0: it stays the same."""
    scan_probes: Literal["own", "shared"]
    """LSQML, ML: The probe of several scans of one object (join): every scan has a first mode of
    its own, or one probe is shared by all."""
    vary_power: bool
    """LSQML, ML: Whether the beam's power is another in every pattern, and is found."""
    probe_variation: Literal["free", "slow"]
    """LSQML, ML: How the eigenmodes' weights and the beam's power change from pattern to pattern:
    freely, or slow, along the scan, which single patterns of few photons cannot lead astray."""
    constraints: dict[str, float]
    """``probe_support``, ``probe_power``, ``object_min``, ``object_max``: see the guide to the
    solvers."""
    num_epochs: int | Literal["auto"]
    """Another name of ``epochs``."""
    batch_seed: int
    """Another name of ``seed``."""
    # End of the table.


def reconstruct(
    data: Dataset | ArrayLike,
    positions: ArrayLike | None = None,
    probe: ArrayLike | None = None,
    object: ArrayLike | None = None,
    *,
    start: Reconstruction | str | os.PathLike[str] | None = None,
    quantity: Literal["counts", "amplitude", "intensity"] | None = None,
    zero_frequency: Literal["centre", "corner"] = "centre",
    geometry: Literal["far-field", "near-field"] | None = None,
    mask: ArrayLike | None = None,
    leave_out_frames: Sequence[int] | str | None = None,
    experiment: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    progress: Callable[[Epoch], Any] | bool | None = None,
    threads: int | None = None,
    **options: Unpack[SolverOptions],
) -> Reconstruction:
    """Reconstruct object and probe.

    Parameters
    ----------
    data : Dataset, or array_like, shape (n, H, W) or (ny, nx, H, W)
        What was measured. Arrays may have any real dtype and layout, and be PyTorch's or CuPy's;
        the stack is copied once. What other programs hold in memory (HyperSpy, py4DSTEM, pty-chi,
        ptypy) comes over with :func:`adopt`.
    positions : array_like, shape (n, 2) or (ny, nx, 2)
        Window centres (y, x), pixels; of a raster ``experiment=dict(scan_step_m=...)`` may tell
        them. Not with a data set, which has its own.
    probe : array_like of complex, shape (H, W) or (modes, H, W)
        Start probe, of any power; in place of a data set's own.
    object : array_like of complex, shape (M, M'), optional
        Start object. A data set's own object, in simulated data the answer, only fixes the grid:
        the start is flat unless ``object_start="guess"`` says otherwise. Without an object the grid
        is the smallest that holds the scan.
    start : Reconstruction or path, or {"flat", "guess"}, optional
        An earlier reconstruction to go on from, of this scan and in its pixels: its object, and
        where it has them its probe, its positions, and how its probe varies along the scan, as far
        as ``probe_eigenmodes`` and ``vary_power`` ask for that. What else was found out or chosen
        is found anew. The words are those of ``object_start``.
    quantity : {"counts", "amplitude", "intensity"}
        What an array ``data`` holds; must be said.
    zero_frequency : {"centre", "corner"}
        Where the patterns of an array ``data`` have it.
    geometry : {"far-field", "near-field"}, optional
        How the detector of an array ``data`` sees the sample. Of the near field
        ``experiment=dict(fresnel_number=...)`` tells the distance.
    mask, leave_out_frames, experiment
        Of an array ``data``, as :class:`Dataset` has them.
    progress : callable or bool, optional
        Called after every epoch with an :class:`Epoch`; stops the solver there when it returns
        False. True for a display, see :class:`Progress`.
    threads : int, optional
        All processors unless given; the result does not depend on it.
    **options
        See :class:`SolverOptions`.

    Returns
    -------
    Reconstruction

    Raises
    ------
    ValueError
        Data or options that cannot be, an unknown option, a solver that diverged.
    KeyboardInterrupt
        Ctrl-C, at the end of the epoch, or during what is looked for before the first one.

    Notes
    -----
    The interpreter's lock is released meanwhile: other Python threads go on. The same data and
    options give the same bits as the command line.
    """
    settled: dict[str, Any] = dict(options)
    _are_options_of_solvers(settled)
    if not isinstance(data, Dataset):
        _told_apart(data)
        data = Dataset(
            data,
            positions,
            probe,
            object,
            quantity=quantity,
            zero_frequency=zero_frequency,
            geometry=geometry,
            mask=mask,
            leave_out_frames=leave_out_frames,
            experiment=experiment,
        )
    elif zero_frequency != "centre" or any(
        given is not None
        for given in (positions, quantity, geometry, mask, leave_out_frames, experiment)
    ):
        raise ValueError(
            "positions, quantity, zero_frequency, geometry, mask, leave_out_frames and experiment "
            "belong to patterns in an array: "
            "a data set has its own"
        )
    else:
        if probe is not None:
            data = data.replace(probe=probe)
        if object is not None:
            data = data.replace(object=object)
    # Eigenmodes of several scans are their probes, which go on by themselves.
    scans = data.scan_number is not None and settled.get("scan_probes") != "shared"
    begun = _begun(start, settled, probe is not None or object is not None, scans)
    if object is not None and settled.get("object_start") is None:
        settled["object_start"] = "guess"
    with shown(progress, "reconstructing") as told:
        tell = None if told is None else lambda done, total, loss: told(Epoch(done, total, loss))
        return Reconstruction(**_lapwing.reconstruct(data, settled, tell, threads, begun))


def _are_options_of_solvers(settled: dict[str, Any]) -> None:
    """Refuses keywords that belong elsewhere, with where they belong."""
    from lapwing._load import ReadingOptions

    known = set(SolverOptions.__annotations__)
    for name in settled:
        if name in ReadingOptions.__annotations__ and name not in known:
            raise ValueError(
                f"{name}: expected options of the solver, found one that describes the data; give "
                f"experiment=dict({name}=...) with arrays, or lapwing.load(path, {name}=...)"
            )
        if name == "calibrate":
            raise ValueError(
                "calibrate: expected options of the solver; lapwing.calibrate(data) gives a data "
                "set whose positions lie as the patterns say, which is then reconstructed"
            )
        if name in ("callback", "callbacks"):
            raise ValueError(f"{name}: no such option; a function to call is progress=...")


def _begun(
    start: Any, settled: dict[str, Any], fields_given: bool, scans: bool
) -> dict[str, Any] | None:
    """Puts ``start`` among the options, or gives the fields of the reconstruction that it is."""
    if start is None:
        if settled.get("object_start") == "given":
            raise ValueError(
                "object_start: these are options of a reconstruction that went on from an earlier "
                "one; give it as start"
            )
        return None
    if isinstance(start, str) and start in ("flat", "guess"):
        settled["object_start"] = start
        return None
    if fields_given:
        raise ValueError(
            "start: expected without object and probe, which an earlier reconstruction brings along"
        )
    if not isinstance(start, Reconstruction):
        settled["object_start"] = start
        return None
    settled.pop("object_start", None)
    for name, asked in (("probe_eigenmodes", "probe_eigenmodes"), ("beam_power", "vary_power")):
        goes_on = settled.get(asked) or (scans and asked == "probe_eigenmodes")
        if getattr(start, name) is not None and not goes_on:
            warnings.warn(
                f"start: its {name} is left out; give {asked} to go on with it", stacklevel=3
            )
    return {field.name: getattr(start, field.name) for field in fields(start)}


def _told_apart(data: Any) -> None:
    """Refuses what is no array, with the function that takes it."""
    from lapwing._adopt import program_of

    program = program_of(data)
    if program is not None:
        raise ValueError(
            f"data: expected a Dataset or an array, found an object of {program}; give "
            "lapwing.adopt(data)"
        )
    if isinstance(data, str) or hasattr(data, "__fspath__"):
        raise ValueError(
            "data: expected a Dataset or an array, found a path; give lapwing.load(path)"
        )


def solver_options(algorithm: str | None = None, **options: Any) -> dict[str, Any]:
    """Every option of a solver, those that are not given with their defaults, ``None`` where that
    is to leave it out.

    Parameters
    ----------
    algorithm : str, optional
        One of the names that :func:`solvers` lists; unless given, what :func:`reconstruct` takes:
        ``"auto"``, with the options of both solvers that it stands for under their names.
    **options
        See :class:`SolverOptions`.

    Returns
    -------
    dict
    """
    if algorithm is not None:
        options["algorithm"] = algorithm
    return _lapwing.solver_options(options)


def solvers() -> list[dict[str, Any]]:
    """The solvers there are, in the order in which they are listed.

    Returns
    -------
    list of dict
        For each solver ``name``, ``about`` (what it is), ``source`` (where it was published) and
        ``options``: for each option ``name``, ``aliases``, ``about``, ``flag`` (of the command
        line), ``expected`` (what values it takes), ``choices`` (the words, or None) and
        ``optional`` (whether it may have no value).
    """
    return _lapwing.solvers()
