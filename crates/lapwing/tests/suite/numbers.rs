//! Numbers that nobody means, which messages tell all the same.

use crate::common::{Bench, stderr};
use lapwing_files::reading::{Kind, OPTIONS};

/// Digits in a row that no message has.
const LONG: usize = 25;

/// What the program says in these words, on both streams.
fn said(bench: &Bench, arguments: &str) -> String {
    let output = bench.run(arguments);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), stderr(&output));
    let is_digit = |c: char| c.is_ascii_digit();
    let longest = text.split(|c| !is_digit(c)).map(str::len).max().unwrap_or(0);
    assert!(longest < LONG, "lapwing {arguments}\n{text}");
    text
}

#[test]
fn numbers_in_messages_are_short_however_large_or_small() {
    let bench = Bench::new();
    let simulate = "simulate --specimen cells --pattern-size 16 --probe-diameter 6 --dose 1e3 \
                    --step 4 --field-of-view 8x8";
    bench.ok(&format!("{simulate} --output scan.npz"));
    for option in OPTIONS {
        let values = match option.kind {
            Kind::Number { .. } => ["1e300", "1e-300"],
            Kind::Pair { .. } | Kind::Motion { .. } => ["1e300,2e300", "1e-300,2e-300"],
            _ => continue,
        };
        for value in values {
            said(&bench, &format!("inspect scan.npz --{} {value}", option.flag()));
        }
    }
    // What is said of physics is said of that of a simulation, too.
    for (physics, told) in [
        ("--fly 1e308,1e308", "found (-5.00e307, -5.00e307) pixels"),
        ("--fly=-1e308,0", "found (5.00e307, "),
        ("--detector-blur 1e300", "a number from 0 to 4"),
        ("--slices 1e30", "from 1 to 64"),
        ("--fresnel-number 1e-320", "1e-320"),
    ] {
        let text = said(&bench, &format!("{simulate} {physics} --output no.npz"));
        assert!(text.contains(told), "{physics}: {text}");
    }
}
