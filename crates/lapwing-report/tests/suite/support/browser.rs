//! A page opened in headless Chromium and asked about itself.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the page found when it looked at itself.
#[derive(Debug)]
pub struct Seen {
    pub check: serde_json::Value,
    /// Lines that the console would show.
    pub console: Vec<String>,
}

/// Added behind the page: looks at every picture, sorts the table of results twice by its first
/// column and once by its last, and writes down what it sees. Errors are caught from the first
/// script on by [`WATCH`].
const CHECK: &str = r#"<script>
addEventListener("load", () => {
  const pictures = [...document.images];
  const broken = [];
  for (const picture of pictures) {
    if (!(picture.complete && picture.naturalWidth > 1 && picture.alt)) broken.push("not loaded or without text: " + picture.alt);
  }
  const table = document.querySelector("table.sortable");
  const column = (index) => [...table.tBodies[0].rows].map((row) => row.cells[index].dataset.value ?? row.cells[index].textContent);
  const press = (index) => table.tHead.rows[0].cells[index].querySelector("button").click();
  const last = table.tHead.rows[0].cells.length - 1;
  const unsorted = column(0);
  press(0); const ascending = column(0); const said = table.tHead.rows[0].cells[0].getAttribute("aria-sort");
  press(0); const descending = column(0);
  press(last); const seconds = column(last);
  const shown = [...document.querySelectorAll(".panel")].filter((panel) => getComputedStyle(panel).display !== "none").length;
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const drawn = [...document.querySelectorAll(".panel-1 svg")].filter((svg) => svg.getBoundingClientRect().width > 100).length;
  const section = document.querySelector(".compare");
  const [quantity, , left, right] = section.querySelectorAll("select");
  const offered = [...quantity.options].map((option) => {
    quantity.value = option.value;
    quantity.dispatchEvent(new Event("change"));
    return [option.value, section.querySelector(".right img")?.alt ?? ""];
  });
  quantity.value = "Phase";
  quantity.dispatchEvent(new Event("change"));
  const slider = section.querySelector("input");
  right.value = right.options[1].value;
  right.dispatchEvent(new Event("change"));
  const range = section.querySelector("input");
  range.value = 20;
  range.dispatchEvent(new Event("input"));
  const over = section.querySelector(".left .window");
  const hidden = /inset\(0(?:px)? ([^ ]*|calc\([^)]*\)) /.exec(getComputedStyle(over).clipPath)?.[1] ?? "";
  const named = [...document.querySelectorAll(".card")].find((card) => card.dataset.name === right.value && card.dataset.split === section.querySelectorAll("select")[1].value);
  // Where pixel (0, 0) of the object and one a hundred away are on the page, by either picture.
  const spot = (side) => {
    const frame = section.querySelector(`.${side} .window`), box = frame.querySelector("img").getBoundingClientRect();
    const name = section.querySelector(`.${side} figcaption`).firstChild.textContent;
    const card = [...document.querySelectorAll(".card")].find((card) => card.dataset.name === name && card.dataset.split === section.querySelectorAll("select")[1].value);
    const [top, left, height, width] = card.querySelector('[data-quantity="Phase"]').dataset.place.split(" ").map(Number);
    return [[0, 0], [100, 100]].flatMap(([y, x]) => [box.top + (y - top) * box.height / height, box.left + (x - left) * box.width / width]);
  };
  const [one, other] = [spot("left"), spot("right")];
  const apart = Math.max(...one.map((at, index) => Math.abs(at - other[index])));
  const compared = { apart, shown: !section.hidden && section.querySelectorAll(".wipe figure").length === 2,
    same: section.querySelector(".right img").src === named.querySelector('[data-quantity="Phase"] img').src,
    clip: getComputedStyle(over).clipPath, seen: 1 - parseFloat(hidden.match(/[\d.]+(?=%\)?$)/)?.[0] ?? hidden) / 100 };
  const result = { compared, offered, pictures: pictures.length, broken, unsorted, ascending, said, descending, seconds, shown, wide, drawn,
    errors: window.seenErrors, cards: document.querySelectorAll(".card").length };
  const place = document.createElement("pre");
  place.id = "self-check";
  place.textContent = JSON.stringify(result);
  document.body.append(place);
});
</script>"#;

/// Put before everything else: remembers errors and refused loads.
const WATCH: &str = r#"<script>
window.seenErrors = [];
addEventListener("error", (event) => window.seenErrors.push(String(event.message || event.target?.outerHTML)), true);
addEventListener("unhandledrejection", (event) => window.seenErrors.push(String(event.reason)));
</script>"#;

/// Chromium's path, or `None` after saying that the test is skipped.
pub fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path)
        .flat_map(|dir| names.map(|name| dir.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: no chromium on the PATH; apt-get install chromium");
    }
    found
}

/// Opens the page and returns what it reports about itself; `None` where there is no browser.
///
/// A browser that does not start (no memory, no namespaces) fails the test with its own words.
pub fn look_at(page: &Path, width: u32) -> Option<Seen> {
    look(page, width, CHECK)
}

/// Opens a page with a script of its own behind it, which leaves what it sees as JSON in an element
/// `pre` named `self-check`.
pub fn look(page: &Path, width: u32, check: &str) -> Option<Seen> {
    let chromium = chromium()?;
    let profile = tempfile::tempdir().unwrap();
    let html = std::fs::read_to_string(page).unwrap();
    let watched = html.replacen("<head>", &format!("<head>{WATCH}"), 1).replacen(
        "</body>",
        &format!("{check}</body>"),
        1,
    );
    let copy = page.with_file_name(format!("self-check-{width}.html"));
    std::fs::write(&copy, watched).unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args([
            "--disable-dev-shm-usage",
            "--disable-extensions",
            "--host-resolver-rules=MAP * ~NOTFOUND",
        ])
        .args([
            "--enable-logging=stderr",
            "--allow-file-access-from-files",
            "--virtual-time-budget=60000",
            "--timeout=120000",
            "--dump-dom",
        ])
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", copy.display()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    std::fs::remove_file(&copy).unwrap();
    let (dom, said) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let start = dom
        .find("<pre id=\"self-check\">")
        .unwrap_or_else(|| panic!("no self-check in the page:\n{said}"));
    let text = &dom[start + "<pre id=\"self-check\">".len()..];
    let text = text[..text.find("</pre>").unwrap()]
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let console =
        said.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
    Some(Seen { check: serde_json::from_str(&text).unwrap(), console })
}

/// Checks all that holds for every report: no errors, every picture there, sorting works, nothing
/// wider than the page.
pub fn assert_sound(seen: &Seen, pictures: usize) {
    let check = &seen.check;
    assert!(seen.console.is_empty(), "console: {:#?}", seen.console);
    assert_eq!(check["errors"], serde_json::json!([]));
    assert_eq!(check["broken"], serde_json::json!([]));
    assert_eq!(check["pictures"], pictures);
    let numbers = |key: &str| -> Vec<f64> {
        let texts = check[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
        texts.filter(|text| !text.is_empty()).map(|text| text.parse().unwrap()).collect()
    };
    let sorted = {
        let mut sorted = numbers("unsorted");
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    assert!(sorted.len() > 1);
    assert_eq!(numbers("ascending"), sorted);
    assert_eq!(numbers("descending"), sorted.into_iter().rev().collect::<Vec<_>>());
    assert!(numbers("seconds").is_sorted());
    assert_eq!(check["said"], "ascending");
    assert_eq!(check["shown"], 1, "one metric at a time");
    assert!(check["drawn"].as_u64().unwrap() >= 1);
    assert!(check["wide"].as_i64().unwrap() <= 0, "{} px wider than the window", check["wide"]);
}
