//! What is there already: nothing is written onto what is read, and what is replaced is told.

use crate::common::{Bench, stderr};
use crate::contract::prepared;

#[test]
fn nothing_is_written_onto_what_is_read() {
    let bench = Bench::new();
    prepared(&bench);
    std::fs::create_dir(bench.path("pair")).unwrap();
    for split in ["train", "test"] {
        let from = bench.path(&format!("data/dose_10000/patched_{split}.npz"));
        std::fs::copy(from, bench.path(&format!("pair/{split}.npz"))).unwrap();
    }
    let contents = || -> Vec<Vec<u8>> {
        bench.listing().iter().map(|n| std::fs::read(bench.path(n)).unwrap()).collect()
    };
    let before = contents();
    for (command, flag) in [
        ("overlap --data-root pair --output-root pair --s-img 0.5", "--output"),
        ("overlap --data-root data/dose_10000 --output-root data/../data/dose_10000", "--output"),
        ("compare --reconstruction pair/test.npz --truth scan.npz --csv scan.npz", "--csv"),
        ("compare --reconstruction scan.npz --truth pair/test.npz --csv ./scan.npz", "--csv"),
        ("thin --input scan.npz --dose 10 --output scan.npz", "--output"),
        ("convert scan.npz pair/test.npz --companion pair/test.npz", "OUT"),
        ("simulate --base scan.npz --dose 10 --output scan.npz", "--output"),
    ] {
        bench.fails(command, &["expected another", flag, "found the input itself"]);
    }
    assert!(contents() == before);
}

#[test]
fn what_is_replaced_is_told() {
    let bench = Bench::new();
    prepared(&bench);
    let overlap = "overlap --data-root data/dose_10000 --output-root o --s-img 0.5";
    for (command, file) in [
        ("simulate --base scan.npz --dose 100 --output low.npz", "low.npz"),
        ("thin --input scan.npz --dose 10 --output thin.npz", "thin.npz"),
        ("convert scan.npz copy.npz", "copy.npz"),
        ("split --input scan.npz --output-dir s", "s/patched_test.npz"),
        (
            "views --data-root data --output-root v --view dense",
            "v/dose_10000/dense/dense_train.npz",
        ),
        (overlap, "o/train_metrics.json"),
    ] {
        for again in [false, true] {
            let output = bench.run(command);
            assert!(output.status.success(), "{}", stderr(&output));
            let told = stderr(&output);
            let line = told.lines().find(|line| line.contains("there already"));
            assert_eq!(line.is_some_and(|line| line.contains(file)), again, "{command}\n{told}");
        }
        // Who asked for quiet is told of it, and of nothing else.
        let told = stderr(&bench.run(&format!("{command} -q")));
        let all = told.lines().all(|line| line.starts_with("replaced "));
        assert!(all && told.contains(file), "{command} -q\n{told}");
    }
    // What fails has replaced nothing, and does not say so.
    std::fs::write(bench.path("old.cxi"), "old").unwrap();
    let failed = bench.run("convert scan.npz old.cxi");
    assert!(!failed.status.success() && !stderr(&failed).contains("there already"));
    assert_eq!(std::fs::read_to_string(bench.path("old.cxi")).unwrap(), "old");
    // A view that is refused takes the one that was there with it.
    let refused =
        bench.run("views --data-root data --output-root v --view dense --min-positions 9999");
    assert!(stderr(&refused).contains("removed v/dose_10000/dense/"), "{}", stderr(&refused));
}
