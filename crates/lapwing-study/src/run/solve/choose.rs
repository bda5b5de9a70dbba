//! Questions about a scan that its data answer: how much background there is, how many modes the
//! probe has, whether the positions are off.
//!
//! Every possible answer is fitted for a few epochs by ML with a tenth of the pixels held out; the
//! one that predicts them best is taken ([`held_out_loss`]). Freedom that the data do not need
//! predicts worse, so more modes or moving positions are not better by themselves.

use crate::design::solver::{ProbeVariation, SolverConfig};
use crate::run::solve::allowed::{self, Of, freedom, with_positions};
use crate::run::solve::diffuse;
use crate::run::solve::earlier::Variation;
use crate::run::solve::fits::Fits;
use crate::run::solve::noise;
use crate::{Result, StudyError};
use lapwing_files::{Remark, Scans};
use lapwing_solve::ml::{FoundModes, Ml, affine, even_drift, found_modes, held_out_loss};
use lapwing_solve::noise::{Faults, NoiseModel};
use lapwing_solve::solver::{Choice, PositionFreedom, Tried};
use lapwing_solve::{Problem, Solver};

/// Shares of the background that was found.
const SHARES: [f64; 3] = [1.0, 0.5, 0.0];
/// Modes at most.
const MOST_MODES: usize = 6;
/// Share of the loss by which freedom must lower it to be worth having.
const WORTH: f64 = 5e-3;
/// Epoch of trials in which positions begin to move.
const TRIAL_MOVES: usize = 14;

/// What was chosen, and what follows from it.
pub(crate) struct Chosen {
    /// The problem with the background and the modes that were chosen.
    pub problem: Problem,
    /// The detector with that background.
    pub noise: NoiseModel,
    /// The solver, told to refine positions if that was chosen.
    pub solver: Box<dyn Solver>,
    /// The answers, in the order of the questions.
    pub choices: Vec<Choice>,
    /// How probe modes were made that nobody gave, in words.
    pub modes: Option<String>,
    /// What was made of diffuse light, in words.
    pub diffuse: Option<String>,
    /// What of what was said of the detector's limit is not so for these patterns.
    pub remark: Option<Remark>,
    /// Whether no pixel reaches the limit.
    pub idle_limit: bool,
}

/// What is known of a problem beside its patterns and start fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Whether the patterns are photon counts.
    pub counts: bool,
    /// What is wrong with them.
    pub faults: Faults,
    /// The largest number that their detector counts, where the data set states it.
    pub stated_limit: Option<f32>,
    /// How the probe was found to vary before.
    pub variation: Variation,
    /// Which of several scans each pattern belongs to.
    pub scan_of: Option<Vec<usize>>,
    /// The scans of several that have probes of their own.
    pub scans: Option<Scans>,
    /// How many modes of the start probe were not made.
    pub given_modes: usize,
}

/// The problem of `bare`, which knows nothing of its detector, with what is found out about that
/// and with the answers to what `config` asks; `between` is called before every epoch of the fits
/// and may stop them.
///
/// # Errors
/// What `between` returns, a background that cannot be read or used, and a question that the data
/// or the solver cannot answer.
pub(crate) fn settled(
    bare: &Problem,
    config: &SolverConfig,
    known: &Known,
    watch: &mut dyn FnMut(Option<Fits>) -> Result<()>,
) -> Result<Chosen> {
    let Known { counts, given_modes, .. } = *known;
    let of = Of { counts, scans: known.scans.is_some() };
    allowed::check(config, (bare.n_patterns(), bare.n_slices()), of)?;
    let scan_of = known.scan_of.as_deref();
    let between = &mut || watch(None);
    let noise = noise::considered(bare, &config.noise, counts, &known.faults, scan_of, between)?;
    let limit = known.stated_limit.filter(|_| counts);
    let (noise, above) = noise::with_stated_limit(noise, bare, &config.noise, limit)?;
    let mut fits = Fits::ahead(config, known);
    let asked = &config.choice.choose;
    let options = Ml { constraints: *config.solver.constraints(), ..Ml::default() };
    let mut chosen = Chosen {
        problem: bare.with_noise(&noise)?,
        noise,
        solver: config.solver.clone(),
        choices: Vec::new(),
        modes: None,
        diffuse: None,
        remark: above,
        idle_limit: false,
    };
    if let Some(beyond) = noise::beyond_all(&chosen.problem, &config.noise, counts) {
        chosen.remark = Some(beyond);
        chosen.idle_limit = true;
    }
    if asked.contains("background") && chosen.noise.background_per_pattern() > 0.0 {
        let mut best: Option<(Problem, NoiseModel)> = None;
        let mut answer = Answer::new("background_share", 0.0);
        for share in SHARES {
            let mut noise = chosen.noise.clone();
            noise.background.mapv_inplace(|value| value * share as f32);
            let problem = bare.with_noise(&noise)?;
            let between = &mut || watch(Some(fits.next()));
            if answer.is_better(share, held_out_loss(&problem, &options, between)?) {
                best = Some((problem, noise));
            }
        }
        if let Some((problem, noise)) = best {
            (chosen.problem, chosen.noise) = (problem, noise);
        }
        chosen.choices.push(answer.choice);
    }
    let between: &mut dyn FnMut() -> Result<()> = &mut || watch(Some(fits.next()));
    if bare.used_pixels() < bare.n_patterns() * bare.pattern_shape().0 * bare.pattern_shape().1 {
        // What the mask hides is light too, as the start fields have it.
        let light = chosen.problem.mean_intensity();
        chosen.noise.mean_intensity = light + chosen.noise.background_per_pattern();
    }
    // Slow changes of the beam look like a scan that is stretched: they have to be in the fits.
    let varied = |problem: &Problem| {
        let mut problem = problem.clone();
        if let Some(scans) = &known.scans {
            problem = known.variation.with_probe_of_each_scan(&problem, scans)?;
        } else if config.start.probe_eigenmodes > 0 {
            problem = known.variation.with_eigenmodes(&problem, config.start.probe_eigenmodes)?;
        }
        if config.start.vary_power {
            problem = known.variation.with_power(&problem)?;
        }
        let slow = config.start.probe_variation == ProbeVariation::Slow;
        Ok::<_, StudyError>(if slow { problem.varying_slowly() } else { problem })
    };
    if config.choice.refine_scan.contains("affine") {
        let aligned = affine(&varied(&chosen.problem)?, &options, between)?;
        chosen.choices.extend(aligned.choices);
        chosen.problem = aligned.problem;
    }
    if counts && config.choice.refine_scan.contains("drift") {
        let aligned = even_drift(&varied(&chosen.problem)?, &options, between)?;
        chosen.choices.extend(aligned.choices);
        chosen.problem = aligned.problem;
    }
    if asked.contains("modes") {
        let one = chosen.problem.probe().slice(ndarray::s![..1, .., ..]).to_owned();
        let one = chosen.problem.with_probe(one)?;
        let mut best = None;
        let mut answer = Answer::new("probe_modes", WORTH);
        for modes in 1..=MOST_MODES {
            let found = found_modes(&one, &options, 1, modes, &mut *between)?;
            let made = made_modes(1, &found);
            let problem = one.with_probe(found.modes)?;
            let loss = held_out_loss(&problem, &options, &mut *between)?;
            if !answer.is_better(modes as f64, loss) {
                break;
            }
            (best, chosen.modes) = (Some(problem), made);
        }
        chosen.problem = best.unwrap_or(chosen.problem);
        chosen.choices.push(answer.choice);
    }
    let wanted = config.start.probe_modes.unwrap_or(given_modes);
    // Of a probe that is known to vary the first mode must stay what it is.
    if counts && given_modes < wanted && known.variation.is_even() {
        let found = found_modes(&chosen.problem, &options, given_modes, wanted, &mut *between)?;
        chosen.modes = made_modes(given_modes, &found);
        chosen.problem = chosen.problem.with_probe(found.modes)?;
    } else if given_modes < wanted && !asked.contains("modes") {
        let count = chosen.problem.probe().dim().0;
        let text = || {
            format!("{count} modes, of which {given_modes} given and the others its derivatives")
        };
        chosen.modes = (count > given_modes).then(text);
    }
    if asked.contains("positions") {
        let mut answer = Answer::new("positions", WORTH);
        answer.is_better(0.0, held_out_loss(&chosen.problem, &options, &mut *between)?);
        let moving = Ml { positions_from_epoch: Some(TRIAL_MOVES), ..options };
        if answer.is_better(1.0, held_out_loss(&chosen.problem, &moving, &mut *between)?) {
            chosen.solver = with_positions(&*config.solver, PositionFreedom::Single)?;
        }
        chosen.choices.push(answer.choice);
    }
    if let Some(freedom) = freedom(config) {
        chosen.solver = with_positions(&*chosen.solver, freedom)?;
    }
    diffuse::settle(&mut chosen, config, counts, watch, &mut fits)?;
    chosen.problem = varied(&chosen.problem)?;
    Ok(chosen)
}

/// How probe modes were found beside the `given` ones, in words; nothing where none were.
fn made_modes(given: usize, found: &FoundModes) -> Option<String> {
    let count = found.modes.dim().0;
    if count <= given {
        return None;
    }
    let mut told = format!("{count} modes, of which {given} given");
    for (y, x) in &found.beside {
        let far = (*y as f64).hypot(*x as f64);
        told.push_str(&format!(
            ", one found {far:.1} px from the first ({y:+} down, {x:+} right), where the object was seen twice"
        ));
    }
    match count.saturating_sub(given + found.beside.len()) {
        0 => {}
        1 => told.push_str(", one found by a short fit"),
        more => told.push_str(&format!(", {more} found by a short fit")),
    }
    Some(told)
}

/// An answer in the making.
pub(super) struct Answer {
    pub choice: Choice,
    /// Share of the lowest score by which the next one must be lower.
    worth: f64,
    lowest: f64,
}

impl Answer {
    pub fn new(question: &'static str, worth: f64) -> Self {
        let choice = Choice { option: question, value: f64::NAN, sd: None, tried: Vec::new() };
        Self { choice, worth, lowest: f64::INFINITY }
    }

    /// Notes what was tried, and whether it is taken so far.
    pub fn is_better(&mut self, value: f64, score: f64) -> bool {
        self.choice.tried.push(Tried { value, score });
        let better = self.choice.tried.len() == 1 || score < (1.0 - self.worth) * self.lowest;
        if better {
            (self.choice.value, self.lowest) = (value, score);
        }
        better
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::solver::ProbeStart;
    use lapwing_model::forward::Physics;
    use lapwing_model::probe::{ProbeDesign, ProbeKind};
    use lapwing_model::random::generator;
    use lapwing_model::simulate::expose;
    use lapwing_model::{Complex32, Field, Modes, Position};
    use lapwing_solve::solver::options::Value;
    use ndarray::{Axis, concatenate};
    use rand::RngExt;

    /// A scan of 32 px patterns with a probe of one mode or two, at positions that are told with an
    /// error of up to `off` px.
    fn scan(modes: usize, off: f64) -> Problem {
        let mut random = generator(3, "test choices", 0);
        let object = Field::from_shape_fn((72, 72), |(y, x)| {
            let phase = 0.6 * ((y as f64 * 0.31).sin() + (x as f64 * 0.43 + y as f64 * 0.2).cos());
            Complex32::from_polar(1.0, phase as f32)
        });
        let first = ProbeDesign::new(ProbeKind::Defocused).build((32, 32)).unwrap();
        let second = Modes::from_shape_fn(first.dim(), |(k, y, x)| {
            first[(k, (y + 30) % 32, (x + 1) % 32)] * 0.8
        });
        let probe = match modes {
            1 => first.clone(),
            _ => concatenate(Axis(0), &[first.view(), second.view()]).unwrap(),
        };
        let scan: Vec<Position> = (0..100)
            .map(|index| {
                let mut jitter = || random.random_range(-1.0..1.0);
                let (row, column) = (f64::from(index / 10), f64::from(index % 10));
                Position { y: 18.0 + 4.0 * row + jitter(), x: 18.0 + 4.0 * column + jitter() }
            })
            .collect();
        let counts =
            expose(&Physics::default(), object.view(), probe.view(), &scan, 1e5, 1).unwrap().counts;
        let told = scan.iter().map(|at| {
            let mut error = || random.random_range(-off..=off);
            Position { y: at.y + error(), x: at.x + error() }
        });
        let flat = Field::from_elem(object.dim(), Complex32::ONE);
        Problem::builder(told.collect(), flat, first).patterns(counts).unwrap()
    }

    /// The answers to `asked` of such a scan.
    fn answers(modes: usize, off: f64, asked: &str) -> Vec<(&'static str, f64)> {
        let bare = scan(modes, off);
        let written = vec![("choose".to_owned(), Value::Word(asked.to_owned()))];
        let config = SolverConfig::read("ML", written, ProbeStart::File).unwrap();
        let known = Known { counts: true, given_modes: 1, ..Known::default() };
        let chosen = settled(&bare, &config, &known, &mut |_| Ok(())).unwrap();
        chosen.choices.iter().map(|choice| (choice.option, choice.value)).collect()
    }

    #[test]
    fn two_modes_are_found_where_there_are_two() {
        assert_eq!(answers(1, 0.0, "modes"), [("probe_modes", 1.0)]);
        let [(_, found)] = answers(2, 0.0, "modes")[..] else { panic!("one answer") };
        assert!((2.0..=3.0).contains(&found), "{found}");
    }

    #[test]
    fn it_is_told_how_modes_were_made() {
        let told = |counts: bool, wanted: usize| {
            let written = vec![("probe_modes".to_owned(), Value::Count(wanted as u64))];
            let config = SolverConfig::read("ML", written, ProbeStart::File).unwrap();
            let bare = scan(2, 0.0);
            let made = lapwing_solve::modes::start_modes(bare.probe(), wanted);
            let bare = bare.with_probe(made).unwrap();
            let known = Known { counts, given_modes: 1, ..Known::default() };
            settled(&bare, &config, &known, &mut |_| Ok(())).unwrap().modes
        };
        assert_eq!(told(true, 1), None);
        assert_eq!(told(true, 2).unwrap(), "2 modes, of which 1 given, one found by a short fit");
        let made = told(false, 3).unwrap();
        assert_eq!(made, "3 modes, of which 1 given and the others its derivatives");
        let probe = Modes::from_elem((3, 8, 8), Complex32::ONE);
        let found = FoundModes { modes: probe, beside: vec![(-10, 5)] };
        let made = made_modes(1, &found).unwrap();
        assert!(made.contains("one found 11.2 px from the first (-10 down, +5 right)"), "{made}");
        assert!(made.ends_with(", one found by a short fit"), "{made}");
    }

    #[test]
    fn positions_are_refined_where_they_are_off() {
        assert_eq!(answers(1, 0.0, "positions"), [("positions", 0.0)]);
        assert_eq!(answers(1, 1.5, "positions"), [("positions", 1.0)]);
    }
}
