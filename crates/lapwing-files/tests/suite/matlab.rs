//! Stacks of MATLAB files of version 5 that are not compressed, and what damage does to them.

use lapwing_files::{Dataset, Error, Storage, dialect, experiment};
use std::io::Write as _;
use std::path::Path;

/// Rows and columns of the detector, and of the scan.
const SHAPE: [usize; 4] = [8, 9, 3, 4];
const SAID: &str = "[object]\npixel_size_m = 1e-9\n[scan]\nstep_m = 1e-9\n";

fn count(at: [usize; 4]) -> u16 {
    let [y, x, row, column] = at;
    (1000 * (row * SHAPE[3] + column) + 10 * y + x) as u16
}

/// A file with the array `dp` of numbers of 16 bits, the first axis running fastest.
fn file() -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let values = (0..SHAPE.iter().product()).flat_map(|mut at: usize| {
        let indices = SHAPE.map(|length| {
            let index = at % length;
            at /= length;
            index
        });
        count(indices).to_le_bytes()
    });
    let values: Vec<u8> = values.collect();
    let array: Vec<u8> = [
        // Flags: class uint16.
        words(&[6, 8, 11, 0]),
        words(&[5, 16]),
        words(&SHAPE.map(|length| length as u32)),
        // The name, as a small element.
        words(&[2 << 16 | 1]),
        b"dp\0\0".to_vec(),
        words(&[4, values.len() as u32]),
        values,
    ]
    .concat();
    let mut head = format!("{:<124}", "MATLAB 5.0 MAT-file").into_bytes();
    head.extend([0, 1, b'I', b'M']);
    [head, words(&[14, array.len() as u32]), array].concat()
}

/// The variable `name` of one number, to stand behind others.
fn number(name: &str, value: f64) -> Vec<u8> {
    let words =
        |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_le_bytes()).collect() };
    let padded = name.len().div_ceil(8) * 8;
    let array = [
        words(&[6, 8, 6, 0]),
        words(&[5, 8, 1, 1]),
        words(&[1, name.len() as u32]),
        format!("{name:\0<padded$}").into_bytes(),
        words(&[9, 8]),
        value.to_le_bytes().to_vec(),
    ]
    .concat();
    [words(&[14, array.len() as u32]), array].concat()
}

/// The file in memory and in a scratch file, which are the same.
fn read(path: &Path, more: &str) -> Result<Dataset, Error> {
    let options = experiment::parse(&format!("{SAID}{more}"), "said.toml".as_ref()).expect("sound");
    let storage = Storage::Scratch(path.parent().expect("a folder").to_owned());
    let whole = dialect::read(path, &options);
    match (whole, dialect::read_into(path, &options, &storage)) {
        (Ok((whole, _)), Ok((kept, _))) => {
            assert!(whole.diffraction == kept.diffraction && !kept.diffraction.in_memory());
            Ok(whole)
        }
        (Err(whole), Err(kept)) => {
            assert_eq!(whole.to_string(), kept.to_string());
            Err(whole)
        }
        (whole, kept) => panic!("{:?} and {:?}", whole.err(), kept.err()),
    }
}

#[test]
fn an_uncompressed_raster_is_read_piece_by_piece() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.mat");
    std::fs::write(&path, file()).unwrap();
    let [height, width, rows, columns] = SHAPE;
    let counts = read(&path, "").unwrap().counts().unwrap();
    assert_eq!(counts.dim(), (rows * columns, height, width));
    for ((index, y, x), &value) in counts.indexed_iter() {
        assert_eq!(value, f32::from(count([y, x, index / columns, index % columns])));
    }
    let some = read(&path, "[patterns]\nframes = \"1,4-6,11\"\n").unwrap().counts().unwrap();
    for (found, index) in some.outer_iter().zip([1, 4, 5, 6, 11]) {
        assert_eq!(found, counts.index_axis(ndarray::Axis(0), index));
    }
}

#[test]
fn numbers_beside_the_patterns_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.mat");
    std::fs::write(&path, [file(), number("scan_step_nm", 0.5)].concat()).unwrap();
    let options = experiment::parse("[object]\npixel_size_m = 1e-9\n", "e.toml".as_ref()).unwrap();
    let told = dialect::read(&path, &options).unwrap_err().to_string();
    assert!(told.contains("the file has scan_step_nm = 0.5, which may be the step"), "{told}");
    assert!(told.contains("--scan-step-m 5e-10"), "{told}");
}

#[test]
fn a_damaged_file_is_told_and_never_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.mat");
    let sound = file();
    let data = sound.len() - 2 * SHAPE.iter().product::<usize>();
    for at in 128..data {
        for value in [0, 1, 9, 0x7f, 0xff] {
            let mut damaged = sound.clone();
            damaged[at] = value;
            std::fs::write(&path, &damaged).unwrap();
            // Sound in another way, or refused: in memory and streamed alike.
            let _ = read(&path, "");
        }
    }
    for length in [130, 140, 200, data, data + 7, sound.len() - 1] {
        std::fs::write(&path, &sound[..length]).unwrap();
        assert!(read(&path, "").is_err(), "{length}");
    }
}

/// A variable as MATLAB compresses it.
fn compressed(variable: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(variable).expect("memory takes it");
    let data = encoder.finish().expect("memory takes it");
    [&15_u32.to_le_bytes()[..], &(data.len() as u32).to_le_bytes(), &data].concat()
}

/// Whole sentences of what was expected and found, without the words of a library.
#[test]
fn damage_is_told_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str, bytes: &[u8], parts: &[&str]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let told = read(&path, "").unwrap_err().to_string();
        for part in parts.iter().chain(&[name, "expected", "found"]) {
            assert!(told.contains(part), "{name}, {} bytes: {part} in {told}", bytes.len());
        }
        for part in ["impossible shape", "deflate", "fill whole", "stream", "version 4"] {
            assert!(!told.contains(part), "{name}, {} bytes: {told}", bytes.len());
        }
    };
    let sound = file();
    told("none.mat", &[], &["an empty file"]);
    for length in [5, 30, 127] {
        told("cut.mat", &sound[..length], &[&format!("{length} bytes"), "cut short"]);
    }
    told("cut.mat", &sound[..128], &["none behind its header"]);
    told("cut.mat", &sound[..131], &["3 bytes", "cut short"]);
    told("cut.mat", &sound[..sound.len() / 2], &["from byte 136 on", "cut short"]);

    let mut packed = [sound[..128].to_vec(), compressed(&sound[128..])].concat();
    let path = folder.path().join("whole.mat");
    std::fs::write(&path, &packed).unwrap();
    read(&path, "").unwrap();
    let half = 128 + (packed.len() - 128) / 2;
    packed[half..half + 30].iter_mut().for_each(|byte| *byte ^= 0x5a);
    told("damaged.mat", &packed, &["`dp`", "compressed data that are damaged", "again"]);
    // One that has lost its name, too.
    packed[136] ^= 0xff;
    told("nameless.mat", &packed, &["1 too damaged to have a name", "copy the file again"]);

    let other = |class: u32, name: &str| {
        let array = [[6, 8, class, 0], [5, 8, 1, 1]].concat();
        let array = array.iter().flat_map(|word| word.to_le_bytes());
        let array: Vec<u8> = array.chain([1, 0, 2, 0]).chain(name.bytes()).chain([0, 0]).collect();
        [&14_u32.to_le_bytes()[..], &(array.len() as u32).to_le_bytes(), &array].concat()
    };
    for (class, what) in [(1, "a cell"), (4, "text"), (5, "a sparse matrix")] {
        let bytes = [&sound[..128], &other(class, "dp")].concat();
        told("other.mat", &bytes, &["`dp`", "an array of numbers", what]);
    }
    // An object of newer classes: its name follows the flags.
    let object = [6, 8, 17, 0].iter().flat_map(|word: &u32| word.to_le_bytes());
    let object: Vec<u8> = object.chain([1, 0, 2, 0]).chain(*b"dp\0\0").collect();
    let head = [&14_u32.to_le_bytes()[..], &(object.len() as u32).to_le_bytes()].concat();
    let bytes = [&sound[..128], &head, &object].concat();
    told("opaque.mat", &bytes, &["`dp`", "an object (a string"]);
    let bytes = [b"MATLAB 7.3 MAT-file".to_vec(), vec![b' '; 300]].concat();
    told("seven.mat", &bytes, &["version 7.3", "cut short"]);
    let cell = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures-formats/cell_v73.mat");
    told("cell.mat", &std::fs::read(cell).unwrap(), &["`dp`", "an array of numbers", "a cell"]);
}
