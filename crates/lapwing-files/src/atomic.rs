//! Files that appear whole or not at all.
//!
//! The bytes go to a temporary file in the same folder, are flushed and synchronised to the disk,
//! and only then take the final name by a rename; at last the folder itself is synchronised, so
//! that the name survives a power cut. When anything fails on the way, the temporary file is
//! removed and an earlier file under the final name is intact.
//!
//! A process that is killed cannot remove its temporary file. Whoever writes one holds a lock of
//! the operating system on it, so that [`remove_abandoned`] knows those that nobody writes any
//! more.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where the contents of a file being written go: it can be written to and sought in.
pub type Target = BufWriter<File>;

/// What the names of temporary files begin and end with.
const PREFIX: &str = ".lapwing-";
const SUFFIX: &str = ".part";
/// Letters and digits between, which are drawn for each.
const DRAWN: usize = 6;

/// Writes a file atomically: `fill` produces the contents, which replace `path` once they are
/// safely on disk.
///
/// The folder must exist. A symbolic link is followed, so the file it points to is replaced.
/// Anything else that is no regular file (a folder, a device) is refused with
/// [`io::ErrorKind::InvalidInput`].
///
/// # Errors
/// What `fill` returns, and any failure to create, write, synchronise or rename. Nothing is left
/// behind then.
///
/// ```
/// use std::io::Write;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("table.csv");
/// lapwing_files::atomic::write(&path, |out| writeln!(out, "dose,ssim"))?;
/// assert_eq!(std::fs::read_to_string(&path)?, "dose,ssim\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write<F>(path: impl AsRef<Path>, fill: F) -> io::Result<()>
where
    F: FnOnce(&mut Target) -> io::Result<()>,
{
    let path = final_path(path.as_ref())?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(DRAWN);
    // What the user's umask leaves of it, as for any newly created file; the default would be
    // private to the user.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let (file, temporary) =
        builder.tempfile_in(folder).map_err(|error| unusable(folder, error))?.into_parts();
    // Without locks on this file system it is never taken for abandoned.
    let _ = file.try_lock();

    let mut out = BufWriter::with_capacity(1 << 16, file);
    fill(&mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    temporary.persist(&path).map_err(|failure| failure.error)?;
    // The lock has held until the file had its name.
    drop(out);
    sync_folder(folder)
}

/// Removes the temporary files in `folder` whose writers were killed. Those that a process is
/// writing stay, as do all on a file system without locks; what cannot be removed is left.
pub fn remove_abandoned(folder: impl AsRef<Path>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let drawn = |name: &str| {
            let drawn = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
            let drawn = drawn.bytes().map(|byte| byte.is_ascii_alphanumeric());
            Some(drawn.len() == DRAWN && drawn.clone().all(|is| is))
        };
        let named = name.to_str().and_then(drawn).unwrap_or(false);
        if !named || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        // Some network file systems want to be able to write for a lock against all others.
        let Ok(file) = OpenOptions::new().read(true).write(true).open(&path) else { continue };
        if file.try_lock().is_ok() {
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// [`write()`] for contents that are already in memory.
///
/// # Errors
/// As for [`write()`].
pub fn write_bytes(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> io::Result<()> {
    write(path, |out| out.write_all(contents.as_ref()))
}

/// The path whose file is to be replaced: links followed, everything but a regular file refused.
fn final_path(path: &Path) -> io::Result<PathBuf> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => std::fs::canonicalize(path),
        Ok(found) => {
            let what = if found.is_dir() { "a folder" } else { "not a regular file" };
            let message =
                format!("cannot write {}: it is {what}; choose another name", path.display());
            Err(io::Error::new(io::ErrorKind::InvalidInput, message))
        }
        Err(_) => Ok(path.to_path_buf()),
    }
}

/// Why no file can be made in a folder, in its own name instead of the temporary file's.
fn unusable(folder: &Path, error: io::Error) -> io::Error {
    let name = folder.display();
    let message = match error.kind() {
        io::ErrorKind::NotFound => format!("the folder {name} does not exist; make it first"),
        io::ErrorKind::NotADirectory => format!("{name} is not a folder; choose another name"),
        io::ErrorKind::PermissionDenied => {
            format!("the folder {name} cannot be written to: permission denied")
        }
        // Anything else, such as a full disk, is reported as it is.
        _ => return error,
    };
    io::Error::new(error.kind(), message)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot synchronise a folder; the file itself is safe by then.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        outcome => outcome,
    }
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_failure_leaves_the_earlier_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.txt");
        write_bytes(&path, "first").unwrap();
        let failure = write(&path, |out| {
            out.write_all(&vec![b'x'; 1 << 20])?;
            Err(io::Error::other("the source dried up"))
        });
        assert_eq!(failure.unwrap_err().to_string(), "the source dried up");
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["data.txt"]);
    }

    #[test]
    fn what_a_killed_writer_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            ".lapwing-k1Ll3d.part",
            ".lapwing-my own.part",
            ".lapwing.lock",
            "scan.part",
            ".lapwing-notes",
        ] {
            std::fs::write(folder.path().join(name), "begun").unwrap();
        }
        std::fs::create_dir(folder.path().join(".lapwing-folder.part")).unwrap();
        let path = folder.path().join("data.txt");
        // Another writer's clean-up, while this one is at work.
        write(&path, |out| {
            remove_abandoned(folder.path());
            out.write_all(b"whole")
        })
        .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        let mut left = names(folder.path());
        left.sort();
        let kept = [
            ".lapwing-folder.part",
            ".lapwing-my own.part",
            ".lapwing-notes",
            ".lapwing.lock",
            "data.txt",
        ];
        assert_eq!(left, [&kept[..], &["scan.part"]].concat());
    }

    #[test]
    fn a_folder_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_bytes(folder.path(), "x").unwrap_err();
        assert!(error.to_string().contains("a folder"), "{error}");
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_bytes(folder.path().join("no/such/file"), "x").unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(text.contains("no/such does not exist") && !text.contains(".part"), "{text}");
        assert!(names(folder.path()).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_the_mode_is_an_ordinary_one() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (plain, made, link) =
            (folder.path().join("plain"), folder.path().join("made"), folder.path().join("link"));
        std::fs::write(&plain, "").unwrap();
        write_bytes(&made, "1").unwrap();
        std::os::unix::fs::symlink(&made, &link).unwrap();
        write_bytes(&link, "2").unwrap();
        assert_eq!(std::fs::read(&made).unwrap(), b"2");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&made), mode(&plain));
    }
}
