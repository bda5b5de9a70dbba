//! One reconstruction outside a study.

use crate::{read, run_study, tiny};
use lapwing_files::{Archive, Reconstruction};
use lapwing_solve::Epoch;
use lapwing_solve::lsqml::Lsqml;
use lapwing_study::StudyError;
use lapwing_study::checkpoint::Every;
use lapwing_study::event::{Event, unobserved};
use lapwing_study::layout::RESULT;
use lapwing_study::reconstruct::{CompareWith, Request};
use lapwing_study::run;
use lapwing_study::solver::{ProbeStart, SolverConfig, StudySolver};
use lapwing_study::stream::Streaming;
use std::ops::ControlFlow;

#[test]
fn one_data_set_alone() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    run_study(&tiny(""), &made);
    let mut data = read(made.join("views/dose_10000/dense/dense_train.npz"));
    let mut config =
        SolverConfig::new(Box::new(Lsqml { epochs: 4, ..Lsqml::default() }), ProbeStart::File);
    let request = |name: &str, config: &SolverConfig, comparison| Request {
        calibrate: false,
        input: folder.path().join(format!("{name}.npz")),
        reading: lapwing_files::ReadOptions::default(),
        output: folder.path().join(name),
        solver: StudySolver::new(config.clone()),
        case: None,
        comparison,
        checkpoint: Every::Epochs(1),
        device: None,
        photon_halves: false,
        error_maps: false,
        stream: Streaming::Never,
        source: None,
    };

    // With the truth in the file.
    data.write(folder.path().join("whole.npz")).unwrap();
    let whole = request("whole", &config, CompareWith::Truth).run(&mut unobserved).unwrap();
    assert!(whole.comparison.unwrap().metric("complex_correlation").unwrap() > 0.5);
    assert_eq!(whole.view, None);

    // Without it: the same patterns, a grid made for the scan, and its origin.
    data.object = None;
    data.write(folder.path().join("bare.npz")).unwrap();
    let bare = request("bare", &config, CompareWith::Nothing).run(&mut unobserved).unwrap();
    assert_eq!((bare.comparison, bare.files.error), (None, None));
    // The same in memory, bit for bit, and as far as its observer lets it.
    let path = folder.path().join("bare/reconstruction.npz");
    let stored = Reconstruction::read(&path).unwrap();
    let made = run::reconstruct(&data, &config, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(made.object == stored.object && made.probe == stored.probe);
    assert_eq!(
        (made.positions, made.origin, &made.loss),
        (stored.positions, stored.origin, &stored.loss)
    );
    let mut stop = |epoch: Epoch| match epoch.done {
        2 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert_eq!(run::reconstruct(&data, &config, &mut stop).unwrap().loss, stored.loss[..2]);
    let archive = Archive::open(&path).unwrap();
    let origin = archive.read("reconstructed_object_origin").unwrap().to_f64().unwrap();
    let corner = |along: fn(&lapwing_model::Position) -> f64| {
        data.scan.iter().map(along).fold(f64::INFINITY, f64::min) - 16.0
    };
    assert!(origin[0] < corner(|p| p.y) && origin[0] > corner(|p| p.y) - 4.0, "{origin:?}");
    assert!(origin[1] < corner(|p| p.x) && origin[1] > corner(|p| p.x) - 4.0, "{origin:?}");
    // The same object, displaced by the origin.
    let object_in = |name: &str| {
        let archive = Archive::open(folder.path().join(name).join("reconstruction.npz")).unwrap();
        let object = archive.read("reconstructed_object").unwrap();
        (object.shape().to_vec(), object.into_complex32().unwrap())
    };
    let ((whole_shape, whole), (bare_shape, bare)) = (object_in("whole"), object_in("bare"));
    let (mut dot, mut a2, mut b2) = (lapwing_model::Complex32::default(), 0.0, 0.0);
    for y in 0..bare_shape[0] {
        for x in 0..bare_shape[1] {
            let (row, column) = (y as f64 + origin[0], x as f64 + origin[1]);
            let inside = row >= 0.0
                && column >= 0.0
                && row < whole_shape[0] as f64
                && column < whole_shape[1] as f64;
            if inside {
                let a = whole[row as usize * whole_shape[1] + column as usize];
                let b = bare[y * bare_shape[1] + x];
                dot += a * b.conj();
                a2 += a.norm_sqr();
                b2 += b.norm_sqr();
            }
        }
    }
    assert!(dot.norm() / (a2 * b2).sqrt() > 0.999);

    // What cannot be done is said, and leaves a record where there is none.
    let refused = |name: &str, config: &SolverConfig, comparison, status: &str| {
        let error = request(name, config, comparison).run(&mut unobserved).unwrap_err().to_string();
        let record = std::fs::read_to_string(folder.path().join(name).join(RESULT)).unwrap();
        assert!(record.contains(&format!("\"status\": \"{status}\"")), "{record}");
        error
    };
    assert!(refused("bare", &config, CompareWith::Truth, "done").contains("objectGuess"));
    data.metadata = None;
    // No squares of these are whole multiples of one value.
    data.diffraction.change(|amplitude| amplitude + 0.01);
    data.write(folder.path().join("counts.npz")).unwrap();
    let text = "noise = \"poisson\"\nprobe_start = \"file\"\n";
    config = toml::from_str(text).unwrap();
    assert!(refused("counts", &config, CompareWith::Nothing, "failed").contains("photon counts"));
    data.probe = None;
    data.write(folder.path().join("probeless.npz")).unwrap();
    assert!(refused("probeless", &config, CompareWith::Nothing, "failed").contains("probeGuess"));
    assert!(request("absent", &config, CompareWith::Nothing).run(&mut unobserved).is_err());
    assert!(!folder.path().join("absent").exists());
}

#[test]
fn a_search_for_the_start_probe_that_is_stopped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sample = lapwing_study::sample::Sample::of(&tiny("")).unwrap();
    let mut scan = sample.expose(20_000, 7).unwrap();
    (scan.object, scan.probe) = (None, None);
    let input = folder.path().join("scan.npz");
    scan.write(&input).unwrap();
    let output = folder.path().join("result");
    let config: SolverConfig =
        toml::from_str("algorithm = \"ML\"\nprobe_start = \"auto\"\n").unwrap();
    for (calibrate, waited_for) in [(false, "start probe"), (true, "scan lies")] {
        let request = Request {
            input: input.clone(),
            reading: lapwing_files::ReadOptions::default(),
            output: output.clone(),
            solver: StudySolver::new(config.clone()),
            case: None,
            comparison: CompareWith::Nothing,
            checkpoint: Every::default(),
            device: None,
            photon_halves: false,
            error_maps: false,
            stream: Streaming::Auto,
            calibrate,
            source: None,
        };
        let mut asked = 0;
        let stopped = request.run(&mut |event| match event {
            Event::Waiting { what, .. } if what.contains(waited_for) => {
                asked += 1;
                if asked == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            Event::Epoch { .. } => panic!("the search was stopped"),
            _ => ControlFlow::Continue(()),
        });
        assert!(matches!(stopped, Err(StudyError::Stopped)), "{stopped:?}");
        assert_eq!(asked, 4);
        let left = std::fs::read_dir(&output).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| !name.to_string_lossy().ends_with(".lock")).collect();
        assert!(left.is_empty(), "{left:?}");
    }
    // In memory it is asked for as well.
    let mut asked = 0;
    let mut go_on = || {
        asked += 1;
        if asked == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut epochs = |_| ControlFlow::Continue(());
    let stopped = run::reconstruct_while(&scan, &config, &mut go_on, &mut epochs);
    assert!(matches!(stopped, Err(StudyError::Stopped)) && asked == 4, "{asked}");
}
