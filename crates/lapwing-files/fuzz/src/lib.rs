//! What the fuzz targets do with their bytes. `tests/fuzz.rs` of the crate replays their corpus
//! through the same code.

use std::io::Write;
use std::path::Path;

use flate2::{Compression, Crc, write::DeflateEncoder};
use lapwing_files::dialect::Product;
use lapwing_files::hdf5::Hdf5;
use lapwing_files::{Archive, Container, ReadOptions, Storage, dialect, metadata, pickle};

/// The bytes as a NumPy archive: everything that can be read of it is.
pub fn archive(bytes: &[u8]) {
    let Ok(archive) = Archive::from_bytes(bytes.to_vec(), "fuzz.npz") else { return };
    for name in archive.names() {
        let read = archive.read(name);
        // The same numbers by the other way, which must agree on what can be read at all.
        if let (Ok(array), Ok(converted)) = (&read, archive.read_f32(name)) {
            assert_eq!((array.shape(), array.count()), (converted.shape(), converted.len()));
        }
    }
    let _ = archive.list();
    let _ = metadata::read(&archive);
    if let Ok((dataset, _)) =
        dialect::read_from(&archive.into(), &ReadOptions::default(), &Storage::Memory)
    {
        assert_eq!(dataset.n_patterns(), dataset.scan.len());
        let _ = (dataset.counts(), dataset.mean_intensity(), dataset.select(&[0]));
    }
}

/// The bytes as the members of an archive that is sound in itself, with right checksums, so that
/// what they hold is reached: see [`archive_of`].
pub fn members(bytes: &[u8]) {
    archive(&archive_of(bytes));
}

/// The bytes as a pickle.
pub fn pickle(bytes: &[u8]) {
    let _ = pickle::load(bytes);
}

/// The bytes as an HDF5 file: as CXI, as patterns or product of the ptychodus pair, and every
/// dataset by itself.
pub fn hdf5(bytes: &[u8]) {
    // The crate underneath reads files only; a folder in memory is as fast as bytes, where there is
    // one.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let mut file = tempfile::NamedTempFile::new_in(folder).expect("a folder for temporary files");
    file.write_all(bytes).expect("room for a small file");
    let Ok(open) = Hdf5::open(file.path()) else { return };
    for info in open.list().unwrap_or_default() {
        if let Ok(array) = open.read(&info.name) {
            assert_eq!(array.shape(), info.shape);
        }
        let _ = (open.number(&info.name), open.attribute(&info.name, "pixel_height_m"));
    }
    let open = Container::from(open);
    let _ = dialect::read_from(&open, &ReadOptions::default(), &Storage::Memory);
    let companion = Some(file.path().to_owned());
    let _ = dialect::read_from(
        &open,
        &ReadOptions { companion, ..ReadOptions::default() },
        &Storage::Memory,
    );
    let _ = Product::read(file.path());
}

/// The bytes as a file of any kind: everything that can be read of it is.
pub fn file(bytes: &[u8]) {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let mut file = tempfile::NamedTempFile::new_in(folder).expect("a folder for temporary files");
    file.write_all(bytes).expect("room for a small file");
    let Ok(open) = Container::open(file.path()) else { return };
    for info in open.list().unwrap_or_default() {
        if let Ok(array) = open.read(&info.name) {
            assert_eq!(array.shape(), info.shape);
        }
    }
    let options = lapwing_files::experiment::parse(
        "[beam]\nvoltage_kv = 300\n[detector]\nmrad_per_pixel = 1\n[scan]\nshape = [3, 4]\nstep_m = 1e-9\n",
        Path::new("said.toml"),
    );
    let _ = dialect::read_from(&open, &ReadOptions::default(), &Storage::Memory);
    let _ =
        dialect::read_from(&open, &options.expect("the text is an experiment"), &Storage::Memory);
}

/// Names that mean something to the readers.
pub const NAMES: [&str; 16] = [
    "diffraction.npy",
    "diff3d.npy",
    "data.npy",
    "scan.npy",
    "xcoords.npy",
    "ycoords.npy",
    "objectGuess.npy",
    "probeGuess.npy",
    "probe.npy",
    "psi.npy",
    "Y.npy",
    "scan_index.npy",
    "filenames.npy",
    "_metadata.npy",
    "other.npy",
    "stranger.txt",
];

/// An archive from members in a row, each two bytes of length, one byte for name (low four bits)
/// and packing (the next one), and its content.
pub fn archive_of(mut bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    while let [low, high, kind, rest @ ..] = bytes {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (content, rest) = rest.split_at(length);
        bytes = rest;
        let name = NAMES[usize::from(kind & 0xf)];
        let (method, data) = match kind & 0x10 {
            0 => (0_u16, content.to_vec()),
            _ => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                let packed = encoder.write_all(content).and_then(|()| encoder.finish());
                (8, packed.unwrap_or_default())
            }
        };
        let mut crc = Crc::new();
        crc.update(content);
        let offset = out.len() as u32;
        let common = [
            &[20, 0, 0, 0][..],
            &method.to_le_bytes(),
            &[0, 0, 0x21, 0],
            &crc.sum().to_le_bytes(),
            &(data.len() as u32).to_le_bytes(),
            &(content.len() as u32).to_le_bytes(),
            &(name.len() as u16).to_le_bytes(),
            &[0, 0],
        ]
        .concat();
        out.extend([b"PK\x03\x04", &common[..], name.as_bytes(), &data].concat());
        let entry =
            [b"PK\x01\x02\x14\0", &common[..], &[0; 10], &offset.to_le_bytes(), name.as_bytes()];
        directory.extend(entry.concat());
        count += 1;
    }
    let start = (out.len() as u32).to_le_bytes();
    let length = (directory.len() as u32).to_le_bytes();
    let count = count.to_le_bytes();
    out.extend(
        [&directory, &b"PK\x05\x06\0\0\0\0"[..], &count, &count, &length, &start, &[0, 0]].concat(),
    );
    out
}
