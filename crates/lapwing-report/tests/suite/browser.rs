//! The report of a made-up study in a real browser: no errors, all pictures, sorting, narrow
//! windows, hostile names.

use crate::support::{Special, browser, write_study};
use lapwing_study::{Condition, Split, View};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_browser_finds_nothing_wrong() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let evil =
        "</title><script>document.title = 'no'; throw 1</script><img src=x onerror=throw(2)> ' \"";
    let condition = |view, split| Condition { dose: 1_000, view, split };
    let special = Special {
        name: evil,
        failed: vec![(condition(View::Sparse, Split::Train), evil.to_owned())],
        skipped: vec![(condition(View::Dense, Split::Test), evil.to_owned())],
        whole_pictures: true,
        ..Special::default()
    };
    write_study(folder.path(), &special);
    let page = lapwing_report::write(folder.path()).unwrap().html;
    // The truth of both splits, four of each finished condition, and two on top of each other.
    for width in [1200, 500] {
        let Some(seen) = browser::look_at(&page, width) else { return };
        browser::assert_sound(&seen, 2 * 3 + 16 * 4 + 2);
        assert_eq!(seen.check["cards"], 2 + 18);
        // Another condition on the right, and the slider at a fifth of the width.
        let compared = &seen.check["compared"];
        assert_eq!(compared["shown"], true);
        assert_eq!(compared["same"], true, "the picture of the chosen condition: {compared}");
        let apart = compared["apart"].as_f64().unwrap();
        assert!(apart < 0.1, "the pictures are {apart} px of the page apart");
        let share = compared["seen"].as_f64().unwrap();
        assert!((share - 0.2).abs() < 0.01, "{compared}");
    }
}

/// Whatever two conditions have may be put under the slider, slices of a thick object too, each
/// picture where it lies on the object.
#[test]
fn slices_are_compared_under_the_slider() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let thick = Special { refined: true, whole_pictures: true, ..Special::default() };
    write_study(folder.path(), &thick);
    let page = lapwing_report::write(folder.path()).unwrap().html;
    let html = std::fs::read_to_string(&page).unwrap();
    let place = |quantity: &str| {
        let from = html.find(&format!("data-quantity=\"{quantity}\" data-place=")).unwrap();
        html[from..].split('"').nth(3).unwrap().to_owned()
    };
    // The slices over the positions as they were moved, the phase over those of the split.
    assert_ne!(place("Phase of slice 1"), place("Phase"));
    let Some(seen) = browser::look_at(&page, 1200) else { return };
    let expected = [
        ("Amplitude", "Amplitude of the reconstruction"),
        ("Phase", "Phase of the reconstruction"),
        ("Error", "Modulus of the difference"),
        ("Phase of slice 1", "Phase of slice 1 of"),
        ("Phase of slice 2", "Phase of slice 2 of"),
    ];
    let offered = seen.check["offered"].as_array().unwrap();
    assert_eq!(offered.len(), expected.len(), "{offered:?}");
    for (found, (name, alt)) in offered.iter().zip(expected) {
        assert_eq!(found[0], name);
        assert!(found[1].as_str().unwrap().starts_with(alt), "{found}");
    }
}

/// Prints the page; the number of sheets, `None` where there is no browser.
fn sheets(page: &Path) -> Option<usize> {
    let profile = tempfile::tempdir().unwrap();
    let printed = profile.path().join("page.pdf");
    let output = Command::new(browser::chromium()?)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--no-pdf-header-footer", "--host-resolver-rules=MAP * ~NOTFOUND"])
        .arg(format!("--print-to-pdf={}", printed.display()))
        .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    let pdf =
        std::fs::read(&printed).unwrap_or_else(|_| panic!("nothing was printed:\n{}", said()));
    let each = b"/Type /Page\n";
    Some(pdf.windows(each.len()).filter(|part| part == each).count())
}

#[test]
fn a_study_is_printed_on_few_sheets() {
    if lapwing_testing::left_out() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), &Special { several: true, ..Special::default() });
    let page = lapwing_report::write(folder.path()).unwrap().html;
    let Some(sheets) = sheets(&page) else { return };
    // The answer on the first, the reasons on three, up to six conditions on each of eight.
    assert!((8..=16).contains(&sheets), "{sheets}");
}
