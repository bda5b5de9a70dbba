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
            "a MATLAB file (.mat, version 5), which holds no metadata: scans and reconstructions in it are read as they are",
        ),
        (
            b"MATLAB 7.3 MAT-file",
            "a MATLAB file (.mat, version 7.3), which holds no metadata: scans and reconstructions in it are read as they are",
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
    const ENDED: [&str; 6] = [
        "read past end",
        "incomplete deflate stream",
        "failed to fill whole buffer",
        "buffer too short",
        "unexpected end of file",
        "UnexpectedEof",
    ];
    if ENDED.iter().any(|ended| reason.contains(ended)) {
        return "it ends before what it promises: cut short, copy it again".to_owned();
    }
    let damaged = |what: &str| format!("{what}: damaged, copy it again");
    const PACKED: [&str; 6] = [
        "decompress error",
        "corrupt deflate stream",
        "zstd decompress",
        "bshuf LZ4",
        "lz4 decompress",
        "blosc decompress",
    ];
    if PACKED.iter().any(|packed| reason.contains(packed)) {
        return damaged("compressed data that cannot be unpacked");
    }
    if reason.contains("unsupported version") {
        return "a part of a version that is not known: damaged, or written by a newer program \
                (h5repack writes HDF5 in older forms)"
            .to_owned();
    }
    // What the parts of a file say of each other, in the words of those who read them.
    const AGAINST: [&str; 9] = [
        "out of range (heap",
        "extends past",
        "invalid UTF-8",
        "inconsistent sizes encountered",
        "required tag",
        "tag has invalid type",
        "other combination was found",
        "unknown photometric interpretation",
        "invalid magic",
    ];
    if AGAINST.iter().any(|against| reason.contains(against)) {
        return damaged("parts that contradict each other");
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
            "read past end: offset=1904 len=6148914691236495448 file_size=13136",
        ] {
            assert!(in_plain_words(reason).contains("copy it again"), "{reason}");
        }
        assert_eq!(in_plain_words("hdf5-io error: no such link"), "no such link");
        assert_eq!(in_plain_words("format error: invalid data: rank 40"), "rank 40");
        let inflated =
            "hdf5-io error: format error: invalid data: deflate decompress error: data error";
        let version = "its dataspace message does not decode: unsupported version: 85";
        assert!(in_plain_words(version).starts_with("a part of a version that is not known"));
        for reason in [
            inflated,
            "format error: invalid HDF5 signature",
            "local heap offset 39406496739491864 out of range (heap size 88)",
            "v1 message data (257 bytes) extends past header boundary",
            "invalid UTF-8 in local heap string: invalid utf-8 sequence of 1 bytes from index 5",
            "zstd decompress: Extra bits remaining: 624 bits",
            "required tag `ImageWidth` not found",
        ] {
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
        assert!(foreign(b"MATLAB 5.0 MAT-file, Platform: GLNXA64").unwrap().contains("version 5"));
        assert!(foreign(b"\x93NUMPY\x01\0").unwrap().contains(".npy"));
        assert_eq!((foreign(b"MATLAB"), foreign(b"")), (None, None));
    }
}
