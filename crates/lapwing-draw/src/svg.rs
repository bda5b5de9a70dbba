//! SVG text: escaping, the two looks, and the colours of series.

use crate::number::short;

/// Where an SVG is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Look {
    /// Inside a page: no background, lines and text in the page's own colour (`currentColor`),
    /// series colours from the page's `--series-0` to `--series-6` when it sets them.
    #[default]
    Inline,
    /// A file of its own: white background, dark ink.
    Standalone,
}

/// Okabe and Ito's palette for all kinds of colour vision (2008), strongest contrast on white
/// first.
pub const SERIES_COLOURS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a"];

/// `text` made safe inside elements and quoted attributes; characters that XML forbids are dropped.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => safe.push(c),
        }
    }
    safe
}

impl Look {
    /// The colour of series `index`, as an SVG paint.
    pub(crate) fn colour(self, index: usize) -> String {
        let index = index % SERIES_COLOURS.len();
        match self {
            Self::Inline => format!("var(--series-{index},{})", SERIES_COLOURS[index]),
            Self::Standalone => SERIES_COLOURS[index].to_owned(),
        }
    }

    /// The paper colour, for outlines that set marks apart.
    pub(crate) fn paper(self) -> &'static str {
        match self {
            Self::Inline => "var(--paper,#fff)",
            Self::Standalone => "#fff",
        }
    }

    /// A whole SVG around `body`. A screen reader reads the title and description.
    pub(crate) fn document(
        self,
        (width, height): (f64, f64),
        title: &str,
        description: &str,
        body: &str,
    ) -> String {
        let (width, height) = (short(width), short(height));
        let (head, background) = match self {
            Self::Inline => (String::new(), String::new()),
            Self::Standalone => (
                format!(" width=\"{width}\" height=\"{height}\" color=\"#22262b\""),
                format!("<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"),
            ),
        };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\"{head} role=\"img\" \
             font-family=\"system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif\" font-size=\"12\" \
             fill=\"currentColor\">\n<title>{}</title>\n<desc>{}</desc>\n{background}{body}</svg>\n",
            escape(title),
            escape(description),
        )
    }
}

/// A text element.
pub(crate) fn text((x, y): (f64, f64), anchor: &str, attributes: &str, content: &str) -> String {
    let space = if attributes.is_empty() { "" } else { " " };
    format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\"{space}{attributes}>{}</text>\n",
        short(x),
        short(y),
        escape(content)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_leave_its_place() {
        assert_eq!(
            escape("<a href=\"x\">&'\u{0}\u{b}</a>"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;"
        );
        let svg = Look::Inline.document((10.0, 10.0), "</title><script>", "\"", "");
        assert!(!svg.contains("<script>"));
    }
}
