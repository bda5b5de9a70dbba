"""What the counts tell of the detector, of simulated scans whose detector is known."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lapwing


@pytest.fixture(scope="module")
def clean() -> lapwing.Dataset:
    """Some 200 patterns of 64 x 64 px of cells at 20,000 photons."""
    probe = lapwing.make_probe(64)
    positions, shape = lapwing.make_scan("fermat", step=4.0, field=(56.0, 56.0), window=64, seed=6)
    return lapwing.simulate(
        lapwing.make_specimen("cells", shape, seed=6), probe, positions, 20_000, seed=6
    )


def measured(like: lapwing.Dataset, counts: np.ndarray) -> lapwing.Dataset:
    return lapwing.Dataset(counts, like.positions, like.probe, quantity="counts")


def test_photons_are_photons(clean: lapwing.Dataset) -> None:
    noise = lapwing.estimate_noise(clean)
    assert isinstance(noise, lapwing.NoiseModel)
    assert noise.gain == 1.0 and noise.saturation is None and noise.correlated is False
    assert noise.mean_intensity == pytest.approx(clean.mean_counts, rel=1e-6)
    assert noise.dead.shape == noise.hot.shape == (
        0,
        2,
    ) and noise.lost.shape == noise.wrong.shape == (0,)
    assert noise.background.shape == (64, 64) and noise.background.dtype == np.float32
    assert noise.background.sum() < 0.02 * noise.mean_intensity


@pytest.mark.filterwarnings("ignore:patterns")  # the faults that are put in
def test_background_and_faults_are_found(clean: lapwing.Dataset) -> None:
    counts = clean.counts() + np.random.default_rng(7).poisson(0.5, clean.diffraction.shape)
    counts[:, 31, 33] = 0
    counts[:, [3, 50], [5, 25]] = 700
    counts[40] = 0
    noise = lapwing.estimate_noise(measured(clean, counts), threads=1)
    assert noise.dead.tolist() == [[31, 33]] and noise.hot.tolist() == [[3, 5], [50, 25]]
    assert noise.lost.tolist() == [40] and noise.wrong.tolist() == [] and noise.gain == 1.0
    assert noise.dead.dtype == noise.lost.dtype == np.int64
    assert noise.background[:4, :4].mean() == pytest.approx(0.5, rel=0.15)
    assert 0.7 < noise.background.sum() / (0.5 * 64 * 64) < 1.1
    # The arrays index as they are.
    assert not counts[:, noise.dead[:, 0], noise.dead[:, 1]].any() and not counts[noise.lost].any()


def test_what_cannot_be_told_is_refused(clean: lapwing.Dataset) -> None:
    unknown = lapwing.Dataset(clean.diffraction, clean.positions, clean.probe, quantity="amplitude")
    with pytest.raises(ValueError, match="the photon counts are not known"):
        lapwing.estimate_noise(unknown)
    with pytest.raises(ValueError, match="at least 4 patterns to compare, found 3"):
        lapwing.estimate_noise(clean.select([0, 1, 2]))


def test_thinning_warns_of_what_are_no_photons(clean: lapwing.Dataset) -> None:
    # Three counts for every photon: the variance is three times the mean.
    clumped = measured(clean, 3 * clean.counts())
    gain = lapwing.estimate_noise(clumped).gain
    assert gain == pytest.approx(3, rel=0.06)
    with pytest.warns(UserWarning, match=f"gain {gain:.2f}.*in counts, not in photons"):
        thinned = lapwing.thin(clumped, 15_000)
    assert thinned.mean_counts == pytest.approx(15_000, rel=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lapwing.thin(clean, 2_000)


def test_simulated_beams_fade_and_detectors_saturate() -> None:
    probe = lapwing.make_probe(32)
    positions, shape = lapwing.make_scan("raster", step=6, field=(60.0, 60.0), window=32)
    specimen = lapwing.make_specimen("cells", shape)
    plain = lapwing.simulate(specimen, probe, positions, 1e4).counts()
    faded = lapwing.simulate(specimen, probe, positions, 1e4, beam_fading=0.5).counts()
    ratio = faded.sum((1, 2)) / plain.sum((1, 2))
    assert 0.45 < ratio[-1] / ratio[0] < 0.55
    clipped = lapwing.simulate(specimen, probe, positions, 1e4, saturation=30).counts()
    assert plain.max() > 30 and np.allclose(clipped, np.minimum(plain, 30), atol=0.01)
    with pytest.raises(ValueError, match="beam_fading: expected a share"):
        lapwing.simulate(specimen, probe, positions, 1e4, beam_fading=1.0)
