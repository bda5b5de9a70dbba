//! Designs as they are written, settled and refused.

use super::*;
use crate::design::condition::View;
use crate::design::solver::{Method, ObjectStart, ProbeStart, StudySolver};
use lapwing_files::npz::{Packing, write_with};
use lapwing_model::Complex32;
use lapwing_model::probe::ProbeDesign;
use lapwing_model::simulate::Apparatus;

fn parse(text: &str) -> Result<Design, DesignError> {
    Design::parse(text, Path::new("/base"))
}

fn refused(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_template_and_an_empty_file_are_the_defaults() {
    assert_eq!(parse("").unwrap(), Design::default());
    assert_eq!(parse(TEMPLATE).unwrap(), Design::default());
}

#[test]
fn the_shipped_examples_are_designs() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    assert_eq!(Design::load(&examples.join("fly64.toml")).unwrap(), Design::default());
    let quick = Design::load(&examples.join("quick.toml")).unwrap();
    assert_eq!((quick.conditions().len(), quick.study.pattern_size), (18, 64));
    let star = Design::load(&examples.join("star-search.toml")).unwrap();
    assert_eq!((star.conditions().len(), star.study.repeats, star.study.halves), (6, 3, true));
    // The baseline and the best, side by side.
    let solvers: Vec<&str> = quick.solvers.iter().map(StudySolver::algorithm).collect();
    assert_eq!(solvers, ["LSQML", "ML"]);
    // With error maps beside the best image.
    let maps = |solver: &StudySolver| match &solver.method {
        Method::Native(config) => config.errors.error_maps,
        Method::External(_) => 0,
    };
    let star = Design::load(&examples.join("siemens-star.toml")).unwrap();
    assert_eq!([&quick, &star].map(|of| maps(&of.solvers[1])), [2, 2]);
}

#[test]
fn defaults_are_the_constants_of_the_reference_study() {
    let design = Design::default();
    assert_eq!(design.study.doses, [1_000, 10_000, 100_000]);
    assert_eq!((design.study.pattern_size, design.study.neighbor_count), (128, 7));
    assert_eq!(design.study.gridsize, [1, 2]);
    assert_eq!(design.views.spacing(View::Dense, 128), Some(38.4));
    assert_eq!(design.views.spacing(View::Sparse, 128), Some(102.4));
    assert_eq!(design.views.spacing(View::Baseline, 128), None);
    assert_eq!(design.seeds, Seeds { simulation: 42, grouping: 123, subsampling: 456 });
    let solvers: Vec<(&str, &str, usize)> =
        design.solvers.iter().map(|s| (s.name.as_str(), s.algorithm(), s.epochs())).collect();
    assert_eq!(solvers, [("LSQML", "LSQML", 100), ("ML", "ML", 372)]);
    for solver in &design.solvers {
        assert_eq!(solver.starts(), (&ObjectStart::Flat, ProbeStart::Perturbed));
    }
    assert_eq!((design.study.repeats, design.cases().len()), (1, 36));
    assert_eq!(design.conditions().len(), 18);
}

#[test]
fn the_settled_design_reads_back_as_itself() {
    for text in [
        "",
        "[study]\ndoses = [500, 1e6]\nviews = [\"dense\"]\n[scan]\noverlap = 0.8\nfield = [100, 200]\n[solver]\nepochs = 3\n",
        "[base]\nfile = \"a.npz\"\n[scan]\nstep = 3.5\n",
        "[base]\nfile = \"a.npz\"\n",
    ] {
        let design = parse(text).unwrap();
        let text = design.to_toml().unwrap();
        assert_eq!(parse(&text).unwrap(), design, "{text}");
    }
}

#[test]
fn an_empty_file_is_no_design_and_says_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study.toml");
    for text in ["", " \n\t\n"] {
        std::fs::write(&file, text).unwrap();
        let loaded = Design::load(&file).unwrap_err().to_string();
        let resolved = crate::StudyFolder::new(folder.path()).design().unwrap_err().to_string();
        for message in [loaded, resolved] {
            for part in ["study.toml is empty", "lapwing study init", "lapwing study run"] {
                assert!(message.contains(part), "{message}");
            }
        }
    }
    std::fs::remove_file(&file).unwrap();
    assert!(Design::load(&file).unwrap_err().to_string().contains("study.toml"));
    assert_eq!(crate::StudyFolder::new(folder.path()).design().unwrap(), None);
}

#[test]
fn overlap_of_the_scan_becomes_a_step() {
    let design =
        parse("[scan]\noverlap = 0.75\n[probe]\nkind = \"disc\"\ndiameter = 60\n").unwrap();
    let Source::BuiltIn { scan, .. } = design.source else { panic!("{:?}", design.source) };
    assert!((scan.step - 15.0).abs() < 0.1, "{}", scan.step);
}

#[test]
fn base_files_are_found_beside_the_design() {
    let design = parse("[base]\nfile = \"a.npz\"\n").unwrap();
    let Source::Base { base, scan, probe, .. } = design.source else {
        panic!("{:?}", design.source)
    };
    assert_eq!(base.file, Path::new("/base/a.npz"));
    assert_eq!((scan, probe), (None, None));
}

#[test]
fn a_loaded_base_file_is_found_from_anywhere() {
    // The file's path is relative to the working directory of the test.
    let folder = tempfile::tempdir_in(".").unwrap();
    let relative = Path::new(folder.path().file_name().unwrap()).join("design.toml");
    std::fs::write(&relative, "[base]\nfile = \"a.npz\"\n").unwrap();
    let Source::Base { base, .. } = Design::load(&relative).unwrap().source else { panic!() };
    assert!(base.file.is_absolute(), "{}", base.file.display());
    assert!(
        base.file
            .ends_with(folder.path().file_name().unwrap().to_str().unwrap().to_owned() + "/a.npz")
    );
}

#[test]
fn invalid_designs_are_refused_naming_field_and_rule() {
    for (text, parts) in [
        (
            "[study]\nneighbor_count = 3",
            vec!["study.neighbor_count", "OVERSAMPLING-001", "found 3"],
        ),
        ("[study]\ndoses = []", vec!["study.doses", "at least one"]),
        ("[study]\ndoses = [1000, 0]", vec!["study.doses", "found 0"]),
        ("[study]\ndoses = [-5.0]", vec!["study.doses", "found -5"]),
        ("[study]\ndoses = [10.5]", vec!["study.doses", "whole", "found 10.5"]),
        ("[study]\ndoses = [nan]", vec!["study.doses", "found NaN"]),
        ("[study]\ndoses = [10, 10]", vec!["study.doses", "once"]),
        ("[study]\nviews = []", vec!["study.views"]),
        ("[study]\nsplits = [\"test\", \"test\"]", vec!["study.splits", "once"]),
        ("[study]\ngridsize = []", vec!["study.gridsize", "at least one"]),
        (
            "[views]\ndense_overlap = 0.9999999999999",
            vec!["views.dense_overlap", "spacing of 0 pixels"],
        ),
        ("[scan]\nfield = [1e6, 1e6]\nstep = 1e5", vec!["scan.field", "1073741824", "1.000e12"]),
        (
            "[scan]\nfield = [9e3, 9e3]\nstep = 3",
            vec!["scan.step", "17179869184", "9.006e6 patterns"],
        ),
        ("[solver]\nepochs = 1000001", vec!["solver.epochs", "1,000,000"]),
        ("[study]\ngridsize = [3]", vec!["study.gridsize", "found 3"]),
        ("[study]\npattern_size = 4", vec!["study.pattern_size", "found 4"]),
        ("[views]\ndense_overlap = 1.0", vec!["views.dense_overlap", "found 1"]),
        ("[views]\nsparse_overlap = -0.1", vec!["views.sparse_overlap", "found -0.1"]),
        ("[views]\nacceptance_floor = 2", vec!["views.acceptance_floor"]),
        ("[views]\nmin_positions = 0", vec!["views.min_positions"]),
        ("[split]\nfraction = 1.0", vec!["split.fraction"]),
        ("[split]\nguard_band = -1.0", vec!["split.guard_band"]),
        ("[scan]\nstep = 0", vec!["scan", "step 0"]),
        ("[scan]\nstep = 3\noverlap = 0.5", vec!["scan", "not both"]),
        ("[scan]\noverlap = 1.0", vec!["scan", "overlap 1"]),
        ("[scan]\nfield = [0, 10]", vec!["scan.field"]),
        ("[probe]\nkind = \"disc\"\ndiameter = 1", vec!["probe", "diameter"]),
        ("[solver]\nepochs = 0", vec!["solver.epochs"]),
        ("[solver]\nbatch_size = 0", vec!["solver.batch_size"]),
        ("solver = []", vec!["solver", "1 to 64"]),
        ("[[solver]]\n[[solver]]\nepochs = 3", vec!["solver.name", "no other has", "LSQML"]),
        ("[[solver]]\n[[solver]]\nname = \"lsqml\"", vec!["solver.name", "lsqml"]),
        ("[solver]\nname = \"../x\"", vec!["solver.name", "../x"]),
        ("[study]\nrepeats = 0", vec!["study.repeats", "1 to 10000"]),
        ("[base]\nfile = \"a.npz\"\n[specimen]", vec!["base", "specimen"]),
        ("[experiment.beam]\nenergy_kev = 8", vec!["experiment", "[base]"]),
        ("[base]\nfile = \"a.npz\"\nquantitty = 1", vec!["[base]", "quantitty", "is quantity"]),
        ("[base]\nfile = \"a.npz\"\npixel_size_m = -1", vec!["pixel_size_m", "positive"]),
        (
            "[base]\nmeasured = \"a.npz\"\n[experiment.beam]\nenergy = 1",
            vec!["[experiment]", "energy_kev"],
        ),
        (
            "[base]\nmeasured = \"a.npz\"\n[study]\npatches = true",
            vec!["study.patches", "simulated"],
        ),
        ("[study]\ndose = [1]", vec!["the key dose", "doses"]),
        ("[views]\nfloor = 1", vec!["acceptance_floor", "found the key floor"]),
        ("[study]\noverlaps = [0.5]", vec!["study.overlaps", "section [views]"]),
        ("[views]\nsteps = [8, 8]", vec!["study.views", "once", "step_8, step_8"]),
        (
            "[radiation]\nenergy_kev = 8\nstopping_power = 2.0",
            vec!["radiation.stopping_power", "voltage_kv", "energy_kev"],
        ),
        ("doses = [1]", vec!["unknown field `doses`"]),
    ] {
        let message = refused(text);
        for part in parts {
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}

#[test]
fn a_base_takes_every_option_of_reading_and_the_sections_of_an_experiment() {
    let text = "[base]\nmeasured = \"a.h5\"\nquantity = \"counts\"\ncompanion = \"p.h5\"\n\
                leave_out = [\"x\"]\nflip_y = true\n[experiment.beam]\nenergy_kev = 8.0\n\
                [experiment.object]\npixel_size_m = 1e-8\n";
    let design = parse(text).unwrap();
    let options = design.source.reading().unwrap();
    assert_eq!(options.companion.as_deref(), Some(Path::new("/base/p.h5")));
    assert_eq!((options.pixel_size, options.flip_y), (Some(1e-8), true));
    assert_eq!(options.experiment.beam.energy_kev, Some(8.0));
    assert_eq!(options.leave_out, ["x"]);
    // Every option has a place in it, and the settled design reads back as itself.
    for option in lapwing_files::reading::OPTIONS {
        let text = format!("[base]\nfile = \"a.npz\"\n{} = {{}}\n", option.name);
        let refused = parse(&text).map(drop).map_err(|error| error.to_string());
        let known = refused.as_ref().is_err_and(|error| !error.contains("unknown field"));
        assert!(known || option.name == "experiment", "{refused:?}");
    }
    let again = Design::parse(&design.to_toml().unwrap(), Path::new("/elsewhere")).unwrap();
    assert_eq!(again, design);
}

#[test]
fn what_changes_nothing_of_a_base_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = folder.path().join("e.toml");
    std::fs::write(&experiment, "[detector]\nbinning = 2\n").unwrap();
    let named = [
        ("fly = [0, 4]", "fly", "under [physics]"),
        ("fly = \"auto\"", "fly", "under [physics]"),
        ("fresnel_number = 0.3", "fresnel_number", "under [physics]"),
        ("moves = \"probe\"", "moves", "under [physics]"),
        ("detector_blur = 0.5", "detector_blur", "under [physics]"),
        ("slices = 2", "slices", "under [physics]"),
        ("slice_fresnel_number = 5", "slice_fresnel_number", "under [physics]"),
        ("slice_spacing = 5e-9", "slice_spacing", "under [physics]"),
        ("geometry = \"near-field\"", "geometry", "fresnel_number under [physics]"),
        ("geometry = \"far-field\"", "geometry", "leave it out"),
        ("binning = 2", "binning", "measured in place of file"),
        ("detector_window = [16, 16]", "detector_window", "pattern_size under [study]"),
        ("frames = \"0-9\"", "frames", "measured in place of file"),
        ("scan_rotation_deg = 3", "scan_rotation_deg", "leave it out"),
        ("positions = \"p.txt\"", "positions", "[scan]"),
        ("mask = \"m.npy\"", "mask", "leave it out"),
        ("quantity = \"counts\"", "quantity", "leave it out"),
        ("patterns = \"frames\"", "patterns", "leave it out"),
        ("raw = \"empad\"", "raw", "leave it out"),
        ("dialect = \"cxi\"", "dialect", "leave it out"),
        ("axis_order = \"hwn\"", "axis_order", "leave it out"),
        ("zero_frequency = \"corner\"", "zero_frequency", "leave it out"),
        ("clip_negative = true", "clip_negative", "leave it out"),
        ("mask_good_is = 1", "mask_good_is", "leave it out"),
        ("position_unit = \"um\"", "position_unit", "[scan]"),
        ("distance_m = 2.0", "distance_m", "pixel_size_m"),
        ("semi_angle_mrad = 1.0", "semi_angle_mrad", "[probe]"),
    ];
    let in_sections = [
        ("[experiment.detector]\npixel_size_m = 5e-5", "[experiment.detector]: pixel_size_m"),
        ("[experiment.detector]\nbinning = 2", "[experiment.detector]: binning"),
        ("[experiment.scan]\nsnake = true", "[experiment.scan]: snake"),
        ("[experiment.scan]\nfly = [0, 4]", "[experiment.scan]: fly"),
    ];
    let checked = |text: &str| parse(text).unwrap().source.check_unused();
    for (text, key, instead) in named {
        // A study that is there is read as it stands.
        let told = checked(&format!("[base]\nfile = \"a.npz\"\n{text}\n"));
        let told = told.unwrap_err().to_string();
        let start = format!("[base]: {key}: expected no such key beside file");
        assert!(told.starts_with(&start) && told.contains(instead), "{text}: {told}");
        // Of a measured scan all of it is read.
        checked(&format!("[base]\nmeasured = \"a.npz\"\n{text}\n")).unwrap();
    }
    for (text, place) in in_sections {
        let told = checked(&format!("[base]\nfile = \"a.npz\"\n{text}\n")).unwrap_err().to_string();
        assert!(
            told.starts_with(&format!("{place}: expected no such key beside file of [base]")),
            "{told}"
        );
    }
    // An experiment file may be that of the base's own patterns as well.
    let study = "[study]\npattern_size = 32\n";
    let text = format!("[base]\nfile = \"a.npz\"\nexperiment = {experiment:?}\n{study}");
    checked(&text).unwrap();
    // What concerns object, probe and positions is taken.
    let taken = "flip_y = true\ncoordinate_order = \"column-row\"\npixel_size_m = 1e-8\n\
                 energy_kev = 8\nleave_out = [\"objectSlices\"]\ncommon = true\nbinning = 1\n\
                 every = 1\nclip_negative = false\nscan_snake = false\nmask_hot = false\n\
                 probe_from = \"patterns\"\n[experiment.object]\npixel_size_m = 1e-8\n";
    checked(&format!("[base]\nfile = \"a.npz\"\n{taken}")).unwrap();
}

#[test]
fn the_probe_of_an_experiment_is_that_of_the_solvers() {
    let start = |text: &str| parse(text).unwrap().solvers[0].starts().1;
    let said = "[experiment.probe]\nfrom = \"file\"\n";
    let simulated = "[base]\nfile = \"a.npz\"\n";
    assert_eq!(start(simulated), ProbeStart::Perturbed);
    assert_eq!(start(&format!("{simulated}{said}")), ProbeStart::File);
    assert_eq!(start(&format!("{simulated}probe_from = \"patterns\"\n")), ProbeStart::Patterns);
    let solver = "[solver]\nprobe_start = \"perturbed\"\n";
    assert_eq!(start(&format!("{simulated}{said}{solver}")), ProbeStart::Perturbed);
    // The jobs of a measured scan start from the probe that was made of it as the experiment says.
    let measured = format!("[base]\nmeasured = \"a.npz\"\n{said}");
    assert_eq!(start(&measured), ProbeStart::Auto);
    // A solver of its own mind is refused, since the probe is made once; the same word is that one.
    let solver =
        |word: &str| format!("{measured}[[solver]]\nname = \"a\"\nprobe_start = \"{word}\"\n");
    assert_eq!(start(&solver("file")), ProbeStart::Auto);
    for word in ["patterns", "perturbed", "optics"] {
        let told = refused(&solver(word));
        let parts = ["solver.probe_start", "experiment.probe.from", "\"file\"", word, "of a"];
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    }
    let bare = "[base]\nmeasured = \"a.npz\"\n[solver]\nprobe_start = ";
    assert_eq!(start(&format!("{bare}\"patterns\"\n")), ProbeStart::Patterns);
    let told = refused(&format!("{bare}\"optics\"\n"));
    assert!(told.contains("experiment.probe.from = \"optics\""), "{told}");
    let told = refused(&format!("{simulated}{}", said.replace("file", "optics")));
    assert!(told.contains("experiment.probe.from") && told.contains("found optics"), "{told}");
}

#[test]
fn any_number_of_views_by_step_or_overlap() {
    let text = "[study]\nviews = [\"baseline\"]\npattern_size = 64\n[probe]\nkind = \"disc\"\n\
                diameter = 20\n[views]\nsteps = [12.5, 6]\noverlaps = [0.0, 0.5]\n";
    let design = parse(text).unwrap();
    let names: Vec<String> = design.study.views.iter().map(|view| view.name()).collect();
    assert_eq!((names[0].as_str(), names[1].as_str(), names.len()), ("baseline", "step_6", 5));
    // Linear overlaps of the disc, whose measured diameter is that of its pixels.
    let step = |view: &View| design.views.spacing(*view, 64).unwrap();
    let steps: Vec<f64> = design.study.views[1..].iter().map(step).collect();
    assert!((steps[1] - 10.0).abs() < 0.3 && (steps[3] - 20.0).abs() < 0.5, "{steps:?}");
    assert_eq!((steps[0], steps[2]), (6.0, 12.5));
    // The settled design has them as views.
    let again = Design::parse(&design.to_toml().unwrap(), Path::new("/elsewhere")).unwrap();
    assert_eq!(again, design);
    let measured = "[base]\nmeasured = \"a.npz\"\npixel_size_m = 1e-8\n[views]\n";
    let design = parse(&format!("{measured}steps_nm = [250.0]\n")).unwrap();
    assert!(design.study.views.iter().any(|view| view.name() == "step_25"));
    let design = parse(&format!("{measured}overlaps = [0.75]\nprobe_diameter = 40.0\n")).unwrap();
    assert!(design.study.views.iter().any(|view| view.name() == "step_10"));
    for (text, part) in [
        (format!("{measured}overlaps = [0.5]"), "base.measured"),
        ("[base]\nmeasured = \"/\"\n[views]\noverlaps = [0.5]".to_owned(), "folder"),
        (format!("{measured}overlaps = [1.0]\nprobe_diameter = 4"), "less than 1"),
        (format!("{measured}steps = [-1.0]"), "views.steps"),
        ("[views]\nsteps_nm = [3.0]".to_owned(), "pixel_size_m"),
        ("[views]\nsteps = [3.0, 3.0]".to_owned(), "every view once"),
        ("[views]\nsteps = 3".to_owned(), "sequence"),
        ("[views]\nsteps_px = [3.0]".to_owned(), "steps, steps_nm"),
        ("[study]\ndose = 1e4".to_owned(), "the keys name, doses"),
        ("[study]\nsteps = [4.0]".to_owned(), "section [views]"),
        ("[base]\nmeasured = \"a.npz\"\n[views]\nsteps_nm = [3.0]".to_owned(), "a.npz"),
    ] {
        let told = refused(&text);
        assert!(told.contains(part), "{text}: {told}");
    }
}

#[test]
fn the_line_with_a_lower_dose_can_be_written_into_the_design() {
    let of = |text: &str| {
        let study = Design::parse(&format!("[study]\n{text}\n"), ".".as_ref()).unwrap().study;
        study.line_with_lower()
    };
    let doses = of("doses = [1e4, 1000]").unwrap();
    assert_eq!(doses, "doses = [100, 1000, 10000]");
    assert_eq!(of(&doses).unwrap(), "doses = [10, 100, 1000, 10000]");
    let area = "fluence_area = \"px\"\n";
    let fluences = of(&format!("{area}fluences = [3, 300.0]")).unwrap();
    assert_eq!(fluences, "fluences = [0.3, 3, 300]");
    assert!(of(&format!("{area}{fluences}")).is_some());
    assert_eq!(of("doses = [5]"), None);
}

/// What the file of a measured scan tells need not be said.
#[test]
fn steps_in_nanometres_and_overlaps_are_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.npz");
    let built = ProbeDesign::default().build((32, 32)).unwrap();
    let physics = serde_json::json!({ "physics_parameters": { "pixel_size_m": 5e-9 } });
    write_with(&path, Packing::Stored, |npz| {
        npz.values("diffraction", &[3, 32, 32], &vec![1.0_f32; 3 * 32 * 32])?;
        npz.values("xcoords", &[3], &[16.0, 20.0, 24.0])?;
        npz.values("ycoords", &[3], &[16.0, 20.0, 24.0])?;
        let probe: Vec<Complex32> = built.index_axis(ndarray::Axis(0), 0).iter().copied().collect();
        npz.values("probeGuess", &[32, 32], &probe)?;
        let metadata = physics.as_object().unwrap();
        npz.array("_metadata", &lapwing_files::metadata::to_array(metadata))
    })
    .unwrap();
    let measured = format!("[base]\nmeasured = \"{}\"\n[views]\n", path.display());
    let steps = |text: &str| {
        let design = parse(&format!("{measured}{text}")).unwrap();
        let further = design.study.views.iter().filter(|view| view.name().starts_with("step_"));
        further.map(|view| design.views.spacing(*view, 32).unwrap()).collect::<Vec<f64>>()
    };
    assert_eq!(steps("steps_nm = [30.0]"), [6.0]);
    let diameter = lapwing_model::probe::diameter(built.view());
    let half = steps("overlaps = [0.5]")[0];
    assert!((half - diameter / 2.0).abs() < 1e-3, "{half} of {diameter}");
    // What is said goes before.
    assert_eq!(steps("overlaps = [0.5]\nprobe_diameter = 8.0"), [4.0]);
    // A file that is not there is what is wrong, not what it does not tell.
    for key in ["measured", "file"] {
        for views in ["steps_nm = [30.0]", "overlaps = [0.5]"] {
            let told = refused(&format!("[base]\n{key} = \"/gone.npz\"\n[views]\n{views}"));
            let start = format!("base.{key}: expected a file that can be read, found /gone.npz: ");
            assert!(told.starts_with(&start), "{told}");
        }
    }
    // The side of its patterns, too.
    let side = |text: &str| parse(&format!("{measured}{text}")).unwrap().study.pattern_size;
    assert_eq!((side(""), side("[study]\npattern_size = 64\n")), (32, 64));
}

#[test]
fn beam_and_detector_are_a_section() {
    let text = "[apparatus]\nbeam_fading = 0.3\nsaturation = 255\n";
    let design = parse(text).unwrap();
    let Apparatus { beam_flicker, beam_fading, saturation, .. } = design.apparatus;
    assert_eq!((beam_flicker, beam_fading, saturation), (0.0, 0.3, Some(255.0)));
    assert_eq!(parse(&design.to_toml().unwrap()).unwrap(), design);
    assert!(!Design::default().to_toml().unwrap().contains("apparatus"));
    // What is usual is not written down, so that earlier designs are what they were.
    assert!(!design.to_toml().unwrap().contains("scan_scale"));
    let stage = "[apparatus]\nscan_drift = [0.0, 2.5]\nscan_scale = 1.02\nfocus_drift = 1.5\n";
    let design = parse(stage).unwrap();
    let expected = Apparatus {
        scan_drift: (0.0, 2.5),
        scan_scale: 1.02,
        focus_drift: 1.5,
        ..Apparatus::default()
    };
    assert_eq!(design.apparatus, expected);
    assert_eq!(parse(&design.to_toml().unwrap()).unwrap(), design);
    assert!(refused("[apparatus]\nscan_scale = 9.0\n").contains("[apparatus]: scan_scale"));
    assert!(refused("[apparatus]\nbeam_fading = 1.0\n").contains("[apparatus]: beam_fading"));
    assert!(refused("[apparatus]\nfading = 1.0\n").contains("fading"));
    let measured = format!("[base]\nmeasured = \"scan.npz\"\n{text}");
    assert!(refused(&measured).contains("[apparatus] beside base.measured"));
}

/// A scan on the object of a file spans what the windows can reach of it, with steps that overlap
/// as its probe's discs.
#[test]
fn a_scan_on_a_base_has_the_field_of_its_object_and_the_disc_of_its_probe() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("base.npz");
    let probe = ProbeDesign { diameter: Some(12.0), ..ProbeDesign::default() };
    let built = probe.build((32, 32)).unwrap();
    write_with(&path, Packing::Stored, |npz| {
        npz.values("objectGuess", &[101, 142], &vec![Complex32::new(1.0, 0.0); 101 * 142])?;
        let probe: Vec<Complex32> = built.index_axis(ndarray::Axis(0), 0).iter().copied().collect();
        npz.values("probeGuess", &[32, 32], &probe)
    })
    .unwrap();
    let scan = |text: &str| {
        let text = format!("[base]\nfile = \"{}\"\n[scan]\n{text}", path.display());
        let design = parse(&text).unwrap();
        let Source::Base { scan, .. } = design.source else { panic!() };
        (design.study.pattern_size, scan.unwrap())
    };
    let (side, found) = scan("overlap = 0.75\n");
    assert_eq!((side, found.field), (32, [101.0 - 33.0, 142.0 - 33.0]));
    let diameter = lapwing_model::probe::diameter(built.view());
    assert!((found.step - 0.25 * diameter).abs() < 1e-9, "{} {diameter}", found.step);
    assert_eq!(scan("step = 5\nfield = [20, 30]\n").1.field, [20.0, 30.0]);
}
