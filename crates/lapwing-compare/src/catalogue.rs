//! The catalogue of all numbers that a comparison gives: title, unit, direction, meaning.

use crate::{Criterion, Metrics, Quantity};
use std::sync::LazyLock;

/// A number that a comparison gives, for tables, plots and sentences.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// The name in JSON and CSV; it stays.
    pub name: String,
    /// Short and exact, for tables, without the unit.
    pub title: String,
    /// What a page calls it, beginning with a capital letter.
    pub heading: String,
    /// Unit; empty for pure numbers.
    pub unit: &'static str,
    /// Which values are better.
    pub better: Better,
    /// The value of a perfect result; `None` where there is no such value, as of a signal to noise
    /// ratio.
    pub perfect: Option<f64>,
    /// The value that usually counts as good enough, of metrics that a study's answer is given in.
    pub goal: Option<f64>,
    /// Its meaning, in one sentence.
    pub meaning: String,
    /// Whether it is meaningful between two independent halves of the photons too: correlations
    /// are, errors are those of half the photons.
    pub between_halves: bool,
    /// Whether it is one between two such halves.
    pub of_halves: bool,
    /// Why a comparison may lack it, to follow "for": `no probe was compared`.
    pub absent: String,
}

/// Which values of a number are better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Large ones.
    Higher,
    /// Small ones.
    Lower,
    /// None: the number is no quality, such as a shift that was removed.
    Neither,
}

/// Name of a resolution in JSON and CSV, in `px` or `nm`: `phase_resolution_half_bit_px`.
pub fn resolution_name(quantity: Quantity, criterion: Criterion, unit: &str) -> String {
    format!("{}_resolution_{}_{unit}", quantity.name(), criterion.name())
}

/// What names of numbers between two halves of the photons begin with.
pub(crate) const OF_HALVES: &str = "halves_";

/// Name of a number between two halves of the photons.
pub(crate) fn between_halves(name: &str) -> String {
    format!("{OF_HALVES}{name}")
}

static CATALOGUE: LazyLock<Vec<Metric>> = LazyLock::new(|| {
    let of_object: Vec<Metric> = Metrics::rows().into_iter().chain(resolutions()).collect();
    let halves: Vec<Metric> =
        of_object.iter().filter(|metric| metric.between_halves).map(Metric::of_halves).collect();
    let all = of_object.into_iter().chain(probe()).chain(gauge()).chain(halves);
    all.map(Metric::with_heading).collect()
});

impl Metric {
    /// All entries: the fields of [`Metrics`] in their order, resolutions, the probe's numbers,
    /// what the alignment removed, and the numbers between two halves of the photons.
    pub fn all() -> &'static [Metric] {
        &CATALOGUE
    }

    /// The one of this name in JSON and CSV.
    pub fn find(name: &str) -> Option<&'static Metric> {
        Self::all().iter().find(|metric| metric.name == name)
    }

    /// The same length in pixels, of one in nanometres.
    pub fn in_pixels(&self) -> Option<&'static Metric> {
        let name = self.name.strip_suffix(self.unit).filter(|_| self.unit == "nm")?;
        Self::find(&format!("{name}px"))
    }

    /// A value in nanometres as one in pixels of that side, metres.
    pub fn nanometres_in_pixels(value: f64, pixel_size: f64) -> f64 {
        // 30 nm of 10 nm are 3, not 3.0000000000000004.
        (value * 1e-9 / pixel_size * 1e9).round() / 1e9
    }

    /// Title and unit, as the head of a column: `phase MAE, rad`.
    pub fn label(&self) -> String {
        match self.unit {
            "" => self.title.clone(),
            unit => format!("{}, {unit}", self.title),
        }
    }

    /// An entry with a name and a meaning only.
    pub(crate) fn new(name: &str, meaning: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: String::new(),
            heading: String::new(),
            unit: "",
            better: Better::Neither,
            perfect: None,
            goal: None,
            meaning: meaning.to_owned(),
            between_halves: false,
            of_halves: false,
            absent: "nothing was compared".to_owned(),
        }
    }

    /// The same number between two halves of the photons.
    fn of_halves(&self) -> Self {
        let name = between_halves(&self.name);
        let blank = Self {
            title: format!("{} of halves", self.title),
            heading: String::new(),
            goal: None,
            of_halves: true,
            absent: "no photons were dealt to two halves that are compared".to_owned(),
            meaning: format!("Between two independent halves of the photons. {}", self.meaning),
            ..self.clone()
        };
        let known = match self.name.as_str() {
            "complex_correlation" => Self {
                heading: "Agreement of halves".to_owned(),
                goal: Some(0.95),
                meaning: "Complex correlation of the reconstructions of two independent halves of \
                          the photons: what repeats, without any reference; 1 is perfect."
                    .to_owned(),
                ..blank
            },
            "phase_resolution_half_bit_px" => Self {
                heading: "Resolution of halves".to_owned(),
                goal: Some(2.0),
                meaning: "Half a period of the frequency at which the Fourier ring correlation \
                          between the phases of two independent halves of the photons falls below \
                          the half-bit threshold; 1 pixel where it never does."
                    .to_owned(),
                ..blank
            },
            _ => blank,
        };
        Self { name, ..known }
    }

    /// With the title as the heading, where no other was given.
    fn with_heading(mut self) -> Self {
        if self.heading.is_empty() {
            let mut letters = self.title.chars();
            self.heading = letters.next().into_iter().flat_map(char::to_uppercase).collect();
            self.heading.extend(letters);
        }
        self
    }
}

/// The resolution of each quantity by each criterion, in pixels and nanometres.
fn resolutions() -> Vec<Metric> {
    let one = |quantity: Quantity, criterion: Criterion, unit: &'static str| {
        let (what, title) = (quantity.name(), criterion.title());
        let (limit, perfect, absent) = match unit {
            "px" => {
                ("1 pixel where it never does", Some(1.0), "no Fourier rings could be compared")
            }
            _ => ("one pixel where it never does", None, "the side of a pixel is not known"),
        };
        let threshold = match criterion {
            Criterion::Half | Criterion::Seventh => title.to_owned(),
            Criterion::HalfBit | Criterion::OneBit => format!("the {title} threshold"),
        };
        let headline = (quantity, criterion, unit) == (Quantity::Phase, Criterion::Half, "px");
        Metric {
            title: format!("{what} resolution {title}"),
            heading: if headline { "Phase resolution".to_owned() } else { String::new() },
            unit,
            better: Better::Lower,
            perfect,
            goal: headline.then_some(2.0),
            between_halves: true,
            absent: absent.to_owned(),
            ..Metric::new(
                &resolution_name(quantity, criterion, unit),
                &format!(
                    "Half a period of the frequency at which the Fourier ring correlation of the \
                     {} with what they are compared with falls below {threshold}; {limit}.",
                    quantity.plural()
                ),
            )
        }
    };
    let mut found = Vec::new();
    for quantity in Quantity::ALL {
        for criterion in Criterion::ALL {
            found.extend(["px", "nm"].map(|unit| one(quantity, criterion, unit)));
        }
    }
    found
}

/// Why there are no numbers of a probe.
const NO_PROBE: &str = "no probe was compared";

/// The numbers of [`ProbeComparison`](crate::ProbeComparison).
fn probe() -> Vec<Metric> {
    vec![
        Metric {
            title: "probe NRMSE".to_owned(),
            heading: "Probe error".to_owned(),
            better: Better::Lower,
            perfect: Some(0.0),
            goal: Some(0.1),
            absent: NO_PROBE.to_owned(),
            ..Metric::new(
                "probe_nrmse",
                "Root mean square error of the probe relative to the true one; 0 is perfect.",
            )
        },
        Metric {
            title: "probe correlation".to_owned(),
            better: Better::Higher,
            perfect: Some(1.0),
            absent: NO_PROBE.to_owned(),
            ..Metric::new(
                "probe_correlation",
                "Correlation of the probe with the true one, all modes together; 1 is perfect.",
            )
        },
    ]
}

/// The numbers of [`Alignment`](crate::Alignment).
fn gauge() -> Vec<Metric> {
    let one = |name: &str, title: &str, unit, meaning: &str| Metric {
        title: title.to_owned(),
        unit,
        ..Metric::new(name, meaning)
    };
    vec![
        one("shift_y", "shift removed along y", "px", "Displacement down that was removed."),
        one(
            "shift_x",
            "shift removed along x",
            "px",
            "Displacement to the right that was removed.",
        ),
        one("ramp_y", "ramp removed along y", "rad/px", "Phase ramp along y that was removed."),
        one("ramp_x", "ramp removed along x", "rad/px", "Phase ramp along x that was removed."),
        one("scale", "scale removed", "", "Amplitude scale that was removed."),
        one("phase_offset", "phase removed", "rad", "Phase at the centre that was removed."),
    ]
}
