//! Whether light outside the direct beam is diffuse: that of a specimen whose detail is lost in the
//! noise, which is asked where there is much of it (module `lapwing_solve::noise`).
//!
//! With such light in its background a fit may find a better object than without, so good that it
//! explains the light itself: then that object is where the reconstruction starts from.

use super::choose::{Answer, Chosen};
use super::fits::Fits;
use crate::design::solver::{BackgroundSource, SolverConfig};
use crate::run::solve::asking::Asking;
use crate::{Result, StudyError};
use lapwing_model::forward::Propagation;
use lapwing_solve::ml::{Ml, held_out_fit, searched_fit, whole_fit};
use lapwing_solve::noise::{Faults, NoiseModel};

/// Share of the light outside the direct beam from which it is in question.
const DARK_FIELD: f64 = 0.03;
/// Share of the loss by which an answer must lower it to be taken.
const WORTH: f64 = 0.01;
/// Short fits that take as long as a search for the prior.
const OF_SEARCH: usize = 3;

/// Asks it of what was `chosen` so far, and notes what follows. Nothing is asked where there is
/// little light outside the direct beam, where the solver does not choose its prior, or where what
/// is known of the background was said; and nothing is noted where a fit's object explains most of
/// that light.
///
/// # Errors
/// What `watch` returns.
pub(super) fn settle(
    chosen: &mut Chosen,
    config: &SolverConfig,
    counts: bool,
    watch: &mut dyn FnMut(Option<Fits>) -> Result<()>,
    fits: &mut Fits,
) -> Result<()> {
    let Chosen { problem, noise, .. } = &*chosen;
    let far = problem.physics().propagation == Propagation::FarField && problem.n_slices() == 1;
    let finds = counts && config.noise.background == BackgroundSource::Auto;
    let solver = chosen.solver.as_any().downcast_ref::<Ml>();
    let Some(solver) = solver.filter(|solver| far && finds && solver.chooses_prior()) else {
        return Ok(());
    };
    let looked =
        Asking::new(&mut || watch(None)).during(|go_on| problem.dark_field(noise, go_on))?;
    let dark_field = looked.ok_or(StudyError::Stopped)?;
    if dark_field.share() < DARK_FIELD {
        return Ok(());
    }
    let still = Ml { refine_positions: None, positions_from_epoch: None, ..solver.clone() };
    fits.add(1);
    let between = &mut || watch(Some(fits.next()));
    let short = held_out_fit(problem, &still, between)?;
    if dark_field.halo(problem, &short.probe).is_none() {
        return Ok(());
    }
    // A prior that suits may leave the object the detail that scatters it.
    fits.add(4 * OF_SEARCH);
    let between = &mut || watch(Some(fits.next()));
    let coherent = searched_fit(problem, &still, &mut *between)?;
    let Some(halo) = dark_field.halo(problem, &coherent.probe) else { return Ok(()) };
    let share = f64::from(halo.sum()) / noise.mean_intensity;
    let mut background = noise.background.clone();
    background += &halo;
    // What is faulty is left out already.
    let lit = NoiseModel { background, faults: Faults::default(), ..noise.clone() };
    // Too much of it leaves no light.
    let Ok(diffuse) = problem.with_noise(&lit) else { return Ok(()) };
    let mut answer = Answer::new("diffuse_share", WORTH);
    answer.is_better(0.0, coherent.loss);
    let with_halo = whole_fit(&diffuse, &still, &mut *between)?;
    if answer.is_better(share, with_halo.loss) {
        let from = problem.with_start(with_halo.object, with_halo.probe)?;
        let without = searched_fit(&from, &Ml { start_epochs: 0, ..still }, between)?;
        let percent = 100.0 * share;
        if answer.is_better(0.0, without.loss) {
            let solver = Box::new(Ml { start_epochs: 0, ..solver.clone() });
            chosen.problem = from.with_start(without.object, without.probe)?;
            chosen.solver = solver;
            chosen.diffuse = Some(format!(
                "start: object and probe of a fit for which {percent:.1} % of the light was diffuse"
            ));
        } else {
            chosen.problem = diffuse;
            chosen.noise.background = lit.background;
            chosen.diffuse = Some(format!(
                "diffuse light: {percent:.1} % of the light is taken for that of a specimen whose \
                 detail is lost in the noise, and is in the background"
            ));
        }
    }
    chosen.choices.push(answer.choice);
    Ok(())
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
    use lapwing_solve::Problem;
    use lapwing_solve::solver::Choice;
    use lapwing_solve::solver::options::Value;
    use rand::RngExt;

    /// What is answered for a specimen of this phase, seen with so many photons in a pattern, by ML
    /// with these options.
    fn answer(
        phase: impl Fn(usize, usize, f64) -> f64,
        photons: f64,
        written: &[(&str, Value)],
    ) -> Option<Choice> {
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
        let written = written.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let config = SolverConfig::read("ML", written.collect(), ProbeStart::File).unwrap();
        let known = Known { counts: true, given_modes: 1, ..Known::default() };
        let chosen = settled(&bare, &config, &known, &mut |_| Ok(())).unwrap();
        let share = chosen.noise.background_share();
        let start = chosen.solver.as_any().downcast_ref::<Ml>().map(|ml| ml.start_epochs);
        let mut choices = chosen.choices.into_iter();
        let choice = choices.find(|choice| choice.option == "diffuse_share");
        // Either the light is in the background, or the start is a fit that needs no first stage.
        let [.., last] = choice.as_ref().map_or(&[][..], |choice| &choice.tried) else {
            assert!(chosen.diffuse.is_none());
            return choice;
        };
        let value = choice.as_ref().map_or(0.0, |choice| choice.value);
        let told = chosen.diffuse.unwrap_or_default();
        assert_eq!(told.starts_with("diffuse light"), value > 0.0);
        assert!(share >= value - 1e-6, "{share} for {value}");
        assert_eq!(told.starts_with("start"), start == Some(0));
        assert!(start == Some(8) || last.value == 0.0);
        choice
    }

    #[test]
    fn detail_that_is_lost_in_noise_scatters_diffusely() {
        let rough = |_: usize, _: usize, random: f64| 0.8 * random;
        let found = answer(rough, 1e3, &[]).expect("much light is outside the direct beam");
        let [coherent, diffuse, ..] = &found.tried[..] else { panic!("{found:?}") };
        assert!(diffuse.value > 0.1 && diffuse.score < 0.97 * coherent.score, "{found:?}");
        // Enough photons show the detail.
        let seen = answer(rough, 1e5, &[]);
        assert!(seen.is_none_or(|choice| choice.value == 0.0));
        // Of a smooth specimen there is no such light.
        let smooth = |y: usize, x: usize, _: f64| (0.2 * y as f64).sin() + (0.15 * x as f64).cos();
        assert!(answer(smooth, 1e3, &[]).is_none());
    }

    #[test]
    fn what_is_said_leaves_nothing_to_ask() {
        let rough = |_: usize, _: usize, random: f64| 0.8 * random;
        for (name, value) in [
            ("prior", Value::Number(1.0)),
            ("num_epochs", Value::Count(20)),
            ("background", Value::Word("none".to_owned())),
        ] {
            assert!(answer(rough, 1e3, &[(name, value)]).is_none(), "{name}");
        }
    }
}
