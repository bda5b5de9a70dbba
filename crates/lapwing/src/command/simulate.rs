//! `lapwing simulate`: diffraction of a specimen at a dose.

use crate::apparatus::ApparatusArgs;
use crate::exposure::Exposure;
use crate::output::{Output, counted, other_than_input, there};
use crate::value;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use lapwing_files::Storage;
use lapwing_files::dialect::read_base;
use lapwing_files::patterns::check_space;
use lapwing_model::probe::{self, ProbeDesign, ProbeKind};
use lapwing_model::scan::{self, ScanKind, Spacing};
use lapwing_model::specimen::Specimen;
use lapwing_model::{Modes, Object, Position};
use lapwing_study::data::stamp;
use lapwing_study::overlap::{linear_overlap, scan_overlap};
use lapwing_study::place;
use lapwing_study::sample::{Generated, PATCHES, Sample};
use lapwing_study::step::scan_step;
use lapwing_study::stream::{Streaming, bytes};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Most memory that a simulation may take: 1 TiB.
const MAX_BYTES: f64 = 1_099_511_627_776.0;
/// Memory that a built-in specimen takes while it is made, bytes per pixel.
const OBJECT_BYTES: f64 = 48.0;
/// Step of a generated scan unless given, as a linear overlap of neighbouring discs.
const OVERLAP: f64 = 0.8;

/// Simulate the diffraction of an object and a probe at a dose
///
/// Object, probe and positions come from a base file, or are built in. Counts are Poisson; what is
/// stored is the amplitude sqrt(counts) / s, zero frequency in the centre, with s in the metadata
/// so that the counts can be restored.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lapwing simulate --specimen cells --pattern-size 64 --overlap 0.8 --dose 1e5 --output cells.npz\n  \
    lapwing simulate --base fly64.npz --dose 1000 --seed 42 --output dose_1000.npz\n\n\
    The overlap is linear: step = (1 - overlap) x probe diameter. Windows are centred on the positions; a built-in \
    specimen is as large as the windows of the scan need.")]
pub struct Simulate {
    #[command(flatten)]
    source: Source,
    /// Dose: mean photons per pattern, a whole number such as 1000 or 1e5
    #[arg(long, value_name = "PHOTONS", value_parser = value::whole_dose)]
    dose: u64,
    /// Seed of the specimen, the scan's jitter and the photon noise
    #[arg(long, value_name = "SEED", default_value_t = 42)]
    seed: u64,
    /// The data set to write (study NPZ)
    #[arg(long, value_name = "OUT.npz")]
    output: PathBuf,
    /// Memory to work in, as 2GB; patterns that would not fit are kept in a nameless scratch file
    /// beside the data set [default: what is free]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
    /// Also write the object's patch under every pattern, Y (n, H, W), as ground truth for training
    #[arg(long)]
    patches: bool,
    #[command(flatten)]
    trajectory: Trajectory,
    #[command(flatten)]
    illumination: ProbeArgs,
    #[command(flatten)]
    exposure: Exposure,
    #[command(flatten)]
    apparatus: ApparatusArgs,
}

/// Where the object comes from.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// A file with objectGuess, probeGuess and positions (NPZ, or CXI that Lapwing wrote)
    #[arg(long, value_name = "BASE.npz")]
    base: Option<PathBuf>,
    /// A built-in specimen: siemens-star, cells or weak-phase
    #[arg(long, value_name = "NAME", hide_possible_values = true,
        value_parser = value::kind::<Specimen>(Specimen::ALL.map(Specimen::name)))]
    specimen: Option<Specimen>,
}

/// The scan.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scan (a base file's own positions unless one of these is given)")]
struct Trajectory {
    /// Trajectory: raster, jittered or fermat [default: jittered]
    #[arg(long, value_name = "KIND", hide_possible_values = true,
        value_parser = value::kind::<ScanKind>(ScanKind::ALL.map(ScanKind::name)))]
    scan: Option<ScanKind>,
    /// Distance of neighbouring positions, pixels
    #[arg(long, value_name = "PX", value_parser = value::positive, conflicts_with = "overlap")]
    step: Option<f64>,
    /// Linear overlap of neighbouring discs, 0 to below 1 [default: 0.8]
    #[arg(long, value_name = "F", value_parser = value::overlap)]
    overlap: Option<f64>,
    /// Height and width that the window centres span, pixels [default: 4 x the pattern's side, or
    /// all of a base object]
    #[arg(long, value_name = "HxW", value_parser = value::extent)]
    field_of_view: Option<(f64, f64)>,
}

/// The probe.
#[derive(Debug, Args)]
#[command(next_help_heading = "Probe (a base file's own probe unless one of these is given)")]
struct ProbeArgs {
    /// Side of a pattern, pixels, as HxW or one number [default: 128, or a base file's]
    #[arg(long, value_name = "N", value_parser = value::size)]
    pattern_size: Option<(usize, usize)>,
    /// Probe: focused, defocused or disc [default: defocused]
    #[arg(long, value_name = "KIND", hide_possible_values = true,
        value_parser = value::kind::<ProbeKind>(ProbeKind::ALL.map(ProbeKind::name)))]
    probe: Option<ProbeKind>,
    /// Equivalent-disc diameter (2 sqrt 2 x r.m.s. radius) of a disc or defocused probe, pixels
    /// [default: half a window]
    #[arg(long, value_name = "PX", value_parser = value::positive)]
    probe_diameter: Option<f64>,
    /// Radius of the aperture, cycles per pixel
    #[arg(long, value_name = "Q", value_parser = value::positive)]
    aperture: Option<f64>,
    /// Radius of the central stop, as a fraction of the aperture's
    #[arg(long, value_name = "F", value_parser = value::share)]
    central_stop: Option<f64>,
    /// Defocus, radians at the aperture's edge (in place of --probe-diameter)
    #[arg(long, value_name = "RAD", value_parser = value::number)]
    defocus: Option<f64>,
    /// Astigmatism, radians at the aperture's edge
    #[arg(long, value_name = "RAD", value_parser = value::number)]
    astigmatism: Option<f64>,
    /// Spherical aberration, radians at the aperture's edge
    #[arg(long, value_name = "RAD", value_parser = value::number)]
    spherical: Option<f64>,
}

impl Simulate {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        if let Some(base) = &self.source.base {
            other_than_input(&self.output, "--output", base)?;
        }
        let (sample, mut facts) = match (&self.source.base, self.source.specimen) {
            (Some(base), _) => self.based_on(base, output)?,
            (None, Some(specimen)) => self.built_in(specimen)?,
            (None, None) => bail!("expected --base or --specimen"),
        };
        let said = self.exposure.said().physics;
        if let Some(text) = said.without_effect(&sample.physics, "--fresnel-number F") {
            output.note(text);
        }
        let sample = Sample { apparatus: self.apparatus.settled(), ..sample };
        output.detail(format_args!("simulating {} patterns", sample.scan.len()));
        let storage = self.storage(sample.scan.len(), sample.pattern_pixels());
        let patches = self.patches.then(|| sample.patches(self.seed));
        let mut dataset =
            sample.into_exposed(self.dose, self.seed, &storage).context("cannot simulate")?;
        let metadata = dataset.metadata.get_or_insert_default();
        let parameters = metadata.entry("additional_parameters").or_insert_with(|| json!({}));
        match (parameters, &facts) {
            (Value::Object(parameters), Value::Object(facts)) => parameters.extend(facts.clone()),
            (parameters, facts) => *parameters = facts.clone(),
        }
        let physics = |name: &str| metadata.get("physics_parameters")?.get(name)?.as_f64();
        let (mean, scale) = (physics("mean_counts_per_pattern"), physics("intensity_scale"));
        stamp(&mut dataset);
        if let Some(patches) = &patches {
            dataset.extras.push((PATCHES.to_owned(), patches.into()));
        }
        let replaced = there([self.output.as_path()]);
        dataset.write(&self.output)?;
        output.note_replaced(&replaced);

        let (n, height, width) = dataset.diffraction.dim();
        let (Some(object), Some(probe)) = (&dataset.object, &dataset.probe) else {
            bail!("simulated data have an object and a probe");
        };
        let diameter = probe::diameter(probe.view());
        let overlap = scan_overlap(&dataset.scan, diameter);
        let (rows, columns) = object.shape();
        let words = self.words((object, probe, &dataset.scan), &facts, diameter, overlap, mean);
        let record = json!({
            "file": self.output,
            "n_patterns": n,
            "pattern_shape": [height, width],
            "object_shape": [rows, columns],
            "n_slices": object.n_slices(),
            "probe_diameter_px": diameter,
            "step_px": scan_step(&dataset.scan),
            "overlap": overlap,
            "dose": self.dose,
            "seed": self.seed,
            "mean_counts_per_pattern": mean,
            "intensity_scale": scale,
            "understood": facts.take(),
        });
        output.result(&record, words)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Where so many patterns of so many pixels are kept.
    fn storage(&self, patterns: usize, pixels: usize) -> Storage {
        let folder = match self.output.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let bytes = 4.0 * patterns as f64 * pixels as f64;
        self.memory.map_or(Streaming::Auto, Streaming::Within).storage_of(bytes as u64, folder)
    }

    fn built_in(&self, specimen: Specimen) -> anyhow::Result<(Sample, Value)> {
        let window = self.illumination.pattern_size.unwrap_or((128, 128));
        let design = self.illumination.design().unwrap_or_default();
        let probe = design.build(window)?;
        let field =
            self.trajectory.field_of_view.unwrap_or((4.0 * window.0 as f64, 4.0 * window.1 as f64));
        let (positions, trajectory) = self.trajectory.generate(&probe, field, self.seed)?;
        if positions.is_empty() {
            bail!(
                "the scan has no positions: expected a field of view that holds some, or --scan raster"
            );
        }
        let around = self.apparatus.settled().extent(&positions);
        let placement = place::on_new_object(&around, window).ok_or_else(|| {
            anyhow!(
                "field of view {} x {} px with windows of {} x {} px: the object array would have more than 2^30 px; \
                 use a smaller --field-of-view",
                field.0,
                field.1,
                window.0,
                window.1
            )
        })?;
        let step = trajectory["step_px"].as_f64().unwrap_or(f64::NAN);
        let at = || format!("field of view {} x {} px, step {step} px", field.0, field.1);
        let storage = self.storage(positions.len(), window.0 * window.1);
        let in_memory = match storage {
            Storage::Memory => positions.len(),
            Storage::Scratch(_) => 0,
        };
        check_memory(in_memory, window, placement.shape).with_context(at)?;
        check_space(&storage, (positions.len(), window.0, window.1)).with_context(at)?;
        let facts = json!({ "specimen": specimen, "probe": design, "scan": trajectory });
        let (placed, said) = ((positions.as_slice(), &placement), self.exposure.said());
        let sample = Sample::on_new_object(specimen, probe, placed, said, self.seed)?;
        Ok((sample, facts))
    }

    fn based_on(&self, base: &Path, output: Output) -> anyhow::Result<(Sample, Value)> {
        let file = read_base(base)?;
        file.notes.iter().for_each(|note| output.note(format_args!("{}: {note}", base.display())));
        let mut facts = json!({ "base": base });
        let of_probe = (file.probe.dim().1, file.probe.dim().2);
        let probe = match self.illumination.design() {
            None => None,
            Some(design) => {
                facts["probe"] = json!(design);
                Some(design.build(self.illumination.pattern_size.unwrap_or(of_probe))?)
            }
        };
        let window = probe.as_ref().map_or(of_probe, |probe| (probe.dim().1, probe.dim().2));
        if let Some(wanted) = self.illumination.pattern_size.filter(|wanted| *wanted != window) {
            bail!(
                "--pattern-size {}x{}: the probe in {} is {} x {}; leave the option out, or give a probe with --probe",
                wanted.0,
                wanted.1,
                base.display(),
                window.0,
                window.1
            );
        }
        let generated = match self.trajectory.is_given() {
            true => {
                let probe = probe.as_ref().unwrap_or(&file.probe);
                let field = self.field_on(file.object.shape(), window, base)?;
                let (positions, trajectory) = self.trajectory.generate(probe, field, self.seed)?;
                facts["scan"] = trajectory;
                Some(Generated { positions, field })
            }
            false => None,
        };
        let sample = Sample::on_base(file, probe, generated.as_ref(), self.exposure.said())
            .with_context(|| base.display().to_string())?;
        let sample = sample.ok_or_else(|| {
            anyhow!(
                "{}: no xcoords and ycoords: expected positions, or a scan given with --scan",
                base.display()
            )
        })?;
        Ok((sample, facts))
    }

    /// The field of a scan on the object of `base`, whose shape is `object`: what its windows can
    /// reach unless it was given.
    fn field_on(
        &self,
        object: (usize, usize),
        window: (usize, usize),
        base: &Path,
    ) -> anyhow::Result<(f64, f64)> {
        let reach =
            |object: usize, window: usize| object.checked_sub(window + 1).map(|reach| reach as f64);
        let (Some(height), Some(width)) = (reach(object.0, window.0), reach(object.1, window.1))
        else {
            bail!(
                "{}: objectGuess is {} x {}: expected more than a window, {} x {}",
                base.display(),
                object.0,
                object.1,
                window.0,
                window.1
            );
        };
        Ok(self.trajectory.field_of_view.unwrap_or((height, width)))
    }

    fn words(
        &self,
        (object, probe, scan): (&Object, &Modes, &[Position]),
        facts: &Value,
        diameter: f64,
        overlap: f64,
        mean: Option<f64>,
    ) -> String {
        let mut words = String::new();
        let (_, height, width) = probe.dim();
        // Writing to a string does not fail.
        let _ = match (&self.source.base, self.source.specimen) {
            (Some(base), _) => write!(words, "object: {}", base.display()),
            (None, Some(specimen)) => write!(words, "object: {specimen}"),
            (None, None) => Ok(()),
        };
        let (rows, columns) = object.shape();
        let _ = match object.n_slices() {
            1 => writeln!(words, ", {rows} x {columns} px"),
            slices => writeln!(words, ", {slices} slices of {rows} x {columns} px"),
        };
        let modes = probe.dim().0;
        let _ = writeln!(
            words,
            "probe: {height} x {width} px, {}, diameter {diameter:.1} px",
            counted(modes, "mode")
        );
        let of = facts
            .get("scan")
            .and_then(|scan| scan["kind"].as_str())
            .unwrap_or("positions of the file");
        let _ = writeln!(
            words,
            "scan: {} positions ({of}){}; overlap by area {overlap:.3}",
            scan.len(),
            scan_step(scan)
                .map(|step| format!(
                    ", step {step:.1} px, overlap {:.2} of the diameter",
                    linear_overlap(step, diameter)
                ))
                .unwrap_or_default()
        );
        let _ = write!(words, "dose: {} photons per pattern", self.dose);
        if let Some(mean) = mean {
            let _ = write!(words, ", measured {mean:.2}");
        }
        let _ = write!(words, "\nwrote {}", self.output.display());
        words
    }
}

/// Refuses a simulation that memory cannot hold, before anything is computed.
///
/// Estimated are 4 bytes for each pixel of each pattern and [`OBJECT_BYTES`] for each pixel of the
/// object.
fn check_memory(
    patterns: usize,
    window: (usize, usize),
    object: (usize, usize),
) -> anyhow::Result<()> {
    let area = |(height, width): (usize, usize)| height as f64 * width as f64;
    let bytes = 4.0 * patterns as f64 * area(window) + OBJECT_BYTES * area(object);
    // Asking for the memory tells whether there may be that much; it is given back at once.
    let fits = bytes <= MAX_BYTES && Vec::<u8>::new().try_reserve_exact(bytes as usize).is_ok();
    if fits {
        return Ok(());
    }
    bail!(
        "{patterns} patterns of {} x {} px on an object of {} x {} px need about {:.1} GiB of memory, which is more than {}; \
         use a larger --step, a smaller --field-of-view or a smaller --pattern-size",
        window.0,
        window.1,
        object.0,
        object.1,
        bytes / 2.0_f64.powi(30),
        if bytes > MAX_BYTES { "the limit of 1024 GiB" } else { "there is" }
    )
}

impl Trajectory {
    fn is_given(&self) -> bool {
        self.scan.is_some()
            || self.step.is_some()
            || self.overlap.is_some()
            || self.field_of_view.is_some()
    }

    fn generate(
        &self,
        probe: &Modes,
        field: (f64, f64),
        seed: u64,
    ) -> anyhow::Result<(Vec<Position>, Value)> {
        let spacing = match (self.step, self.overlap) {
            (Some(step), _) => Spacing::Step(step),
            (None, overlap) => Spacing::Overlap(overlap.unwrap_or(OVERLAP)),
        };
        let step = spacing.step(probe::diameter(probe.view()))?;
        let kind = self.scan.unwrap_or_default();
        let positions = scan::generate(kind, step, field, seed)?;
        Ok((
            positions,
            json!({ "kind": kind, "step_px": step, "field_of_view_px": [field.0, field.1] }),
        ))
    }
}

impl ProbeArgs {
    /// The built-in probe asked for, if any.
    fn design(&self) -> Option<ProbeDesign> {
        let given = self.probe.is_some()
            || self.probe_diameter.is_some()
            || self.aperture.is_some()
            || self.central_stop.is_some()
            || self.defocus.is_some()
            || self.astigmatism.is_some()
            || self.spherical.is_some();
        given.then(|| ProbeDesign {
            kind: self.probe.unwrap_or_default(),
            diameter: self.probe_diameter,
            aperture: self.aperture,
            central_stop: self.central_stop.unwrap_or(0.0),
            defocus: self.defocus,
            astigmatism: self.astigmatism.unwrap_or(0.0),
            spherical: self.spherical.unwrap_or(0.0),
        })
    }
}
