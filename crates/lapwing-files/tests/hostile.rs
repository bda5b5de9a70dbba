//! Files made to hurt: each ends in a clear error, quickly, in little memory, and nothing in it is
//! executed.
#![allow(clippy::unwrap_used)] // helpers of tests, like the tests themselves, end at the first surprise

use std::path::PathBuf;

use lapwing_files::{
    Archive, Dataset, Error, ReadOptions, Storage, Understanding, dialect, metadata, pickle,
};
use proptest::prelude::*;

#[path = "common/corpus.rs"]
mod corpus;
#[path = "common/memory.rs"]
mod memory;

use corpus::{
    Member, archive, corpus, executable_pickles, npy, sound, stored, with, with_metadata,
};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

fn read(bytes: Vec<u8>) -> Result<(Dataset, Understanding), Error> {
    dialect::read_from(
        &Archive::from_bytes(bytes, "hostile.npz")?.into(),
        &ReadOptions::default(),
        &Storage::Memory,
    )
}

/// Reads the file and returns the error, which must come in under a second and under 200 MB.
fn refused(name: &str, bytes: Vec<u8>) -> String {
    match memory::limited(name, || read(bytes)) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{name}: was read"),
    }
}

#[test]
fn the_hand_made_archive_is_sound() {
    assert_eq!(read(archive(&sound())).unwrap().0.n_patterns(), 2);
    let text: Vec<u8> = "{\"a\": 1}".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let (data, _) = read(with_metadata("'<U8'", "()", &text)).unwrap();
    assert_eq!(data.metadata.unwrap()["a"], 1);
}

/// Everything in one test, so that the peaks of memory are those of one file each.
#[test]
fn every_file_of_the_corpus_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("executed");
    for (name, pickled, expected) in executable_pickles(marker.to_str().unwrap()) {
        let message = refused(name, with_metadata("'|O'", "()", &pickled));
        assert!(message.contains("_metadata") && message.contains(expected), "{name}: {message}");
        assert!(message.contains("object") && message.contains("first bytes"), "{name}: {message}");
        let message = refused(name, with(&[stored("evil.npy", &npy("'|O'", "()", &pickled))]));
        assert!(message.contains("evil") && message.contains(expected), "{name}: {message}");
        assert!(!marker.exists(), "{name} was executed");
    }
    for (name, bytes, expected) in corpus() {
        let message = refused(name, bytes);
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn members_may_not_share_bytes() {
    let one = stored("one.npy", &npy("'|b1'", "()", b"1"));
    let two = Member { name: b"two.npy".to_vec(), ..one.clone() };
    let first: u32 = sound().iter().map(|m| (30 + m.name.len() + m.data.len()) as u32).sum();
    // The entry of the second points at the first, whose own header has another name.
    let message =
        refused("shared bytes", with(&[one.clone(), Member { offset: Some(first), ..two }]));
    assert!(message.contains("another name"), "{message}");
    // A member whose data hold a whole other member, header and all.
    let inner =
        [b"PK\x03\x04".as_slice(), &[0; 22], &7_u16.to_le_bytes(), &[0; 2], b"two.npy", &one.data]
            .concat();
    let outer = stored("outer.txt", &inner);
    let inside = Member { offset: Some(first + 30 + 9), name: b"two.npy".to_vec(), ..one };
    let message = refused("nested members", with(&[outer, inside]));
    assert!(message.contains("overlap"), "{message}");
}

fn fixture(name: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name].iter().collect();
    std::fs::read(path).unwrap()
}

#[test]
fn truncated_archives_are_refused_at_every_length() {
    for name in ["study.npz", "expected.npz", "descriptors_deflated.npz", "strangers.npz"] {
        let whole = fixture(name);
        for length in (0..whole.len()).step_by(1 + whole.len() / 2000) {
            assert!(
                Archive::from_bytes(whole[..length].to_vec(), name).is_err(),
                "{name} cut to {length} bytes"
            );
        }
    }
}

#[test]
fn flipped_bits_never_change_what_is_read_in_silence() {
    let whole = fixture("tike.npz");
    let (sound, _) = read(whole.clone()).unwrap();
    let mut noticed = 0;
    let positions: Vec<usize> = (0..whole.len()).step_by(11).collect();
    for &at in &positions {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        match read(flipped) {
            Err(_) => noticed += 1,
            // Dates, versions and the like do not matter; a flipped name may turn an optional array
            // into another.
            Ok((data, _)) => {
                assert_eq!(data.diffraction, sound.diffraction, "bit at byte {at}");
                assert_eq!(data.scan, sound.scan, "bit at byte {at}");
            }
        }
    }
    assert!(noticed > positions.len() * 9 / 10, "{noticed} of {} noticed", positions.len());
}

/// Pickles as Python writes them, from the fixtures.
fn pickles() -> Vec<Vec<u8>> {
    let all = Archive::from_bytes(fixture("metadata.npz"), "metadata.npz").unwrap();
    let inner = |name: &str| {
        let bytes =
            all.read(name).unwrap().to_i64().unwrap().into_iter().map(|byte| byte as u8).collect();
        let archive = Archive::from_bytes(bytes, name).unwrap();
        match archive.read("_metadata").unwrap().into_values() {
            lapwing_files::npy::Values::Object(pickled) => Some(pickled),
            _ => None,
        }
    };
    all.names().filter_map(inner).collect()
}

/// Edits of a byte string: (where, what, value).
fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..12)
}

fn edited(mut bytes: Vec<u8>, edits: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    for (index, what, value) in edits {
        if bytes.is_empty() {
            break;
        }
        let at = index.index(bytes.len());
        match what {
            0 => bytes[at] = *value,
            1 => bytes.insert(at, *value),
            2 => drop(bytes.remove(at)),
            _ => {
                let end = bytes.len().min(at + usize::from(*value) / 8);
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
    bytes
}

/// Instructions of the pickle format, so that random strings of them get far.
const OPCODES: &[u8] = b"(.012FGIJKLMNPQRSTUVXabcdeghijlopqrstu)]}BC\
    \x80\x81\x82\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98";

/// Random files of each kind.
fn cases() -> u32 {
    if lapwing_testing::long_tests() { 2000 } else { 200 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edited_pickles_never_panic(which in any::<prop::sample::Index>(), edits in edits()) {
        thread_local!(static PICKLES: Vec<Vec<u8>> = pickles());
        let bytes = PICKLES.with(|pickles| pickles[which.index(pickles.len())].clone());
        // Whatever comes out, it comes out.
        let _ = pickle::load(&edited(bytes, &edits));
    }

    #[test]
    fn random_instructions_never_panic(
        program in prop::collection::vec(
            prop_oneof![
                6 => prop::sample::select(OPCODES.to_vec()).prop_map(|opcode| vec![opcode]),
                2 => any::<u8>().prop_map(|byte| vec![byte]),
                1 => prop::sample::select(vec![
                    b"cnumpy\ndtype\n".to_vec(), b"cnumpy\nndarray\n".to_vec(), b"U\x02f8".to_vec(), b"U\x02O8".to_vec(),
                    b"cnumpy.core.multiarray\nscalar\n".to_vec(), b"cnumpy.core.multiarray\n_reconstruct\n".to_vec(),
                    b"cnumpy.core.numeric\n_frombuffer\n".to_vec(), b"c_codecs\nencode\n".to_vec(), b"K\x01\x85".to_vec(),
                ]),
            ],
            0..80,
        )
    ) {
        let mut bytes = program.concat();
        bytes.push(b'.');
        let _ = pickle::load(&bytes);
    }

    #[test]
    fn edited_archives_never_panic(
        which in prop::sample::select(vec!["study.npz", "tike.npz", "descriptors_stored.npz", "strangers.npz"]),
        edits in edits(),
    ) {
        let Ok(archive) = Archive::from_bytes(edited(fixture(which), &edits), which) else { return Ok(()) };
        for name in archive.names() {
            let _ = archive.read(name);
        }
        let _ = metadata::read(&archive);
        let _ = dialect::read_from(&archive.into(), &ReadOptions::default(), &Storage::Memory);
    }

    #[test]
    fn random_headers_never_panic(
        descr in "['<>|=a-zA-Z0-9\\[\\](), ]{0,30}",
        shape in "[(0-9, )L]{0,40}",
        data in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let bytes = with(&[stored("evil.npy", &npy(&descr, &shape, &data))]);
        let archive = Archive::from_bytes(bytes, "hostile.npz").unwrap();
        if let Ok(array) = archive.read("evil") {
            let width = array.dtype().width();
            prop_assert!(width == 0 || array.count() * width == data.len());
        }
    }

    #[test]
    fn random_metadata_never_panic(text in "[\\[\\]{}:,\"a-zN0-9 .\\\\-]{0,200}|\\{\"a\": (NaN|-?Infinity|\"NaN\\\\\"\")\\}") {
        let bytes = with_metadata("'|u1'", &format!("({},)", text.len()), text.as_bytes());
        let _ = read(bytes);
    }
}
