//! Whole studies on tiny simulated data.
#![allow(clippy::unwrap_used)]

mod alone;
mod documents;
mod fluence;
mod forecast;
mod held;
mod limit;
mod measured;
mod possible;
mod records;
mod search;
mod several;
mod slices;
mod whole;

use lapwing_files::Dataset;
use lapwing_files::dialect::ReadOptions;
use lapwing_study::event::{Event, unobserved};
use lapwing_study::jobs;
use lapwing_study::layout::{MANIFEST, SKIP_SUMMARY};
use lapwing_study::run::StudyOptions;
use lapwing_study::{Design, run};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

/// Two doses on a 32 x 32 detector; the field leaves sparse views (25.6 px) five positions and
/// more.
const TINY: &str = r#"
[study]
name = "tiny"
doses = [1e3, 1e4]
pattern_size = 32
[probe]
diameter = 18
[scan]
step = 7
field = [120, 90]
[solver]
epochs = 4
"#;

fn tiny(more: &str) -> Design {
    Design::parse(&format!("{TINY}{more}"), Path::new(".")).unwrap()
}

fn read(path: impl AsRef<Path>) -> Dataset {
    lapwing_files::dialect::read(path, &ReadOptions::default()).unwrap().0
}

/// Runs a study; returns its report and the names of the events that were no epochs.
fn run_study(design: &Design, root: &Path) -> (jobs::JobsReport, Vec<String>) {
    let mut events = Vec::new();
    let report = run::study(design, root, &mut |event| {
        if !matches!(event, Event::Epoch { .. }) {
            events.push(format!("{event:?}"));
        }
        ControlFlow::Continue(())
    });
    (report.unwrap(), events)
}

/// Makes the data and the views of a study, and reconstructs nothing.
fn prepare_study(design: &Design, root: &Path) {
    let options = StudyOptions { prepare_only: true, ..StudyOptions::default() };
    run::study_with(design, root, options, &mut unobserved).unwrap();
}

/// Every file below `root` that a run does not write anew each time, with its contents.
fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains("runs")
                && !name.ends_with(".lock")
                && !name.ends_with(MANIFEST)
                && !name.ends_with(SKIP_SUMMARY)
            {
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}
