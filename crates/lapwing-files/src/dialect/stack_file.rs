//! The file that patterns are in, and masks beside them.

use crate::{Archive, Container};

/// The file that patterns are in.
#[derive(Clone, Copy)]
pub(super) enum StackFile<'a> {
    Archive(&'a Archive),
    Other(&'a Container),
}

impl<'a> From<&'a Container> for StackFile<'a> {
    fn from(file: &'a Container) -> Self {
        match file {
            Container::Npz(archive) => Self::Archive(archive),
            other => Self::Other(other),
        }
    }
}
