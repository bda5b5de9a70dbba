//! Arrays so large that they are mapped, unpacked beside their conversion and read by several
//! threads.
#![allow(clippy::unwrap_used)] // helpers of tests, like the tests themselves, end at the first surprise

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use lapwing_files::npy::{Array, Element, Values};
use lapwing_files::npz::{Packing, write_with};
use lapwing_files::{Archive, ReadOptions, Storage, dataset};

#[path = "common/memory.rs"]
#[allow(dead_code)] // the limits are those of hostile files
mod memory;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// Memory is counted for the whole process, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Of the stack in memory, the most that may be allocated.
const MOST: f64 = 1.2;
const SHAPE: [usize; 3] = [900, 96, 80];

/// Small whole numbers that differ from pixel to pixel; `index` runs in the order of `SHAPE`.
fn count(index: usize) -> u16 {
    (index.wrapping_mul(2_654_435_761) >> 13 & 0x1f) as u16
}

fn stack<T>(of: impl Fn(u16) -> T) -> Vec<T> {
    (0..SHAPE.iter().product()).map(|index| of(count(index))).collect()
}

fn file(
    folder: &Path,
    packing: Packing,
    fill: impl Fn(&mut lapwing_files::npz::Writer<'_>),
) -> PathBuf {
    let path = folder.join("large.npz");
    write_with(&path, packing, |npz| {
        fill(npz);
        Ok(())
    })
    .unwrap();
    path
}

/// What `work` returns, and the peak of what it allocated in bytes of the `f32` stack.
fn measured<R>(work: impl FnOnce() -> R) -> (R, f64) {
    let (result, peak) = memory::measured(work);
    let stack = 4 * SHAPE.iter().product::<usize>();
    (result, peak as f64 / stack as f64)
}

/// Both ways, where there is time.
fn packings() -> &'static [Packing] {
    let both = &[Packing::Deflated, Packing::Stored];
    if lapwing_testing::long_tests() { both } else { &both[..1] }
}

fn check_values<T: Element + PartialEq + std::fmt::Debug>(of: impl Fn(u16) -> T) {
    let folder = tempfile::tempdir().unwrap();
    let values = stack(of);
    for packing in [Packing::Stored, Packing::Deflated] {
        // Names of several lengths: the data begin at any byte.
        for name in if lapwing_testing::long_tests() { &["a", "ab", "abc"][..] } else { &["ab"] } {
            let path =
                file(folder.path(), packing, |npz| npz.values(name, &SHAPE, &values).unwrap());
            let archive = Archive::open(&path).unwrap();
            assert!(
                archive.read(name).unwrap()
                    == Array::new(SHAPE.into(), T::wrap(values.clone())).unwrap()
            );
            let (converted, peak) = measured(|| archive.read_f32(name).unwrap());
            assert!(
                converted
                    .iter()
                    .enumerate()
                    .all(|(index, &value)| value == f32::from(count(index)))
            );
            assert!(peak < MOST, "{packing:?} {name}: {peak}");
        }
    }
}

#[test]
fn values_are_the_same_however_they_are_packed() {
    let _turn = TURN.lock();
    check_values(f32::from);
    if lapwing_testing::long_tests() {
        check_values(|n| n);
        check_values(u32::from);
        check_values(f64::from);
    }
}

#[test]
fn axes_are_put_in_order_while_they_are_read() {
    let _turn = TURN.lock();
    let folder = tempfile::tempdir().unwrap();
    let [n, height, width] = SHAPE;
    let mut values = vec![0_u16; n * height * width];
    for (index, value) in values.iter_mut().enumerate() {
        // The file is (H, W, n).
        *value = count(index % n * height * width + index / n);
    }
    for packing in [Packing::Stored, Packing::Deflated] {
        let path = file(folder.path(), packing, |npz| {
            npz.values("a", &[height, width, n], &values).unwrap()
        });
        let archive = Archive::open(&path).unwrap();
        let (array, peak) = measured(|| archive.read_f32_in_order("a", &[2, 0, 1]).unwrap());
        assert_eq!(array.shape(), SHAPE);
        assert!(array.iter().enumerate().all(|(index, &value)| value == f32::from(count(index))));
        assert!(peak < MOST + 0.4, "{packing:?}: {peak}; pieces of a stack this small weigh more");
        assert!(archive.read_f32_in_order("a", &[2, 0]).is_err());
        assert!(archive.read_f32_in_order("a", &[2, 0, 0]).is_err());
    }
}

#[test]
fn damage_anywhere_is_noticed() {
    let _turn = TURN.lock();
    let folder = tempfile::tempdir().unwrap();
    let values = stack(f32::from);
    for packing in [Packing::Stored, Packing::Deflated] {
        let path = file(folder.path(), packing, |npz| npz.values("a", &SHAPE, &values).unwrap());
        let sound = std::fs::read(&path).unwrap();
        for &part in lapwing_testing::swept(&[1, 4, 7, 2, 3, 5, 6], 3) {
            let mut damaged = sound.clone();
            damaged[sound.len() * part / 8] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            let error = Archive::open(&path).unwrap().read("a").unwrap_err().to_string();
            assert!(error.contains("damaged data"), "{error}");
        }
        std::fs::write(&path, &sound).unwrap();
        let archive = Archive::open(&path).unwrap();
        std::fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(sound.len() as u64 / 2)
            .unwrap();
        assert!(archive.read("a").is_err(), "cut short after it was opened");
    }
}

/// A data set of whichever dtype, packing and dialect in not much more memory than its stack of
/// `f32`.
#[test]
fn whole_files_take_little_more_memory_than_their_stack() {
    if lapwing_testing::left_out() {
        return;
    }
    let _turn = TURN.lock();
    let folder = tempfile::tempdir().unwrap();
    let n = SHAPE[0];
    let coordinates = vec![100.0_f64; n];
    let whole = stack(|n| n);
    let double = stack(|n| f64::from(n) + 0.5);
    for &packing in packings() {
        type Fill<'a> = &'a dyn Fn(&mut lapwing_files::npz::Writer<'_>);
        let study: [(&str, Fill); 3] = [
            ("uint16", &|npz| npz.values("diffraction", &SHAPE, &whole).unwrap()),
            ("float64", &|npz| npz.values("diffraction", &SHAPE, &double).unwrap()),
            ("uint16 diff3d", &|npz| npz.values("diff3d", &SHAPE, &whole).unwrap()),
        ];
        for (name, fill) in study {
            let path = file(folder.path(), packing, |npz| {
                fill(npz);
                npz.values("xcoords", &[n], &coordinates).unwrap();
                npz.values("ycoords", &[n], &coordinates).unwrap();
            });
            let (read, peak) = measured(|| dataset::read(&path, &ReadOptions::default()).unwrap());
            assert_eq!(read.0.n_patterns(), n);
            assert!(peak < MOST, "{name} {packing:?}: {peak}");
        }
        let corners = Array::new(vec![1, n, 2], Values::F64(vec![100.0; 2 * n])).unwrap();
        for real in [false, true] {
            let path = file(folder.path(), packing, |npz| {
                let shape = [1, SHAPE[0], SHAPE[1], SHAPE[2]];
                match real {
                    false => npz.values("data", &shape, &whole).unwrap(),
                    true => npz.values("data", &shape, &double).unwrap(),
                }
                npz.array("scan", &corners).unwrap();
            });
            let (read, peak) = measured(|| dataset::read(&path, &ReadOptions::default()).unwrap());
            assert!(read.0.intensity_scale().is_some());
            assert!(peak < MOST, "tike {packing:?}: {peak}");
        }
    }
}

/// A part of a scan in memory for that part, whatever holds it.
#[test]
fn a_part_of_a_file_takes_the_memory_of_that_part() {
    let _turn = TURN.lock();
    let folder = tempfile::tempdir().unwrap();
    let values = stack(|n| n);
    let places = vec![100.0_f64; SHAPE[0]];
    let array = Array::new(SHAPE.into(), Values::U16(values.clone())).unwrap();
    let plain = folder.path().join("plain.npy");
    lapwing_files::npy::write(&plain, &array).unwrap();
    let raw = folder.path().join("frames.raw");
    std::fs::write(&raw, values.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    let mut options = ReadOptions::default();
    options.experiment.patterns.frames = Some((400..430).collect());
    let described = || {
        let mut options = options.clone();
        options.experiment.scan.step_m = Some((1e-9, 1e-9));
        options.experiment.scan.shape = Some((30, 30));
        options.pixel_size = Some(1e-9);
        options
    };
    let form = format!("dtype=uint16,frame={}x{}", SHAPE[1], SHAPE[2]).parse().unwrap();
    let mut files =
        vec![(plain, described()), (raw, ReadOptions { raw: Some(form), ..described() })];
    for (name, packing) in [("stored", Packing::Stored), ("deflated", Packing::Deflated)] {
        let path = folder.path().join(name);
        write_with(&path, packing, |npz| {
            npz.values("diffraction", &SHAPE, &values)?;
            npz.values("xcoords", &[SHAPE[0]], &places)?;
            npz.values("ycoords", &[SHAPE[0]], &places)
        })
        .unwrap();
        files.push((path, options.clone()));
    }
    for (path, options) in files {
        let (read, peak) = measured(|| dataset::read(&path, &options).unwrap());
        assert_eq!(read.0.n_patterns(), 30);
        // A thirtieth of the stack, a few times, and blocks of what is unpacked as a whole.
        let most = if path.ends_with("deflated") { 0.8 } else { 0.2 };
        assert!(peak < most, "{}: {peak}", path.display());
    }
}

/// Patterns, and a mask for each of them, that are kept in files: in memory are pieces.
#[test]
fn patterns_and_masks_in_files_take_no_memory_of_their_size() {
    let _turn = TURN.lock();
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::Scratch(folder.path().to_owned());
    let values = stack(|n| n);
    let bits = stack(|n| u32::from(n % 9 == 4));
    let places = vec![100.0_f64; SHAPE[0]];
    let path = folder.path().join("masked.npz");
    write_with(&path, Packing::Deflated, |npz| {
        npz.values("diffraction", &SHAPE, &values)?;
        npz.values("mask", &SHAPE, &bits)?;
        npz.values("xcoords", &[SHAPE[0]], &places)?;
        npz.values("ycoords", &[SHAPE[0]], &places)
    })
    .unwrap();
    let read = || dataset::read_into(&path, &ReadOptions::default(), &storage).unwrap();
    let (read, peak) = measured(read);
    let mask = read.0.mask.unwrap();
    assert!(mask.is_per_pattern() && !mask.in_memory());
    // Of 6.9 million pixels 4.2 million are converted at a time.
    assert!(peak < 1.0, "{peak}");
}
