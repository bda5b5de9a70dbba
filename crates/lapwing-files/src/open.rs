//! Opening files to read, and saying what a file is that nothing here reads.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Bytes from the beginning of a file that tell its kind.
pub(crate) const HEAD: usize = 128;

/// Opens a file for reading at any position. Folders, and the pipes and devices at which a reader
/// would wait for ever or read without end, are refused.
///
/// # Errors
/// What the system says, and for what is no regular file what it is.
pub fn regular(path: &Path) -> io::Result<File> {
    check(path)?;
    File::open(path)
}

/// Refuses what is no regular file.
pub(crate) fn check(path: &Path) -> io::Result<fs::Metadata> {
    let facts = fs::metadata(path)?;
    if facts.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder; name a file"));
    }
    if !facts.is_file() {
        let reason = "it is a pipe or a device, which cannot be read at any position; save it as a file first";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    Ok(facts)
}

/// What a file is whose first bytes are these, and what to do with it; `None` for what is not known
/// by name.
pub(crate) fn foreign(head: &[u8]) -> Option<&'static str> {
    const KINDS: [(&[u8], &str); 10] = [
        (
            b"MATLAB 5.0 MAT-file",
            "a MATLAB file (.mat, version 5), which is not read: load it with scipy.io.loadmat and save its arrays with numpy.savez",
        ),
        (
            b"MATLAB 7.3 MAT-file",
            "a MATLAB file (.mat, version 7.3), whose arrays have their axes in reverse: load it with h5py, transpose, and save \
             with numpy.savez",
        ),
        (
            b"\x93NUMPY",
            "a single NumPy array (.npy): save patterns, positions and probe together with numpy.savez",
        ),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file, where a NumPy archive is needed"),
        (
            b"PK\x03\x04",
            "the beginning of a NumPy archive whose end is missing: it was cut short, copy it again",
        ),
        (b"\x1f\x8b", "compressed by gzip: unpack it first"),
        (b"II*\0", "a TIFF image, where a NumPy archive is needed"),
        (b"MM\0*", "a TIFF image, where a NumPy archive is needed"),
        (b"CDF", "a NetCDF file, which is not read: save its arrays with numpy.savez"),
        (b"\x80\x04\x95", "a Python pickle, which is not read: save its arrays with numpy.savez"),
    ];
    KINDS.iter().find(|(start, _)| head.starts_with(start)).map(|(_, kind)| *kind)
}

/// Stands between a file and the name of an array in it.
pub const SEPARATOR: &str = "::";

/// The file and the array that `FILE::NAME` means; a file of the whole name is meant, whatever the
/// name looks like.
pub fn named(path: &Path) -> (&Path, Option<&str>) {
    let parts = path.to_str().and_then(|text| text.rsplit_once(SEPARATOR));
    let parts = parts.filter(|_| !path.exists());
    parts.map_or((path, None), |(file, name)| (Path::new(file), Some(name)))
}

/// What a library says of a file that it cannot read, in the words of this project.
pub(crate) fn in_plain_words(reason: &str) -> String {
    const ENDED: [&str; 4] = [
        "failed to fill whole buffer",
        "buffer too short",
        "unexpected end of file",
        "UnexpectedEof",
    ];
    if ENDED.iter().any(|ended| reason.contains(ended)) {
        return "it ends before what it promises: cut short, copy it again".to_owned();
    }
    let damaged = |what: &str| format!("{what}: damaged, copy it again");
    if reason.contains("decompress error") {
        return damaged("compressed data that cannot be unpacked");
    }
    if reason.contains("invalid HDF5 signature") {
        return damaged("no HDF5 signature where one should be");
    }
    if reason.contains("checksum mismatch") {
        return damaged("data that their checksum does not fit");
    }
    if reason.contains("decoder limits exceeded") {
        return "it claims more than it can hold".to_owned();
    }
    const OF_LIBRARY: [&str; 6] = [
        "hdf5-io error: ",
        "format error: ",
        "I/O error: ",
        "IO error: ",
        "invalid data: ",
        "unsupported: ",
    ];
    let mut plain = reason.to_owned();
    for of_library in OF_LIBRARY {
        plain = plain.replace(of_library, "");
    }
    plain.replace("this crate cannot read", "that is not read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_opened_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "x").unwrap();
        assert!(regular(&path).is_ok());
        assert_eq!(regular(folder.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(regular(&folder.path().join("b")).unwrap_err().kind(), io::ErrorKind::NotFound);
        #[cfg(unix)]
        assert_eq!(
            regular(Path::new("/dev/null")).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }

    #[test]
    fn files_that_end_too_early_are_told_as_such() {
        for reason in [
            "hdf5-io error: I/O error: failed to fill whole buffer",
            "format error: buffer too short: need 32 bytes, have 0",
        ] {
            assert!(in_plain_words(reason).contains("copy it again"), "{reason}");
        }
        assert_eq!(in_plain_words("hdf5-io error: no such link"), "no such link");
        assert_eq!(in_plain_words("format error: invalid data: rank 40"), "rank 40");
        let inflated =
            "hdf5-io error: format error: invalid data: deflate decompress error: data error";
        for reason in [inflated, "format error: invalid HDF5 signature"] {
            let plain = in_plain_words(reason);
            assert!(
                plain.ends_with("damaged, copy it again") && !plain.contains("error"),
                "{plain}"
            );
            assert_eq!(in_plain_words(&plain), plain);
        }
    }

    #[test]
    fn kinds_are_told_by_their_first_bytes() {
        assert!(foreign(b"MATLAB 5.0 MAT-file, Platform: GLNXA64").unwrap().contains("loadmat"));
        assert!(foreign(b"\x93NUMPY\x01\0").unwrap().contains(".npy"));
        assert_eq!((foreign(b"MATLAB"), foreign(b"")), (None, None));
    }
}
