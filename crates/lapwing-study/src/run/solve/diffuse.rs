//! Whether light outside the direct beam is diffuse: that of a specimen whose detail is lost in the
//! noise, which is asked where there is much of it (module `lapwing_solve::noise`).

use super::choose::{Answer, Chosen};
use super::fits::Fits;
use crate::Result;
use crate::StudyError;
use crate::design::solver::{BackgroundSource, SolverConfig};
use crate::run::solve::asking::Asking;
use lapwing_model::forward::Propagation;
use lapwing_solve::Problem;
use lapwing_solve::ml::{Ml, held_out_fit, searched_fit};
use lapwing_solve::noise::NoiseModel;
use lapwing_solve::solver::Choice;

/// Share of the light outside the direct beam from which it is in question.
const DARK_FIELD: f64 = 0.03;
/// Share of the loss by which it must lower it to be taken.
const WORTH: f64 = 0.01;

/// Short fits that take as long as a search for the prior.
const OF_SEARCH: usize = 3;

/// What came of it.
pub(super) struct Found {
    pub choice: Choice,
    /// The problem that has such light in its background, and that, where that is taken.
    pub instead: Option<(Problem, NoiseModel)>,
}

/// Whether there may be such light, by all but the patterns.
pub(super) fn may_be(bare: &Problem, config: &SolverConfig, counts: bool) -> bool {
    let far = bare.physics().propagation == Propagation::FarField && bare.n_slices() == 1;
    let finds = config.noise.background == BackgroundSource::Auto && config.solver.name() == "ML";
    counts && finds && far
}

/// Asks it of what was `chosen` so far for the problem `bare`; `None` where there is little light
/// outside the direct beam, or most of it is explained by the object.
///
/// # Errors
/// What `watch` returns.
pub(super) fn found(
    chosen: &Chosen,
    bare: &Problem,
    options: &Ml,
    watch: &mut dyn FnMut(Option<Fits>) -> Result<()>,
    fits: &mut Fits,
) -> Result<Option<Found>> {
    let Chosen { problem, noise, .. } = chosen;
    let looked =
        Asking::new(&mut || watch(None)).during(|go_on| problem.dark_field(noise, go_on))?;
    let dark_field = looked.ok_or(StudyError::Stopped)?;
    if dark_field.share() < DARK_FIELD {
        return Ok(None);
    }
    fits.add(1);
    let short = held_out_fit(problem, options, &mut || watch(Some(fits.next())))?;
    if dark_field.halo(problem, &short.probe).is_none() {
        return Ok(None);
    }
    // A prior that suits may leave the object the detail that scatters it.
    fits.add(2 * OF_SEARCH);
    let between = &mut || watch(Some(fits.next()));
    let coherent = searched_fit(problem, options, &mut *between)?;
    let Some(halo) = dark_field.halo(problem, &coherent.probe) else { return Ok(None) };
    let mut with_halo = noise.clone();
    with_halo.background += &halo;
    let share = f64::from(halo.sum()) / noise.mean_intensity;
    // Too much of it leaves no light.
    let Ok(problem) = bare.with_noise(&with_halo) else { return Ok(None) };
    let mut answer = Answer::new("diffuse_share", WORTH);
    answer.is_better(0.0, coherent.loss);
    let better = answer.is_better(share, searched_fit(&problem, options, between)?.loss);
    let instead = better.then_some((problem, with_halo));
    Ok(Some(Found { choice: answer.choice, instead }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::solver::ProbeStart;
    use crate::run::solve::choose::{Known, settled};
    use lapwing_model::forward::Physics;
    use lapwing_model::probe::{ProbeDesign, ProbeKind};
    use lapwing_model::random::generator;
    use lapwing_model::simulate::expose;
    use lapwing_model::{Complex32, Field, Position};
    use rand::RngExt;

    /// What is answered for a specimen of this phase, seen with so many photons in a pattern.
    fn answer(phase: impl Fn(usize, usize, f64) -> f64, photons: f64) -> Option<Choice> {
        let mut random = generator(5, "test diffuse light", 0);
        let object = Field::from_shape_fn((104, 104), |(y, x)| {
            let phase = phase(y, x, random.random_range(-1.0..1.0));
            Complex32::cis(phase as f32)
        });
        let probe = ProbeDesign::new(ProbeKind::Defocused).build((32, 32)).unwrap();
        let scan: Vec<Position> = (0..256)
            .map(|index| Position {
                y: 18.0 + 4.3 * f64::from(index / 16),
                x: 18.0 + 4.3 * f64::from(index % 16),
            })
            .collect();
        let counts =
            expose(&Physics::default(), object.view(), probe.view(), &scan, photons, 1).unwrap();
        let flat = Field::from_elem(object.dim(), Complex32::ONE);
        let bare = Problem::builder(scan, flat, probe).patterns(counts.counts).unwrap();
        let config = SolverConfig::read("ML", Vec::new(), ProbeStart::File).unwrap();
        let known = Known { counts: true, given_modes: 1, ..Known::default() };
        let chosen = settled(&bare, &config, &known, &mut |_| Ok(())).unwrap();
        let mut choices = chosen.choices.into_iter();
        choices.find(|choice| choice.option == "diffuse_share").inspect(|choice| {
            let share = chosen.noise.background_share();
            assert!(share >= choice.value - 1e-6, "{share} for {choice:?}");
        })
    }

    #[test]
    fn detail_that_is_lost_in_noise_scatters_diffusely() {
        let rough = |_: usize, _: usize, random: f64| 0.8 * random;
        let found = answer(rough, 1e3).expect("much light is outside the direct beam");
        assert!(found.value > 0.1, "{found:?}");
        // Enough photons show the detail.
        let seen = answer(rough, 1e5);
        assert!(seen.is_none_or(|choice| choice.value == 0.0));
        // Of a smooth specimen there is no such light.
        assert!(answer(|y, x, _| (0.2 * y as f64).sin() + (0.15 * x as f64).cos(), 1e3).is_none());
    }
}
