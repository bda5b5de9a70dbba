//! Reconstructions and truth on the pixels that they share.

use crate::reconstruction::Stored;
use anyhow::{Context, bail};
use lapwing_compare::{CompareError, Region, Scanned, place, zeros_apart};
use lapwing_model::{Complex32, Field};
use ndarray::{ArrayView2, s};
use std::ops::Range;

/// Crops of one shape.
pub struct Placed<'a> {
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

/// Pixels around a region that its comparison may look at: what shifts and interpolation reach.
const AROUND: usize = 64;

/// What a comparison looks at of large objects, which need not stay in memory themselves.
pub struct Cut {
    pub truth: Field,
    /// In the order of the reconstructions.
    pub objects: Vec<Field>,
    /// The region on these.
    pub region: Region,
}

impl Placed<'_> {
    /// The surroundings of `region` alone.
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
fn apart(made: &Stored, truth: &Stored) -> anyhow::Result<Option<(i64, i64)>> {
    fn scanned(stored: &Stored) -> Option<Scanned<'_>> {
        Some(Scanned {
            object: stored.object.view(),
            origin: stored.origin.unwrap_or((0, 0)),
            positions: stored.scan.as_ref()?,
        })
    }
    let (Some(own), Some(known)) = (scanned(made), scanned(truth)) else { return Ok(None) };
    zeros_apart(&own, &known).with_context(|| made.path.display().to_string())
}

/// Lays every reconstruction on the truth (at its origin, at (0, 0) if it has the truth's shape,
/// else where it fits best; where both have the positions of one scan, these decide what their
/// zeros are) and cuts all to what they share.
pub fn on_common_grid<'a>(made: &'a [Stored], truth: &'a Stored) -> anyhow::Result<Placed<'a>> {
    let shape = truth.object.dim();
    let guess = |made: &Stored| {
        let unknown = made.origin.is_none() && made.object.dim() != shape;
        unknown.then(|| place(made.object.view(), truth.object.view()))
    };
    let guessed: Vec<Option<(i64, i64)>> = made.iter().map(guess).collect();
    let origins: Vec<(i64, i64)> = made
        .iter()
        .zip(&guessed)
        .map(|(made, guess)| made.origin.or(*guess).unwrap_or((0, 0)))
        .collect();
    let apart: Vec<Option<(i64, i64)>> = made
        .iter()
        .zip(&guessed)
        .map(|(made, guess)| if guess.is_none() { apart(made, truth) } else { Ok(None) })
        .collect::<Result<_, _>>()?;
    let origins: Vec<(i64, i64)> = origins
        .into_iter()
        .zip(&apart)
        .map(|((y, x), apart)| {
            let (dy, dx) = apart.unwrap_or((0, 0));
            (y.saturating_sub(dy), x.saturating_sub(dx))
        })
        .collect();
    let (mut rows, mut columns) = ((0, shape.0 as i64), (0, shape.1 as i64));
    for (made, &(y, x)) in made.iter().zip(&origins) {
        let meet = |(low, high): (i64, i64), start: i64, length: usize| {
            (low.max(start), high.min(start.saturating_add(length as i64)))
        };
        rows = meet(rows, y, made.object.nrows());
        columns = meet(columns, x, made.object.ncols());
        if rows.0 >= rows.1 || columns.0 >= columns.1 {
            bail!(
                "{}: the reconstruction, {:?} with its origin at ({y}, {x}), shares no pixel with the truth, {shape:?}, and the \
                 reconstructions before it; compare it alone, or bring it onto the truth's grid",
                made.path.display(),
                made.object.dim()
            );
        }
    }
    let crop = |field: &'a Field, (y, x): (i64, i64)| {
        let index = |value: i64, start: i64| (value - start) as usize;
        let (rows, columns) =
            (index(rows.0, y)..index(rows.1, y), index(columns.0, x)..index(columns.1, x));
        field.slice(s![rows, columns])
    };
    Ok(Placed {
        truth: crop(&truth.object, (0, 0)),
        objects: made
            .iter()
            .zip(&origins)
            .map(|(made, &origin)| crop(&made.object, origin))
            .collect(),
        corner: (rows.0, columns.0),
        origins,
        guessed,
        apart,
    })
}
