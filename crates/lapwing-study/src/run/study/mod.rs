//! A whole study, from its design to the last reconstruction; whatever is finished already is not
//! repeated.

pub(crate) mod exposures;
mod follows;
mod keys;
mod measured;
pub(crate) mod overlaps;
mod possible;
pub(crate) mod rehearse;
mod replaced;
pub mod search;
mod write_views;

use crate::design::condition::{Condition, Split};
use crate::design::solver::DeviceChoice;
use crate::design::{Design, Source};
use crate::disk::checkpoint::Every;
use crate::disk::folder::StudyFolder;
use crate::disk::foreign;
use crate::disk::hash;
use crate::disk::layout::{RESULT, Roots, data_file, repeat_root, view_dir, view_file};
use crate::disk::ledger::Ledger;
use crate::disk::lock::Lock;
use crate::disk::path::{make_folder_of, remove_abandoned_below, remove_if_there};
use crate::disk::record::{Filters, Telemetry};
use crate::geometry::selection::Acceptance;
use crate::run::dataset::data::{self, probe_diameter};
use crate::run::dataset::sample::{self, Sample};
use crate::run::dataset::stream::Streaming;
use crate::run::dataset::views;
use crate::run::event::{Event, Level, Observer, note, tell};
use crate::run::jobs::plan::{MissingViews, Plan, WhyMissing};
use crate::run::jobs::{self, AtOnce, JobOptions, JobsReport};
use crate::run::study::exposures::{settled, settled_in};
use crate::run::study::follows::{check_follows, check_foreign, hash_of_base, with_searched};
use crate::run::study::keys::{data_key, noise_seed, view_key};
use crate::run::study::overlaps::measure_overlaps;
use crate::{Result, StudyError};
use lapwing_files::remarks::is_uniform;
use lapwing_files::{Archive, Dataset, atomic};
use measured::FullDose;
use replaced::{Records, forget_outdated, tell_loss};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
pub use write_views::{ViewsReport, write_views};

/// How a study is run; results do not depend on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct StudyOptions {
    /// How many reconstructions run at the same time.
    pub at_once: AtOnce,
    /// Where to compute; where each solver says unless given.
    pub device: Option<DeviceChoice>,
    /// Memory to work in.
    pub stream: Streaming,
    /// Make data sets and views, and leave the reconstructions to others (see [`study_jobs`]).
    pub prepare_only: bool,
    /// Go on although results in the folder were made for another design, and replace those that
    /// the new one makes anew.
    pub replace: bool,
}

/// [`study_with`] the default options.
///
/// # Errors
/// As there.
pub fn study(design: &Design, root: &Path, observe: Observer<'_>) -> Result<JobsReport> {
    study_with(design, root, StudyOptions::default(), observe)
}

/// Does the study `design` in the folder `root`: data, views, reconstructions. The report is the
/// caller's.
///
/// Every finished file is recognised by the content of its inputs and by its options, so the same
/// call after an interruption does only what is missing, and a design that grows (by doses, views,
/// fluences, splits, grid sizes, repeats or solvers at the end of the list) only what is new; what
/// a search has looked at in the folder stays. Any other change of the design of results that are
/// there is refused unless `options.replace` is set; then only what the change touches is made
/// anew. A view that cannot be made is reported to the observer and skipped.
///
/// # Errors
/// When the folder is held by another process, when its results are another design's, when it holds
/// files in the places of the study's that the study has not made, or when data cannot be made or
/// written. Before the first three, and before a design that cannot be done with its base (a dose
/// above what was measured), nothing in the folder is changed. What goes wrong inside a job is in
/// the report.
pub fn study_with(
    design: &Design,
    root: &Path,
    options: StudyOptions,
    observe: Observer<'_>,
) -> Result<JobsReport> {
    let folder = StudyFolder::new(root);
    let settled = settled_in(design, options.stream)?;
    if let Some(goal) = &settled.goal {
        search::pixel_size(&settled, goal, options.stream)?;
    }
    let _lock = Lock::acquire(root)?;
    let base = hash_of_base(&settled.source)?;
    let mut ledger = Ledger::open(root)?;
    let design = &admitted(settled, &folder, base.as_deref(), &ledger, options)?;
    let Roots { data, views, artifacts } = folder.roots();
    for place in [data, views, artifacts, folder.reference_dir()] {
        remove_abandoned_below(&place);
    }
    let text = design.to_toml()?;
    // Before the design is written: nothing that was made for an earlier one may pass for this
    // one's.
    let outdated = forget_outdated(design, base.as_deref(), &folder, &mut ledger)?;
    let path = folder.design_file();
    atomic::write_bytes(&path, text).map_err(StudyError::io("cannot write", &path))?;
    if let Some(base) = &base {
        ledger.note_base(base)?;
    }
    let mut records = Records { ledger, outdated };
    make_data(design, base.as_deref(), &folder, &mut records, options, observe)?;
    let refused = make_views(design, &folder, &mut records, options.stream, observe)?;
    measure_overlaps(design, &folder)?;
    let options = JobOptions {
        filters: Filters::default(),
        checkpoint: Every::default(),
        device: options.device,
        missing_views: MissingViews::Skip(refused),
        dry_run: options.prepare_only,
        at_once: options.at_once,
        stream: options.stream,
        ..JobOptions::default()
    };
    jobs::run_in_study(&plan(design, &folder), &options, observe)
}

/// Refuses what [`study_with`] refuses of a design before it makes anything, and changes nothing.
///
/// # Errors
/// When results in the folder are another design's, or files in the places of the study's are not
/// its own.
pub fn check_design(design: &Design, root: &Path, replace: bool) -> Result<()> {
    let settled = settled(design)?;
    let base = hash_of_base(&settled.source)?;
    let (folder, ledger) = (StudyFolder::new(root), Ledger::open(root)?);
    let options = StudyOptions { replace, ..StudyOptions::default() };
    admitted(settled, &folder, base.as_deref(), &ledger, options).map(|_| ())
}

/// A design, with what a search has looked at in the folder, that nothing in the folder forbids.
fn admitted(
    settled: Design,
    folder: &StudyFolder,
    base: Option<&str>,
    ledger: &Ledger,
    StudyOptions { replace, stream, .. }: StudyOptions,
) -> Result<Design> {
    if !folder.design_file().is_file() {
        settled.source.check_unused()?;
    }
    foreign::refuse_report(&folder.report_dir())?;
    jobs::refuse_records(&folder.artifact_root())?;
    let same_base = base.is_none() || base == ledger.base();
    let design = with_searched(settled, folder, same_base);
    check_follows(&design, folder, (base, ledger.base()), replace, stream)?;
    if !replace {
        check_foreign(&design, folder, ledger)?;
    }
    Ok(design)
}

/// Runs jobs of the study in `root`, whose data sets and views are there: the part of [`study`]
/// that several processes can do side by side. Of `options`, what concerns missing views is the
/// study's own.
///
/// # Errors
/// When the folder holds no study or one whose data sets and views have not all been made, and as
/// for [`jobs::run`].
pub fn study_jobs(root: &Path, options: JobOptions, observe: Observer<'_>) -> Result<JobsReport> {
    let folder = StudyFolder::new(root);
    let unprepared = |what: String| {
        let advice = "make data sets and views first, with `lapwing study prepare`";
        StudyError::Invalid(format!("{}: {what}; {advice}", root.display()))
    };
    if !folder.design_file().is_file() {
        return Err(unprepared("no study is there".to_owned()));
    }
    // The data sets and views stay as they are meanwhile.
    let _lock = Lock::share(root)?;
    let design = folder.design()?.ok_or_else(|| unprepared("no study is there".to_owned()))?;
    let told = folder.manifest()?.map(|manifest| manifest.missing_jobs).unwrap_or_default();
    let refused: BTreeMap<(Condition, usize), WhyMissing> = told
        .into_iter()
        .map(|skip| ((skip.case.condition, skip.case.repeat), WhyMissing::Recorded(skip.reason)))
        .collect();
    let plan = plan(&design, &folder);
    let ledger = Ledger::open(root)?;
    for case in &plan.cases {
        let input = plan.roots.input(case.condition, case.repeat);
        let there = input.is_file() && ledger.hash_of(&input).is_some();
        if !there && !refused.contains_key(&(case.condition, case.repeat)) {
            let input = input.display();
            return Err(unprepared(format!("{input} has not been made for this design yet")));
        }
    }
    jobs::run(&plan, &JobOptions { missing_views: MissingViews::Skip(refused), ..options }, observe)
}

/// The reconstructions of a study.
pub fn plan(design: &Design, folder: &StudyFolder) -> Plan {
    Plan {
        roots: folder.roots(),
        cases: design.cases(),
        gridsizes: design.study.gridsize.clone(),
        photon_halves: design.study.halves,
        error_maps: design.study.error_maps,
        solvers: design.solvers.clone(),
        keep_others: false,
        source: Some(Arc::new(design.source.clone())),
    }
}

/// One data set of a study: a split of one exposure.
struct DataSet {
    dose: u64,
    /// Which noise realisation, from 1.
    repeat: usize,
    split: Split,
}

/// The data sets of a design: every dose, repeat and one of `splits`, in this order.
fn data_sets(design: &Design, splits: &[Split]) -> Vec<DataSet> {
    let study = &design.study;
    let repeats = study
        .all_doses()
        .into_iter()
        .flat_map(|dose| (1..=study.repeats).map(move |repeat| (dose, repeat)));
    repeats
        .flat_map(|(dose, repeat)| splits.iter().map(move |&split| DataSet { dose, repeat, split }))
        .collect()
}

/// What data sets are made from.
enum Origin {
    Simulated(Box<Sample>),
    Measured(Box<FullDose>),
}

impl Origin {
    fn of(
        design: &Design,
        folder: &StudyFolder,
        options: StudyOptions,
        observe: Observer<'_>,
    ) -> Result<Self> {
        match &design.source {
            Source::Measured { base, .. } => {
                let scan = FullDose::make(
                    design,
                    base,
                    folder,
                    (options.device, options.stream),
                    observe,
                )?;
                Ok(Self::Measured(Box::new(scan)))
            }
            source => {
                let sample = Sample::of(design)?;
                if let (Source::Base { base, .. }, true) = (source, is_uniform(&sample.object)) {
                    let text = format!(
                        "{}: objectGuess is the same everywhere: a placeholder, no truth: \
                         reconstructions are not compared with it",
                        base.file.display()
                    );
                    note(&mut *observe, Level::Fact, &text)?;
                }
                let option = "fresnel_number under [physics]";
                if let Some(text) = design.physics.without_effect(&sample.physics, option) {
                    note(observe, Level::Fact, &text)?;
                }
                Ok(Self::Simulated(Box::new(sample)))
            }
        }
    }

    fn n_patterns(&self) -> usize {
        match self {
            Self::Simulated(sample) => sample.scan.len(),
            Self::Measured(scan) => scan.n_patterns(),
        }
    }

    /// The whole scan at a dose; what does not fit into memory is kept in `folder`.
    fn expose(&self, dose: u64, seed: u64, folder: &Path, stream: Streaming) -> Result<Dataset> {
        match self {
            Self::Simulated(sample) => {
                let stack = 4 * (sample.scan.len() * sample.pattern_pixels()) as u64;
                sample.expose_into(dose, seed, &stream.storage_of(stack, folder))
            }
            Self::Measured(scan) => scan.expose(dose, seed),
        }
    }
}

/// Simulates every dose and repeat and cuts it into train and test.
fn make_data(
    design: &Design,
    base: Option<&str>,
    folder: &StudyFolder,
    records: &mut Records,
    options: StudyOptions,
    observe: Observer<'_>,
) -> Result<()> {
    let mut origin: Option<Origin> = None;
    for DataSet { dose, repeat, .. } in data_sets(design, &[Split::Train]) {
        let key = data_key(design, base, dose, repeat);
        let root = repeat_root(&folder.data_root(), repeat);
        let files = Split::ALL.map(|split| data_file(&root, dose, split));
        let mut resumed = true;
        for file in &files {
            resumed &= records.ledger.current(file, &key)?.is_some();
        }
        if !resumed {
            let origin = match &origin {
                Some(made) => made,
                None => origin.insert(Origin::of(design, folder, options, observe)?),
            };
            tell(observe, Event::Simulating { dose, repeat, patterns: origin.n_patterns() })?;
            let seed = noise_seed(design.seeds.simulation, repeat);
            let in_keys = |error| design.source.in_keys(error);
            let whole = origin.expose(dose, seed, folder.root(), options.stream);
            let mut whole = whole.map_err(in_keys)?;
            if let (true, Origin::Simulated(sample)) = (design.study.patches, origin) {
                whole.extras.push((sample::PATCHES.to_owned(), (&sample.patches(seed)).into()));
            }
            let splits = data::split(&whole, &design.split).map_err(in_keys)?;
            drop(whole);
            make_folder_of(&files[0])?;
            let lost = files.each_ref().map(|file| records.why_lost(file));
            for file in &files {
                records.ledger.begin(file)?;
            }
            let each = [&splits.train, &splits.test].into_iter().zip(&files);
            for ((split, file), why) in each.zip(lost) {
                split.write(file)?;
                records.ledger.note(file, &key)?;
                tell_loss("replaced", file, why?, observe)?;
            }
        }
        tell(
            observe,
            Event::Simulated { dose, repeat, mean_counts: mean_counts_of(&files[0])?, resumed },
        )?;
    }
    Ok(())
}

/// Makes the views of every dose and split; returns those that were refused, and why.
fn make_views(
    design: &Design,
    folder: &StudyFolder,
    records: &mut Records,
    stream: Streaming,
    observe: Observer<'_>,
) -> Result<BTreeMap<(Condition, usize), WhyMissing>> {
    let mut refused = BTreeMap::new();
    let acceptance = design.views.acceptance();
    // Splits outermost: each is read at most once.
    for DataSet { dose, repeat, split } in data_sets(design, &design.study.splits) {
        let source = data_file(&repeat_root(&folder.data_root(), repeat), dose, split);
        let views_root = repeat_root(&folder.views_root(), repeat);
        let mut dataset: Option<Dataset> = None;
        let mut source_hash: Option<String> = None;
        for &view in &design.study.views {
            let Some(spacing) = design.views.spacing(view, design.study.pattern_size) else {
                continue;
            };
            if !design.study.doses_of(view).contains(&dose) {
                continue;
            }
            let condition = Condition { dose, view, split };
            let file = view_file(&views_root, dose, view, split);
            let input = match &source_hash {
                Some(known) => known.clone(),
                None => source_hash.insert(hash::file(&source)?).clone(),
            };
            let key = view_key(&input, view, spacing, &acceptance);
            if records.ledger.current(&file, &key)?.is_some() {
                let metadata = lapwing_files::metadata::read(&Archive::open(&file)?)?;
                let telemetry = views::telemetry(&file, metadata.as_ref())?;
                tell(observe, Event::View { condition, repeat, telemetry, resumed: true })?;
                continue;
            }
            let split_data = match &mut dataset {
                Some(read) => read,
                none => none.insert(data::read(&source, stream)?),
            };
            let why = records.why_lost(&file)?;
            records.ledger.begin(&file)?;
            match make_view(split_data, condition, spacing, &acceptance, &file, false)? {
                Ok(telemetry) => {
                    records.ledger.note(&file, &key)?;
                    tell_loss("replaced", &file, why, observe)?;
                    tell(observe, Event::View { condition, repeat, telemetry, resumed: false })?;
                }
                Err(reason) => {
                    discard_view(&views_root, condition)?;
                    discard_results(folder, &mut records.ledger, condition, repeat)?;
                    tell_loss("removed", &file, why, observe)?;
                    tell(observe, Event::ViewRefused { condition, repeat, reason: &reason })?;
                    refused.insert((condition, repeat), WhyMissing::Refused(reason));
                }
            }
        }
    }
    Ok(refused)
}

/// Makes one view and writes it, `timed` with the time in its history, or says why not.
fn make_view(
    split: &Dataset,
    condition: Condition,
    spacing: f64,
    acceptance: &Acceptance,
    file: &Path,
    timed: bool,
) -> Result<std::result::Result<Telemetry, String>> {
    let source_name = data_file(Path::new(""), condition.dose, condition.split);
    let source_name = source_name.to_string_lossy().replace('\\', "/");
    match views::make(split, condition.view, spacing, acceptance, &source_name)? {
        views::Made::View(mut view, telemetry) => {
            make_folder_of(file)?;
            if timed {
                data::stamp(&mut view);
            }
            view.write(file)?;
            Ok(Ok(telemetry))
        }
        views::Made::Refused(refusal) => {
            let (_, height, width) = split.diffraction.dim();
            Ok(Err(views::advice(&refusal, probe_diameter(split) / height.min(width) as f64)))
        }
    }
}

/// Removes a view that was refused, which an earlier design or another spacing may have left, and
/// its measured overlap.
fn discard_view(views_root: &Path, Condition { dose, view, split }: Condition) -> Result<()> {
    let dir = view_dir(views_root, dose, view);
    for gridsize in [1, 2] {
        remove_if_there(&dir.join(format!("overlap_gs{gridsize}_{split}.json")))?;
        // Both splits; written again for the one that stays.
        remove_if_there(&dir.join(format!("overlap_gs{gridsize}.json")))?;
    }
    remove_if_there(&view_file(views_root, dose, view, split))
}

/// Takes back the results of a condition whose view was refused, of all solvers of the study.
fn discard_results(
    folder: &StudyFolder,
    ledger: &mut Ledger,
    condition: Condition,
    repeat: usize,
) -> Result<()> {
    ledger.remove(&folder.roots().input(condition, repeat))?;
    let mut cases = folder
        .cases()?
        .into_iter()
        .filter(|case| case.condition == condition && case.repeat == repeat);
    cases.try_for_each(|case| remove_if_there(&folder.job_dir(&case).join(RESULT)))
}

/// The measured mean counts of the whole scan, as the split wrote them into each split.
fn mean_counts_of(file: &Path) -> Result<Option<f64>> {
    let metadata = lapwing_files::metadata::read(&Archive::open(file)?)?;
    Ok(metadata.as_ref().and_then(data::mean_counts_of_scan))
}
