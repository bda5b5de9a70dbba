//! Archives made to hurt, each with what the error about it must say. The tests of the command read
//! them too.

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};

/// A member of a hand-made archive; what is claimed may differ from what is there.
#[derive(Clone)]
pub struct Member {
    pub name: Vec<u8>,
    pub data: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub crc: u32,
    pub size: u64,
    pub offset: Option<u32>,
}

pub fn stored(name: &str, data: &[u8]) -> Member {
    member(name, data, 0, data.to_vec())
}

pub fn deflated(name: &str, data: &[u8]) -> Member {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    member(name, data, 8, encoder.finish().unwrap())
}

fn member(name: &str, unpacked: &[u8], method: u16, data: Vec<u8>) -> Member {
    let mut crc = Crc::new();
    crc.update(unpacked);
    let size = unpacked.len() as u64;
    Member { name: name.into(), data, method, flags: 0, crc: crc.sum(), size, offset: None }
}

pub fn archive(members: &[Member]) -> Vec<u8> {
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
        let lengths =
            [&(extra.len() as u16).to_le_bytes()[..], &[0; 10], &offset.to_le_bytes()].concat();
        directory.extend(
            [b"PK\x01\x02", &[20, 0][..], &common, &lengths, &member.name, &extra].concat(),
        );
    }
    let (start, count) = (out.len() as u32, members.len() as u16);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend([(directory.len() as u32).to_le_bytes(), start.to_le_bytes()].concat());
    out.extend([0, 0]);
    out
}

pub fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data]
        .concat()
}

/// A sound data set of two patterns, as members, to which something evil is added.
pub fn sound() -> Vec<Member> {
    let floats = |count: usize| 1.0_f32.to_le_bytes().repeat(count);
    let doubles = |values: [f64; 2]| values.map(f64::to_le_bytes).concat();
    vec![
        stored("diffraction.npy", &npy("'<f4'", "(2, 4, 4)", &floats(32))),
        stored("xcoords.npy", &npy("'<f8'", "(2,)", &doubles([2.0, 3.0]))),
        stored("ycoords.npy", &npy("'<f8'", "(2,)", &doubles([2.0, 3.0]))),
    ]
}

pub fn with(members: &[Member]) -> Vec<u8> {
    archive(&[sound(), members.to_vec()].concat())
}

/// The data set with `_metadata` of these bytes.
pub fn with_metadata(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    with(&[stored("_metadata.npy", &npy(descr, shape, data))])
}

/// Pickles that would create a file, by every instruction that can call something.
pub fn executable_pickles(marker: &str) -> Vec<(&'static str, Vec<u8>, &'static str)> {
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

/// Everything else: what it is, the file, and words of the error.
pub fn corpus() -> Vec<(&'static str, Vec<u8>, &'static str)> {
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
    corpus.push((
        "JSON of 10 million values",
        with_metadata("'|u1'", &shape, broad.as_bytes()),
        "more than",
    ));
    let text = deflated("_metadata.npy", &npy("'<U75000000'", "()", &zeros(300_000_000)));
    corpus.push(("metadata of 300 MB", with(&[text]), "larger than"));
    corpus.push((
        "metadata that are no JSON",
        with_metadata("'|S3'", "()", b"{a}"),
        "first bytes b\"{a}\"",
    ));
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
        corpus.push((
            "a header that asks for 10^15 elements",
            with(std::slice::from_ref(&evil)),
            "evil",
        ));
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
            [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()]
                .concat();
        corpus.push(("a malformed header", with(&[stored("evil.npy", &bytes)]), "evil"));
    }
    let brackets = format!("{{'descr': {}", "[".repeat(60_000));
    let bytes =
        [b"\x93NUMPY\x01\x00", &(brackets.len() as u16).to_le_bytes()[..], brackets.as_bytes()]
            .concat();
    corpus.push(("a header of 60,000 brackets", with(&[stored("evil.npy", &bytes)]), "deep"));
    let long = b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec();
    corpus.push(("a header of 4 GB", with(&[stored("evil.npy", &long)]), "long"));
    corpus.push((
        "a later version",
        with(&[stored("evil.npy", b"\x93NUMPY\x09\x00")]),
        "version 9",
    ));

    // Archives.
    let huge = npy("'<f4'", "(4, 4)", &zeros(300 << 20));
    let bomb = deflated("evil.npy", &huge);
    corpus.push(("a deflate bomb", with(std::slice::from_ref(&bomb)), "promises 64 bytes"));
    let small = npy("'<f4'", "(4, 4)", &zeros(64)).len() as u64;
    let hidden = Member { size: small, ..bomb };
    corpus.push(("a deflate bomb with a lying size", with(&[hidden]), "unpacks to more"));
    let short = deflated("evil.npy", &npy("'<f4'", "(40000,)", &zeros(16)));
    let promised = npy("'<f4'", "(40000,)", &[]).len() as u64 + 160_000;
    corpus.push((
        "a stream that ends early",
        with(&[Member { size: promised, ..short.clone() }]),
        "evil",
    ));
    corpus.push((
        "a wrong checksum",
        with(&[Member { crc: 1, ..stored("e.npy", &npy("'|b1'", "()", b"1")) }]),
        "checksum",
    ));
    let one = stored("one.npy", &npy("'|b1'", "()", b"1"));
    corpus.push((
        "two members of one name",
        with(&[one.clone(), one.clone()]),
        "two members named",
    ));
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
        corpus.push((
            "a name like a path",
            with(&[Member { name: name.into(), ..one.clone() }]),
            "path",
        ));
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
    corpus.push(("no archive", b"just some text".to_vec(), "known by its content"));
    corpus.push(("a million ends", b"PK\x05\x06".repeat(250_000), "known by its content"));
    corpus.push(("an archive without arrays", archive(&[]), "diffraction"));
    let matlab = [
        b"MATLAB 5.0 MAT-file, Platform: GLNXA64".as_slice(),
        &[b' '; 86],
        &[0, 1],
        b"IM",
        &zeros(64),
    ];
    corpus.push(("a MATLAB file", matlab.concat(), "MATLAB"));
    corpus.push(("a single array", npy("'<f4'", "(4, 32)", &zeros(128)), "numpy.savez"));
    let whole = archive(&sound());
    corpus.push(("an archive cut short", whole[..whole.len() / 2].to_vec(), "cut short"));
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
