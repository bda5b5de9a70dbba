//! Solvers outside this program: any command that reads a data set and writes a reconstruction.
//!
//! The command is run as it is, without a shell. In its words `{input}`, `{start}`, `{output}` and
//! `{epochs}` stand for
//!
//! - the data set (a study NPZ; in simulated data its `objectGuess` is the truth, which is no fair
//!   start),
//! - an NPZ with the very start that the solvers of this program get: `object` (y, x), `probe`
//!   (mode, y, x) and `positions` (n, 2), the window centres (y, x) in pixels of that object,
//! - an empty folder, in which the command leaves `reconstruction.npz`: `reconstructed_object`,
//!   complex, of the start object's shape; where it has them `reconstructed_probe`, of the shape of
//!   one or of all modes, and `loss`, one number for each epoch,
//! - the number of epochs of the configuration,
//!
//! and `{threads}` for the number of threads that the job has (a program that takes more slows its
//! neighbours down).
//!
//! What the command prints goes to the job's log. Its result is read back, checked, stored and
//! compared like any other.
//!
//! A command does not outlive the job: when that is left, the command and all that it started are
//! killed. When the program itself is killed, the kernel kills the command on Linux (not what the
//! command started: scripts should `exec` what they run); on other systems it runs on until it next
//! prints, into a pipe that nobody reads.

use crate::design::condition::Case;
use crate::design::external::External;
use crate::design::solver::{Method, StudySolver};
use crate::disk::hash;
use crate::disk::path::absolute;
use crate::run::event::{Event, Level, Observer, note, tell};
use crate::run::solve::start::Start;
use crate::{Result, StudyError};
use lapwing_files::reconstruction::{self, OBJECT, Role};
use lapwing_files::{Reconstruction, npz};
use lapwing_solve::Solution;
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Lines of output that an error repeats.
const LAST_LINES: usize = 10;

/// Longest line of output, bytes.
const LONGEST_LINE: u64 = 2000;

/// How long a command that prints nothing goes unattended.
const ATTENTION: Duration = Duration::from_millis(200);

/// Prefix of the folders that commands work in.
pub(crate) const SCRATCH: &str = ".external-";

/// Content hashes of the files that a solver names: another script of an external one, another
/// background, or another reconstruction to start from, is another solver.
pub(crate) fn files(solver: &StudySolver) -> Vec<(String, String)> {
    let mut named: Vec<String> = match &solver.method {
        Method::External(config) => config.external.command.clone(),
        Method::Native(_) => Vec::new(),
    };
    let files = solver.files().map(reconstruction::file_of);
    named.extend(files.map(|path| path.to_string_lossy().into_owned()));
    named.retain(|word| lapwing_files::open::named(Path::new(word)).0.is_file());
    let hashed = |word: String| Some((hash::file(Path::new(&word)).ok()?, word));
    named.into_iter().filter_map(hashed).map(|(hash, word)| (word, hash)).collect()
}

impl External {
    /// Runs the command on a data set in a folder of its own inside `folder`, and reads its result.
    /// `case` names the job in the events meanwhile; when the observer stops, the command is
    /// killed.
    ///
    /// # Errors
    /// When the command cannot be started or fails, and when its result is missing or does not fit
    /// the start.
    pub fn solve(
        &self,
        input: &Path,
        start: &Start,
        folder: &Path,
        case: Option<&Case>,
        observe: Observer<'_>,
    ) -> Result<Solution> {
        sweep(folder);
        let scratch = tempfile::Builder::new()
            .prefix(SCRATCH)
            .tempdir_in(folder)
            .map_err(StudyError::io("cannot create a folder in", folder))?;
        let place = absolute(scratch.path());
        let (start_file, output) = (place.join("start.npz"), place.join("output"));
        write_start(&start_file, start)?;
        std::fs::create_dir(&output).map_err(StudyError::io("cannot create", &output))?;
        let input = absolute(input);
        let put = |word: &String| {
            word.replace("{input}", &input.to_string_lossy())
                .replace("{start}", &start_file.to_string_lossy())
                .replace("{output}", &output.to_string_lossy())
                .replace("{epochs}", &self.epochs.to_string())
                .replace("{threads}", &rayon::current_num_threads().to_string())
        };
        let words: Vec<String> = self.command.iter().map(put).collect();
        run(&words, case, &mut *observe)?;
        let file = output.join("reconstruction.npz");
        if !file.is_file() {
            let text = format!(
                "the command {} ended well but left no reconstruction.npz in {{output}}",
                quoted(&self.command)
            );
            return Err(StudyError::Invalid(text));
        }
        read(&file, start, observe)
    }
}

/// Removes what commands of earlier attempts left behind; what cannot be removed is harmless.
fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn write_start(path: &Path, start: &Start) -> Result<()> {
    let object: Vec<_> = start.object.slices().iter().copied().collect();
    let (rows, columns) = start.object.shape();
    let probe: Vec<_> = start.probe.iter().copied().collect();
    let (modes, height, width) = start.probe.dim();
    let positions: Vec<f64> =
        start.scan.iter().flat_map(|position| [position.y, position.x]).collect();
    npz::write_with(path, npz::Packing::Stored, |file| {
        file.values("object", &[rows, columns], &object)?;
        file.values("probe", &[modes, height, width], &probe)?;
        file.values("positions", &[start.scan.len(), 2], &positions)
    })?;
    Ok(())
}

/// A command at work, killed with all that it started when this goes out of scope before its end.
struct Running(Child);

impl Running {
    fn start(mut command: Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        #[cfg(target_os = "linux")]
        die_with_this_process(&mut command);
        command.spawn().map(Self)
    }
}

/// Has the kernel kill the command when the thread that starts it ends, which here only happens
/// with the whole process.
#[cfg(target_os = "linux")]
fn die_with_this_process(command: &mut Command) {
    let parent = libc::pid_t::try_from(std::process::id());
    let ask = move || {
        // SAFETY: prctl with these arguments touches no memory of ours.
        if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: getppid always succeeds and touches no memory.
        let now = unsafe { libc::getppid() };
        // It may have died before the kernel was asked.
        if Ok(now) == parent { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
    };
    // SAFETY: between fork and exec only prctl and getppid are called, which are safe in signal
    // handlers, and nothing is allocated.
    unsafe { std::os::unix::process::CommandExt::pre_exec(command, ask) };
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        #[cfg(unix)]
        if let Ok(group) = libc::pid_t::try_from(self.0.id()) {
            // SAFETY: no memory is touched. The command has not been waited for, so its number is
            // still that of its own group.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        // Nothing more can be done about what cannot be killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a command to its end; its output goes to the observer line by line.
fn run(words: &[String], case: Option<&Case>, observe: Observer<'_>) -> Result<()> {
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| StudyError::Invalid("the command is empty".to_owned()))?;
    note(&mut *observe, Level::Detail, &format!("running {}", quoted(words)))?;
    let failed = |what: &str, error: io::Error| {
        StudyError::Invalid(format!("cannot {what} the command {}: {error}", quoted(words)))
    };
    let (reader, writer) = io::pipe().map_err(|error| failed("start", error))?;
    let mut command = Command::new(program);
    let errors = writer.try_clone().map_err(|error| failed("start", error))?;
    command.args(arguments).stdin(Stdio::null()).stdout(writer).stderr(errors);
    // Our ends of the pipe go with the command's description; reading ends when the command's do.
    let mut running = Running::start(command).map_err(|error| failed("start", error))?;
    let mut last: VecDeque<String> = VecDeque::new();
    let (said, lines) = mpsc::channel();
    std::thread::spawn(move || read_lines(reader, &said));
    let mut attended = Instant::now();
    loop {
        if attended.elapsed() >= ATTENTION {
            tell(&mut *observe, Event::Waiting { case, what: program })?;
            attended = Instant::now();
        }
        match lines.recv_timeout(ATTENTION) {
            Ok(line) => {
                let line = line.map_err(|error| failed("read", error))?;
                note(&mut *observe, Level::Detail, &line)?;
                last.push_back(line);
                if last.len() > LAST_LINES {
                    last.pop_front();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = running.0.wait().map_err(|error| failed("wait for", error))?;
    if status.success() {
        return Ok(());
    }
    let said = match Vec::from(last).join("\n  ") {
        nothing if nothing.is_empty() => " without a word".to_owned(),
        lines => format!(", saying\n  {lines}"),
    };
    Err(StudyError::Invalid(format!("the command {} failed ({status}){said}", quoted(words))))
}

/// Passes on what a command prints, line by line until it has ended; longer lines in pieces.
fn read_lines(reader: io::PipeReader, said: &mpsc::Sender<io::Result<String>>) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        let told = match reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) => Ok(String::from_utf8_lossy(&line).trim_end().to_owned()),
            Err(error) => Err(error),
        };
        let over = told.is_err();
        if said.send(told).is_err() || over {
            return;
        }
    }
}

/// The words of a command, for messages.
fn quoted(words: &[String]) -> String {
    format!("`{}`", words.join(" "))
}

/// The result of a command.
fn read(file: &Path, start: &Start, observe: Observer<'_>) -> Result<Solution> {
    let made = Reconstruction::read_as(file, Role::default(), Some(OBJECT))?;
    for text in &made.notes {
        note(&mut *observe, Level::Detail, text)?;
    }
    let wrong = |name: &str, expected: String, found: String| {
        let path = file.display();
        StudyError::Invalid(format!("{path}: array {name}: expected {expected}, found {found}"))
    };
    if made.object.n_slices() != 1 || made.object.shape() != start.object.shape() {
        let expected = format!("the start object's shape {:?}", start.object.shape());
        return Err(wrong(OBJECT, expected, format!("{:?}", made.object.slices().shape())));
    }
    let probe = made.probe.unwrap_or_else(|| start.probe.clone());
    let (modes, height, width) = probe.dim();
    let (_, rows, columns) = start.probe.dim();
    if modes == 0 || (height, width) != (rows, columns) {
        let expected = format!("modes of shape {:?}", (rows, columns));
        let found = format!("shape {:?}", probe.shape());
        return Err(wrong("reconstructed_probe", expected, found));
    }
    Ok(Solution { loss: made.loss, ..Solution::of(made.object, probe, start.scan.clone()) })
}
