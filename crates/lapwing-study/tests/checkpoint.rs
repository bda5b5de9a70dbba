//! A reconstruction that was stopped resumes with the same bits.
#![allow(clippy::unwrap_used)]

use lapwing_files::npy::Array;
use lapwing_files::{Archive, ReadOptions, npz};
use lapwing_study::checkpoint::{CHECKPOINT, Every};
use lapwing_study::event::{Event, unobserved};
use lapwing_study::reconstruct::{CompareWith, Request};
use lapwing_study::solver::{SolverConfig, StudySolver};
use lapwing_study::stream::Streaming;
use lapwing_study::{Design, StudyError, run};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Whether a run ends by this event.
type Ends<'a> = &'a (dyn Fn(&Event<'_>) -> bool + Sync);

fn data(folder: &Path) -> std::path::PathBuf {
    let design = "study = { doses = [1e4], views = ['baseline'], pattern_size = 32 }
        scan = { step = 8, field = [64, 48] }
        solver = { epochs = 1 }";
    run::study(&Design::parse(design, ".".as_ref()).unwrap(), folder, &mut unobserved).unwrap();
    folder.join("data/dose_10000/patched_train.npz")
}

fn request(input: &Path, output: &Path, options: &str) -> Request {
    Request {
        calibrate: false,
        input: input.to_owned(),
        reading: ReadOptions::default(),
        output: output.to_owned(),
        solver: StudySolver::new(toml::from_str::<SolverConfig>(options).unwrap()),
        case: None,
        comparison: CompareWith::Nothing,
        photon_halves: false,
        error_maps: false,
        stream: Streaming::Never,
        checkpoint: Every::Epochs(2),
        device: None,
        source: None,
    }
}

/// Runs a request; returns the lines of its log.
fn lines_of(request: &Request) -> lapwing_study::Result<Vec<String>> {
    let mut lines = Vec::new();
    request.run(&mut |event| {
        if let Event::Note { text, .. } = event {
            lines.push(text.to_owned());
        }
        ControlFlow::Continue(())
    })?;
    Ok(lines)
}

fn arrays(folder: &Path) -> Vec<Array> {
    let archive = Archive::open(folder.join("reconstruction.npz")).unwrap();
    ["reconstructed_object", "reconstructed_probe", "positions", "loss"]
        .map(|name| archive.read(name).unwrap())
        .to_vec()
}

#[test]
fn a_stopped_reconstruction_resumes_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let input = data(&folder.path().join("study"));
    for (name, options) in [
        ("lsqml", "epochs = 9\npositions_from_epoch = 2"),
        ("ml", "algorithm = 'ML'\nepochs = 9\nstart_epochs = 2"),
    ] {
        let whole = request(&input, &folder.path().join(format!("{name} whole")), options);
        whole.run(&mut unobserved).unwrap();
        let parts = request(&input, &folder.path().join(format!("{name} parts")), options);
        // Stopped in the middle of epoch 6, as by a kill: what is on disk is the state after epoch
        // 4.
        let stop = |event: Event<'_>| {
            if let Event::Epoch { epoch, .. } = event {
                assert!(epoch.done != 5, "stopped");
            }
            ControlFlow::Continue(())
        };
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let stopped = catch_unwind(AssertUnwindSafe(|| parts.run(&mut { stop })));
        std::panic::set_hook(hook);
        assert!(stopped.is_err());
        let checkpoint = parts.output.join(CHECKPOINT);
        assert!(checkpoint.is_file());
        let kept = std::fs::read(&checkpoint).unwrap();
        let lines = lines_of(&parts).unwrap();
        assert!(lines.iter().any(|line| line.contains("resumed after epoch 4")), "{lines:?}");
        assert_eq!(arrays(&whole.output), arrays(&parts.output), "{name}");
        assert!(!checkpoint.exists());

        // Whoever ends the work, by whatever event, finds it stored as it was then: also among the
        // pictures, after the last epoch.
        let by_epoch =
            |event: &Event<'_>| matches!(event, Event::Epoch { epoch, .. } if epoch.done == 5);
        let note = |event: &Event<'_>, start: &str| matches!(event, Event::Note { text, .. } if text.starts_with(start));
        let by_note = |event: &Event<'_>| note(event, "epoch    5 of");
        let at_the_last = |event: &Event<'_>| note(event, "epoch    9 of");
        let afterwards = |event: &Event<'_>| note(event, "solved in");
        let stops: [(usize, Ends<'_>); 4] =
            [(5, &by_epoch), (5, &by_note), (9, &at_the_last), (9, &afterwards)];
        for (index, (epochs, ends)) in stops.into_iter().enumerate() {
            let left = request(&input, &folder.path().join(format!("{name} {index}")), options);
            let ended = left.run(&mut |event| match ends(&event) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            });
            assert!(matches!(ended, Err(StudyError::Stopped)), "{ended:?}");
            let lines = lines_of(&left).unwrap();
            let resumed = format!("resumed after epoch {epochs}");
            assert!(lines.iter().any(|line| line.contains(&resumed)), "{lines:?}");
            assert_eq!(arrays(&whole.output), arrays(&left.output), "{name}");
        }

        // Another request's checkpoint, or a broken one, is no way to go on: the run starts afresh.
        for contents in [&kept[..], &kept[..kept.len() / 2], b"no archive"] {
            let other = format!("{options}\nseed = 7");
            let other = request(&input, &folder.path().join(format!("{name} other")), &other);
            std::fs::create_dir_all(&other.output).unwrap();
            std::fs::write(other.output.join(CHECKPOINT), contents).unwrap();
            let lines = lines_of(&other).unwrap();
            assert!(!lines.iter().any(|line| line.contains("resumed")), "{lines:?}");
            // A whole state is kept for its own request.
            let aside = std::fs::read(other.output.join("earlier_1").join(CHECKPOINT)).ok();
            let told = lines.iter().any(|line| line.contains("after 4 epochs of other options"));
            let whole = contents.len() == kept.len();
            assert_eq!((aside.as_deref(), told), (whole.then_some(contents), whole));
            std::fs::remove_dir_all(&other.output).unwrap();
        }
    }
}

#[test]
fn a_mask_in_the_file_is_used_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let input = data(&folder.path().join("study"));
    let archive = Archive::open(&input).unwrap();
    let names: Vec<String> = archive.names().map(str::to_owned).collect();
    let write = |name: &str, mask: Array| {
        let mut all: Vec<(String, Array)> =
            names.iter().map(|name| (name.clone(), archive.read(name).unwrap())).collect();
        all.push(("mask".to_owned(), mask));
        let path = folder.path().join(format!("{name}.npz"));
        npz::write(&path, &all).unwrap();
        path
    };
    let run = |path: &Path| {
        let output = path.with_extension("");
        lines_of(&request(path, &output, "epochs = 2"))
    };
    let mut good = vec![true; 32 * 32];
    good[5] = false;
    let boolean = |good: &[bool], shape: Vec<usize>| {
        Array::new(shape, lapwing_files::npy::Values::Bool(good.to_vec())).unwrap()
    };
    let lines = run(&write("good", boolean(&good, vec![32, 32]))).unwrap();
    assert!(lines.contains(&"mask: 1 of 1024 pixels are left out".to_owned()), "{lines:?}");
    let bits: Vec<u32> = good.iter().map(|&good| if good { 0x1000 } else { 2 }).collect();
    let bits = Array::new(vec![1, 32, 32], lapwing_files::npy::Values::U32(bits)).unwrap();
    assert!(
        run(&write("bits", bits))
            .unwrap()
            .contains(&"mask: 1 of 1024 pixels are left out".to_owned())
    );
    // Booleans say which pixels are good; of whole numbers that call nearly all of them bad nobody
    // knows.
    let turned: Vec<u32> = good.iter().map(|&good| u32::from(good)).collect();
    let turned = Array::new(vec![32, 32], lapwing_files::npy::Values::U32(turned)).unwrap();
    let error = run(&write("turned", turned)).unwrap_err().to_string();
    assert!(error.contains("the other way round"), "{error}");
    let error =
        run(&write("short", boolean(&good[..32 * 31], vec![31, 32]))).unwrap_err().to_string();
    assert!(error.contains("(32, 32)"), "{error}");
}
