//! Files made to hurt: each ends in a clear error, quickly, in little memory, and nothing in it is executed.
#![allow(clippy::unwrap_used)] // helpers of tests, like the tests themselves, end at the first surprise

use std::io::Write;
use std::path::PathBuf;

use flate2::{Compression, Crc, write::DeflateEncoder};
use lapwing_files::{Archive, Dataset, Error, ReadOptions, Understanding, dialect, metadata, pickle};
use proptest::prelude::*;

#[path = "common/memory.rs"]
mod memory;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

fn read(bytes: Vec<u8>) -> Result<(Dataset, Understanding), Error> {
    dialect::read_archive(&Archive::from_bytes(bytes, "hostile.npz")?, &ReadOptions::default())
}

/// Reads the file and returns the error, which must come in under a second and under 200 MB.
fn refused(name: &str, bytes: Vec<u8>) -> String {
    match memory::limited(name, || read(bytes)) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{name}: was read"),
    }
}

/// A member of a hand-made archive; what is claimed may differ from what is there.
#[derive(Clone)]
struct Member {
    name: Vec<u8>,
    data: Vec<u8>,
    method: u16,
    flags: u16,
    crc: u32,
    size: u64,
    offset: Option<u32>,
}

fn stored(name: &str, data: &[u8]) -> Member {
    let mut crc = Crc::new();
    crc.update(data);
    let size = data.len() as u64;
    Member { name: name.into(), data: data.to_vec(), method: 0, flags: 0, crc: crc.sum(), size, offset: None }
}

fn deflated(name: &str, data: &[u8]) -> Member {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    Member { data: encoder.finish().unwrap(), method: 8, ..stored(name, data) }
}

fn archive(members: &[Member]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for member in members {
        let offset = member.offset.unwrap_or(out.len() as u32);
        let common = [
            &20_u16.to_le_bytes()[..],
            &member.flags.to_le_bytes(),
            &member.method.to_le_bytes(),
            &[0, 0, 0x21, 0],
            &member.crc.to_le_bytes(),
            &(member.data.len() as u32).to_le_bytes(),
            &u32::try_from(member.size).unwrap_or(u32::MAX).to_le_bytes(),
            &(member.name.len() as u16).to_le_bytes(),
        ]
        .concat();
        out.extend([b"PK\x03\x04", &common[..], &[0, 0], &member.name, &member.data].concat());
        let mut extra = Vec::new();
        if member.size >= u64::from(u32::MAX) {
            extra = [&[1, 0, 8, 0], &member.size.to_le_bytes()[..]].concat();
        }
        let lengths = [&(extra.len() as u16).to_le_bytes()[..], &[0; 10], &offset.to_le_bytes()].concat();
        directory.extend([b"PK\x01\x02", &[20, 0][..], &common, &lengths, &member.name, &extra].concat());
    }
    let (start, count) = (out.len() as u32, members.len() as u16);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend([(directory.len() as u32).to_le_bytes(), start.to_le_bytes()].concat());
    out.extend([0, 0]);
    out
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// A sound data set of two patterns, as members, to which something evil is added.
fn sound() -> Vec<Member> {
    let floats = |count: usize| 1.0_f32.to_le_bytes().repeat(count);
    let doubles = |values: [f64; 2]| values.map(f64::to_le_bytes).concat();
    vec![
        stored("diffraction.npy", &npy("'<f4'", "(2, 4, 4)", &floats(32))),
        stored("xcoords.npy", &npy("'<f8'", "(2,)", &doubles([2.0, 3.0]))),
        stored("ycoords.npy", &npy("'<f8'", "(2,)", &doubles([2.0, 3.0]))),
    ]
}

fn with(members: &[Member]) -> Vec<u8> {
    archive(&[sound(), members.to_vec()].concat())
}

/// The data set with `_metadata` of these bytes.
fn with_metadata(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    with(&[stored("_metadata.npy", &npy(descr, shape, data))])
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

/// Pickles that would create a file, by every instruction that can call something.
fn executable_pickles(marker: &str) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let command = format!("touch {marker}");
    let short = [&[0x8c, command.len() as u8], command.as_bytes()].concat();
    let old = format!("S'{command}'\n").into_bytes();
    vec![
        ("GLOBAL, protocol 0", [b"cposix\nsystem\n(".as_slice(), &old, b"tR."].concat(), "posix.system"),
        ("GLOBAL, protocol 2", [b"\x80\x02cos\nsystem\n".as_slice(), &old, b"\x85R."].concat(), "os.system"),
        (
            "STACK_GLOBAL, protocol 4",
            [b"\x80\x04\x8c\x02os\x8c\x06system\x93".as_slice(), &short, b"\x85R."].concat(),
            "os.system",
        ),
        ("INST, protocol 0", [b"(".as_slice(), &old, b"ios\nsystem\n."].concat(), "os.system"),
        ("OBJ, protocol 2", [b"\x80\x02(cos\nsystem\n".as_slice(), &old, b"o."].concat(), "os.system"),
        (
            "NEWOBJ, protocol 2",
            [b"\x80\x02csubprocess\nPopen\n".as_slice(), &old, b"\x85\x81."].concat(),
            "subprocess.Popen",
        ),
        ("persistent id, protocol 0", b"Pevil\n.".to_vec(), "evil"),
        ("persistent id, protocol 2", [b"\x80\x02".as_slice(), &old, b"Q."].concat(), "persistent"),
        ("getattr", b"cbuiltins\ngetattr\n.".to_vec(), "builtins.getattr"),
        (
            "inside an array of objects",
            [
                b"\x80\x02cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01)cnumpy\ndtype\n"
                    .as_slice(),
                b"U\x02O8K\x00K\x01\x87R\x89]cos\nsystem\n",
                &old,
                b"\x85Ratb.",
            ]
            .concat(),
            "os.system",
        ),
    ]
}

fn corpus() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let mut corpus = Vec::new();
    let zeros = |count: usize| vec![0_u8; count];

    // Pickles that grow.
    let mut bomb = b"\x80\x02]q\x000".to_vec();
    for level in 0..30_u8 {
        bomb.extend([b']', b'q', level + 1, b'(']);
        bomb.extend([b'h', level].repeat(2));
        bomb.extend(b"e0");
    }
    bomb.extend(b"h\x1e.");
    corpus.push(("reference bomb", with_metadata("'|O'", "()", &bomb), "unfolds"));
    let cycle = b"\x80\x02}q\x00U\x01ah\x00s.";
    corpus.push(("a dictionary that contains itself", with_metadata("'|O'", "()", cycle), "deep"));
    let nested = [b"]".repeat(300_000), b"a".repeat(299_999), b".".to_vec()].concat();
    corpus.push(("a pickle 300,000 lists deep", with_metadata("'|O'", "()", &nested), "deep"));
    let lie = b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fx.";
    corpus.push(("a pickle with a lying length", with_metadata("'|O'", "()", lie), "cut short"));
    let many = [b"\x80\x02(".as_slice(), &b"N".repeat(15 << 20), b"l."].concat();
    corpus.push(("a pickle of 15 million values", with_metadata("'|O'", "()", &many), "too large"));
    let large = npy("'|O'", "()", &zeros(300 << 20));
    corpus.push(("a pickle of 300 MB", with(&[deflated("_metadata.npy", &large)]), "16 MiB"));

    // JSON.
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    corpus.push((
        "JSON 200,000 levels deep",
        with_metadata("'|u1'", "(400007,)", deep.as_bytes()),
        "recursion",
    ));
    let broad = format!("[{}0]", "0,".repeat(10 << 20));
    let shape = format!("({},)", broad.len());
    corpus.push(("JSON of 10 million values", with_metadata("'|u1'", &shape, broad.as_bytes()), "more than"));
    let text = deflated("_metadata.npy", &npy("'<U75000000'", "()", &zeros(300_000_000)));
    corpus.push(("metadata of 300 MB", with(&[text]), "larger than"));
    corpus.push(("metadata that are no JSON", with_metadata("'|S3'", "()", b"{a}"), "first bytes b\"{a}\""));
    corpus.push(("metadata that are a number", with_metadata("'<f8'", "()", &zeros(8)), "float64"));

    // Headers.
    for (descr, shape) in [
        ("'<f4'", "(1000000000000000,)"),
        ("'<f4'", "(100000, 100000, 100000)"),
        ("'<c16'", "(4294967296, 4294967296)"),
        ("'<U0'", "(1000000000000000,)"),
        ("'<U1000000000000000'", "()"),
        ("'|O'", "(1000000000000000,)"),
        ("'|V0'", "(1000000000000000,)"),
        ("[('a', '<f4', (1000000000, 1000000000))]", "(1000000000,)"),
    ] {
        let evil = stored("evil.npy", &npy(descr, shape, &zeros(64)));
        corpus.push(("a header that asks for 10^15 elements", with(std::slice::from_ref(&evil)), "evil"));
        let claim = Member { size: 4_000_000_000_000_000, method: 8, ..evil };
        corpus.push(("and an archive that confirms it", with(&[claim]), "deflate cannot"));
    }
    for header in [
        "",
        "{",
        "[]",
        "{'descr': '<f4'}",
        "{'descr': __import__('os'), 'fortran_order': False, 'shape': ()}",
    ] {
        let bytes =
            [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat();
        corpus.push(("a malformed header", with(&[stored("evil.npy", &bytes)]), "evil"));
    }
    let brackets = format!("{{'descr': {}", "[".repeat(60_000));
    let bytes =
        [b"\x93NUMPY\x01\x00", &(brackets.len() as u16).to_le_bytes()[..], brackets.as_bytes()].concat();
    corpus.push(("a header of 60,000 brackets", with(&[stored("evil.npy", &bytes)]), "deep"));
    let long = b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec();
    corpus.push(("a header of 4 GB", with(&[stored("evil.npy", &long)]), "long"));
    corpus.push(("a later version", with(&[stored("evil.npy", b"\x93NUMPY\x09\x00")]), "version 9"));

    // Archives.
    let huge = npy("'<f4'", "(4, 4)", &zeros(300 << 20));
    corpus.push(("a deflate bomb", with(&[deflated("evil.npy", &huge)]), "promises 64 bytes"));
    let small = npy("'<f4'", "(4, 4)", &zeros(64)).len() as u64;
    let hidden = Member { size: small, ..deflated("evil.npy", &huge) };
    corpus.push(("a deflate bomb with a lying size", with(&[hidden]), "unpacks to more"));
    let short = deflated("evil.npy", &npy("'<f4'", "(40000,)", &zeros(16)));
    let promised = npy("'<f4'", "(40000,)", &[]).len() as u64 + 160_000;
    corpus.push(("a stream that ends early", with(&[Member { size: promised, ..short.clone() }]), "evil"));
    corpus.push((
        "a wrong checksum",
        with(&[Member { crc: 1, ..stored("e.npy", &npy("'|b1'", "()", b"1")) }]),
        "checksum",
    ));
    let one = stored("one.npy", &npy("'|b1'", "()", b"1"));
    corpus.push(("two members of one name", with(&[one.clone(), one.clone()]), "two members named"));
    let first: u32 = sound().iter().map(|m| (30 + m.name.len() + m.data.len()) as u32).sum();
    let again = Member { offset: Some(first), ..one.clone() };
    corpus.push(("two members at one place", with(&[one.clone(), again]), "overlap"));
    let paths = [
        "../evil.npy",
        "/etc/evil.npy",
        "a/../../evil.npy",
        "..\\evil.npy",
        "C:evil.npy",
        "e\0vil.npy",
        "..",
    ];
    for name in paths {
        corpus.push(("a name like a path", with(&[Member { name: name.into(), ..one.clone() }]), "path"));
    }
    corpus.push(("an encrypted member", with(&[Member { flags: 1, ..one.clone() }]), "encrypted"));
    corpus.push(("an unknown method", with(&[Member { method: 99, ..one.clone() }]), "method 99"));
    corpus.push((
        "a member beyond the end",
        with(&[Member { offset: Some(u32::MAX - 1), ..one.clone() }]),
        "damaged",
    ));
    corpus.push((
        "a stored member of two sizes",
        with(&[Member { size: 1 << 40, ..one }]),
        "two different sizes",
    ));
    corpus.push(("an empty file", Vec::new(), "empty"));
    corpus.push(("no archive", b"just some text".to_vec(), "no NPZ archive"));
    corpus.push(("a million ends", b"PK\x05\x06".repeat(250_000), "no NPZ archive"));
    corpus.push(("an archive without arrays", archive(&[]), "diffraction"));
    let mut claims = archive(&sound());
    let end = claims.len() - 22;
    claims[end + 12..end + 16].copy_from_slice(&u32::MAX.to_le_bytes()[..]);
    corpus.push(("a directory of 4 GB", claims.clone(), "zip64"));
    claims[end + 12..end + 16].copy_from_slice(&0xffff_fff0_u32.to_le_bytes()[..]);
    corpus.push(("a directory outside of the file", claims, "outside"));
    let mut count = archive(&sound());
    let end = count.len() - 22;
    count[end + 8..end + 12].copy_from_slice(&[9, 0, 9, 0]);
    corpus.push(("a directory that miscounts", count, "promises 9"));
    corpus
}

#[test]
fn members_may_not_share_bytes() {
    let one = stored("one.npy", &npy("'|b1'", "()", b"1"));
    let two = Member { name: b"two.npy".to_vec(), ..one.clone() };
    let first: u32 = sound().iter().map(|m| (30 + m.name.len() + m.data.len()) as u32).sum();
    // The entry of the second points at the first, whose own header has another name.
    let message = refused("shared bytes", with(&[one.clone(), Member { offset: Some(first), ..two }]));
    assert!(message.contains("another name"), "{message}");
    // A member whose data hold a whole other member, header and all.
    let inner =
        [b"PK\x03\x04".as_slice(), &[0; 22], &7_u16.to_le_bytes(), &[0; 2], b"two.npy", &one.data].concat();
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
            // Dates, versions and the like do not matter; a flipped name may turn an optional array into another.
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
        let bytes = all.read(name).unwrap().to_i64().unwrap().into_iter().map(|byte| byte as u8).collect();
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

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
        let _ = dialect::read_archive(&archive, &ReadOptions::default());
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
