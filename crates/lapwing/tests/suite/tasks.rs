//! The common tasks of the guide work as they stand there, one after the other.

use crate::common::Bench;

/// The commands that need nothing but what those before them made, and no long time.
const QUICK: [&str; 7] = ["plan", "simulate", "thin", "split", "views", "jobs", "overlap"];

#[test]
fn its_commands_can_be_typed_one_after_the_other() {
    if lapwing_testing::left_out() {
        return;
    }
    let table = include_str!("../../../../docs/tasks.md");
    let commands = table.lines().filter_map(|row| {
        let command = row.split('`').nth(1)?.strip_prefix("lapwing ")?;
        QUICK.contains(&command.split(' ').next()?).then_some(command)
    });
    let bench = Bench::new();
    let typed: Vec<&str> = commands.inspect(|command| drop(bench.ok(command))).collect();
    assert_eq!(typed.len(), QUICK.len(), "{typed:?}");
    for made in ["thin.npz", "views/dose_10000/sparse/sparse_train.npz"] {
        assert!(bench.path(made).is_file(), "{made}");
    }
}
