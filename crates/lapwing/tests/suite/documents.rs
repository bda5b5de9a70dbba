//! Documents say what is so: their links lead somewhere, and the commands in their text are right
//! usage. (`typed.rs` types them.)

use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// All pages of the repository, from its root.
pub fn pages() -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut folders = vec![PathBuf::new(), "docs".into()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap().map(Result::unwrap) {
            let path = folder.join(entry.file_name());
            let inside = !folder.as_os_str().is_empty() && entry.file_name() != "api";
            if entry.file_type().unwrap().is_dir() && inside {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

pub fn text(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap().replace("\r\n", "\n")
}

/// The anchors of a page's headings, as code hosts make them.
fn anchors(page: &str) -> Vec<String> {
    let plain = plain(page);
    let headings = plain.lines().filter(|line| line.starts_with('#'));
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    };
    let anchor = |line: &str| {
        line.trim_start_matches('#').trim().to_lowercase().chars().filter_map(kept).collect()
    };
    headings.map(anchor).collect()
}

/// A part of a page.
pub enum Piece {
    Plain(String),
    /// A fenced block: its language, its lines.
    Block(String, String),
}

/// A page cut at its fenced blocks, in order.
pub fn pieces(text: &str) -> Vec<Piece> {
    let (mut pieces, mut open) = (vec![Piece::Plain(String::new())], None);
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.trim().to_owned(), String::new())),
            (Some(_), Some(_)) => {
                pieces.extend(open.take().map(|(language, block)| Piece::Block(language, block)));
                pieces.push(Piece::Plain(String::new()));
            }
            (None, Some((_, block))) => *block += &format!("{line}\n"),
            (None, None) => {
                if let Some(Piece::Plain(plain)) = pieces.last_mut() {
                    *plain += &format!("{line}\n");
                }
            }
        }
    }
    pieces
}

/// What is left of a page without its blocks.
fn plain(page: &str) -> String {
    let plain = |piece| match piece {
        Piece::Plain(plain) => Some(plain),
        Piece::Block(..) => None,
    };
    pieces(&text(page)).into_iter().filter_map(plain).collect()
}

/// Whether a command has a gap, something optional, or words that stand for a kind of thing.
pub fn gap(command: &str) -> bool {
    let open = ["...", "[", "COMMAND", "SHELL", "FILE", " IN ", " --help", "gpu:N", "--jobs N"];
    open.iter().any(|part| command.contains(part))
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let plain = plain(&page);
        let links = plain.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let pictures = plain.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for link in links.chain(pictures).filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&page).parent().unwrap();
            let target = if file.is_empty() { page.clone().into() } else { folder.join(file) };
            let there = root().join(&target).canonicalize();
            let known = there.as_ref().is_ok_and(|path| {
                let relative = path.strip_prefix(root()).unwrap().to_str().unwrap();
                anchor.is_empty() || anchors(relative).iter().any(|known| known == anchor)
            });
            if !known {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Every picture is on a page, and named by the script that makes it.
#[test]
fn pictures_are_made_by_scripts() {
    let texts = |folder: &str, ending: &str| -> String {
        let files =
            std::fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().path());
        let files = files.filter(|file| file.to_string_lossy().ends_with(ending));
        files.map(|file| std::fs::read_to_string(file).unwrap()).collect()
    };
    let scripts = texts("docs", ".py") + &texts("bench", ".py") + &texts(".", "justfile");
    let pages: String = pages().iter().map(|page| text(page)).collect();
    for picture in std::fs::read_dir(root().join("docs/images")).unwrap() {
        let name = picture.unwrap().file_name().into_string().unwrap();
        assert!(pages.contains(&format!("images/{name}")), "{name}: on no page");
        assert!(scripts.contains(&name), "{name}: which script makes it?");
    }
}

/// Commands in running text and tables, but those with a gap (`...`): every option exists and takes
/// what it is given.
#[test]
fn commands_in_the_text_are_right_usage() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in pages().iter().filter(|page| !page.starts_with("docs/lab/")) {
        let plain = plain(page);
        let quoted = plain.split('`').skip(1).step_by(2);
        let commands = quoted.map(|code| code.split_whitespace().collect::<Vec<_>>().join(" "));
        for command in commands.filter(|code| code.starts_with("lapwing ")) {
            let words = command.replace('"', "");
            let last = words.split(' ').next_back().unwrap_or_default();
            let named = words.split(' ').count() == 2 || last.starts_with("--");
            if gap(&words) || named {
                continue;
            }
            seen += 1;
            if let Err(error) = lapwing_cli::command().try_get_matches_from(words.split(' ')) {
                // A command that is only named needs no arguments.
                if error.kind() != clap::error::ErrorKind::MissingRequiredArgument {
                    wrong.push(format!("{page}: {command}\n{error}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 50, "{seen}");
}
