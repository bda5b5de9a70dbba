//! Content hashes: what a result was made from.

use crate::{Result, StudyError};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::Path;

/// SHA-256 of a file's bytes, hexadecimal; of a Zarr hierarchy in a folder that of the names and
/// hashes of its files; of an array of a file, `FILE::NAME`, that of the file's hash and the name.
pub fn file(path: &Path) -> Result<String> {
    if let (whole, Some(name)) = lapwing_files::open::named(path) {
        return Ok(key(&(file(whole)?, name)));
    }
    if let Some(files) = lapwing_files::zarr::files(path)? {
        let each: Result<Vec<_>> = files
            .iter()
            .map(|inner| Ok((inner.strip_prefix(path).unwrap_or(inner).to_owned(), file(inner)?)))
            .collect();
        return Ok(key(&each?));
    }
    let mut source =
        lapwing_files::open::regular(path).map_err(StudyError::io("cannot read", path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        lapwing_files::stop::check()?;
        match source.read(&mut buffer).map_err(StudyError::io("cannot read", path))? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// SHA-256 of the JSON text of `value`, hexadecimal: two things with one key are made from the same
/// inputs in the same way.
pub fn key(value: &impl Serialize) -> String {
    let text = serde_json::to_vec(value);
    hex(&Sha256::digest(text.expect("keys are made of structs, lists, numbers and text")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_digest_of_abc() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(file(&path).unwrap(), expected);
        assert!(file(folder.path()).is_err());
        std::fs::write(folder.path().join("zarr.json"), "{}").unwrap();
        let before = file(folder.path()).unwrap();
        std::fs::write(&path, "abd").unwrap();
        assert_ne!(file(folder.path()).unwrap(), before);
        // Arrays of one file are different things, and so are those of another file.
        let array = |name: &str| file(Path::new(&format!("{}::{name}", path.display()))).unwrap();
        let (a, b) = (array("a"), array("b"));
        assert_ne!(a, b);
        std::fs::write(&path, "abe").unwrap();
        assert_ne!(array("a"), a);
        assert_ne!(key(&("a", 1)), key(&("a", 2)));
        assert_eq!(key(&("a", 1)).len(), 64);
    }
}
