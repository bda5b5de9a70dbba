"""Reconstruction: arrays in, arrays out, with progress, interruption and options by name."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
import typing
from pathlib import Path

import numpy as np
import pytest

import lapwing


@pytest.mark.parametrize("algorithm", ["LSQML", "ML"])
def test_finds_the_truth(scan: lapwing.Dataset, algorithm: str) -> None:
    found = lapwing.reconstruct(scan, algorithm=algorithm, epochs=40)
    assert found.object.shape == scan.object.shape and found.object.dtype == np.complex64
    assert len(found.loss) == 40 and found.loss[-1] < 0.4 * found.loss[0]
    assert found.compare(scan).metrics["complex_correlation"] > 0.97


def test_arrays_and_data_sets_give_the_same_bits_on_any_number_of_threads(
    scan: lapwing.Dataset,
) -> None:
    counts = scan.counts()
    data = lapwing.Dataset(counts, scan.positions, scan.probe, quantity="counts")
    from_data = lapwing.reconstruct(data, epochs=5, threads=1)
    for given in (counts, counts.astype(np.uint16), np.asfortranarray(counts.astype(float))):
        found = lapwing.reconstruct(
            given, scan.positions, scan.probe, quantity="counts", epochs=5, threads=2
        )
        assert np.array_equal(found.object, from_data.object) and np.array_equal(
            found.probe, from_data.probe
        )
        assert np.array_equal(found.loss, from_data.loss) and found.origin == from_data.origin


def test_the_settled_options_give_the_same_bits_again(scan: lapwing.Dataset) -> None:
    first = lapwing.reconstruct(scan, epochs=4, batching="random", batch_size=7, seed=5)
    again = lapwing.reconstruct(scan, **first.options)
    assert np.array_equal(first.object, again.object) and first.options == again.options


def test_both_spellings_of_an_option(scan: lapwing.Dataset) -> None:
    one = lapwing.reconstruct(scan, epochs=3, object_start="guess", seed=1)
    two = lapwing.reconstruct(scan, num_epochs=3, start="guess", batch_seed=1)
    assert np.array_equal(one.object, two.object)


def test_a_given_object_is_the_start_and_a_data_sets_own_is_not(scan: lapwing.Dataset) -> None:
    flat = lapwing.reconstruct(scan, epochs=1)
    assert flat.options["object_start"] == "flat"
    given = lapwing.reconstruct(scan, object=scan.object, epochs=1)
    assert given.options["object_start"] == "guess" and given.loss[0] < 0.5 * flat.loss[0]
    assert (
        lapwing.reconstruct(scan, object=scan.object, object_start="flat", epochs=1).loss[0]
        == flat.loss[0]
    )


def test_progress_is_told_and_may_stop(scan: lapwing.Dataset) -> None:
    seen: list[lapwing.Epoch] = []
    caller = threading.get_ident()

    def progress(epoch: lapwing.Epoch) -> bool | None:
        assert threading.get_ident() == caller
        seen.append(epoch)
        return False if epoch.done == 3 else None

    found = lapwing.reconstruct(scan, epochs=9, progress=progress)
    assert [(epoch.done, epoch.total) for epoch in seen] == [(1, 9), (2, 9), (3, 9)]
    assert np.array_equal(found.loss, [epoch.loss for epoch in seen])


def test_what_a_callback_raises_is_raised(scan: lapwing.Dataset) -> None:
    def progress(epoch: lapwing.Epoch) -> None:
        raise LookupError(f"epoch {epoch.done}")

    with pytest.raises(LookupError, match="epoch 1"):
        lapwing.reconstruct(scan, algorithm="LSQML", epochs=10**6, progress=progress)


def test_control_c_ends_it(scan: lapwing.Dataset) -> None:
    def progress(epoch: lapwing.Epoch) -> None:
        if epoch.done == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        lapwing.reconstruct(scan, algorithm="LSQML", epochs=10**6, progress=progress)


def test_control_c_ends_it_without_a_callback(scan: lapwing.Dataset) -> None:
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        lapwing.reconstruct(scan, algorithm="LSQML", epochs=10**6)
    timer.join()


def test_control_c_ends_a_search_before_the_epochs() -> None:
    probe = lapwing.make_probe(64)
    positions, shape = lapwing.make_scan(
        overlap=0.9,
        probe_diameter=lapwing.probe_diameter(probe),
        field=(120.0, 120.0),
        window=64,
        seed=3,
    )
    specimen = lapwing.make_specimen("cells", shape, seed=3)
    truth = lapwing.simulate(specimen, probe, positions, 10_000, seed=3)
    bare = lapwing.Dataset(truth.counts(), truth.positions, quantity="counts")
    # Each search takes seconds; another begins where one has ended.
    for work in (
        lambda: [lapwing.calibrate(bare) for _ in range(100)],
        lambda: [lapwing.reconstruct(bare, epochs=1, algorithm="LSQML") for _ in range(100)],
        lambda: [lapwing.estimate_noise(bare) for _ in range(10_000)],
    ):
        timer = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT))
        begun = time.monotonic()
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            work()
        timer.join()
        assert time.monotonic() - begun < 2.0


def test_an_experiment_says_the_start_probe(scan: lapwing.Dataset) -> None:
    given = (scan.counts(), scan.positions, scan.probe)
    said = lapwing.Dataset(*given, quantity="counts", experiment={"probe": {"from": "perturbed"}})
    plain = lapwing.Dataset(*given, quantity="counts")
    asked: dict[str, typing.Any] = {"algorithm": "LSQML", "epochs": 2}
    by_experiment = lapwing.reconstruct(said, **asked).object
    by_option = lapwing.reconstruct(plain, probe_start="perturbed", **asked).object
    assert np.array_equal(by_experiment, by_option)
    copy = pickle.loads(pickle.dumps(said))
    assert np.array_equal(lapwing.reconstruct(copy, **asked).object, by_option)
    # What the call asks for goes before it.
    of_file = lapwing.reconstruct(said, probe_start="file", **asked).object
    assert np.array_equal(of_file, lapwing.reconstruct(plain, **asked).object)
    assert not np.array_equal(of_file, by_option)


def test_other_threads_go_on_meanwhile(scan: lapwing.Dataset) -> None:
    """One reconstruction ends because of what another thread did while it ran without a
    callback."""
    beats = 0
    stop = threading.Event()

    def beat() -> None:
        nonlocal beats
        while not stop.is_set():
            beats += 1
            if beats == 20:
                os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    worker = threading.Thread(target=beat)
    worker.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            lapwing.reconstruct(scan, algorithm="LSQML", epochs=10**6)
    finally:
        stop.set()
        worker.join()
    assert beats >= 20


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epoch": 3}, ["epoch", "epochs"]),
        ({"algorithm": "ML", "noise": "poisson"}, ["noise"]),
        ({"algorithm": "nothing"}, ["algorithm", "LSQML", "nothing"]),
        ({"noise": "white"}, ["white"]),
        ({"epochs": 0}, ["epochs", "found 0"]),
        ({"epochs": -1}, ["-1"]),
        ({"epochs": "many"}, ["many"]),
        ({"momentum": float("inf")}, ["momentum", "finite"]),
        ({"damping": -0.5}, ["damping", "-0.5"]),
        ({"batch_size": 0}, ["batch_size", "found 0"]),
        ({"threads": 0}, ["threads", "found 0"]),
        ({"object_start": "hot"}, ["hot"]),
        ({"positions": np.zeros((3, 2))}, ["positions", "data set has its own"]),
        ({"probe": np.zeros((1, 32, 32), np.complex64)}, ["probe", "zero throughout"]),
    ],
)
def test_impossible_options_are_refused(
    scan: lapwing.Dataset, options: dict, words: list[str]
) -> None:
    with pytest.raises(ValueError) as refused:
        lapwing.reconstruct(scan, **options)
    for word in words:
        assert word in str(refused.value)


def test_counts_are_needed_for_counting_statistics(scan: lapwing.Dataset) -> None:
    with pytest.raises(ValueError, match="photon counts"):
        lapwing.reconstruct(
            scan.diffraction, scan.positions, scan.probe, quantity="amplitude", algorithm="ML"
        )
    with pytest.raises(ValueError, match="quantity"):
        lapwing.reconstruct(scan.counts(), scan.positions, scan.probe)
    # A start probe is made where there is none.
    assert len(lapwing.reconstruct(scan.replace(probe=None), epochs=1).loss) == 1


def test_the_solver_is_chosen_by_what_is_known(scan: lapwing.Dataset) -> None:
    """ML where counts are known, LSQML where they are not or only it has an option."""
    assert lapwing.reconstruct(scan, epochs=1).algorithm == "ML"
    assert lapwing.reconstruct(scan, epochs=1, batching="random").algorithm == "LSQML"
    amplitude = lapwing.reconstruct(
        scan.diffraction, scan.positions, scan.probe, quantity="amplitude", epochs=1
    )
    assert amplitude.algorithm == "LSQML"


def test_options_are_those_of_the_solvers() -> None:
    """The typed options, the solvers' own and their defaults agree."""
    typed = lapwing.SolverOptions.__annotations__
    table = {solver["name"]: solver["options"] for solver in lapwing.solvers()}
    algorithms = tuple(table)
    names = {option["name"].split(".")[0] for options in table.values() for option in options}
    aliases = {
        alias for options in table.values() for option in options for alias in option["aliases"]
    }
    assert set(typed) - {"algorithm"} - (aliases - names) == names
    assert set(typing.get_args(typing.get_type_hints(lapwing.SolverOptions)["algorithm"])) == {
        *algorithms,
        "auto",
    }
    kinds = {bool: "bool", int: "int", float: "float", str: "str"}
    for algorithm in algorithms:
        assert not set(lapwing.solver_options(algorithm)) - set(typed)
        for name, value in lapwing.solver_options(algorithm).items():
            declared = str(getattr(typed.get(name), "__forward_arg__", typed.get(name)))
            if name in typed and type(value) in kinds and "Literal" not in declared:
                assert kinds[type(value)] in declared, f"{name}: {declared} but {value!r}"
        assert lapwing.solver_options(algorithm, num_epochs=3)["epochs"] == 3


def test_results_can_be_looked_at_and_kept(scan: lapwing.Dataset, tmp_path) -> None:
    import base64
    import pickle
    import re
    from dataclasses import replace
    from xml.etree import ElementTree

    found = lapwing.reconstruct(scan, epochs=2)
    compared = found.compare(scan)
    for shown in (scan, found, compared, lapwing.align(found, scan)):
        assert repr(shown).startswith("<lapwing.") and shown._repr_png_().startswith(b"\x89PNG")
        page = shown._repr_html_()
        ElementTree.fromstring(re.sub(r"(<img [^>]*)>", r"\1/>", page))
        assert base64.b64encode(shown._repr_png_()).decode() in page
    assert (
        "ML reconstruction" in found._repr_html_()
        and f"{found.loss[-1]:.4g}" in found._repr_html_()
    )
    assert f"{compared.metrics['complex_correlation']:.4g}" in compared._repr_html_()
    two = np.repeat(found.probe, 2, axis=0)
    assert ", 1 probe mode of " in repr(found)
    assert ", 2 probe modes of " in repr(replace(found, probe=two))
    modes = len(scan.probe)
    assert f", {modes} probe mode{'s' if modes > 1 else ''}>" in repr(scan)
    hostile = replace(found, algorithm="<script>alert(1)</script>")
    assert "<script>" not in hostile._repr_html_()
    kept = pickle.loads(pickle.dumps(found))
    assert np.array_equal(kept.object, found.object) and kept.options == found.options
    kept.save(tmp_path / "kept.npz")
    with np.load(tmp_path / "kept.npz") as file:
        assert np.array_equal(file["reconstructed_object"], found.object)
        assert np.array_equal(file["positions"], scan.positions)


def test_what_is_saved_is_loaded_and_so_are_results_of_others(
    scan: lapwing.Dataset, tmp_path: Path
) -> None:
    found = lapwing.reconstruct(scan, epochs=3)
    found.save(tmp_path / "own.npz")
    again = lapwing.load_reconstruction(tmp_path / "own.npz")
    for name in ("object", "probe", "positions", "loss"):
        assert np.array_equal(getattr(again, name), getattr(found, name)), name
    assert (again.algorithm, again.options, again.origin) == ("ML", found.options, found.origin)
    assert again.metadata == found.metadata and again.seconds is None
    assert again.compare(scan).metrics == found.compare(scan).metrics
    again.save(tmp_path / "again.npz")
    assert lapwing.load_reconstruction(tmp_path / "again.npz").metadata == found.metadata
    assert "ML" in repr(again) and again._repr_html_().startswith("<div")

    np.savez(tmp_path / "tike.npz", psi=np.stack([found.object] * 2), other=np.zeros(3))
    slices = lapwing.load_reconstruction(tmp_path / "tike.npz")
    assert (
        slices.object.shape == (2, *found.object.shape)
        and slices.probe is None
        and slices.algorithm is None
    )
    assert "2 slices" in slices._repr_html_() and slices._repr_png_() is None
    np.savez(tmp_path / "two.npz", a=found.object, b=found.object)
    with pytest.raises(ValueError, match="name the one to take"):
        lapwing.load_reconstruction(tmp_path / "two.npz")
    assert np.array_equal(
        lapwing.load_reconstruction(tmp_path / "two.npz", "b").object, found.object
    )
    with pytest.raises(FileNotFoundError):
        lapwing.load_reconstruction(tmp_path / "none.npz")


def test_the_catalogue_knows_every_metric(scan: lapwing.Dataset) -> None:
    compared = lapwing.reconstruct(scan, epochs=2).compare(scan)
    catalogue = lapwing.metric_catalogue()
    assert set(compared.metrics) <= set(catalogue)
    mae = catalogue["phase_mae"]
    assert (mae["title"], mae["unit"], mae["higher_is_better"], mae["perfect"]) == (
        "phase MAE",
        "rad",
        False,
        0.0,
    )
    assert catalogue["shift_y"]["higher_is_better"] is None
    error = np.median(np.abs(compared.phase_error[compared.mask]))
    assert compared.metrics["phase_median_error"] == pytest.approx(error, rel=1e-5)
    assert "complex correlation" in repr(compared)


def test_error_maps_come_with_the_object_and_survive_a_file(
    scan: lapwing.Dataset, tmp_path
) -> None:
    found = lapwing.reconstruct(scan, algorithm="ML", epochs=20, error_maps=1)
    assert found.amplitude_sd.shape == found.phase_sd.shape == found.object.shape
    assert found.phase_sd.dtype == np.float32 and np.nanmax(found.phase_sd) > 0
    found.save(tmp_path / "r.npz")
    again = lapwing.load_reconstruction(tmp_path / "r.npz")
    np.testing.assert_array_equal(again.phase_sd, found.phase_sd)
    assert lapwing.reconstruct(scan, epochs=1).phase_sd is None


def test_a_probe_that_varies_comes_with_what_varies(scan: lapwing.Dataset, tmp_path) -> None:
    found = lapwing.reconstruct(
        scan, algorithm="LSQML", epochs=3, vary_power=True, probe_eigenmodes=2
    )
    n, (_, height, width) = len(found.positions), found.probe.shape
    assert found.probe_eigenmodes.shape == (2, height, width) and found.probe_weights.shape == (
        n,
        2,
    )
    assert found.beam_power.shape == (n,)
    assert np.exp(np.log(found.beam_power).mean()) == pytest.approx(1, abs=1e-3)
    assert found.options["vary_power"] is True
    found.save(tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz") as file:
        np.testing.assert_array_equal(file["beam_power"], found.beam_power)
        np.testing.assert_array_equal(file["probe_weights"], found.probe_weights)
    usual = lapwing.reconstruct(scan, algorithm="LSQML", epochs=3)
    assert usual.beam_power is None and usual.probe_eigenmodes is None
    with pytest.raises(ValueError, match="vary_power: expected the solver LSQML or ML, found rPIE"):
        lapwing.reconstruct(scan, algorithm="rPIE", epochs=1, vary_power=True)


@pytest.mark.parametrize("algorithm", ["LSQML", "ML"])
def test_ten_epochs_and_ten_more_are_better_than_ten(
    scan: lapwing.Dataset, algorithm: str, tmp_path: Path
) -> None:
    ten = lapwing.reconstruct(scan, algorithm=algorithm, epochs=10, probe_start="perturbed")
    more = lapwing.reconstruct(scan, algorithm=algorithm, epochs=10, start=ten)
    correlation = [found.compare(scan).metrics["complex_correlation"] for found in (ten, more)]
    assert 1 - correlation[1] < 0.95 * (1 - correlation[0]), correlation
    assert more.loss[0] < 0.5 * ten.loss[0] and more.options["object_start"] == "given"
    # The same from its file, and with the options of either.
    ten.save(tmp_path / "ten.npz")
    for start, options in (
        (tmp_path / "ten.npz", {}),
        (ten, more.options),
        (lapwing.load_reconstruction(tmp_path / "ten.npz"), {}),
    ):
        again = lapwing.reconstruct(
            scan, start=start, **{"algorithm": algorithm, "epochs": 10, **options}
        )
        assert np.array_equal(again.object, more.object) and np.array_equal(again.probe, more.probe)
    with pytest.raises(ValueError, match="object_start.*give it as start"):
        lapwing.reconstruct(scan, **more.options)


def test_positions_and_what_varies_go_on(scan: lapwing.Dataset, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    off = scan.replace(
        positions=scan.positions + rng.uniform(-0.8, 0.8, scan.positions.shape), object=None
    )
    how = {
        "algorithm": "LSQML",
        "refine_scan": "positions",
        "positions_from_epoch": 3,
        "probe_eigenmodes": 1,
        "vary_power": True,
    }
    first = lapwing.reconstruct(off, epochs=30, **how)
    first.save(tmp_path / "first.npz")
    read = lapwing.load_reconstruction(tmp_path / "first.npz")
    assert np.array_equal(read.probe_eigenmodes, first.probe_eigenmodes) and np.array_equal(
        read.beam_power, first.beam_power
    )
    assert np.array_equal(first.measured_positions, off.positions)
    assert np.array_equal(read.measured_positions, off.positions)
    # One epoch in which nothing moves much: it begins where the first one ended.
    second = lapwing.reconstruct(
        off, epochs=1, start=read, **{**how, "refine_scan": "none", "positions_from_epoch": None}
    )
    assert np.array_equal(second.positions, first.positions)
    # They are still not where they were measured.
    assert np.array_equal(second.measured_positions, off.positions)
    assert second.loss[0] < 1.05 * first.loss[-1] and second.origin == first.origin
    np.testing.assert_allclose(second.beam_power, first.beam_power, rtol=0.1)
    with pytest.warns(UserWarning, match="probe_eigenmodes is left out"):
        lapwing.reconstruct(off, epochs=1, start=first, algorithm="LSQML", vary_power=True)


def test_a_start_that_does_not_fit_is_refused_by_name(scan: lapwing.Dataset) -> None:
    from dataclasses import replace

    first = lapwing.reconstruct(scan, epochs=1)
    none = replace(first, positions=None)
    for start, words in (
        (replace(first, object=first.object[:-3]), ["start: object", "expected", "found"]),
        (replace(none, object=first.object[:-3]), ["start: object"]),
        (replace(first, probe=first.probe[:, 1:]), ["start: probe", "32 x 32"]),
        (
            replace(first, positions=first.positions[1:] + 40),
            ["start: positions", f"{len(scan.positions)} patterns"],
        ),
        ("nowhere.npz", ["start", "nowhere.npz"]),
        (replace(first, object=np.stack([first.object] * 3)), ["start: object", "slices"]),
    ):
        with pytest.raises(ValueError) as refused:
            lapwing.reconstruct(scan, epochs=1, start=start)
        for word in words:
            assert word in str(refused.value)
    with pytest.raises(ValueError, match="start: expected without object and probe"):
        lapwing.reconstruct(scan, epochs=1, start=first, probe=scan.probe)


def test_where_to_compute_is_said_by_name(scan: lapwing.Dataset) -> None:
    usual = lapwing.reconstruct(scan, algorithm="LSQML", epochs=3)
    here = lapwing.reconstruct(scan, algorithm="LSQML", epochs=3, device="cpu")
    assert np.array_equal(usual.object, here.object)
    with pytest.raises(ValueError, match="graphics card"):
        lapwing.reconstruct(scan, algorithm="LSQML", epochs=3, device="gpu:7")


def test_positions_of_another_zero_are_laid_on_the_truth(scan: lapwing.Dataset) -> None:
    counts, shift = scan.counts(), [131.0, -20.0]
    moved = lapwing.Dataset(counts, scan.positions - shift, scan.probe, quantity="counts")
    here = lapwing.Dataset(counts, scan.positions, scan.probe, quantity="counts")
    found = lapwing.reconstruct(moved, epochs=10)
    with pytest.warns(UserWarning, match=r"another zero .*\(-131, 20\) px apart"):
        compared = found.compare(scan)
    expected = lapwing.reconstruct(here, epochs=10).compare(scan).metrics
    for name in ("complex_correlation", "phase_ssim"):
        assert compared.metrics[name] == pytest.approx(expected[name], abs=2e-3)
    # Without the truth's positions nothing tells where they count from.
    with pytest.raises(ValueError, match=r"origin at \(-\d+, \d+\), shares no pixel with"):
        found.compare(scan.object)


def test_a_path_where_arrays_are_needed_says_how_to_read_it(scan: lapwing.Dataset) -> None:
    with pytest.raises(ValueError, match=r"reconstruction: .* lapwing\.load_reconstruction"):
        lapwing.compare("result/reconstruction.npz", scan)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"truth: .* lapwing\.load\(path\)"):
        lapwing.compare(scan.object, Path("truth.npz"))  # type: ignore[arg-type]


def test_every_option_of_a_solver_is_told() -> None:
    for solver in lapwing.solvers():
        told = lapwing.solver_options(solver["name"])
        plain = {option["name"] for option in solver["options"] if "." not in option["name"]}
        assert plain <= set(told)
        # They can be handed back as they are.
        assert lapwing.solver_options(**told) == told
