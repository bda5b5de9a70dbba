//! An experiment file to fill in.

use std::fmt::Write as _;

use crate::reading::{Kind, OPTIONS, ReadOption};

/// Columns of the text.
const WIDTH: usize = 100;

/// An experiment file in which every key stands as a remark, with what it means and an example.
pub fn template() -> String {
    let mut text = String::from(
        "# An experiment: what the file of the patterns does not say itself. Take the # from the\n\
         # lines that you know and correct the numbers. Lengths are in metres, pairs are y, x.\n\
         # Every key but `from` is also an option of the commands that read a scan, which comes before\n\
         # it.\n",
    );
    let mut section = "";
    for option in OPTIONS.iter().filter(|option| !option.section.is_empty()) {
        if option.section != section {
            section = option.section;
            // Writing to a string does not fail.
            let _ = write!(text, "\n[{section}]\n");
        }
        for line in wrapped(&option.help_line()) {
            let _ = writeln!(text, "# {line}");
        }
        let _ = writeln!(text, "#{} = {}", option.key(), example(option));
    }
    text
}

/// An experiment file with these keys, each of a section, set to values (TOML): in place of the
/// line that has the key, as a remark or not, else at the end of its section, else in a new one.
/// All other lines stay as they are.
pub fn with_keys<'a>(
    text: &str,
    keys: impl IntoIterator<Item = (&'a str, &'a str, String)>,
) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (section, key, value) in keys {
        let written = format!("{key} = {value}");
        let head = format!("[{section}]");
        let Some(start) = lines.iter().position(|line| line.trim() == head) else {
            lines.extend([String::new(), head, written]);
            continue;
        };
        let is_head = |line: &String| line.trim_start().starts_with('[');
        let length = lines[start + 1..].iter().position(is_head);
        let end = length.map_or(lines.len(), |length| start + 1 + length);
        let has_key = |line: &str| {
            let rest = line.strip_prefix(key);
            rest.is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        let within = start + 1..end;
        let plain = within.clone().find(|&at| has_key(lines[at].trim_start()));
        let remark = || within.clone().find(|&at| lines[at].strip_prefix('#').is_some_and(has_key));
        match plain.or_else(remark) {
            Some(at) => lines[at] = written,
            None => {
                let last = within.rev().find(|&at| !lines[at].trim().is_empty());
                lines.insert(last.map_or(start, |at| at) + 1, written);
            }
        }
    }
    lines.join("\n") + "\n"
}

/// A value that the option could have.
fn example(option: &ReadOption) -> String {
    match option.kind {
        _ if !option.example.is_empty() => option.example.to_owned(),
        Kind::Choice { words, .. } => {
            format!("{:?}", words.list().first().copied().unwrap_or_default())
        }
        Kind::Flag { .. } => "true".to_owned(),
        _ => "0.0".to_owned(),
    }
}

/// A text in lines.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a line");
        if !line.is_empty() && line.len() + 1 + word.len() > WIDTH - 2 {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::parse;

    #[test]
    fn keys_are_set_where_they_stand() {
        let keys = || {
            [
                ("scan", "rotation_deg", "12.5".to_owned()),
                ("probe", "defocus_m", "-1e-6".to_owned()),
                ("probe", "semi_angle_mrad", "20.0".to_owned()),
            ]
        };
        for text in [template(), String::new(), "# mine\n[scan]\nrotation_deg = 3\n".to_owned()] {
            let once = with_keys(&text, keys());
            let options = parse(&once, "e.toml".as_ref()).unwrap();
            assert_eq!(options.experiment.scan.rotation_deg, Some(12.5));
            assert_eq!(options.experiment.probe.defocus_m, Some(-1e-6));
            assert_eq!(with_keys(&once, keys()), once);
            let remarks = |text: &str| text.lines().filter(|line| line.starts_with("# ")).count();
            assert_eq!(remarks(&once), remarks(&text));
        }
    }

    #[test]
    fn it_is_an_experiment_as_it_is_and_with_every_line_taken() {
        let text = template();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert!(parse(&text, "e.toml".as_ref()).is_ok());
        for option in OPTIONS.iter().filter(|option| !option.section.is_empty()) {
            let line = format!("#{} = ", option.key());
            assert!(text.contains(&line), "{}", option.name);
        }
        let filled: Vec<&str> = text
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(key) if !key.starts_with(' ') => key,
                _ => line,
            })
            .collect();
        let options = parse(&filled.join("\n"), "e.toml".as_ref()).unwrap();
        assert_eq!(options.experiment.scan.shape, Some((40, 40)));
        assert!(options.raw.is_some() && options.flip_y);
    }
}
