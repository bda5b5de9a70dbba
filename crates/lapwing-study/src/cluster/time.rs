//! Time limits as Slurm writes them.

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
}
