//! A solver of this program with its options, and what it starts from.

use super::device::DeviceOptions;
use super::object_start::ObjectStart;
use super::unsaid::Unsaid;
use super::word_set::{Vocabulary, WordSet};
use lapwing_files::options::ProbeFrom;
use lapwing_solve::solver::options::{
    Auto, OptionDoc, OptionError, OptionProblem, Options, Typed, Value,
};
use lapwing_solve::solver::{Entry, Solver, TakenFor, entry, taken_for};
use lapwing_solve::{SOLVERS, choice, options};
use ndarray::Array2;
use serde::ser::{Serialize, Serializer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

choice! {
    /// The probe that a reconstruction starts from (see [`crate::start_probe`]).
    pub enum ProbeStart {
        /// What the experiment says; else the file's where there is one, else that of the optics
        /// where they are described, else one made of the patterns.
        Auto = "auto",
        /// The file's `probeGuess`.
        File = "file",
        /// That of the optics, which must be described.
        Optics = "optics",
        /// Made of the patterns: pupil and defocus are read off them.
        Patterns = "patterns",
        /// The file's probe out of focus and astigmatic (see [`crate::start_probe::perturbed`]): in
        /// simulated data the file's probe is the true one, which no experiment knows.
        Perturbed = "perturbed",
    }
}

impl ProbeStart {
    /// The probe that an experiment says a reconstruction starts from, by the same word.
    pub fn of_experiment(from: ProbeFrom) -> Self {
        let word = Value::Word(from.name().to_owned());
        Self::from_value(&word).expect("both have the same words")
    }

    /// What this means where the experiment says something, too: it decides what is left open.
    pub fn or_of_experiment(self, from: Option<ProbeFrom>) -> Self {
        match (self, from) {
            (Self::Auto, Some(from)) => Self::of_experiment(from),
            (said, _) => said,
        }
    }
}

impl Serialize for ProbeStart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

options! {
    /// What a reconstruction starts from.
    pub struct StartOptions {
        /// Start object: flat, guess (the file's objectGuess, in simulated data the answer itself),
        /// or the file of an earlier reconstruction to go on from, with its probe, its positions,
        /// and how its probe varies; one of fewer or more patterns of the scan gives object and
        /// probe.
        object_start | "start": ObjectStart = ObjectStart::Flat, Kind::File(ObjectStart::WORDS);
        /// Start probe: auto (what the experiment says by `from`, else the file's, else that of the
        /// optics described, else made of the patterns), file (its probeGuess), optics, patterns,
        /// or perturbed (the file's out of focus and astigmatic).
        probe_start: ProbeStart = ProbeStart::Perturbed, Kind::Choice(ProbeStart::NAMES);
        /// Number of incoherent probe modes; those that the file lacks are found by a short fit of
        /// photon counts, or made [default: as many as the file has].
        probe_modes: Option<usize> = None, Kind::Count { least: 1, most: 64 };
        /// Number of eigenmodes by which the first probe mode varies from pattern to pattern
        /// (orthogonal probe relaxation); 0: it stays the same.
        probe_eigenmodes: usize = 0, Kind::Count { least: 0, most: 64 };
        /// The probe of several scans of one object (join): every scan has a first mode of its own,
        /// or one probe is shared by all.
        scan_probes: ScanProbes = ScanProbes::Own, Kind::Choice(ScanProbes::NAMES);
        /// Whether the beam's power is another in every pattern, and is found.
        vary_power: bool = false, Kind::Switch;
        /// How the eigenmodes' weights and the beam's power change from pattern to pattern: freely,
        /// or slow, along the scan, which single patterns of few photons cannot lead astray.
        probe_variation: ProbeVariation = ProbeVariation::Free, Kind::Choice(ProbeVariation::NAMES);
    }
}

choice! {
    /// How the probe may vary along the scan.
    #[derive(Default)]
    pub enum ProbeVariation {
        /// From one pattern to the next.
        #[default]
        Free = "free",
        /// Slowly.
        Slow = "slow",
    }
}

choice! {
    /// The probes of several scans of one object.
    #[derive(Default)]
    pub enum ScanProbes {
        /// Every scan has a first mode of its own.
        #[default]
        Own = "own",
        /// One probe for all.
        Shared = "shared",
    }
}

choice! {
    /// What becomes of pixels and patterns that hold no measurement.
    #[derive(Default)]
    pub enum Faulty {
        /// Those that are found are left out.
        #[default]
        LeaveOut = "leave-out",
        /// They count like all others.
        Keep = "keep",
    }
}

/// Where the background comes from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum BackgroundSource {
    /// From the moments of the patterns, see [`lapwing_solve::noise`].
    #[default]
    Auto,
    /// There is none.
    None,
    /// From the array `background` of a file, or its only one: counts per pixel, axes (y, x), zero
    /// frequency in the centre.
    File(PathBuf),
    /// The same, read from its file.
    Given {
        /// Counts per pixel.
        counts: Arc<Array2<f32>>,
        /// The file.
        file: PathBuf,
    },
}

impl BackgroundSource {
    /// The words that are no files.
    const WORDS: &'static [&'static str] = &["auto", "none"];

    /// The file, where it comes from one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) | Self::Given { file, .. } => Some(file),
            Self::Auto | Self::None => None,
        }
    }
}

impl Typed for BackgroundSource {
    fn to_value(&self) -> Option<Value> {
        Some(Value::Word(match self {
            Self::Auto => "auto".to_owned(),
            Self::None => "none".to_owned(),
            Self::File(file) | Self::Given { file, .. } => file.to_string_lossy().into_owned(),
        }))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Word(word) if word == "auto" => Some(Self::Auto),
            Value::Word(word) if word == "none" => Some(Self::None),
            Value::Word(word) => Some(Self::File(PathBuf::from(word))),
            _ => None,
        }
    }
}

options! {
    /// What is made of the detector's noise, whatever the solver: see [`lapwing_solve::noise`].
    pub struct NoiseOptions {
        /// Static light in all patterns, added to the model: auto (read off the patterns' moments),
        /// none, or a file with the counts of every pixel (the array background, or the only one).
        background: BackgroundSource = BackgroundSource::Auto, Kind::File(BackgroundSource::WORDS);
        /// Variance over mean of the counts, more than 1 where a photon makes several; auto: from
        /// what neighbouring patterns differ by.
        gain: Auto<f64> = Auto::Auto, Kind::NumberOrAuto(Range::Positive);
        /// Counts at which the detector saturates, which say that there was at least so much light;
        /// auto: where the largest value is frequent beyond chance.
        saturation: Auto<f64> = Auto::Auto, Kind::NumberOrAuto(Range::Positive);
        /// Dead and hot pixels and lost or wrong patterns: leave-out (those that are found), or
        /// keep, which takes saturated counts as they are, too, unless a limit is said.
        faulty: Faulty = Faulty::LeaveOut, Kind::Choice(Faulty::NAMES);
    }
}

/// What may be chosen from the data before a reconstruction: see [`ChoiceOptions::choose`].
#[derive(Debug, Clone, Copy)]
pub struct Question;

impl Vocabulary for Question {
    const WORDS: &'static [&'static str] = &["background", "modes", "positions"];
}

/// What may be refined of a scan: see [`ChoiceOptions::refine_scan`].
#[derive(Debug, Clone, Copy)]
pub struct OfScan;

impl Vocabulary for OfScan {
    const WORDS: &'static [&'static str] = &["affine", "drift", "positions"];
}

options! {
    /// What is found out besides object and probe. What is chosen, an affine map, and an even drift
    /// are found before the reconstruction, by how well short fits of ML predict detector pixels
    /// that they were not shown, which needs counts.
    pub struct ChoiceOptions {
        /// What to refine of the scan: affine (scale, aspect, rotation and shear: some 50 fits of
        /// 28 epochs before the reconstruction, besides its own epochs), drift (an even one, where
        /// patterns are counts: some 20 such fits; and slow ones, by LSQML and ML), positions (each
        /// by itself, by LSQML and ML).
        refine_scan: WordSet<OfScan> = WordSet::default(), Kind::Words(OfScan::WORDS);
        /// What to choose from the data by held-out pixels: background (all, half or none of what
        /// was found), modes (the number of probe modes), positions (whether to refine them).
        choose: WordSet<Question> = WordSet::default(), Kind::Words(Question::WORDS);
    }
}

options! {
    /// What is asked of a reconstruction beside itself, whatever the solver.
    pub struct ErrorOptions {
        /// Replicates of the counts from which standard deviations of amplitude and phase are made,
        /// pixel by pixel; 2 do; 0: none. Each costs 12 epochs.
        error_maps: usize = 0, Kind::Count { least: 0, most: 64 };
    }
}

/// Why a solver cannot be understood.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SolverError {
    /// There is no such solver.
    #[error(
        "solver.algorithm: expected {} (or in a study external), or auto, found `{found}`",
        expected_algorithms()
    )]
    Algorithm {
        /// What was written.
        found: String,
    },
    /// An option is not one of the solver's, or cannot have its value.
    #[error("solver.{0}")]
    Option(#[from] OptionError),
}

fn expected_algorithms() -> String {
    let names: Vec<&str> = SOLVERS.iter().map(|entry| entry.name).collect();
    match names.split_last() {
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The section `[solver]` of a design: a solver, its options side by side with its name, and what
/// it starts from.
#[derive(Debug, Clone)]
pub struct SolverConfig {
    /// Start object and probe.
    pub start: StartOptions,
    /// What is made of the detector's noise.
    pub noise: NoiseOptions,
    /// What is asked beside the reconstruction.
    pub errors: ErrorOptions,
    /// What is chosen from the data before it.
    pub choice: ChoiceOptions,
    /// Where it is computed.
    pub device: DeviceOptions,
    /// The solver with its own options.
    pub solver: Box<dyn Solver>,
    /// The solver that takes its place where no photon counts are known; `None` unless the
    /// algorithm is [`AUTO`].
    pub without_counts: Option<Box<dyn Solver>>,
}

/// The algorithm that is chosen by the data: the solver that is taken for photon counts (see
/// [`taken_for`]) where these are known, else that for intensities.
pub const AUTO: &str = lapwing_solve::solver::options::AUTO;

/// What [`AUTO`] stands for: with photon counts, and without.
fn by_counts() -> [&'static str; 2] {
    [TakenFor::Counts, TakenFor::Intensities].map(|data| taken_for(data).name)
}

/// Where it is computed makes no other solver of it, and is no part of records.
impl PartialEq for SolverConfig {
    fn eq(&self, other: &Self) -> bool {
        self.start == other.start
            && self.noise == other.noise
            && self.errors == other.errors
            && self.choice == other.choice
            && *self.solver == *other.solver
            && self.without_counts.as_deref() == other.without_counts.as_deref()
    }
}

impl SolverConfig {
    /// A solver started from a flat object and the given probe.
    pub fn new(solver: Box<dyn Solver>, probe_start: ProbeStart) -> Self {
        let start = StartOptions { probe_start, ..StartOptions::default() };
        let (noise, errors) = (NoiseOptions::default(), ErrorOptions::default());
        let (choice, device) = (ChoiceOptions::default(), DeviceOptions::default());
        Self { start, noise, errors, choice, device, solver, without_counts: None }
    }

    /// The solver `algorithm`, which may be [`AUTO`], with the options that are written;
    /// `probe_start` where they say nothing about it.
    ///
    /// # Errors
    /// When there is no such solver, or it cannot take an option.
    pub fn read(
        algorithm: &str,
        written: Vec<(String, Value)>,
        probe_start: ProbeStart,
    ) -> Result<Self, SolverError> {
        if algorithm.eq_ignore_ascii_case(AUTO) {
            let has = |solver| {
                let known = |name: &str| Self::docs(solver).any(|doc| doc.is(name));
                written.iter().all(|(name, _)| known(name))
            };
            return Self::auto(has, |name| Self::read(name, written.clone(), probe_start));
        }
        let entry = entry(algorithm)
            .ok_or_else(|| SolverError::Algorithm { found: algorithm.to_owned() })?;
        let mut start = StartOptions { probe_start, ..StartOptions::default() };
        let (mut noise, mut errors) = (NoiseOptions::default(), ErrorOptions::default());
        let (mut choice, mut device) = (ChoiceOptions::default(), DeviceOptions::default());
        let mut own = Vec::new();
        for (name, value) in written {
            let taken = start.set(&name, &value)?
                || noise.set(&name, &value)?
                || errors.set(&name, &value)?
                || choice.set(&name, &value)?
                || device.set(&name, &value)?;
            if !taken {
                own.push((name, value));
            }
        }
        let solver = entry.read(&own).map_err(Self::with_common)?;
        Ok(Self { start, noise, errors, choice, device, solver, without_counts: None })
    }

    /// The error with the options that all solvers have among those that are known, and with the
    /// solvers that have what this one has not.
    fn with_common(mut error: OptionError) -> OptionError {
        let option = &error.option;
        let has = |entry: &&Entry| entry.options.iter().any(|doc| doc.is(option));
        let having = SOLVERS.iter().filter(has).map(|entry| entry.name);
        if let OptionProblem::Unknown { known, had_by, .. } = &mut error.problem {
            known.extend(Self::common_docs().map(|doc| doc.name));
            had_by.extend(having);
        }
        error
    }

    /// What [`AUTO`] stands for, each solver as `read` makes it; one that does not have what was
    /// written (`has`), or cannot take it, is out of the question.
    ///
    /// # Errors
    /// What `read` says of the first that has all options, when none can take them.
    pub fn auto<E>(
        has: impl Fn(&'static str) -> bool,
        read: impl Fn(&'static str) -> Result<Self, E>,
    ) -> Result<Self, E> {
        let [with, without] = by_counts();
        match [with, without].map(has) {
            [true, false] => return read(with),
            [false, true] => return read(without),
            _ => {}
        }
        match [with, without].map(read) {
            [Ok(with), Ok(without)] => Ok(Self { without_counts: Some(without.solver), ..with }),
            [Err(_), Ok(only)] | [Ok(only), Err(_)] => Ok(only),
            [Err(error), Err(_)] => Err(error),
        }
    }

    /// This configuration for data of which photon counts are known, or not: of what [`AUTO`]
    /// stands for, the one that it takes.
    pub fn settled(&self, counts: bool) -> Self {
        let mut settled = self.clone();
        if let Some(without) = settled.without_counts.take()
            && !counts
        {
            settled.solver = without;
        }
        settled
    }

    /// Refuses options outside their ranges.
    ///
    /// # Errors
    /// The option, what was expected of it and what was found.
    pub fn check(&self) -> Result<(), SolverError> {
        self.start.check()?;
        self.noise.check()?;
        self.errors.check()?;
        self.choice.check()?;
        self.device.check()?;
        if let Some(solver) = &self.without_counts {
            solver.check()?;
        }
        Ok(self.solver.check()?)
    }

    /// Name of the solver, or [`AUTO`].
    pub fn algorithm(&self) -> &'static str {
        if self.without_counts.is_some() { AUTO } else { self.solver.name() }
    }

    /// The options of a solver together with those that all have in common.
    pub fn docs(algorithm: &str) -> impl Iterator<Item = &'static OptionDoc> {
        let own = entry(algorithm).map_or(&[][..], |entry| entry.options);
        Self::common_docs().chain(own)
    }

    /// The solvers for which an option that all have means something, where these are not all.
    pub fn meant_for(option: &OptionDoc) -> Option<Vec<&'static str>> {
        const OF_VARYING: [&str; 4] =
            ["probe_eigenmodes", "scan_probes", "vary_power", "probe_variation"];
        let varying = SOLVERS.iter().filter(|entry| entry.varies_probe).map(|entry| entry.name);
        OF_VARYING.contains(&option.name).then(|| varying.collect())
    }

    /// The options that all solvers have in common.
    pub fn common_docs() -> impl Iterator<Item = &'static OptionDoc> {
        let noise = StartOptions::DOCS.iter().chain(NoiseOptions::DOCS);
        let asked = ErrorOptions::DOCS.iter().chain(ChoiceOptions::DOCS);
        noise.chain(asked).chain(DeviceOptions::DOCS)
    }
}

impl SolverConfig {
    /// The values of [`Self::common_docs`].
    pub fn common_values(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let noise = self.start.values().into_iter().chain(self.noise.values());
        let asked = self.errors.values().into_iter().chain(self.choice.values());
        noise.chain(asked).chain(self.device.values())
    }
}

impl Default for SolverConfig {
    /// The first of [`SOLVERS`] with its own defaults, from a flat object and a perturbed probe.
    fn default() -> Self {
        Self::new(SOLVERS[0].defaults(), Unsaid::study().probe_start)
    }
}
