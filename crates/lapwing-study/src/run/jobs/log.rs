//! What a job does, line by line.

use crate::{Result, StudyError};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// The log file of a job; each line tells the seconds since the job began.
pub(super) struct JobLog<'a> {
    path: &'a Path,
    file: File,
    started: Instant,
    /// Why a line could not be written.
    broken: Option<std::io::Error>,
}

impl<'a> JobLog<'a> {
    pub fn create(path: &'a Path, started: Instant) -> Result<Self> {
        let file = File::create(path).map_err(StudyError::io("cannot create", path))?;
        Ok(Self { path, file, started, broken: None })
    }

    pub fn line(&mut self, text: &str) {
        let time = self.started.elapsed().as_secs_f64();
        if let Err(error) = writeln!(self.file, "{time:9.3} {text}") {
            self.broken.get_or_insert(error);
        }
    }

    pub fn finish(self) -> Result<()> {
        match self.broken {
            None => Ok(()),
            Some(error) => Err(StudyError::io("cannot write", self.path)(error)),
        }
    }
}
