//! What descriptions of TIFF stacks say of their pages: ImageJ's hyperstacks, OME's axes, and the
//! shape of an array that tifffile wrote.

/// Lengths of the axes that the pages of a stack go through, the slowest first; `None` where a
/// description does not say it. `page` is the shape of a page, (rows, columns).
pub(super) fn told(description: &str, page: (usize, usize)) -> Option<Vec<usize>> {
    let text = description.trim_start();
    if text.starts_with("ImageJ=") {
        return Some(imagej(text));
    }
    if text.starts_with('{') {
        return shaped(text, page);
    }
    ome(text)
}

/// Rows and columns of a raster of so many pages: the two axes that are longer than 1.
pub(super) fn raster(axes: &[usize], pages: usize) -> Option<(usize, usize)> {
    let long: Vec<usize> = axes.iter().copied().filter(|&length| length > 1).collect();
    match *long.as_slice() {
        [rows, columns] if rows.checked_mul(columns) == Some(pages) => Some((rows, columns)),
        _ => None,
    }
}

/// `images=12` and so on, a line each; channels come fastest, then slices, then frames. A stack
/// that is no hyperstack has its number of images alone.
fn imagej(text: &str) -> Vec<usize> {
    let number = |key: &str| -> usize {
        let found = text.lines().filter_map(|line| line.split_once('='));
        let mut found = found.filter(|(name, _)| name.trim() == key);
        let value = found.next_back().and_then(|(_, value)| value.trim().parse().ok());
        value.unwrap_or(1)
    };
    let axes = ["frames", "slices", "channels"].map(number).to_vec();
    let images = number("images");
    let product = axes.iter().fold(1_usize, |all, &length| all.saturating_mul(length));
    if product == images { axes } else { vec![images] }
}

/// `{"shape": [3, 4, 10, 8]}`, the pages' own shape last.
fn shaped(text: &str, page: (usize, usize)) -> Option<Vec<usize>> {
    let found: serde_json::Value = serde_json::from_str(text).ok()?;
    let shape: Option<Vec<usize>> = found
        .get("shape")?
        .as_array()?
        .iter()
        .map(|length| length.as_u64().and_then(|length| usize::try_from(length).ok()))
        .collect();
    let mut shape = shape?;
    let own = [shape.pop()?, shape.pop()?];
    (own == [page.1, page.0]).then_some(shape)
}

/// `<Pixels DimensionOrder="XYCZT" SizeC="1" SizeZ="4" SizeT="3" ...>`, the fastest axis first.
fn ome(text: &str) -> Option<Vec<usize>> {
    let (_, pixels) = text.split_once("<Pixels ").or_else(|| text.split_once(":Pixels "))?;
    let (pixels, rest) = pixels.split_once('>')?;
    // Several images in one file: which pages belong to which is not followed.
    if rest.contains("<Pixels ") || rest.contains(":Pixels ") {
        return None;
    }
    let value = |name: &str| -> Option<&str> {
        let (_, value) = pixels.split_once(&format!("{name}=\""))?;
        value.split_once('"').map(|(value, _)| value)
    };
    let order = value("DimensionOrder")?.strip_prefix("XY")?;
    order.chars().rev().map(|axis| value(&format!("Size{axis}"))?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_says_it_its_own_way() {
        let axes = |text: &str| told(text, (10, 8));
        let hyperstack = "ImageJ=1.53t\nimages=12\nslices=4\nframes=3\nhyperstack=true\n";
        assert_eq!(axes(hyperstack), Some(vec![3, 4, 1]));
        assert_eq!(axes("ImageJ=1.53t\nimages=12\n"), Some(vec![12]));
        // What does not agree with itself is a plain stack.
        assert_eq!(axes("ImageJ=1.53t\nimages=12\nslices=5\nframes=3\n"), Some(vec![12]));
        assert_eq!(axes(r#"{"shape": [3, 4, 10, 8], "axes": "TZYX"}"#), Some(vec![3, 4]));
        assert_eq!(axes(r#"{"shape": [3, 4, 10, 9]}"#), None);
        assert_eq!(axes(r#"{"shape": [10]}"#), None);
        let pixels = r#"<?xml version="1.0"?><OME><Image><Pixels ID="Pixels:0" SizeX="8" SizeY="10"
            SizeC="1" SizeZ="3" SizeT="4" DimensionOrder="XYTZC" Type="uint16"></Pixels></OME>"#;
        assert_eq!(axes(pixels), Some(vec![1, 3, 4]));
        assert_eq!(axes(&format!("{pixels}<Pixels >")), None);
        assert_eq!(axes("a microscope"), None);
        assert_eq!(axes(""), None);
    }

    #[test]
    fn a_raster_has_two_axes() {
        assert_eq!(raster(&[3, 1, 4], 12), Some((3, 4)));
        assert_eq!(raster(&[12], 12), None);
        assert_eq!(raster(&[3, 4, 2], 24), None);
        assert_eq!(raster(&[3, 4], 11), None);
    }
}
