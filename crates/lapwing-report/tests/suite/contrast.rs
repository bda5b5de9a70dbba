//! The colours of the page in its light look, its dark look and on paper: contrast ratios as WCAG
//! 2.2 asks for.

use std::collections::HashMap;

const STYLE: &str = include_str!("../../src/templates/report.css");

type Rgb = [f64; 3];

/// The variables of the three looks: each `:root` changes those of the light one.
fn looks() -> [(&'static str, HashMap<String, Rgb>); 3] {
    let blocks: Vec<&str> =
        STYLE.split(":root {").skip(1).map(|rest| &rest[..rest.find('}').unwrap()]).collect();
    let [light, dark, print] = blocks[..] else { panic!("{} looks", blocks.len()) };
    let variables = |block: &str| -> HashMap<String, Rgb> {
        let pairs =
            block.split(';').filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
        pairs.map(|(name, hex)| (name.to_owned(), colour(hex.trim()))).collect()
    };
    let over = |block: &str| variables(light).into_iter().chain(variables(block)).collect();
    [("light", variables(light)), ("dark", over(dark)), ("print", over(print))]
}

/// sRGB from 0 to 1 of three or six hexadecimal digits.
fn colour(hex: &str) -> Rgb {
    let digits = hex.len() / 3;
    let scale = if digits == 1 { 15.0 } else { 255.0 };
    [0, 1, 2].map(|i| {
        f64::from(u8::from_str_radix(&hex[digits * i..digits * (i + 1)], 16).unwrap()) / scale
    })
}

/// Linear light.
fn linear(code: f64) -> f64 {
    if code <= 0.04045 { code / 12.92 } else { ((code + 0.055) / 1.055).powf(2.4) }
}

/// WCAG 2.2, "relative luminance" and "contrast ratio".
fn contrast(a: Rgb, b: Rgb) -> f64 {
    let luminance = |[r, g, b]: Rgb| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Ink that lets the paper through.
fn blended(ink: Rgb, paper: Rgb, opacity: f64) -> Rgb {
    [0, 1, 2].map(|i| opacity * ink[i] + (1.0 - opacity) * paper[i])
}

#[test]
fn black_on_white_is_21_to_1() {
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    // The textbook's grey that is just enough on white.
    assert!((contrast(colour("767676"), colour("fff")) - 4.54).abs() < 0.01);
}

#[test]
fn text_and_curves_can_be_told_from_their_ground() {
    for (look, colours) in looks() {
        let of = |name: &str| {
            *colours.get(name).unwrap_or_else(|| panic!("no --{name} in the {look} look"))
        };
        let check = |what: &str, ink: Rgb, ground: Rgb, least: f64| {
            let found = contrast(ink, ground);
            assert!(
                found >= least,
                "{look}: {what} has a contrast of {found:.2}, expected {least}"
            );
        };
        for ground in ["paper", "sheet"] {
            for text in ["ink", "soft", "accent", "bad", "warn"] {
                check(&format!("{text} on {ground}"), of(text), of(ground), 4.5);
            }
            // Names of guides in plots, the palest text there is; arrows of sortable columns.
            check("pale text", blended(of("ink"), of(ground), 0.75), of(ground), 4.5);
            check("arrows", blended(of("ink"), of(ground), 0.6), of(ground), 3.0);
            for curve in 0..6 {
                check(
                    &format!("curve {curve} on {ground}"),
                    of(&format!("series-{curve}")),
                    of(ground),
                    3.0,
                );
            }
            check("focus", of("focus"), of(ground), 3.0);
        }
        check("chosen metric", of("on-accent"), of("accent"), 4.5);
        // Values stand on up to three quarters of the good colour. The page mixes in Oklab, which
        // differs little from this.
        for share in [0.0, 0.25, 0.5, 0.75] {
            check("values", of("ink"), blended(of("good"), of("sheet"), share), 4.5);
        }
    }
}
