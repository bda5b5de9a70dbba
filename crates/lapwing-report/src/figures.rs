//! The plots as files for papers and slides: SVG, and PNG at print resolution.

use crate::gather::Study;
use crate::metric::Metric;
use crate::plots;
use lapwing_draw::Look;

/// Folder of the figures, inside that of the report.
pub(crate) const FOLDER: &str = "figures";

/// Pixels for each unit of a plot: 470 units are 11.9 cm at 300 dots per inch.
const ZOOM: f64 = 3.0;

/// Name and contents of every figure: quality against dose in every metric that was measured, for each solver.
pub(crate) fn all(study: &Study, metrics: &[Metric]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let solvers = study.solvers();
    for metric in
        metrics.iter().filter(|metric| study.rows.iter().any(|row| row.metric(metric.key).is_some()))
    {
        for solver in &solvers {
            let plot = plots::quality(study, metric, solver);
            let by = if solvers.len() > 1 { format!("_{}", safe(solver)) } else { String::new() };
            let name = format!("{}{by}", metric.key);
            files.push((format!("{name}.svg"), plot.svg(Look::Standalone).into_bytes()));
            files.push((format!("{name}.png"), plot.png(ZOOM)));
        }
    }
    files
}

/// A name that any file system takes.
fn safe(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_solvers_are_names_of_files() {
        assert_eq!(safe("../pty chi"), "___pty_chi");
    }
}
