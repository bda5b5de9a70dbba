//! The same bytes on any number of threads.

use crate::common::Bench;

#[test]
fn one_thread_and_two_write_the_same_bytes() {
    let bench = Bench::new();
    for threads in [1, 2] {
        bench.simulate(&format!("a{threads}.npz"), &format!("--threads {threads} --seed 7"));
    }
    let bytes = |name: &str| std::fs::read(bench.path(name)).unwrap();
    // A file also tells when it was made; all else is the same bytes.
    let arrays = |name: &str| {
        let archive = lapwing_files::Archive::open(bench.path(name)).unwrap();
        let names: Vec<String> = archive.names().map(str::to_owned).collect();
        let each = names.iter().map(|name| archive.read(name).unwrap());
        let mut arrays: Vec<_> = names.iter().cloned().zip(each).collect();
        arrays.retain(|(name, _)| name != "_metadata");
        let mut metadata = lapwing_files::metadata::read(&archive).unwrap().unwrap();
        for entry in metadata["data_transformations"].as_array_mut().unwrap() {
            assert!(entry.as_object_mut().unwrap().remove("timestamp").is_some());
        }
        (arrays, metadata)
    };
    assert!(arrays("a1.npz") == arrays("a2.npz"));
    for threads in [1, 2] {
        bench.ok(&format!(
            "thin --input a1.npz --dose 500 --output thin{threads}.npz --threads {threads}"
        ));
        bench.ok(&format!(
            "reconstruct --input-npz a1.npz --output-dir out{threads} --num-epochs 4 --compare --threads {threads}"
        ));
    }
    assert!(arrays("thin1.npz") == arrays("thin2.npz"));
    for name in
        ["loss.csv", "amplitude.png", "phase.png", "probe.png", "error.png", "comparison.json"]
    {
        assert_eq!(bytes(&format!("out1/{name}")), bytes(&format!("out2/{name}")), "{name}");
    }
    // The archive also holds the time at which it was made; all its numbers are equal.
    let read = |threads: usize, name: &str| {
        let archive =
            lapwing_files::Archive::open(bench.path(&format!("out{threads}/reconstruction.npz")))
                .unwrap();
        archive.read(name).unwrap()
    };
    for name in ["reconstructed_object", "reconstructed_probe", "loss"] {
        assert_eq!(read(1, name), read(2, name), "{name}");
    }
}

#[test]
fn another_seed_is_another_file() {
    let bench = Bench::new();
    bench.simulate("a.npz", "--seed 7");
    bench.simulate("b.npz", "--seed 8");
    assert_ne!(
        std::fs::read(bench.path("a.npz")).unwrap(),
        std::fs::read(bench.path("b.npz")).unwrap()
    );
}
