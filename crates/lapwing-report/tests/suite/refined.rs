//! What a study's page shows of refined scans and of thick objects.

use crate::report::{after, assert_balanced, report};
use crate::support::Special;

#[test]
fn shifts_and_slices_are_on_the_page() {
    let (_folder, html) = report(&Special { refined: true, ..Special::default() });
    assert_balanced(&html);
    // Those of the data set, so that nothing looks left out.
    assert!(html.contains("Scan: all 160 positions") && !html.contains("160 left out"));
    let moved = after(&html, "<dt>positions moved by</dt><dd>");
    assert!(moved.starts_with("0.5 px r.m.s., 0.75 at most; 0.25 beyond stretch"), "{moved}");
    let turned = after(&html, "<dt>scan rotation deg</dt><dd>");
    assert!(turned.starts_with("\u{2212}2.971 \u{b1} 0.013, best of 5"), "{turned}");
    // 18 conditions, each with its map, its search and both slices.
    assert_eq!(html.matches(" times enlarged</text>").count(), 18);
    assert_eq!(html.matches("Search for the map of the scan").count() / 18, 2);
    let varies = after(&html, "<dt>the probe varies by eigenmode 1</dt><dd>");
    assert!(
        varies.starts_with("3.1 % of the light, successive patterns correlated by \u{2212}0.75"),
        "{varies}"
    );
    let power = after(&html, "<dt>the beam\u{2019}s power varies by</dt><dd>");
    assert!(power.starts_with("10 % r.m.s., 0.88 to 1.2 of the usual"), "{power}");
    assert_eq!(html.matches("The probe along the scan").count() / 18, 2);
    assert_eq!(after(&html, "<dt>slice 2, complex error</dt><dd>"), "0.250");
    assert_eq!(html.matches("Phase of slice 2 of the reconstruction").count(), 18);
}

#[test]
fn pictures_lead_to_the_page_that_has_every_pixel() {
    let (folder, html) = report(&Special { refined: true, ..Special::default() });
    // Of 18 conditions, each from its amplitude, its phase and the list of its files.
    for end in ["zoom.html#amplitude\"", "zoom.html#phase\"", "zoom.html\""] {
        assert_eq!(html.matches(end).count(), 18, "{end}");
    }
    let address = html.split("href=\"").find(|text| text.contains("zoom.html#phase\"")).unwrap();
    let file = address.split('#').next().unwrap().strip_prefix("../").unwrap();
    assert!(folder.path().join(file).is_file(), "{file}");
}

#[test]
fn nothing_is_said_of_scans_that_stayed() {
    let (_folder, html) = report(&Special::default());
    assert!(!html.contains("positions moved by") && !html.contains("of slice 1"));
    assert!(!html.contains("probe varies") && !html.contains("The probe along the scan"));
    assert!(!html.contains("zoom.html"));
}
