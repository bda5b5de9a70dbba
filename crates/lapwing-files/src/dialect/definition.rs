//! What a dialect is.

use super::found::Found;
use super::wanted::Wanted;
use crate::container::ByteFormat;
use crate::options::ReadOptions;
use crate::{Container, Error};

/// One way of writing a scan.
pub(super) trait Dialect: Sync {
    /// Its name on the command line, in JSON and in messages.
    fn name(&self) -> &'static str;

    /// Other names that it is known by.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// The byte format of its files.
    fn kind(&self) -> ByteFormat;

    /// Names that the array of patterns may have; the first that is there is the one.
    fn patterns(&self) -> &'static [&'static str];

    /// Whether a file of its byte format is one of its own.
    fn claims(&self, file: &Container, options: &ReadOptions) -> Result<bool, Error>;

    /// Whether it takes the patterns that the user names (`--patterns`) in a file of its byte
    /// format, whatever else is in there.
    fn takes_named(&self) -> bool {
        false
    }

    /// Whether it takes a second file itself; otherwise that brings the start probe.
    fn takes_companion(&self) -> bool {
        false
    }

    /// Reads a file, and converts it to the project's conventions. What was converted, assumed or
    /// left out goes to `notes`; what is wrong is gathered in [`Found`], all at once, and only what
    /// makes the rest unreadable is an error.
    fn find(
        &self,
        file: &Container,
        wanted: &Wanted<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Found, Error>;
}
