//! Reconstructions laid on the truth: from files that count from zeros of their own to pixels that
//! all share.

use crate::{CompareError, Comparison, Region, Scanned, fits_by_chance, lies_elsewhere};
use crate::{place, zeros_apart};
use lapwing_model::{Complex32, Field, Position};
use ndarray::{ArrayView2, ArrayView3, s};
use std::ops::Range;

/// A reconstruction or a truth, and what is known of its scan.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Axes (y, x).
    pub object: ArrayView2<'a, Complex32>,
    /// Position of the object's pixel (0, 0), (y, x).
    pub origin: Option<(i64, i64)>,
    /// Window centres, pixels.
    pub positions: Option<&'a [Position]>,
    /// Axes (mode, y, x).
    pub probe: Option<ArrayView3<'a, Complex32>>,
}

/// Which of several reconstructions cannot be compared, and why.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct NotLaid {
    /// Its place among them.
    pub index: usize,
    /// Why.
    #[source]
    pub why: CompareError,
}

/// Crops of one shape.
#[derive(Debug, Clone)]
pub struct Laid<'a> {
    /// Axes (y, x).
    pub truth: ArrayView2<'a, Complex32>,
    /// In the order of the reconstructions.
    pub objects: Vec<ArrayView2<'a, Complex32>>,
    /// The first pixel of all crops, (row, column) of the truth.
    pub corner: (i64, i64),
    /// Where pixel (0, 0) of each reconstruction lies on the truth.
    pub origins: Vec<(i64, i64)>,
    /// The same where it was found by correlation.
    pub guessed: Vec<Option<(i64, i64)>>,
    /// How far the zeros of the positions lie apart, (y, x), where they do: what to take off those
    /// of the reconstruction.
    pub apart: Vec<Option<(i64, i64)>>,
}

/// The pixels that count.
#[derive(Debug, Clone)]
pub struct Counted {
    /// On the crops; of several reconstructions what counts for all.
    pub region: Region,
    /// Rows and columns that could be compared if they were not too many.
    pub spanned: (usize, usize),
    /// The reconstructions that tell nothing of it: neither they nor the truth have both positions
    /// and a probe.
    pub unknown: Vec<usize>,
}

/// What a comparison looks at of large objects, which need not stay in memory themselves.
#[derive(Debug, Clone)]
pub struct Cut {
    /// Axes (y, x).
    pub truth: Field,
    /// In the order of the reconstructions.
    pub objects: Vec<Field>,
    /// The region on these.
    pub region: Region,
}

/// Pixels around a region that its comparison may look at: what shifts and interpolation reach.
const AROUND: usize = 64;

impl<'a> Laid<'a> {
    /// Lays every reconstruction on the truth - at its origin, at (0, 0) if it has the truth's
    /// shape, else where it fits best; where both have the positions of one scan, these decide what
    /// their zeros are - and cuts all to what they share.
    ///
    /// # Errors
    /// [`CompareError::NothingShared`], and those of [`zeros_apart`].
    pub fn new(made: &[Known<'a>], truth: &Known<'a>) -> Result<Self, NotLaid> {
        let shape = truth.object.dim();
        let (mut origins, mut guessed, mut zeros) = (Vec::new(), Vec::new(), Vec::new());
        for (index, known) in made.iter().enumerate() {
            let is_unknown = known.origin.is_none() && known.object.dim() != shape;
            let guess = is_unknown.then(|| place(known.object, truth.object));
            let apart = match guess {
                Some(_) => None,
                None => apart(known, truth).map_err(|why| NotLaid { index, why })?,
            };
            let (y, x) = known.origin.or(guess).unwrap_or((0, 0));
            let (dy, dx) = apart.unwrap_or((0, 0));
            origins.push((y.saturating_sub(dy), x.saturating_sub(dx)));
            guessed.push(guess);
            zeros.push(apart);
        }
        let (mut rows, mut columns) = ((0, shape.0 as i64), (0, shape.1 as i64));
        for (index, (known, &(y, x))) in made.iter().zip(&origins).enumerate() {
            let meet = |(low, high): (i64, i64), start: i64, length: usize| {
                (low.max(start), high.min(start.saturating_add(length as i64)))
            };
            rows = meet(rows, y, known.object.nrows());
            columns = meet(columns, x, known.object.ncols());
            if rows.0 >= rows.1 || columns.0 >= columns.1 {
                let (origin, reconstruction) = ((y, x), known.object.dim());
                let why = CompareError::NothingShared { reconstruction, origin, truth: shape };
                return Err(NotLaid { index, why });
            }
        }
        let crop = |field: ArrayView2<'a, Complex32>, (y, x): (i64, i64)| {
            let on = |(low, high): (i64, i64), start: i64| {
                (low - start) as usize..(high - start) as usize
            };
            field.slice_move(s![on(rows, y), on(columns, x)])
        };
        Ok(Self {
            truth: crop(truth.object, (0, 0)),
            objects: made
                .iter()
                .zip(&origins)
                .map(|(known, &origin)| crop(known.object, origin))
                .collect(),
            corner: (rows.0, columns.0),
            origins,
            guessed,
            apart: zeros,
        })
    }

    /// The pixels that count: those that the scan of each reconstruction, else of the truth,
    /// illuminates with the truth's probe, else its own; the whole of the crops where nothing tells
    /// it.
    ///
    /// # Errors
    /// Those of [`Region::from_scan`] and [`Region::intersection`].
    pub fn counted(&self, made: &[Known<'_>], truth: &Known<'_>) -> Result<Counted, CompareError> {
        let mut common: Option<(Region, (usize, usize))> = None;
        let mut unknown = Vec::new();
        for (index, (known, apart)) in made.iter().zip(&self.apart).enumerate() {
            let positions = known.positions.or(truth.positions);
            let (Some(positions), Some(probe)) = (positions, truth.probe.or(known.probe)) else {
                unknown.push(index);
                continue;
            };
            let zero = apart.filter(|_| known.positions.is_some()).unwrap_or((0, 0));
            let own = self.illuminated(positions, zero, probe)?;
            common = Some(match common {
                None => own,
                Some((common, spanned)) => {
                    let is_part = own.0.shape() != own.1;
                    let both = common.intersection(&own.0)?;
                    let keeps = is_part || spanned != common.shape();
                    let shape = if keeps { spanned } else { both.shape() };
                    (both, shape)
                }
            });
        }
        let (region, spanned) = match common {
            Some(found) => found,
            None => (Region::whole(self.truth.dim())?, self.truth.dim()),
        };
        Ok(Counted { region, spanned, unknown })
    }

    /// The region of the crops that a scan illuminates whose positions count from `zero` of the
    /// truth's, and what it would span if it were not too large.
    ///
    /// # Errors
    /// Those of [`Region::from_scan`].
    pub fn illuminated(
        &self,
        positions: &[Position],
        zero: (i64, i64),
        probe: ArrayView3<'_, Complex32>,
    ) -> Result<(Region, (usize, usize)), CompareError> {
        let (top, left) = (self.corner.0 + zero.0, self.corner.1 + zero.1);
        let moved = |p: &Position| Position { y: p.y - top as f64, x: p.x - left as f64 };
        let positions: Vec<Position> = positions.iter().map(moved).collect();
        let region = Region::from_scan(self.truth.dim(), &positions, probe)?;
        let spanned = Region::spanned(self.truth.dim(), &positions)
            .map_or(region.shape(), |(rows, columns)| (rows.len(), columns.len()));
        Ok((region, spanned))
    }

    /// The surroundings of `region` alone.
    ///
    /// # Errors
    /// Those of [`Region::new`].
    pub fn cut(&self, region: &Region) -> Result<Cut, CompareError> {
        let around = |range: &Range<usize>, length: usize| {
            range.start.saturating_sub(AROUND)..(range.end + AROUND).min(length)
        };
        let (height, width) = self.truth.dim();
        let (rows, columns) = (around(&region.rows(), height), around(&region.columns(), width));
        let area = s![rows.clone(), columns.clone()];
        let of = |field: &ArrayView2<'_, Complex32>| field.slice(area).to_owned();
        let on = |range: Range<usize>, start: usize| range.start - start..range.end - start;
        Ok(Cut {
            truth: of(&self.truth),
            objects: self.objects.iter().map(of).collect(),
            region: Region::new(
                on(region.rows(), rows.start),
                on(region.columns(), columns.start),
                region.mask().to_owned(),
            )?,
        })
    }
}

/// How far the zero of the reconstruction's positions lies from that of the truth's.
fn apart(made: &Known<'_>, truth: &Known<'_>) -> Result<Option<(i64, i64)>, CompareError> {
    fn scanned<'b>(known: &Known<'b>) -> Option<Scanned<'b>> {
        let origin = known.origin.unwrap_or((0, 0));
        Some(Scanned { object: known.object, origin, positions: known.positions? })
    }
    match (scanned(made), scanned(truth)) {
        (Some(own), Some(known)) => zeros_apart(&own, &known),
        _ => Ok(None),
    }
}

/// A comparison that was made of a place, to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// Reconstruction and truth as far as they are there to be looked for elsewhere.
    pub whole: [ArrayView2<'a, Complex32>; 2],
    /// Where pixel (0, 0) of the reconstruction lies on the truth.
    pub origin: (i64, i64),
    /// Whether its file says so.
    pub is_said: bool,
    /// Where pixel (0, 0) of the one lies on the other of [`whole`](Self::whole), where that was
    /// found by correlation.
    pub guessed: Option<(i64, i64)>,
}

impl Judged<'_> {
    /// Refuses a comparison that says nothing: one where the objects would agree far better
    /// elsewhere than where the positions of the files put them, and one whose place was guessed by
    /// chance.
    ///
    /// # Errors
    /// [`CompareError::FitsNowhere`] and [`CompareError::LiesElsewhere`].
    pub fn refuse_chance(&self, found: &Comparison) -> Result<(), CompareError> {
        let correlation = found.metrics.complex_correlation;
        let ([object, truth], at) = (self.whole, self.origin);
        let by_chance = |flat: &f64| {
            self.guessed
                .is_some_and(|place| fits_by_chance(object, truth, place, correlation, *flat))
        };
        if let Some(flat) = found.metrics.complex_correlation_flat.filter(by_chance) {
            return Err(CompareError::FitsNowhere { at, correlation, flat });
        }
        if !self.is_said || object.is_empty() {
            return Ok(());
        }
        match lies_elsewhere(object, truth, at, correlation) {
            Some((best, better)) => {
                Err(CompareError::LiesElsewhere { at, correlation, best, better })
            }
            None => Ok(()),
        }
    }
}
