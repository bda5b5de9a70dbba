//! `lapwing inspect`: what a file holds, what was understood, and what its counts tell of the
//! detector.

mod words;

use crate::input::Reading;
use crate::output::{Beside, Output};
use crate::scan_file::ScanFile;
use clap::Args;
use lapwing_files::metadata::ViewMetadata;
use lapwing_files::npy::NpyError;
use lapwing_files::physics::exposure_in_words;
use lapwing_files::{
    Container, Dataset, Error, Metadata, Problem, Understanding, dialect, metadata,
};
use lapwing_model::{Object, probe};
use lapwing_solve::noise::NoiseModel;
use lapwing_study::data::probe_diameter;
use lapwing_study::noise;
use lapwing_study::overlap::{linear_overlap, scan_overlap};
use lapwing_study::pictures::contact_sheet;
use lapwing_study::record::NoiseRecord;
use lapwing_study::solver::ProbeStart;
use lapwing_study::start_probe::start_probe;
use lapwing_study::step::scan_step;
use lapwing_study::views;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show what a file holds and what is understood of it
///
/// Lists the arrays, says dialect, axis order, quantity and dose, and checks the data set contract,
/// all problems at once. Of counts it also says what they tell of the detector: gain, background,
/// faulty pixels and patterns. Lengths are in pixels, doses in photons per pattern. Exit code 1
/// when the file is unreadable or breaks the contract.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lapwing inspect scan.npz --figure scan.png")]
pub struct Inspect {
    #[command(flatten)]
    scan: ScanFile,
    /// Also draw a contact sheet: mean pattern, probe (where the file has none, the one that a
    /// reconstruction starts from), positions, histogram of the patterns' totals; of counts also
    /// background and faulty pixels of the detector
    #[arg(long, value_name = "OUT.png", value_parser = crate::value::png)]
    figure: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

impl Inspect {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let options = self.reading.options();
        let (path, mut options) = match options.of_array(self.scan.path()) {
            Some(meant) => meant,
            None => (self.scan.path().to_owned(), options),
        };
        if let Some(figure) = &self.figure {
            self.reading.refuse_onto_input(figure, "--figure", &path)?;
            Beside::Picture.refuse_others(figure, "--figure")?;
        }
        let mut problems = Vec::new();
        let file = Container::open_as(&path, &options)?;
        let arrays = file.list()?;
        let ignored = options.leaves_out(metadata::KEY);
        let stored = if ignored { Ok(None) } else { file.metadata() };
        let unreadable = stored.is_err();
        let stored = stored.unwrap_or_else(|unreadable| {
            // One problem; the others are found without them.
            problems.extend(problems_of(unreadable));
            options.leave_out.push(metadata::KEY.to_owned());
            None
        });
        let folder = std::env::temp_dir();
        let storage = self.reading.streaming().storage(&path, &options, &folder);
        let outcome = dialect::read_from(&file, &options, &storage);
        // Whatever can be listed is described, however broken it is. HDF5 has no metadata of its
        // own: what is known of it is what was read.
        let read = match outcome {
            Ok(read) => {
                let incomplete = wrong_view(&read.0);
                let (dataset, mut understanding) = read;
                if unreadable {
                    // Nobody left them out: they cannot be read, which is told as a problem.
                    understanding.notes.retain(|note| !note.starts_with(metadata::KEY));
                }
                if let Err(unknown) = dataset.physics() {
                    let expected = "patterns that a reconstruction knows how to explain";
                    problems.push(Problem::new("exposure", expected, unknown.to_string()));
                }
                match probe_note(&dataset) {
                    Ok(note) => understanding.notes.extend(note),
                    Err(problem) => problems.push(problem),
                }
                let in_its_place = view_note(self.scan.path());
                if in_its_place.is_none() && !incomplete.is_empty() {
                    let text = "the metadata of the view are incomplete: make the view again with \
                                `lapwing views`";
                    understanding.notes.push(text.to_owned());
                }
                understanding.notes.extend(in_its_place);
                problems.extend(incomplete);
                Some((dataset, understanding))
            }
            Err(error) => {
                problems.extend(problems_of(error));
                None
            }
        };
        let dialect = match &read {
            Some((_, understanding)) => Some(understanding.dialect),
            None => dialect::name_of(&file, &options),
        };
        // What cannot be read is not what was read without it.
        let made = || read.as_ref().and_then(|(dataset, _)| dataset.metadata.clone());
        let own = stored.clone();
        let metadata = if unreadable { None } else { stored.or_else(made) };
        let measured = read.as_ref().map(|(dataset, _)| {
            let diameter = known_diameter(dataset);
            Geometry {
                diameter,
                overlap: diameter.map(|diameter| scan_overlap(&dataset.scan, diameter)),
                step: scan_step(&dataset.scan),
            }
        });
        let understood = read
            .as_ref()
            .map(|(dataset, understanding)| understood(dataset, understanding, measured));
        let noise = read.as_ref().map(|(dataset, _)| noise::of_dataset(dataset, &mut || Ok(())));
        let detector = noise.as_ref().and_then(|noise| noise.as_ref().ok());
        let record = json!({
            "file": self.scan.path(),
            "dialect": dialect,
            "arrays": arrays,
            "metadata": metadata,
            "understood": understood,
            "noise": detector.map(NoiseRecord::from),
            "contract": { "ok": problems.is_empty(), "problems": problems },
        });
        let quantum = read.as_ref().map(|(dataset, _)| dataset.quantum()).unwrap_or_default();
        let understood = understood.as_ref().zip(noise.as_ref()).map(|(facts, noise)| {
            let noise = noise.as_ref().map_err(ToString::to_string);
            words::Understood { facts, quantum, noise }
        });
        let remarks = read.as_ref().map_or(&[][..], |(_, understanding)| &understanding.remarks);
        let words =
            words::words(self.scan.path(), &arrays, own.as_ref(), understood, remarks, &problems);
        if let (Some(figure), Some((dataset, _))) = (&self.figure, &read) {
            output.write(figure, drawn(self.scan.path(), dataset, detector))?;
        }
        output.result(&record, words)?;
        Ok(if problems.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(crate::failure::FAILED)
        })
    }
}

/// Lengths of the scan, pixels, and its overlap by area, as far as the probe is known.
#[derive(Clone, Copy)]
struct Geometry {
    diameter: Option<f64>,
    overlap: Option<f64>,
    step: Option<f64>,
}

/// Diameter of the file's probe, else of that of the optics where these say the defocus.
fn known_diameter(dataset: &Dataset) -> Option<f64> {
    let of_optics = || {
        let optics = dataset.optics.as_ref().filter(|optics| optics.says_defocus)?;
        let diameter = probe::diameter(optics.probe(dataset.pattern_shape()).view());
        (diameter > 0.0).then_some(diameter)
    };
    match dataset.probe {
        Some(_) => Some(probe_diameter(dataset)),
        None => of_optics(),
    }
}

/// What an error says is wrong with the file.
fn problems_of(error: Error) -> Vec<Problem> {
    let problem = match error {
        Error::Contract { problems, .. } => return problems,
        Error::Ambiguous { key, reason, remedy, .. } => Problem::new(
            key,
            format!("something that can be read in one way only; {remedy}"),
            reason,
        ),
        Error::Hdf5 { object, reason, .. } => {
            Problem::new(object, "HDF5 data that can be read", reason)
        }
        Error::Metadata(unreadable) => {
            let found = format!(
                "{} (dtype {}, shape {:?}, first bytes {})",
                unreadable.reason, unreadable.dtype, unreadable.shape, unreadable.first_bytes
            );
            Problem::new(unreadable.key, "one JSON object as text", found)
        }
        Error::Array { key, source, .. } => unreadable(key, source),
        Error::Npy { source, .. } => unreadable("file".to_owned(), source),
        Error::Pickle { key, source, .. } => Problem::new(
            key,
            "numbers or text (or leave it out with --leave-out)",
            source.to_string(),
        ),
        other => Problem::new("file", "a file that can be read", other.to_string()),
    };
    vec![problem]
}

/// The problem with an array that cannot be read.
fn unreadable(key: String, error: NpyError) -> Problem {
    match error {
        NpyError::Kind { expected, found } => Problem::new(key, expected, found),
        other => Problem::new(key, "an array that can be read", other.to_string()),
    }
}

/// What a reconstruction starts from where the file has no probe, or the experiment says it; that
/// is made, too, since a reconstruction would refuse what cannot be.
fn probe_note(dataset: &Dataset) -> Result<Option<String>, Problem> {
    if dataset.probe_from.is_some() {
        return match start_probe(dataset, ProbeStart::Auto, &mut || Ok(())) {
            Ok(made) => Ok(Some(format!("probe: the start of a reconstruction is {}", made.told))),
            Err(error) => {
                let expected = "a probe that a reconstruction can start from";
                Err(Problem::new("probe", expected, error.to_string()))
            }
        };
    }
    let made = match (&dataset.probe, &dataset.optics) {
        (Some(_), _) => return Ok(None),
        (None, Some(_)) => "that of the optics",
        (None, None) => {
            "one made of the patterns, unless a second file brings one (--companion) or the optics \
             are described (--semi-angle-mrad)"
        }
    };
    Ok(Some(format!("probe: none in the file; a reconstruction starts from {made}")))
}

/// Why a job on a file that lies in the place of a view would fail.
fn view_note(file: &Path) -> Option<String> {
    let place = views::place_of(file)?;
    match views::held_against_place(file, place) {
        Ok((_, told)) => told.map(|told| views::with_ways_on(&told)),
        Err(error) => Some(format!("as the view {place} it cannot be reconstructed: {error}")),
    }
}

/// What is wrong with the metadata of a view, when the file is one.
fn wrong_view(dataset: &Dataset) -> Vec<Problem> {
    let is_view = |metadata: &Metadata| {
        let named = |fields: &Metadata| fields.contains_key("overlap_view");
        named(metadata)
            || metadata.get("additional_parameters").and_then(Value::as_object).is_some_and(named)
    };
    let metadata = dataset.metadata.as_ref().filter(|metadata| is_view(metadata));
    metadata.and_then(|metadata| ViewMetadata::parse(metadata).err()).unwrap_or_default()
}

fn understood(
    dataset: &Dataset,
    understanding: &Understanding,
    measured: Option<Geometry>,
) -> Value {
    let mut facts = json!(understanding);
    facts["probe_diameter_px"] = json!(measured.and_then(|of| of.diameter));
    facts["step_px"] = json!(measured.and_then(|of| of.step));
    facts["linear_overlap"] =
        json!(measured.and_then(|of| Some(linear_overlap(of.step?, of.diameter?))));
    facts["overlap"] = json!(measured.and_then(|of| of.overlap));
    facts["exposure"] = json!(exposure_in_words(dataset));
    facts["probe_modes"] = json!(dataset.probe.as_ref().map(|probe| probe.dim().0));
    facts["object_shape"] = json!(dataset.object.as_ref().map(Object::shape));
    facts["object_slices"] = json!(dataset.object.as_ref().map(Object::n_slices));
    facts
}

/// The contact sheet of a scan, PNG.
fn drawn(file: &Path, dataset: &Dataset, noise: Option<&NoiseModel>) -> Vec<u8> {
    let title =
        file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // What cannot be made was told as a problem, or will be by a reconstruction.
    let start = match dataset.probe {
        Some(_) => None,
        None => start_probe(dataset, ProbeStart::Auto, &mut || Ok(())).ok(),
    };
    let start = start.map(|start| start.modes);
    contact_sheet(dataset, start.as_ref(), noise, &title)
}
