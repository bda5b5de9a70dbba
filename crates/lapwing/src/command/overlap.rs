//! `lapwing overlap`: the overlap metrics of a data set.

use crate::input::Reading;
use crate::output::{Output, counted, other_than_input, there};
use crate::value;
use anyhow::{Context, bail};
use clap::Args;
use lapwing_files::metadata::{self, physics_parameter};
use lapwing_files::{Archive, ArrayInfo, Container, ReadOptions, dialect};
use lapwing_model::Position;
use lapwing_study::data::probe_diameter;
use lapwing_study::overlap::{self, Sampling, measure};
use lapwing_study::run::{files_of_overlaps, split_file, write_overlaps};
use lapwing_study::views::{data_out_of_place, data_with_ways_on};
use lapwing_study::{Split, jobs};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Measure how much neighbouring illuminated discs overlap
///
/// The overlap of two discs is the share of a disc's area that both cover: 1 at the same place,
/// 0.391 half a diameter apart. Metric 1: within groups (grid size 2); metric 2: of an image with
/// its nearest neighbours; metric 3: between groups. Positions alone are enough, with
/// --probe-diameter-px: those of a data set, of a NumPy array (n, 2) or of a text file, in pixels.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  lapwing overlap --input dense_train.npz --gridsize 2 --s-img 0.5 --n-groups 512 --json\n  \
    lapwing overlap --data-root data/dose_1000 --output overlap --gridsize 2 --s-img 0.5,1 \\\n    \
    --n-groups 512"
)]
pub struct Overlap {
    /// The scan, in any format that is read
    #[arg(value_name = "FILE", conflicts_with_all = ["input", "phase_c_root"],
          required_unless_present_any = ["input", "phase_c_root"])]
    file: Option<PathBuf>,
    /// The same, by name
    #[arg(long, alias = "input-npz", value_name = "FILE")]
    input: Option<PathBuf>,
    /// In place of a scan, a folder with one data set *train.npz and one *test.npz
    #[arg(
        long = "data-root",
        alias = "phase-c-root",
        value_name = "DIR",
        conflicts_with = "input",
        requires = "output_root"
    )]
    phase_c_root: Option<PathBuf>,
    /// Folder for train_metrics.json, test_metrics.json, metrics_bundle.json and the images kept,
    /// train.npz and test.npz; for several --s-img in a folder each, s_img_<F>
    #[arg(long = "output", alias = "output-root", value_name = "DIR",
          requires = "phase_c_root", conflicts_with_all = ["file", "input"])]
    output_root: Option<PathBuf>,
    /// Images per group = gridsize squared: 1 or 2
    #[arg(long, value_name = "1|2", default_value_t = 1,
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=2))]
    gridsize: usize,
    /// Share of the images that is kept, above 0 and at most 1: floor(F n) of n; several with
    /// commas
    #[arg(long, alias = "simg", value_name = "F", default_value = "1", value_delimiter = ',', value_parser = value::positive_share)]
    s_img: Vec<f64>,
    /// Number of groups, at most 10,000,000; of grid size 1, where every image is a group, the
    /// most that are taken [default: as many as there are images]
    #[arg(long, alias = "ngroups", value_name = "G", value_parser = value::whole)]
    n_groups: Option<usize>,
    /// Number of neighbours for metrics 1 and 2; the files of a study are over those of its design,
    /// 7 unless it says so
    #[arg(long, value_name = "K", default_value_t = overlap::NEIGHBOR_COUNT, value_parser = value::whole)]
    neighbor_count: usize,
    /// Diameter of the illuminated disc, pixels [default: the probe's, else 0.6 of the pattern's
    /// side]
    #[arg(long, value_name = "D", value_parser = value::positive)]
    probe_diameter_px: Option<f64>,
    /// Seed of the image and group draws
    #[arg(long, value_name = "SEED", default_value_t = 456)]
    rng_seed_subsample: u64,
    /// Take the data sets of --data-root for the splits that their names say, though their metadata
    /// say otherwise; that is told
    #[arg(long, requires = "phase_c_root")]
    trust_names: bool,
    #[command(flatten)]
    reading: Reading,
}

impl Overlap {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        match (self.file.as_ref().or(self.input.as_ref()), &self.phase_c_root, &self.output_root) {
            (Some(input), ..) => self.measured(input, output),
            (None, Some(data), Some(folder)) => self.written(data, folder, output),
            (None, ..) => bail!("expected a scan, or --data-root and --output"),
        }
    }

    fn measured(&self, input: &Path, output: Output) -> anyhow::Result<ExitCode> {
        let (scan, diameter) = self.scan(input, output)?;
        let each = self.s_img.iter().map(|&s_img| {
            measure(&scan, &self.sampling(s_img, scan.len(), diameter))
                .with_context(|| input.display().to_string())
        });
        let found = each.collect::<anyhow::Result<Vec<_>>>()?;
        let words: Vec<String> = found.iter().map(words).collect();
        let record = match found.as_slice() {
            [one] => json!(one),
            several => json!(several),
        };
        output.result(&record, words.join("\n"))?;
        Ok(ExitCode::SUCCESS)
    }

    fn written(&self, data: &Path, root: &Path, output: Output) -> anyhow::Result<ExitCode> {
        let folders: Vec<PathBuf> = match self.s_img.as_slice() {
            [_] => vec![root.to_path_buf()],
            several => several.iter().map(|s_img| root.join(format!("s_img_{s_img}"))).collect(),
        };
        let inputs = [split_file(data, Split::Train)?, split_file(data, Split::Test)?];
        for folder in &folders {
            // Beside the splits its own would be taken for theirs the next time.
            other_than_input(folder, "--output", data)?;
            for file in files_of_overlaps(folder) {
                for input in &inputs {
                    self.reading.refuse_onto_input(&file, "an output in --output", input)?;
                }
            }
        }
        let read = |file| -> anyhow::Result<_> { Ok(self.reading.read(file, None, output)?.0) };
        let (train, test) = (read(&inputs[0])?, read(&inputs[1])?);
        let reading = self.reading.options();
        for ((file, dataset), split) in inputs.iter().zip([&train, &test]).zip(Split::ALL) {
            match data_out_of_place(file, (dataset, &reading), dose_of(data), split)? {
                Some(told) if self.trust_names => output.warn(told),
                Some(told) => bail!("{}", data_with_ways_on(&told)),
                None => {}
            }
        }
        let diameter = self.probe_diameter_px.unwrap_or_else(|| probe_diameter(&train));
        let (mut told, mut records) = (String::new(), Vec::<Value>::new());
        for (&s_img, folder) in self.s_img.iter().zip(&folders) {
            let most = train.n_patterns().max(test.n_patterns());
            let sampling = self.sampling(s_img, most, diameter);
            let files = files_of_overlaps(folder);
            let replaced = there(files.iter().map(PathBuf::as_path));
            let bundle = write_overlaps(&train, &test, &sampling, folder)
                .with_context(|| data.display().to_string())?;
            output.note_replaced(&replaced);
            for (split, overlap) in [("train", &bundle.train), ("test", &bundle.test)] {
                if let Some(overlap) = overlap {
                    // Writing to a string does not fail.
                    let _ = writeln!(told, "{split}, s_img {s_img}: {}", words(overlap));
                }
            }
            let _ = writeln!(told, "wrote {}", folder.join("metrics_bundle.json").display());
            records.push(json!({ "folder": folder, "s_img": s_img, "metrics": bundle }));
        }
        output.result(&records, told)?;
        Ok(ExitCode::SUCCESS)
    }

    fn sampling(&self, s_img: f64, images: usize, probe_diameter_px: f64) -> Sampling {
        Sampling {
            gridsize: self.gridsize,
            s_img,
            n_groups: self.n_groups.unwrap_or(images.max(1)),
            neighbor_count: self.neighbor_count,
            probe_diameter_px,
            rng_seed_subsample: self.rng_seed_subsample,
        }
    }

    /// Positions and the diameter of the disc, of a data set or of a file that has no patterns.
    fn scan(&self, input: &Path, output: Output) -> anyhow::Result<(Vec<Position>, f64)> {
        if let Some(scan) = self.file_of_positions(input)? {
            self.refuse_reading(input)?;
            let diameter = self.probe_diameter_px.with_context(|| no_diameter(input))?;
            return Ok((scan, diameter));
        }
        let Some(archive) = positions_alone(input) else {
            let (dataset, _) = self.reading.read(input, None, output)?;
            let diameter = self.probe_diameter_px.unwrap_or_else(|| probe_diameter(&dataset));
            return Ok((dataset.scan, diameter));
        };
        self.refuse_reading(input)?;
        let scan = jobs::positions_alone(input)?;
        let diameter = self.probe_diameter_px.or_else(|| told_diameter(&archive));
        let diameter = diameter.with_context(|| no_diameter(input))?;
        Ok((scan, diameter))
    }

    /// Refuses what is said about how a scan is stored where there are positions alone.
    fn refuse_reading(&self, input: &Path) -> anyhow::Result<()> {
        let Some((option, _)) = self.reading.given().first() else { return Ok(()) };
        bail!(
            "--{}: {} has positions alone, which are taken as they are, (y, x) in pixels: expected \
             none of the options of reading, or the file of the whole scan",
            option.flag(),
            input.display()
        )
    }

    /// The positions of a file that holds nothing else: an array (n, 2) of its own, or text, as
    /// `--positions` names them beside patterns.
    fn file_of_positions(&self, input: &Path) -> anyhow::Result<Option<Vec<Position>>> {
        let ending = input.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let alone = match ending.to_lowercase().as_str() {
            "npy" => Container::open(input)
                .and_then(|file| file.list())
                .is_ok_and(|arrays| arrays.iter().all(|array| array.shape.len() == 2)),
            "csv" | "txt" | "tsv" | "dat" => input.is_file(),
            _ => false,
        };
        if !alone {
            return Ok(None);
        }
        let scan = dialect::positions_in_pixels(input)?;
        match scan.iter().position(|at| !(at.y.is_finite() && at.x.is_finite())) {
            Some(index) => bail!(
                "{}: positions: expected finite numbers, found y {}, x {} at index {index}",
                input.display(),
                scan[index].y,
                scan[index].x
            ),
            None => Ok(Some(scan)),
        }
    }
}

/// That the disc of positions alone must be told.
fn no_diameter(input: &Path) -> String {
    format!(
        "{}: it has positions alone: expected --probe-diameter-px, the diameter of the illuminated \
         disc",
        input.display()
    )
}

/// The dose that the name of a folder tells, `dose_1000`.
fn dose_of(folder: &Path) -> Option<u64> {
    folder.file_name()?.to_str()?.strip_prefix("dose_")?.parse().ok()
}

/// The archive, when it has positions and nothing that could be patterns: no dialect finds them,
/// and there is no stack with a layer for each position under a name that is not known.
fn positions_alone(input: &Path) -> Option<Archive> {
    /// What a file without patterns may have for each position.
    const OTHERS: [&str; 2] = ["Y", "mask"];
    let archive = Archive::open(input).ok()?;
    let claimed = dialect::name_of(&Container::open(input).ok()?, &ReadOptions::default());
    let arrays = archive.list().ok()?;
    let of = |name: &str| arrays.iter().find(|array| array.name == name);
    let (x, _) = of("xcoords").zip(of("ycoords"))?;
    let could_be = |array: &ArrayInfo| {
        array.shape.len() > 2
            && array.shape.first() == x.shape.first()
            && !OTHERS.contains(&array.name.as_str())
    };
    (claimed.is_none() && !arrays.iter().any(could_be)).then_some(archive)
}

/// The diameter that the metadata tell.
fn told_diameter(archive: &Archive) -> Option<f64> {
    physics_parameter(&metadata::read(archive).ok()??, "probe_diameter_px")
}

fn words(overlap: &overlap::Overlap) -> String {
    let within = match overlap.metric_1_group_based_avg {
        Some(value) => format!("metric 1 (within groups)   {value:.4}\n"),
        None => String::new(),
    };
    format!(
        "{}, {} kept, {}, {}; probe diameter {:.2} px\n\
         {within}metric 2 (with neighbours) {:.4}\nmetric 3 (between groups)  {:.4}",
        counted(overlap.n_images_total, "image"),
        overlap.n_images_subsampled,
        counted(overlap.n_unique_images, "different position"),
        counted(overlap.n_groups_actual, "group"),
        overlap.sampling.probe_diameter_px,
        overlap.metric_2_image_based_avg,
        overlap.metric_3_group_to_group_avg,
    )
}
