//! A study folder with made-up results of the right shape, so that the page can be tested without
//! reconstructing anything.

pub mod browser;

use lapwing_compare::Region;
use lapwing_draw::{Colormap, Painter};
use lapwing_files::metadata;
use lapwing_files::npy::{Array, Values};
use lapwing_model::{Complex32, Field, Position};
use lapwing_study::record::{
    Files, JobResult, LossSummary, Manifest, ShiftRecord, Skipped, Status, Strategy, Telemetry,
};
use lapwing_study::{Case, Condition, Design, Split, StudyFolder, View};
use ndarray::{Array2, s};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// Side of the made-up object, pixels.
const SIDE: usize = 220;

/// Content hash of every made-up data set.
const INPUT_HASH: &str = "00";

/// Uniform values in [-1, 1), the same on every machine.
pub struct Noise(u32);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// What is special about the study.
#[derive(Default)]
pub struct Special<'a> {
    pub name: &'a str,
    /// (condition, why it failed)
    pub failed: Vec<(Condition, String)>,
    /// (condition, why it was skipped)
    pub skipped: Vec<(Condition, String)>,
    /// Conditions that have not run.
    pub pending: Vec<Condition>,
    /// Two solvers, LSQML and a better ML, and three noise realisations whose quality differs by
    /// 0.01.
    pub several: bool,
    /// Side of an object pixel, metres.
    pub pixel_size: Option<f64>,
    /// A measured scan: compared with its full-dose reconstruction, and with itself by halves.
    pub measured: bool,
    /// Photons per pattern that the doses of a measured scan were thinned from.
    pub thinned_from: Option<f64>,
    /// The only split that is reconstructed.
    pub splits: Option<&'a str>,
    /// Error maps in short.
    pub maps: bool,
    /// Further sections of the design.
    pub sections: &'a str,
    /// Phase SSIM of an image without any detail.
    pub flat: Option<f64>,
    /// Complex correlation of an image without any detail.
    pub flat_field: Option<f64>,
    /// Complex correlation of an image without any detail with one half of the photons.
    pub flat_half: Option<f64>,
    /// Conditions whose ring correlation dips at its second ring and rises again.
    pub dips: Vec<Condition>,
    /// Positions in a row of the scan, 16 unless given; a scan of few rows more than columns.
    pub across: Option<usize>,
    /// Pictures of every pixel, which the page lays upon each other, in place of every fourth.
    pub whole_pictures: bool,
    /// A scan that was turned and whose positions were moved, and an object of two slices.
    pub refined: bool,
}

/// Writes a study of three doses, three views and two splits.
pub fn write_study(root: &Path, special: &Special) {
    let folder = StudyFolder::new(root);
    let name = if special.name.is_empty() { "made up" } else { special.name };
    let solvers = match special.several {
        true => "repeats = 3\n[[solver]]\nalgorithm = \"LSQML\"\n[[solver]]\nalgorithm = \"ML\"\n",
        false => "[solver]\n",
    };
    let text = format!(
        "[study]\nname = {}\ndoses = [1e3, 1e4, 1e5]\n{}{solvers}{}",
        json!(name),
        special.splits.map(|split| format!("splits = [{split:?}]\n")).unwrap_or_default(),
        special.sections
    );
    let design = Design::parse(&text, root).unwrap();
    fs::create_dir_all(folder.artifact_root()).unwrap();
    fs::write(folder.design_file(), design.to_toml().unwrap()).unwrap();
    let manifest = Manifest {
        timestamp: "2026-01-02T03:04:05Z".parse().unwrap(),
        phase_c_root: folder.data_root(),
        phase_d_root: folder.views_root(),
        artifact_root: folder.artifact_root(),
        filters: Default::default(),
        total_jobs: 18,
        filtered_jobs: 18,
        jobs: Vec::new(),
        missing_jobs: special
            .skipped
            .iter()
            .map(|(condition, reason)| Skipped {
                case: (*condition).into(),
                reason: reason.clone(),
            })
            .collect(),
        execution_results: Vec::new(),
        run_ids: Vec::new(),
        dry_run: false,
    };
    let path = folder.artifact_root().join("reconstruction_manifest.json");
    fs::write(path, serde_json::to_vec(&manifest).unwrap()).unwrap();
    for dose in [1_000, 10_000, 100_000] {
        for split in Split::ALL {
            write_data(&folder, dose, split, special);
        }
    }
    write_ledger(&folder, &design);
    for case in design.cases() {
        let condition = case.condition;
        let absent = special.pending.contains(&condition)
            || special.skipped.iter().any(|(c, _)| *c == condition);
        if !absent {
            let failure =
                special.failed.iter().find(|(c, _)| *c == condition).map(|(_, why)| why.clone());
            let solver = &design.solver(&case).unwrap().method;
            write_job(&folder, &case, json!(solver), failure, special);
        }
    }
}

static OBJECT: LazyLock<Field> = LazyLock::new(|| {
    Field::from_shape_fn((SIDE, SIDE), |(y, x)| {
        let (y, x) = (y as f32, x as f32);
        let cells =
            (0.11 * x + 2.0 * (0.05 * y).sin()).sin() * (0.13 * y + 1.5 * (0.04 * x).cos()).sin();
        Complex32::from_polar(0.8 + 0.2 * cells.abs(), 0.9 * cells)
    })
});

fn positions(split: Split, special: &Special) -> Vec<[f64; 2]> {
    let top = if split == Split::Train { 33.0 } else { 110.0 };
    let mut noise = Noise(7);
    let across = special.across.unwrap_or(16);
    (0..across * across * 5 / 8)
        .map(|i| {
            let (row, column) = ((i / across) as f64, (i % across) as f64);
            let step = 16.0 / across as f64;
            let y = top + step * (8.0 * row + f64::from(noise.next()));
            [y, 40.0 + step * (9.0 * column + f64::from(noise.next()))]
        })
        .collect()
}

fn probe() -> Field {
    Field::from_shape_fn((64, 64), |(y, x)| {
        let (y, x) = ((y as f32 - 32.0) / 10.0, (x as f32 - 32.0) / 10.0);
        Complex32::from_polar((-(y * y + x * x)).exp(), y * y + x * x)
    })
}

fn complex(field: &Field) -> Array {
    let values = Values::C64(field.iter().copied().collect());
    Array::new(field.shape().to_vec(), values).unwrap()
}

fn real(shape: Vec<usize>, values: Vec<f64>) -> Array {
    Array::new(shape, Values::F64(values)).unwrap()
}

fn write_data(folder: &StudyFolder, dose: u64, split: Split, special: &Special) {
    let path = lapwing_study::layout::data_file(&folder.data_root(), dose, split);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let scan = positions(split, special);
    let column = |axis: usize| real(vec![scan.len()], scan.iter().map(|p| p[axis]).collect());
    let mut arrays = vec![
        ("objectGuess", complex(&OBJECT)),
        ("probeGuess", complex(&probe())),
        ("ycoords", column(0)),
        ("xcoords", column(1)),
    ];
    if let Some(from) = special.thinned_from {
        let mut history = serde_json::Map::new();
        let parameters = json!({"from": from, "dose": dose});
        metadata::append_transformation(&mut history, "lapwing thin", "thinning", parameters);
        arrays.push((metadata::KEY, metadata::to_array(&history)));
    }
    lapwing_files::npz::write(path, &arrays).unwrap();
}

/// The record of which files the study made: a result counts only when its input is one of them.
fn write_ledger(folder: &StudyFolder, design: &Design) {
    let inputs = design.cases().into_iter().map(|case| {
        let input = folder.roots().input(case.condition, case.repeat);
        input.strip_prefix(folder.root()).unwrap().to_string_lossy().replace('\\', "/")
    });
    let entry = json!({"key": "00", "sha256": INPUT_HASH});
    let ledger: serde_json::Map<String, Value> =
        inputs.map(|input| (input, entry.clone())).collect();
    fs::write(folder.root().join("made.json"), serde_json::to_vec(&ledger).unwrap()).unwrap();
}

fn write_job(
    folder: &StudyFolder,
    case: &Case,
    options: Value,
    failure: Option<String>,
    special: &Special,
) {
    let (job, condition) = (folder.job_dir(case), case.condition);
    fs::create_dir_all(&job).unwrap();
    let every = match condition.view {
        View::Baseline => 1,
        View::Dense => 4,
        View::Sparse | View::Step(_) => 16,
    };
    let all = positions(condition.split, special);
    let kept: Vec<[f64; 2]> = all.iter().copied().step_by(every).collect();
    let better = if case.solver.is_some() { 0.04 } else { 0.0 } + 0.01 * (case.repeat - 1) as f64;
    let quality =
        ((condition.dose as f64).log10() - 2.0) / 3.2 - 0.07 * (every as f64).ln() + better;
    let spread = (1.1 - quality) as f32;

    let mut noise = Noise(condition.dose as u32 + every as u32);
    let scan: Vec<Position> = all.iter().map(|&[y, x]| Position { y, x }).collect();
    let (rows, columns) = Region::window((SIDE, SIDE), &scan).unwrap();
    let truth = OBJECT.slice(s![rows, columns]);
    let aligned = truth.mapv(|v| v + Complex32::new(noise.next(), noise.next()) * (0.35 * spread));
    let error = Array2::from_shape_fn(truth.dim(), |at| (aligned[at] - truth[at]).norm());
    // What takes long is to compress pictures, here and on the page.
    let every_pixel = if special.whole_pictures { 1 } else { 4 };
    let shown = aligned.slice(s![..;every_pixel, ..;every_pixel]);
    let painter = Painter::default();
    let write = |name: &str, bytes: &[u8]| {
        fs::write(job.join(name), bytes).unwrap();
        Some(name.to_owned())
    };
    let loss: Vec<f64> = (0..60).map(|i| 1.0 + 40.0 * (-f64::from(i) / 9.0).exp()).collect();
    let table: String =
        loss.iter().enumerate().map(|(i, loss)| format!("{},{loss:e}\n", i + 1)).collect();
    let frequency: Vec<f64> = (1..=38).map(|i| f64::from(i) / 76.0).collect();
    let curve = |shift: f64| -> serde_json::Value {
        let fall = |&f: &f64| 1.0 / (1.0 + ((f - 0.35 * quality + shift) * 30.0).exp());
        let count: Vec<usize> = (1..=frequency.len()).map(|ring| 6 * ring).collect();
        let mut correlation: Vec<f64> = frequency.iter().map(fall).collect();
        if special.dips.contains(&condition) {
            correlation[1] = 0.04;
        }
        json!({"frequency": frequency, "correlation": correlation, "count": count})
    };
    let metrics = json!({
        "amplitude_ssim": quality - 0.08, "phase_ssim": quality, "complex_correlation": 0.9 + 0.1 * quality,
        "complex_nrmse": 0.4 * (1.0 - quality), "phase_frc_0_5": 0.35 * quality,
        "amplitude_frc_0_5": 0.3 * quality, "phase_ms_ssim": null,
    });
    let alignment = json!({
        "shift": [0.02, -0.13], "ramp": [1e-4, 2e-3], "scale": 1.02, "phase": 0.3,
        "iterations": 4, "converged": true,
    });
    let mut comparison =
        json!({"metrics": metrics, "alignment": alignment, "pixel_size_m": special.pixel_size});
    if let Some(flat) = special.flat {
        comparison["metrics"]["phase_ssim_flat"] = json!(flat);
    }
    if let Some(flat) = special.flat_field {
        comparison["metrics"]["complex_correlation_flat"] = json!(flat);
    }
    if special.measured {
        comparison["reference"] = json!("full-dose reconstruction");
        comparison["metrics"]["halves_complex_correlation"] = json!(quality);
        comparison["metrics"]["halves_phase_frc_half_bit"] = json!(0.25);
    }
    if let Some(flat) = special.flat_half {
        comparison["metrics"]["halves_complex_correlation_flat"] = json!(flat);
    }
    let mut whole = comparison.clone();
    let curves = |shift| json!({"phase": curve(shift), "amplitude": curve(shift + 0.03), "complex": curve(shift - 0.02)});
    if special.measured {
        whole["halves"] = json!({"metrics": {"complex_correlation": quality}, "frc": curves(0.02)});
    }
    if special.refined {
        let of_slice = |error: f64| json!({"complex_nrmse": error});
        whole["slices"] = json!([of_slice(0.125), of_slice(0.25)]);
    }
    whole["frc"] = curves(0.0);
    let scan = |(down, right): (f64, f64)| {
        real(
            vec![kept.len(), 2],
            kept.iter()
                .enumerate()
                .flat_map(|(j, &[y, x])| {
                    let sign = [1.0, -1.0][j % 2];
                    [y + sign * down, x + sign * right]
                })
                .collect(),
        )
    };
    let arrays = match special.refined {
        true => {
            // A probe whose focus wanders, from a beam that fades.
            let waves: Vec<Complex32> =
                (0..kept.len()).map(|j| (0.05 * j as f32).sin().into()).collect();
            let eigenmode = probe().into_raw_vec_and_offset().0;
            let power = (0..kept.len()).map(|j| 1.2 - 0.002 * j as f64).collect();
            vec![
                ("positions", scan((0.3, -0.4))),
                ("measured_positions", scan((0.0, 0.0))),
                ("reconstructed_probe", complex(&probe())),
                ("probe_eigenmodes", Array::new(vec![1, 64, 64], Values::C64(eigenmode)).unwrap()),
                ("probe_weights", Array::new(vec![kept.len(), 1], Values::C64(waves)).unwrap()),
                ("beam_power", real(vec![kept.len()], power)),
            ]
        }
        false => vec![("positions", scan((0.0, 0.0)))],
    };
    lapwing_files::npz::write(job.join("reconstruction.npz"), &arrays).unwrap();

    // Over the positions as they were moved, which the phase of the product is not.
    let ends = |axis: usize, moved: f64| {
        let at = kept.iter().map(|position| position[axis]);
        let least = at.clone().fold(f64::INFINITY, f64::min) - moved;
        let most = at.fold(0.0, f64::max) + moved;
        least.floor() as usize..most.ceil() as usize + 1
    };
    let (rows, columns) = match special.whole_pictures {
        true => (ends(0, 0.3), ends(1, 0.4)),
        false => (0..8, 0..8),
    };
    let part = OBJECT.slice(s![rows, columns]);
    let slice = |name| write(name, &painter.range((-0.9, 0.9)).phase(part).png());
    let slices = match special.refined {
        true => ["phase_slice_1.png", "phase_slice_2.png"].map(slice),
        false => [None, None],
    };
    let tried = [[0.0, 2.0], [-3.4, 1.1], [-2.9, 1.0], [-2.5, 1.2], [-2.971, 0.99]]
        .map(|[value, score]| json!({"value": value, "score": score}));
    let turned =
        json!({"option": "scan_rotation_deg", "value": -2.971, "sd": 0.013, "tried": tried});
    let choices = match special.refined {
        true => vec![serde_json::from_value(turned).unwrap()],
        false => Vec::new(),
    };
    let done = failure.is_none();
    let files = Files {
        reconstruction: Some("reconstruction.npz".to_owned()),
        loss_csv: write("loss.csv", format!("epoch,loss\n{table}").as_bytes()),
        amplitude: write("amplitude.png", &painter.range((0.7, 1.05)).amplitude(shown).png()),
        phase: write("phase.png", &painter.range((-0.9, 0.9)).phase(shown).png()),
        probe: write("probe.png", &painter.complex(probe().view()).png()),
        error: write(
            "error.png",
            &painter
                .map(Colormap::Error)
                .range((0.0, 0.5))
                .scalar(error.slice(s![..;every_pixel, ..;every_pixel]))
                .png(),
        ),
        comparison: write("comparison.json", whole.to_string().as_bytes()),
        log: write("log.txt", b"a log\n"),
        loss_svg: None,
        overview: None,
        zoom: special.refined.then(|| write("zoom.html", b"<p>tiles</p>")).flatten(),
        amplitude_sd: None,
        phase_sd: None,
        shifts: special.refined.then(|| "shifts.svg".to_owned()),
        variation: None,
        slices: slices.into_iter().flatten().collect(),
    };
    let result = JobResult {
        condition: Some(condition),
        repeat: case.repeat,
        solver: case.solver.clone().unwrap_or_else(|| "LSQML".to_owned()),
        status: if done { Status::Done } else { Status::Failed },
        error: failure,
        timestamp: "2026-01-02T03:04:05Z".parse().unwrap(),
        algorithm: "LSQML".to_owned(),
        options,
        input_npz: "unused.npz".into(),
        input_hash: INPUT_HASH.to_owned(),
        key: "00".to_owned(),
        seconds: 12.5,
        seconds_per_epoch: Some(0.2),
        peak_memory_mb: Some(310.0),
        loss: Some(LossSummary { epochs: 60, first: 41.0, last: 1.05, best: 1.05 }),
        n_patterns: kept.len(),
        pattern_shape: (64, 64),
        mean_counts: Some(condition.dose as f64 * 1.01),
        probe_diameter_px: 24.0,
        overlap: 0.6 / every as f64,
        step_px: Some(8.0 * (every as f64).sqrt()),
        linear_overlap: Some(1.0 - 8.0 * (every as f64).sqrt() / 40.0),
        exposure: Some("the detector blurs by 0.5 px".to_owned()),
        covered_px: Some(20_000.0),
        pixel_size_m: special.pixel_size,
        noise: None,
        misfit: None,
        settled: None,
        lattice_excess: None,
        remarks: Vec::new(),
        start_probe: None,
        calibration: None,
        choices,
        shifts: special.refined.then_some(ShiftRecord {
            rms_px: 0.5,
            largest_px: 0.75,
            beyond_map_px: Some(0.25),
        }),
        variation: special.refined.then(|| {
            let eigenmode = json!({"share": 0.0312, "successive": -0.75});
            let power = json!({"sd": 0.1, "lowest": 0.88, "highest": 1.2});
            serde_json::from_value(json!({"eigenmodes": [eigenmode], "power": power})).unwrap()
        }),
        error_maps: special.maps.then(|| {
            let maps = json!({"replicates": 4, "amplitude_rms": 0.02, "phase_rms": 0.03,
                "amplitude_within": [0.6, 0.9], "phase_within": [0.61, 0.93]});
            serde_json::from_value(maps).unwrap()
        }),
        device: None,
        trusted_name: None,
        view: (every > 1).then_some(Telemetry {
            selection_strategy: Strategy::Greedy,
            acceptance_rate: kept.len() as f64 / all.len() as f64,
            spacing_threshold: 19.2,
            n_accepted: kept.len(),
            n_rejected: all.len() - kept.len(),
        }),
        shared_fraction: Some(0.08),
        comparison: done.then(|| serde_json::from_value(comparison).unwrap()),
        not_compared: None,
        files: if done {
            files
        } else {
            Files { log: Some("log.txt".to_owned()), ..Files::default() }
        },
    };
    fs::write(job.join("result.json"), serde_json::to_vec(&result).unwrap()).unwrap();
}
