//! Solvers outside this program: any command that reads a data set and writes a reconstruction.
//!
//! The command is run as it is, without a shell. In its words `{input}`, `{start}`, `{output}` and `{epochs}` stand for
//!
//! - the data set (a study NPZ; in simulated data its `objectGuess` is the truth, which is no fair start),
//! - an NPZ with the very start that the solvers of this program get: `object` (y, x), `probe` (mode, y, x) and `positions`
//!   (n, 2), the window centres (y, x) in pixels of that object,
//! - an empty folder, in which the command leaves `reconstruction.npz`: `reconstructed_object`, complex, of the start
//!   object's shape; where it has them `reconstructed_probe`, of the shape of one or of all modes, and `loss`, one number
//!   for each epoch,
//! - the number of epochs of the configuration.
//!
//! What the command prints goes to the job's log. Its result is read back, checked, stored and compared like any other.

use crate::solver::{ObjectStart, ProbeStart, SolverConfig};
use crate::start::Start;
use crate::{Result, StudyError, hash};
use lapwing_files::npy::Array;
use lapwing_files::{Archive, npz};
use lapwing_model::{Field, Modes};
use lapwing_solve::Solution;
use ndarray::{Ix2, Ix3};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Lines of output that an error repeats.
const LAST_LINES: usize = 10;

/// Longest line of output that is kept, bytes.
const LONGEST_LINE: usize = 2000;

/// Prefix of the folders that commands work in.
const SCRATCH: &str = ".external-";

/// Name of the algorithm in designs and records.
pub const ALGORITHM: &str = "external";

/// A command that reconstructs, and what it starts from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExternalConfig {
    /// Always [`ALGORITHM`].
    algorithm: &'static str,
    /// Start object.
    pub object_start: ObjectStart,
    /// Start probe.
    pub probe_start: ProbeStart,
    /// The command.
    #[serde(flatten)]
    pub external: External,
}

impl ExternalConfig {
    /// A command started from the given fields.
    pub fn new(external: External, object_start: ObjectStart, probe_start: ProbeStart) -> Self {
        Self { algorithm: ALGORITHM, object_start, probe_start, external }
    }

    /// What a solver of this program would have to be told to start from the same fields.
    pub(crate) fn start(&self) -> SolverConfig {
        let mut config = SolverConfig::default();
        config.object_start = self.object_start;
        config.probe_start = self.probe_start;
        config
    }
}

/// A command that reconstructs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Number of epochs that `{epochs}` stands for.
    #[serde(default = "default_epochs", alias = "num_epochs")]
    pub epochs: usize,
}

fn default_epochs() -> usize {
    100
}

impl External {
    /// Content hashes of the files that the command names: another script is another solver.
    pub fn files(&self) -> Vec<(String, String)> {
        let named = self.command.iter().filter(|word| Path::new(word).is_file());
        named.filter_map(|word| Some((word.clone(), hash::file(Path::new(word)).ok()?))).collect()
    }

    /// Runs the command on a data set in a folder of its own inside `folder`, and reads its result.
    ///
    /// # Errors
    /// When the command cannot be started or fails, and when its result is missing or does not fit the start.
    pub fn solve(
        &self,
        input: &Path,
        start: &Start,
        folder: &Path,
        log: &mut dyn FnMut(&str),
    ) -> Result<Solution> {
        sweep(folder);
        let scratch = tempfile::Builder::new()
            .prefix(SCRATCH)
            .tempdir_in(folder)
            .map_err(StudyError::io("cannot create a folder in", folder))?;
        let place = crate::plan::absolute(scratch.path());
        let (start_file, output) = (place.join("start.npz"), place.join("output"));
        write_start(&start_file, start)?;
        std::fs::create_dir(&output).map_err(StudyError::io("cannot create", &output))?;
        let input = crate::plan::absolute(input);
        let put = |word: &String| {
            word.replace("{input}", &input.to_string_lossy())
                .replace("{start}", &start_file.to_string_lossy())
                .replace("{output}", &output.to_string_lossy())
                .replace("{epochs}", &self.epochs.to_string())
        };
        let words: Vec<String> = self.command.iter().map(put).collect();
        run(&words, log)?;
        let file = output.join("reconstruction.npz");
        if !file.is_file() {
            let text = format!(
                "the command {} ended well but left no reconstruction.npz in {{output}}",
                quoted(&self.command)
            );
            return Err(StudyError::Invalid(text));
        }
        read(&file, start)
    }
}

/// Removes what commands of earlier attempts left behind; what cannot be removed hurts nobody.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn write_start(path: &Path, start: &Start) -> Result<()> {
    let object: Vec<_> = start.object.iter().copied().collect();
    let probe: Vec<_> = start.probe.iter().copied().collect();
    let (modes, height, width) = start.probe.dim();
    let positions: Vec<f64> = start.scan.iter().flat_map(|position| [position.y, position.x]).collect();
    npz::write_with(path, npz::Packing::Stored, |file| {
        file.values("object", &[start.object.nrows(), start.object.ncols()], &object)?;
        file.values("probe", &[modes, height, width], &probe)?;
        file.values("positions", &[start.scan.len(), 2], &positions)
    })?;
    Ok(())
}

/// Runs a command to its end; its output goes to the log line by line.
fn run(words: &[String], log: &mut dyn FnMut(&str)) -> Result<()> {
    let (program, arguments) =
        words.split_first().ok_or_else(|| StudyError::Invalid("the command is empty".to_owned()))?;
    log(&format!("running {}", quoted(words)));
    let failed = |what: &str, error: std::io::Error| {
        StudyError::Invalid(format!("cannot {what} the command {}: {error}", quoted(words)))
    };
    let (reader, writer) = std::io::pipe().map_err(|error| failed("start", error))?;
    let mut command = Command::new(program);
    let errors = writer.try_clone().map_err(|error| failed("start", error))?;
    command.args(arguments).stdin(Stdio::null()).stdout(writer).stderr(errors);
    let mut child = command.spawn().map_err(|error| failed("start", error))?;
    // Our ends of the pipe go with it; reading ends when the command's do.
    drop(command);
    let mut last: Vec<String> = Vec::new();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(|error| failed("read", error))? > 0 {
        line.truncate(LONGEST_LINE);
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        line.clear();
        log(&text);
        if last.len() == LAST_LINES {
            last.remove(0);
        }
        last.push(text);
    }
    let status = child.wait().map_err(|error| failed("wait for", error))?;
    if status.success() {
        return Ok(());
    }
    let said = if last.is_empty() {
        " without a word".to_owned()
    } else {
        format!(", saying\n  {}", last.join("\n  "))
    };
    Err(StudyError::Invalid(format!("the command {} failed ({status}){said}", quoted(words))))
}

/// The words of a command, for messages.
fn quoted(words: &[String]) -> String {
    format!("`{}`", words.join(" "))
}

/// The result of a command.
fn read(file: &Path, start: &Start) -> Result<Solution> {
    let archive = Archive::open(file)?;
    let wrong = |name: &str, expected: String, found: String| {
        let path = file.display();
        StudyError::Invalid(format!("{path}: array {name}: expected {expected}, found {found}"))
    };
    let object: Field = archive
        .read("reconstructed_object")?
        .into_complex32_array::<Ix2>()
        .map_err(StudyError::array(file, "reconstructed_object"))?;
    if object.dim() != start.object.dim() {
        let expected = format!("the start object's shape {:?}", start.object.dim());
        return Err(wrong("reconstructed_object", expected, format!("{:?}", object.dim())));
    }
    let probe: Modes = match archive.contains("reconstructed_probe") {
        false => start.probe.clone(),
        true => {
            let array = archive.read("reconstructed_probe")?;
            let shape = match *array.shape() {
                [height, width] => vec![1, height, width],
                ref other => other.to_vec(),
            };
            let (_, height, width) = start.probe.dim();
            if shape.len() != 3 || shape[0] == 0 || shape[1..] != [height, width] {
                let expected = format!("modes of shape {:?}", (height, width));
                return Err(wrong("reconstructed_probe", expected, format!("shape {shape:?}")));
            }
            let array = array.reshape(shape).and_then(Array::into_complex32_array::<Ix3>);
            array.map_err(StudyError::array(file, "reconstructed_probe"))?
        }
    };
    let loss = match archive.contains("loss") {
        true => archive.read("loss")?.to_f64().map_err(StudyError::array(file, "loss"))?,
        false => Vec::new(),
    };
    Ok(Solution { object, probe, positions: start.scan.clone(), loss })
}
