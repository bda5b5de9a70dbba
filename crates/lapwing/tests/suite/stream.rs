//! Patterns that stay out of memory: the same bits, the same errors, nothing left behind.

use crate::common::{Bench, PROGRAM, objects, stderr};
use lapwing_files::npy::{Array, Values};
use lapwing_files::npz::{self, Packing};
use lapwing_files::{Archive, Dataset, ReadOptions, dataset};
use lapwing_model::Complex32;
use serde_json::Value;

fn read(bench: &Bench, name: &str) -> Dataset {
    dataset::read(bench.path(name), &ReadOptions::default()).unwrap().0
}

/// Simulates `x.npz` at a dose.
fn simulate(bench: &Bench, dose: &str) {
    let scan = "--specimen cells --pattern-size 32 --step 8 --field-of-view 120";
    bench.ok(&format!("simulate {scan} --dose {dose} --output x.npz"));
}

/// Reconstructs `x.npz` both ways and expects the same of everything but times and sizes of memory.
fn same_both_ways(bench: &Bench, options: &str) {
    let mut records: Vec<Value> = ["never", "always"]
        .map(|stream| {
            let folder = format!("--output-dir {stream} --stream {stream}");
            bench.json(&format!("reconstruct --input-npz x.npz {folder} --num-epochs 3 {options}"))
        })
        .into();
    for record in &mut records {
        for key in ["output_dir", "seconds", "seconds_per_epoch", "peak_memory_mb"] {
            record.as_object_mut().unwrap().remove(key);
        }
    }
    assert_eq!(records[0], records[1], "{options}");
    let archives = ["never", "always"]
        .map(|name| Archive::open(bench.path(name).join("reconstruction.npz")).unwrap());
    for name in archives[0].names().filter(|name| *name != "timestamp") {
        // As text, in which what is no number is the same as itself.
        let [one, other] = [0, 1].map(|at| format!("{:?}", archives[at].read(name).unwrap()));
        assert!(one == other, "{options}: {name}");
    }
    for name in ["loss.csv", "amplitude.png", "phase.png", "probe.png"] {
        let bytes =
            ["never", "always"].map(|folder| std::fs::read(bench.path(folder).join(name)).unwrap());
        assert!(bytes[0] == bytes[1], "{options}: {name}");
    }
    let log = std::fs::read_to_string(bench.path("always/log.txt")).unwrap();
    assert!(log.contains("are kept in a nameless scratch file in always"), "{log}");
    let files = |folder: &str| {
        let own = bench
            .listing()
            .into_iter()
            .filter_map(|name| name.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned));
        own.collect::<Vec<_>>()
    };
    assert_eq!(files("never"), files("always"));
    for name in ["never", "always"] {
        std::fs::remove_dir_all(bench.path(name)).unwrap();
    }
}

/// Puts other arrays in place of those of `x.npz`, or beside them.
fn put(bench: &Bench, packing: Packing, arrays: &[(&str, Array)]) {
    let archive = Archive::open(bench.path("x.npz")).unwrap();
    let old: Vec<(String, Array)> =
        archive.names().map(|name| (name.to_owned(), archive.read(name).unwrap())).collect();
    let kept = old.iter().filter(|(name, _)| !arrays.iter().any(|(new, _)| new == name));
    npz::write_with(bench.path("x.npz"), packing, |file| {
        for (name, array) in kept {
            file.array(name, array)?;
        }
        arrays.iter().try_for_each(|(name, array)| file.array(name, array))
    })
    .unwrap();
}

/// Data sets, views and reconstructions of a study in less memory than one of its splits takes.
#[test]
fn a_study_in_little_memory_has_the_same_bits() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let design = "[study]\ndoses = [1e3]\nviews = [\"baseline\", \"dense\"]\npattern_size = 32\n\
                  [probe]\ndiameter = 16\n[scan]\nstep = 4\nfield = [64, 64]\n[[solver]]\nepochs = 2\n";
    std::fs::write(bench.path("design.toml"), design).unwrap();
    bench.ok("study run design.toml --output whole");
    let expected = objects(&bench.path("whole"));
    assert!(!expected.is_empty());
    bench.ok("study run design.toml --output run --memory 1MB --jobs 2 --threads 2");
    bench.ok("study prepare design.toml --output tasks --memory 1MB");
    bench.ok("jobs --study tasks --memory 1MB");
    for folder in ["run", "tasks"] {
        assert!(objects(&bench.path(folder)) == expected, "{folder}");
        let log = bench.path(folder).join("reconstructions/dose_1000/baseline/train/log.txt");
        let log = std::fs::read_to_string(log).unwrap();
        assert!(log.contains("streaming: patterns of 0.5 MB"), "{log}");
    }
    let log = bench.path("whole/reconstructions/dose_1000/baseline/train/log.txt");
    assert!(!std::fs::read_to_string(log).unwrap().contains("streaming"));
}

#[test]
fn counts_of_every_size_give_the_same_bits() {
    if lapwing_testing::left_out() {
        return;
    }
    for (dose, largest) in [("1e3", 255.0), ("3e5", 65_535.0)] {
        let bench = Bench::new();
        simulate(&bench, dose);
        let found = read(&bench, "x.npz").counts().unwrap().iter().copied().fold(0.0, f32::max);
        assert!(found <= largest && (largest == 255.0 || found > 255.0), "{dose}: {found}");
        same_both_ways(&bench, "--compare --product p.h5 --pixel-size-m 1e-8");
        put(&bench, Packing::Deflated, &[]);
        same_both_ways(&bench, "--algorithm ML --start-epochs 1 --error-maps 2");
        same_both_ways(&bench, "--noise poisson --positions-from-epoch 1");
    }
}

#[test]
fn intensities_without_a_scale_give_the_same_bits() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    simulate(&bench, "3e4");
    let counts = read(&bench, "x.npz").counts().unwrap();
    let whole: Vec<u16> = counts.iter().map(|&count| count as u16).collect();
    let whole = Array::new(counts.shape().to_vec(), Values::U16(whole)).unwrap();
    for packing in [Packing::Stored, Packing::Deflated] {
        // Amplitudes in an unknown unit, so that no intensity is a whole number.
        put(&bench, packing, &[("_metadata", Array::text("{}"))]);
        same_both_ways(&bench, "");
    }
    put(&bench, Packing::Stored, &[("diffraction", whole)]);
    same_both_ways(&bench, "");
    // Far from photons, and read as intensity.
    let faint = Array::from(&counts.mapv(|count| f64::from(count) * 1e-12));
    put(&bench, Packing::Stored, &[("diffraction", faint)]);
    same_both_ways(&bench, "--quantity intensity --algorithm rPIE");
}

#[test]
fn a_mask_and_large_arrays_beside_the_patterns() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    bench.simulate("x.npz", "");
    let n = read(&bench, "x.npz").n_patterns();
    let mask = |n: usize| {
        let good = (0..n * 1024).map(|pixel| pixel % 1024 % 97 != 5).collect();
        let shape = if n == 1 { vec![32, 32] } else { vec![n, 32, 32] };
        Array::new(shape, Values::Bool(good)).unwrap()
    };
    let patches = Array::new(vec![n, 32, 32], Values::C64(vec![Complex32::ONE; n * 1024])).unwrap();
    put(&bench, Packing::Stored, &[("mask", mask(1))]);
    same_both_ways(&bench, "--compare");
    put(&bench, Packing::Stored, &[("Y", patches)]);
    let told =
        bench.run("reconstruct --input-npz x.npz --output-dir out --num-epochs 1 --stream always");
    assert!(stderr(&told).contains("Y: passed over, as large as diffraction"), "{}", stderr(&told));
    let kept = Archive::open(bench.path("x.npz")).unwrap();
    let kept: Vec<(String, Array)> = (kept.names().filter(|name| *name != "Y"))
        .map(|name| (name.to_owned(), kept.read(name).unwrap()))
        .collect();
    npz::write(bench.path("x.npz"), &kept).unwrap();
    put(&bench, Packing::Stored, &[("mask", mask(n))]);
    same_both_ways(&bench, "--compare");
}

#[test]
fn every_form_of_a_file_gives_the_same_bits() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    bench.simulate("x.npz", "");
    let data = read(&bench, "x.npz");
    same_both_ways(&bench, "--binning 2 --leave-out-frames 3,7");
    same_both_ways(&bench, "--region 0:12,3: --every 2 --frames 0-40");
    let last = data.diffraction.view().permuted_axes([1, 2, 0]);
    for packing in [Packing::Stored, Packing::Deflated] {
        put(&bench, packing, &[("diffraction", Array::from(&last))]);
        same_both_ways(&bench, "--probe-start patterns");
    }
    let arrays = [
        ("diff3d", Array::from(&data.counts().unwrap())),
        ("xcoords", Array::from(data.scan.iter().map(|p| p.x).collect::<Vec<_>>())),
        ("ycoords", Array::from(data.scan.iter().map(|p| p.y).collect::<Vec<_>>())),
        ("probeGuess", Array::from(data.probe.as_ref().unwrap())),
    ];
    npz::write(bench.path("x.npz"), &arrays).unwrap();
    same_both_ways(&bench, "--quantity counts");
    // Without a probe one is made of the patterns.
    npz::write(bench.path("x.npz"), &arrays[..3]).unwrap();
    same_both_ways(&bench, "--quantity counts");
    let output = bench.run("reconstruct --input-npz x.npz --output-dir out --stream sometimes");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("expected auto, always or never"), "{}", stderr(&output));
}

#[test]
fn what_is_made_of_a_scan_in_little_memory_is_the_same() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    let scan = "--specimen cells --pattern-size 32 --step 8 --field-of-view 260";
    bench.ok(&format!("simulate {scan} --dose 3e4 --output x.npz"));
    for command in [
        "simulate --specimen cells --pattern-size 32 --step 8 --field-of-view 260 --dose 1e3 \
         --output FOLDER/a.npz",
        "thin --input x.npz --dose 3e3 --output FOLDER/a.npz",
        "split --input x.npz --output-dir FOLDER",
        "convert x.npz FOLDER/a.cxi --energy-kev 8 --distance-m 2 \
         --detector-pixel-size-m 75e-6",
    ] {
        for (folder, memory) in [("whole", "8GB"), ("little", "1MB")] {
            std::fs::create_dir_all(bench.path(folder)).unwrap();
            let command = command.replace("FOLDER", folder);
            let output = bench.run(&format!("{command} --memory {memory}"));
            let said = stderr(&output);
            assert!(output.status.success(), "{said}");
            let reads = !command.starts_with("simulate");
            assert_eq!(said.contains("scratch file in little"), reads && memory == "1MB", "{said}");
        }
        let listed = |folder: &str| -> Vec<String> {
            let names = bench.listing().into_iter();
            names.filter_map(|name| Some(name.strip_prefix(folder)?.to_owned())).collect()
        };
        assert_eq!(listed("whole/"), listed("little/"));
        for name in listed("whole/").iter().filter(|name| name.ends_with("npz")) {
            let [a, b] =
                ["whole", "little"].map(|folder| read(&bench, &format!("{folder}/{name}")));
            assert!(a.diffraction == b.diffraction && a.scan == b.scan, "{command}: {name}");
        }
        for folder in ["whole", "little"] {
            std::fs::remove_dir_all(bench.path(folder)).unwrap();
        }
    }
}

/// What is wrong is reported as it is when all is read into memory.
fn same_refusal(bench: &Bench, part: &str) {
    let told = ["never", "always"].map(|stream| {
        let options = format!("--num-epochs 2 --output-dir refused --stream {stream}");
        bench.fails(&format!("reconstruct --input-npz x.npz {options}"), &["x.npz", part])
    });
    assert_eq!(told[0], told[1]);
    assert!(
        !bench
            .listing()
            .iter()
            .any(|name| name.contains("part") || name.ends_with("reconstruction.npz"))
    );
}

#[test]
fn bad_values_and_damage_are_told_as_always() {
    if lapwing_testing::left_out() {
        return;
    }
    let bench = Bench::new();
    bench.simulate("x.npz", "");
    let sound = read(&bench, "x.npz").diffraction.into_array();
    for (packing, wrong) in [
        (Packing::Stored, f32::NAN),
        (Packing::Deflated, f32::NEG_INFINITY),
        (Packing::Stored, -2.5),
    ] {
        let mut patterns = sound.clone();
        patterns[(7, 3, 5)] = wrong;
        patterns[(9, 30, 31)] = wrong;
        put(&bench, packing, &[("diffraction", Array::from(&patterns))]);
        same_refusal(&bench, "pattern 7 at row 3, column 5, and 1 more");
    }
    put(&bench, Packing::Stored, &[("diffraction", Array::from(&(sound.clone() * 0.0)))]);
    let dark = "reconstruct --input-npz x.npz --num-epochs 2 --output-dir refused --stream";
    assert_eq!(
        bench.fails(&format!("{dark} never"), &["all patterns are zero"]),
        bench.fails(&format!("{dark} always"), &["all patterns are zero"])
    );
    put(&bench, Packing::Stored, &[("diffraction", Array::from(&sound))]);
    let mut bytes = std::fs::read(bench.path("x.npz")).unwrap();
    let at = |bytes: &[u8], what: &[u8]| {
        bytes.windows(what.len()).position(|found| found == what).unwrap()
    };
    // More bytes promised than there are.
    let name = at(&bytes, b"diffraction.npy");
    let dtype = name + at(&bytes[name..], b"<f4");
    bytes[dtype..dtype + 3].copy_from_slice(b"<f8");
    std::fs::write(bench.path("x.npz"), &bytes).unwrap();
    same_refusal(&bench, "promises");
    // Another value than the checksum knows.
    bytes[dtype..dtype + 3].copy_from_slice(b"<f4");
    bytes[name + 4096] ^= 1;
    std::fs::write(bench.path("x.npz"), &bytes).unwrap();
    same_refusal(&bench, "checksum");
}

/// The system's own account of memory that is no file's.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_stack() {
    use lapwing_model::{Modes, Position};
    use ndarray::Array3;
    use std::time::Duration;

    if lapwing_testing::left_out() {
        return;
    }
    let (n, side) = (800, 256);
    let bench = Bench::new();
    let pattern = |y: usize, x: usize| 1.0 / (1.0 + (y.abs_diff(128) + x.abs_diff(128)) as f32);
    let data = Dataset {
        diffraction: Array3::from_shape_fn((n, side, side), |(_, y, x)| pattern(y, x)).into(),
        scan: (0..n)
            .map(|i| Position { y: 140.0 + (i / 40) as f64, x: 140.0 + (i % 40) as f64 })
            .collect(),
        probe: Some(Modes::from_shape_fn((1, side, side), |(_, y, x)| pattern(y, x).into())),
        ..Dataset::default()
    };
    data.write(bench.path("x.npz")).unwrap();
    let stack = data.diffraction.values().len() * 4;
    drop(data);
    let peak = |stream: &str| {
        let mut program = std::process::Command::new(PROGRAM)
            .args([
                "reconstruct",
                "--input-npz",
                "x.npz",
                "--output-dir",
                "out",
                "--num-epochs",
                "1",
            ])
            .args(["--batch-size", "10", "--quiet", "--stream", stream])
            .current_dir(bench.path("."))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut peak = 0;
        while program.try_wait().unwrap().is_none() {
            let status = std::fs::read_to_string(format!("/proc/{}/status", program.id()))
                .unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
            let kib =
                line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok());
            peak = peak.max(kib.unwrap_or(0) * 1024);
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(program.wait().unwrap().success());
        peak
    };
    let (whole, streamed) = (peak("never"), peak("always"));
    println!("stack {stack}, in memory {whole}, streamed {streamed} bytes");
    assert!(whole > stack, "{whole} of {stack}: the measure tells nothing");
    assert!(streamed < stack / 2, "{streamed} of {stack}");
}
