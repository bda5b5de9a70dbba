//! Time limits as Slurm writes them, and as HyperQueue does.

/// Seconds of a time limit: minutes, `mm:ss`, `hh:mm:ss`, `days-hh`, `days-hh:mm` or
/// `days-hh:mm:ss` (*sbatch* manual, `--time`).
pub(super) fn seconds(time: &str) -> Option<u64> {
    let (days, rest) = match time.split_once('-') {
        Some((days, rest)) => (Some(days), rest),
        None => (None, time),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| digits(text)).map(u64::from);
    let numbers: Vec<u64> = rest.split(':').map(number).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match (days, &numbers[..]) {
        (Some(_), &[hours]) => (hours, 0, 0),
        (Some(_), &[hours, minutes]) => (hours, minutes, 0),
        (None, &[minutes]) => (0, minutes, 0),
        (None, &[minutes, seconds]) => (0, minutes, seconds),
        (_, &[hours, minutes, seconds]) => (hours, minutes, seconds),
        _ => return None,
    };
    let days = days.map_or(Some(0), number)?;
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

/// Whether it is Slurm's word for no limit.
pub(super) fn no_limit(time: &str) -> bool {
    ["unlimited", "infinite"].contains(&time.to_lowercase().as_str())
}

/// Seconds of a time with units, such as `2h` or `15days 2min 2s`: the names that HyperQueue
/// documents (by those of `humantime`) from seconds to weeks.
pub(super) fn with_units(time: &str) -> Option<u64> {
    let mut total: Option<u64> = None;
    let mut rest = time.trim();
    while !rest.is_empty() {
        let (number, after) = cut(rest, |letter| letter.is_ascii_digit());
        let (unit, after) = cut(after.trim_start(), |letter| letter.is_ascii_alphabetic());
        let seconds = match unit {
            "s" | "sec" | "second" | "seconds" => 1,
            "m" | "min" | "minute" | "minutes" => 60,
            "h" | "hr" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            _ => return None,
        };
        let these = number.parse::<u64>().ok()?.checked_mul(seconds)?;
        total = Some(total.unwrap_or(0).checked_add(these)?);
        rest = after.trim_start();
    }
    total
}

/// The letters at the start that are `of` a kind, and what is behind them.
fn cut(text: &str, of: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|letter| !of(letter)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_manual_are_read_and_no_others() {
        for (text, expected) in [
            ("90", 5400),
            ("90:30", 5430),
            ("02:00:00", 7200),
            ("1-12", 129_600),
            ("1-12:30", 131_400),
            ("1-12:00:05", 129_605),
            ("0", 0),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "xyz", "1h", "1:2:3:4", "1-", "-5", "+5", "1-2-3", "1:", "99999999999"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_with_units_add_up() {
        for (text, expected) in [
            ("2h", 7200),
            ("1h 30m", 5400),
            ("1h30m", 5400),
            ("15days 2min 2s", 1_296_122),
            (" 1 week 1 hr ", 608_400),
            ("0s", 0),
        ] {
            assert_eq!(with_units(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "xyz",
            "12x",
            "12",
            "h",
            "1h 30",
            "1.5h",
            "-1h",
            "1H",
            "1h,2m",
            "1h 99999999999999999999s",
        ] {
            assert_eq!(with_units(text), None, "{text}");
        }
    }
}
