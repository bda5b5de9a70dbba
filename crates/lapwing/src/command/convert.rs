//! `lapwing convert`: a scan of any format in one that other programs read.

use crate::input::Reading;
use crate::output::{Output, there};
use crate::product::{Facts, in_metres};
use anyhow::{Context, bail};
use clap::Args;
use lapwing_files::dialect::{FarFieldOptics, object_pixel, write_cxi, write_dp};
use lapwing_files::metadata::physics_parameter;
use lapwing_files::options::Geometry;
use lapwing_files::physics::UnknownPhysics;
use lapwing_files::{Dataset, atomic, limit};
use lapwing_model::forward::{Moves, Physics, PhysicsError, Propagation, Slices};
use serde_json::json;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Write a scan in another format
///
/// The end of OUT decides: .npz writes the study's format, .cxi CXI 1.6, .h5 or .hdf5 the patterns
/// of a ptychodus or pty-chi pair, with their product (probe, object, positions) beside it as
/// OUT.product.h5, or the positions alone as OUT.positions.csv where the scan has no probe. CXI
/// needs the wavelength and the size of an object pixel, a pair that size.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  lapwing convert scan.ptyd scan.cxi\n  \
    lapwing convert scan.mib scan.npz --experiment microscope.toml")]
pub struct Convert {
    /// The scan, of any format that is read
    #[arg(value_name = "IN", required_unless_present = "input")]
    file: Option<PathBuf>,
    /// The file to write
    #[arg(value_name = "OUT", required_unless_present = "output")]
    made: Option<PathBuf>,
    /// The scan, by name
    #[arg(long, value_name = "IN", conflicts_with = "file")]
    input: Option<PathBuf>,
    /// The file to write, by name
    #[arg(long, value_name = "OUT", conflicts_with = "made")]
    output: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
}

impl Convert {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let input = self.file.as_deref().or(self.input.as_deref());
        let made = self.made.as_deref().or(self.output.as_deref());
        let (input, made) = input.zip(made).expect("clap requires both");
        let end = ending(made)?;
        self.reading.refuse_onto_input(made, "OUT", input)?;
        if ["h5", "hdf5"].contains(&end.as_str()) {
            self.reading.refuse_onto_input(
                &made.with_extension(PRODUCT),
                "OUT's product",
                input,
            )?;
            self.reading.refuse_onto_input(
                &made.with_extension(POSITIONS),
                "OUT's positions",
                input,
            )?;
        }
        let (dataset, understood) = self.reading.read(input, Some(made), output)?;
        // Written as what it cannot be, a scan would lose the pixel that it has.
        if let Err(far @ UnknownPhysics::Physics(PhysicsError::Undersampled { .. })) =
            dataset.physics()
        {
            return Err(far).context(input.display().to_string());
        }
        let pixel = self.reading.pixel_size().or(understood.pixel_size_m);
        let beside = made.with_extension(second_of_pair(&dataset));
        let pair = ["h5", "hdf5"].contains(&end.as_str()).then_some(beside.as_path());
        let replaced = there(pair.into_iter().chain([made]));
        let Written { files: written, notes } =
            write_as(&dataset, made, pixel, &input.display().to_string())?;
        output.note_replaced(&replaced);
        for note in notes {
            output.note(note);
        }
        let names: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
        let words = format!(
            "{} patterns of {} x {} px\nwrote {}",
            dataset.n_patterns(),
            understood.pattern_shape.0,
            understood.pattern_shape.1,
            names.join(", ")
        );
        let record = json!({
            "input": input,
            "files": written,
            "n_patterns": dataset.n_patterns(),
            "pattern_shape": understood.pattern_shape,
        });
        output.result(&record, words)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Ends of the second file of a pair: a product, or positions alone.
const PRODUCT: &str = "product.h5";
const POSITIONS: &str = "positions.csv";

/// The end of the second file of a scan's pair: a product has a probe.
fn second_of_pair(dataset: &Dataset) -> &'static str {
    if dataset.probe.is_some() { PRODUCT } else { POSITIONS }
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The files.
    pub files: Vec<PathBuf>,
    /// What is not there as it was, in words.
    pub notes: Vec<String>,
}

/// Writes a data set in the format that the end of `path` names, as `lapwing convert` does; `pixel`
/// is the size of an object pixel along (y, x), metres, and `name` what messages call the scan.
///
/// # Errors
/// For an end that names no format, for what the format needs and the data set does not know, and
/// when a file cannot be written.
pub fn write_as(
    dataset: &Dataset,
    path: &Path,
    pixel: Option<(f64, f64)>,
    name: &str,
) -> anyhow::Result<Written> {
    let pixel = pixel.or_else(|| dataset.metadata.as_ref().and_then(object_pixel));
    match ending(path)?.as_str() {
        STUDY_END => {
            dataset.write(path)?;
            Ok(Written { files: vec![path.to_owned()], notes: Vec::new() })
        }
        "cxi" => cxi(dataset, path, pixel, name),
        _ => pair(dataset, path, pixel, name),
    }
}

/// Ends of names that say a format.
const ENDS: [&str; 4] = [STUDY_END, "cxi", "h5", "hdf5"];

/// The end of the study's own format.
const STUDY_END: &str = "npz";

/// Whether the end of a name says a format other than the study's.
pub fn is_other_format(path: &Path) -> bool {
    ending(path).is_ok_and(|end| end != STUDY_END)
}

/// The end of a name, which says the format.
fn ending(path: &Path) -> anyhow::Result<String> {
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
    let end = end.unwrap_or_default();
    if !ENDS.contains(&end.as_str()) {
        bail!("{}: expected a name that ends in .npz, .cxi or .h5, found {end:?}", path.display());
    }
    Ok(end)
}

fn cxi(
    dataset: &Dataset,
    path: &Path,
    pixel: Option<(f64, f64)>,
    name: &str,
) -> anyhow::Result<Written> {
    let mut notes = Vec::new();
    let known = dataset.metadata.as_ref().and_then(FarFieldOptics::of);
    let imaged = imaged(dataset, known, pixel, name)?;
    if imaged.is_some() && imaged != known {
        notes.push(format!(
            "{}: a detector that makes the Fresnel number is written: that of a parallel beam, with the \
             pixels of the object, at the effective distance",
            path.display()
        ));
    }
    let optics = imaged.or(known).or_else(|| {
        let wavelength = physics_parameter(dataset.metadata.as_ref()?, "wavelength_m")?;
        let (y, x) = pixel?;
        let (height, width) = dataset.pattern_shape();
        notes.push(format!(
            "{}: no distance of the detector is known that makes the pixel of the object; written as 1 m with \
             pixels that make it",
            path.display()
        ));
        let pitch = (wavelength / (height as f64 * y), wavelength / (width as f64 * x));
        Some(FarFieldOptics { wavelength, distance: 1.0, pitch })
    });
    let optics = optics.with_context(|| {
        format!(
            "{name}: CXI has the optics, but the wavelength or the size of an object pixel is unknown: give \
             --energy-kev or --voltage-kv, and --pixel-size-m"
        )
    })?;
    let far = dataset.geometry != Some(Geometry::NearField);
    if let (Some(pixel), true, true) = (pixel, far, known.is_some())
        && optics.making(pixel, dataset.pattern_shape()) != optics
    {
        notes.push(format!(
            "{}: the pixels of the detector are written as those that make the pixel of the object that was \
             specified",
            path.display()
        ));
    }
    let left_out = write_cxi(dataset, &optics, pixel, path)?;
    if !left_out.is_empty() {
        notes.push(format!(
            "{}: left out, for CXI has no place for text: {}",
            path.display(),
            left_out.join(", ")
        ));
    }
    Ok(Written { files: vec![path.to_owned()], notes })
}

/// The optics of a near field that make its Fresnel number, `known` ones where they do; `None` of a
/// far field, and where wavelength or pixel is not known.
fn imaged(
    dataset: &Dataset,
    known: Option<FarFieldOptics>,
    pixel: Option<(f64, f64)>,
    name: &str,
) -> anyhow::Result<Option<FarFieldOptics>> {
    if dataset.geometry != Some(Geometry::NearField) {
        return Ok(None);
    }
    let physics = match (dataset.physics(), known) {
        (Ok(physics), _) => physics,
        (Err(_), Some(known)) => return Ok(Some(known)),
        (Err(unknown), None) => return Err(unknown).context(name.to_owned()),
    };
    let Propagation::NearField { fresnel_number } = physics.propagation else { return Ok(None) };
    let Some(pixel) = pixel.or(known.map(|known| known.pitch)) else { return Ok(None) };
    let wavelength =
        dataset.metadata.as_ref().and_then(|own| physics_parameter(own, "wavelength_m"));
    let of = |wavelength| FarFieldOptics { wavelength, distance: f64::INFINITY, pitch: pixel };
    Ok(known.or(wavelength.map(of)).map(|optics| optics.imaging(fresnel_number, pixel)))
}

fn pair(
    dataset: &Dataset,
    path: &Path,
    pixel: Option<(f64, f64)>,
    name: &str,
) -> anyhow::Result<Written> {
    let pixel = pixel.with_context(|| {
        format!(
            "{name}: a product has positions in metres, but the size of an object pixel is unknown: give \
             --pixel-size-m"
        )
    })?;
    let beside = path.with_extension(second_of_pair(dataset));
    write_dp(dataset, path)?;
    let left_out = [mask_left_out(dataset, path), physics_left_out(dataset, path)];
    let mut notes: Vec<String> = left_out.into_iter().flatten().collect();
    match &dataset.probe {
        Some(probe) => {
            let facts = Facts::of_dataset(dataset, pixel);
            facts.of_scan(dataset, probe.clone(), pixel).write(&beside)?;
        }
        None => {
            write_positions(&in_metres(dataset, pixel), &beside)
                .with_context(|| format!("cannot write {}", beside.display()))?;
            notes.push(format!(
                "{name}: a product has a probe, but the scan has none (--companion FILE gives one): its \
                 positions, y and x in metres, are in {0}, which ptychodus opens as positions and lapwing \
                 by --positions {0} --position-unit m",
                beside.display()
            ));
        }
    }
    Ok(Written { files: vec![path.to_owned(), beside], notes })
}

/// What is told of a mask, which a pair has no place for.
fn mask_left_out(dataset: &Dataset, path: &Path) -> Option<String> {
    let good = dataset.mask.as_ref()?.good();
    let bad = good.iter().filter(|&&good| !good).count();
    (bad > 0).then(|| {
        format!(
            "{}: the mask is left out, for a pair has no place for it: its {bad} bad pixels of {} hold 0 \
             there, which other programs take for darkness that was measured; give them the mask, \
             which OUT.npz or OUT.cxi keeps, apart",
            path.display(),
            good.len()
        )
    })
}

/// What is told of how the patterns come about, and of the detector's limit, which a pair has no
/// place for: each, and what says it to whoever reads the pair.
fn physics_left_out(dataset: &Dataset, path: &Path) -> Option<String> {
    let physics = dataset.physics();
    let mut lost = Vec::new();
    match physics.as_ref().map(|physics| physics.propagation) {
        Ok(Propagation::NearField { fresnel_number }) => {
            let moves = physics.as_ref().is_ok_and(|physics| physics.moves == Moves::Probe);
            let moves = if moves { " --moves probe" } else { "" };
            lost.push(format!("the near field (--fresnel-number {fresnel_number}{moves})"));
        }
        Err(_) if dataset.geometry == Some(Geometry::NearField) => {
            lost.push("the near field (--geometry near-field)".to_owned());
        }
        _ => {}
    }
    let Physics { motion, blur, slices, .. } = physics.unwrap_or_default();
    match (motion.len(), Physics::path(&motion)) {
        (0, _) => {}
        (_, Some((y, x))) => {
            // Of places that were made of the path a ten millionth of a pixel says as much.
            let plain = |along: f64| (along * 1e7).round() / 1e7;
            lost.push(format!("the path of an exposure (--fly={},{})", plain(y), plain(x)));
        }
        (places, None) => lost.push(format!(
            "the {places} places of an exposure (no option says them, for they lie on no straight \
             path)"
        )),
    }
    if blur > 0.0 {
        lost.push(format!("the detector's blur (--detector-blur {blur})"));
    }
    if let Some(Slices { count, fresnel_number }) = slices {
        lost.push(format!(
            "the gap between slices (--slices {count} --slice-fresnel-number {fresnel_number})"
        ));
    }
    if let Some(limit) = dataset.metadata.as_ref().and_then(limit::stated) {
        lost.push(format!("the detector's limit (reconstruct --saturation {limit})"));
    }
    (!lost.is_empty()).then(|| {
        format!(
            "{}: left out, for a pair has no place for it: {}; whoever reads the pair must say \
             it, and OUT.npz or OUT.cxi keeps it",
            path.display(),
            lost.join(", ")
        )
    })
}

/// Writes positions as ptychodus reads them from text: a line of y and x for each pattern, without
/// a heading, which it would count as one.
fn write_positions(positions: &[(f64, f64)], path: &Path) -> std::io::Result<()> {
    atomic::write(path, |file| {
        positions.iter().try_for_each(|(y, x)| writeln!(file, "{y:e},{x:e}"))
    })
}
