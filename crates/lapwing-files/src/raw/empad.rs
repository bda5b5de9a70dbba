//! What EMPAD's program says beside its raw frames: a file of XML that names them and the raster of
//! the scan, whose shape is in the name of the frames too (`scan_x128_y128.raw`).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::raw::formats::LikelyRaster;
use crate::raw::{RawForm, RawFrames};
use crate::{Error, open};

/// Bytes of a file of XML that are looked at.
const LONGEST: u64 = 1 << 20;

/// The frames that a file of EMPAD's XML names, with the raster that it tells; `None` for other
/// files.
///
/// # Errors
/// When the frames are not there, or are not as many as the raster has.
pub(super) fn open(path: &Path) -> Option<Result<RawFrames, Error>> {
    if !path.extension().is_some_and(|end| end.eq_ignore_ascii_case("xml")) {
        return None;
    }
    let mut bytes = Vec::new();
    open::check(path).ok()?;
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let (_, after) = text.split_once("<raw_file")?;
    let (_, name) = after.split('>').next()?.split_once("filename=")?;
    let quote = name.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let name = name[1..].split(quote).next()?;
    // The path is that of the microscope's computer: the frames lie beside the XML now.
    let frames = path.with_file_name(name.rsplit(['/', '\\']).next()?);
    Some(frames_of(path, &frames, raster(&text)))
}

fn frames_of(
    path: &Path,
    frames: &Path,
    raster: Option<(usize, usize)>,
) -> Result<RawFrames, Error> {
    let facts = open::check(frames).map_err(|source| Error::io(frames, source))?;
    let Some((rows, columns)) = raster else {
        let reason = format!(
            "it tells no raster (pix_x and pix_y): read the frames as --input {} --raw empad \
             --scan-shape ROWS,COLUMNS",
            frames.display()
        );
        return Err(Error::archive(path, reason));
    };
    // The second generation has no rows that are no pixels.
    let count = (rows as u64).saturating_mul(columns as u64);
    let form = match facts.len() == count.saturating_mul(RawForm::empad_g2().stride()) {
        true => RawForm::empad_g2(),
        false => RawForm::empad(),
    };
    let read = RawFrames::open(frames, &form)?;
    if read.shape()[0] as u64 != count {
        let reason = format!(
            "it tells a raster of {rows} x {columns}, and {} has {} frames: read them as --input {} \
             --raw empad --scan-shape ROWS,COLUMNS",
            frames.display(),
            read.shape()[0],
            frames.display()
        );
        return Err(Error::archive(path, reason));
    }
    Ok(read.on_raster((rows, columns)))
}

/// Rows and columns of the scan: those that were acquired, and not those of the search before.
fn raster(text: &str) -> Option<(usize, usize)> {
    let number = |text: &str, tag: &str| -> Option<usize> {
        let (_, after) = text.split_once(&format!("<{tag}>"))?;
        after.split('<').next()?.trim().parse().ok().filter(|&number| number > 0)
    };
    let pair = |text: &str, y: &str, x: &str| number(text, y).zip(number(text, x));
    let acquired = || {
        let mut parts = text.split("<scan_parameters").skip(1);
        let part = parts.find(|part| {
            let head = part.split('>').next().unwrap_or_default();
            head.contains("acquire")
        })?;
        pair(part, "scan_resolution_y", "scan_resolution_x")
    };
    acquired().or_else(|| pair(text, "pix_y", "pix_x"))
}

/// The raster in the name of a file of frames, `scan_x128_y96.raw`, and what says so.
pub(super) fn likely_raster(path: &Path) -> Option<LikelyRaster> {
    let name = path.file_stem()?.to_str()?.to_ascii_lowercase();
    let number = |key: &str| -> Option<usize> {
        let (_, after) = name.rsplit_once(key)?;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().filter(|&number| number > 0)
    };
    let raster = number("_y").zip(number("_x"))?;
    Some((raster, format!("its name says {} columns and {} rows", raster.1, raster.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = "<?xml version=\"1.0\"?>\n<root>\n<raw_file filename=\"C:\\data\\scan_x3_y2.raw\"/>\n\
        <pix_x>7</pix_x><pix_y>7</pix_y>\n\
        <scan_parameters mode=\"search\"><scan_resolution_x>9</scan_resolution_x>\
        <scan_resolution_y>9</scan_resolution_y></scan_parameters>\n\
        <scan_parameters mode=\"acquire\"><scan_resolution_x>3</scan_resolution_x>\
        <scan_resolution_y>2</scan_resolution_y></scan_parameters>\n</root>\n";

    #[test]
    fn the_file_of_xml_leads_to_frames_and_raster() {
        let folder = tempfile::tempdir().unwrap();
        let (xml, raw) = (folder.path().join("scan.xml"), folder.path().join("scan_x3_y2.raw"));
        std::fs::write(&xml, XML).unwrap();
        // Without the frames, with too few, and of both generations.
        assert!(open(&xml).unwrap().is_err());
        for (count, rows, fits) in [(5, 130, false), (6, 130, true), (6, 128, true)] {
            std::fs::write(&raw, vec![0; count * rows * 128 * 4]).unwrap();
            let read = open(&xml).unwrap();
            match fits {
                true => {
                    let read = read.unwrap();
                    assert_eq!((read.shape(), read.raster()), ([6, 128, 128], Some((2, 3))));
                }
                false => assert!(read.unwrap_err().to_string().contains("2 x 3"), "{rows}"),
            }
        }
        assert_eq!(raster("<pix_x>7</pix_x><pix_y> 5 </pix_y>"), Some((5, 7)));
        std::fs::write(&xml, "<root/>").unwrap();
        assert!(open(&xml).is_none());
    }

    #[test]
    fn a_name_suggests_a_raster() {
        let of = |name: &str| likely_raster(Path::new(name)).map(|found| found.0);
        assert_eq!(of("scan_x128_y96.raw"), Some((96, 128)));
        assert_eq!(of("07_x8_y4_stem.raw"), Some((4, 8)));
        assert_eq!((of("scan_x128.raw"), of("scan_x0_y3.raw"), of("x1y2.raw")), (None, None, None));
    }
}
