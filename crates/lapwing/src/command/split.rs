//! `lapwing split`: train and test splits.

use crate::input::Reading;
use crate::output::{Output, there};
use crate::scan_file::ScanFile;
use crate::value;
use anyhow::Context;
use clap::Args;
use lapwing_study::data;
use lapwing_study::foreign;
use lapwing_study::lock::Lock;
use lapwing_study::split::{Axis, Cut};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Cut a data set into a train and a test split
///
/// A position is train where its coordinate is less than min + fraction x (max - min), else test.
/// Windows at the cut reach half a pattern across it; a guard band keeps the splits apart, and the
/// shared share of the object is reported.
#[derive(Debug, Args)]
#[command(after_help = "Example: writes splits/patched_train.npz and splits/patched_test.npz\n  \
    lapwing split --input dose_1000.npz --output splits --guard-band 32")]
pub struct Split {
    #[command(flatten)]
    scan: ScanFile,
    /// Folder for patched_train.npz and patched_test.npz
    #[arg(long = "output", alias = "output-dir", value_name = "DIR")]
    output_dir: PathBuf,
    /// Coordinate along which to cut: y or x
    #[arg(long, value_name = "AXIS", default_value = "y", value_parser = value::named::<Axis>)]
    axis: Axis,
    /// Where to cut, as a fraction of the range of the coordinate, between 0 and 1
    #[arg(long, value_name = "F", default_value_t = Cut::default().fraction, value_parser = value::inner_share)]
    fraction: f64,
    /// Width around the cut, pixels, whose positions belong to neither split
    #[arg(long, value_name = "PX", default_value_t = Cut::default().guard_band, value_parser = value::not_negative)]
    guard_band: f64,
    #[command(flatten)]
    reading: Reading,
}

impl Split {
    pub fn run(&self, output: Output) -> anyhow::Result<ExitCode> {
        let folder = &self.output_dir;
        let (train, test) = (folder.join("patched_train.npz"), folder.join("patched_test.npz"));
        for written in [&train, &test] {
            let flag = "a split in --output";
            self.reading.refuse_onto_input(written, flag, self.scan.path())?;
        }
        foreign::refuse(folder, [train.clone(), test.clone()])?;
        // Of two at once in one folder the splits could be mixed.
        let _locks = Lock::acquire_within(folder)?;
        let (dataset, _) = self.reading.read(self.scan.path(), Some(&train), output)?;
        let cut = Cut { axis: self.axis, fraction: self.fraction, guard_band: self.guard_band };
        let mut split =
            data::split(&dataset, &cut).with_context(|| self.scan.path().display().to_string())?;
        data::stamp(&mut split.train);
        data::stamp(&mut split.test);
        let replaced = there([train.as_path(), test.as_path()]);
        split.train.write(&train)?;
        split.test.write(&test)?;
        output.note_replaced(&replaced);
        let splits = &split.splits;
        let said = |file: &PathBuf, n: usize, shared: f64| json!({ "file": file, "n": n, "shared_fraction": shared });
        let record = json!({
            "input": self.scan.path(),
            "axis": self.axis,
            "cut_px": splits.cut,
            "guard_band_px": self.guard_band,
            "n_dropped": splits.dropped,
            "train": said(&train, splits.train.len(), split.shared.train),
            "test": said(&test, splits.test.len(), split.shared.test),
        });
        let words = format!(
            "cut at {:.1} px: {} train, {} test, {} in the guard band\n\
             object pixels that the other split sees too: {:.1} % of train, {:.1} % of test\nwrote {} and {}",
            splits.cut,
            splits.train.len(),
            splits.test.len(),
            splits.dropped,
            100.0 * split.shared.train,
            100.0 * split.shared.test,
            train.display(),
            test.display()
        );
        output.result(&record, words)?;
        Ok(ExitCode::SUCCESS)
    }
}
