//! Where the files of a Zarr hierarchy lie: in a folder, or in a ZIP archive.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::npz::Archive;
use crate::{Error, open};

/// Files that are looked through at most, and how deep.
const MOST_FILES: usize = 1 << 20;
const DEEPEST: usize = 32;

/// A store of files with names such as `group/array/c/0/0`.
#[derive(Debug)]
pub(super) enum Store {
    /// A folder.
    Folder(PathBuf),
    /// A ZIP archive, in which all of it is stored.
    Zip(Archive),
}

impl Store {
    pub fn path(&self) -> &Path {
        match self {
            Self::Folder(path) => path,
            Self::Zip(archive) => archive.path(),
        }
    }

    /// The bytes of a file of at most `most` bytes; `None` where there is none of that name.
    pub fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Zip(archive) => archive.stranger(name, most),
            Self::Folder(root) => {
                let path = root.join(name);
                let facts = match open::check(&path) {
                    Ok(facts) => facts,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(Error::io(&path, error)),
                };
                if facts.len() > most {
                    let reason = format!("{} bytes, more than the {most} it may have", facts.len());
                    return Err(Error::archive(&path, reason));
                }
                fs::read(&path).map(Some).map_err(|source| Error::io(&path, source))
            }
        }
    }

    /// Name and length of every file.
    pub fn files(&self) -> Result<Vec<(String, u64)>, Error> {
        match self {
            Self::Zip(archive) => Ok(archive.stranger_lengths().collect()),
            Self::Folder(root) => {
                let mut found = Vec::new();
                walk(root, "", 0, &mut found).map_err(|source| Error::io(root, source))?;
                Ok(found)
            }
        }
    }
}

fn walk(folder: &Path, name: &str, depth: usize, found: &mut Vec<(String, u64)>) -> io::Result<()> {
    if depth > DEEPEST || found.len() > MOST_FILES {
        let reason =
            format!("more than {MOST_FILES} files, or folders {DEEPEST} deep, are no data set");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(last) = entry.file_name().into_string() else { continue };
        let inner = if name.is_empty() { last } else { format!("{name}/{last}") };
        // A link may lead anywhere, and round in circles.
        let facts = entry.metadata()?;
        if facts.is_dir() {
            walk(&entry.path(), &inner, depth + 1, found)?;
        } else if facts.is_file() {
            found.push((inner, facts.len()));
        }
    }
    Ok(())
}
