//! The state of a solver between two epochs, as named arrays: what a caller stores to resume later.

use crate::outside::{OutsideStore, StoredField};
use lapwing_model::Complex32;
use std::sync::Arc;

/// Everything a solver needs to resume after an epoch as if it had never stopped: the same bits.
///
/// It belongs to one problem and one set of options; whoever stores it must know which.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Loss of every epoch done.
    pub loss: Vec<f64>,
    arrays: Vec<(String, Values)>,
    /// Where fields are kept.
    field_store: NoMatter,
}

/// A place that makes no difference to what is there.
#[derive(Debug, Clone, Default)]
struct NoMatter(Option<Arc<dyn OutsideStore>>);

impl PartialEq for NoMatter {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// One array of a [`Snapshot`].
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Fields.
    Complex(StoredField),
    /// Illuminations.
    Single(Vec<f32>),
    /// Numbers.
    Double(Vec<f64>),
}

/// Why a snapshot cannot be resumed from.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "snapshot: expected `{name}` with {expected} values, found {found}: it belongs to another problem or solver"
)]
pub struct SnapshotError {
    name: String,
    expected: usize,
    found: String,
}

impl Snapshot {
    /// A snapshot from the [`arrays`](Self::arrays) of another.
    pub fn from_arrays(loss: Vec<f64>, arrays: Vec<(String, Values)>) -> Self {
        Self { loss, arrays, field_store: NoMatter::default() }
    }

    /// A snapshot of nothing but losses yet, which keeps fields in `store` where there is one.
    pub(crate) fn kept_in(loss: Vec<f64>, store: Option<Arc<dyn OutsideStore>>) -> Self {
        Self { loss, arrays: Vec::new(), field_store: NoMatter(store) }
    }

    /// Names and values, in the order in which they were saved. Names are made of letters, digits,
    /// `_` and `.`.
    pub fn arrays(&self) -> impl Iterator<Item = (&str, &Values)> {
        self.arrays.iter().map(|(name, values)| (name.as_str(), values))
    }

    pub(crate) fn put_fields(&mut self, name: &str, values: &[Complex32]) {
        self.arrays.push((
            name.to_owned(),
            Values::Complex(StoredField::copy_of(values, self.field_store.0.as_deref())),
        ));
    }

    pub(crate) fn put_single(&mut self, name: &str, values: &[f32]) {
        self.arrays.push((name.to_owned(), Values::Single(values.to_vec())));
    }

    pub(crate) fn put_numbers(&mut self, name: &str, values: &[f64]) {
        self.arrays.push((name.to_owned(), Values::Double(values.to_vec())));
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn get(&self, name: &str) -> Option<&Values> {
        self.arrays.iter().find(|(found, _)| found == name).map(|(_, values)| values)
    }

    /// The fields `name`, when there are `len` values of them.
    pub(crate) fn fields(&self, name: &str, len: usize) -> Result<&[Complex32], SnapshotError> {
        match self.get(name) {
            Some(Values::Complex(values)) if values.len() == len => Ok(values),
            found => Err(SnapshotError::new(name, len, found)),
        }
    }

    /// Fields of this length, or none.
    pub(crate) fn fields_or_none(
        &self,
        name: &str,
        len: usize,
    ) -> Result<Vec<Complex32>, SnapshotError> {
        let expected = if self.fields_len(name)? == 0 { 0 } else { len };
        Ok(self.fields(name, expected)?.to_vec())
    }

    /// Number of values of the fields `name`.
    pub(crate) fn fields_len(&self, name: &str) -> Result<usize, SnapshotError> {
        match self.get(name) {
            Some(Values::Complex(values)) => Ok(values.len()),
            found => Err(SnapshotError::new(name, 0, found)),
        }
    }

    pub(crate) fn single(&self, name: &str, len: usize) -> Result<&[f32], SnapshotError> {
        match self.get(name) {
            Some(Values::Single(values)) if values.len() == len => Ok(values),
            found => Err(SnapshotError::new(name, len, found)),
        }
    }

    /// The numbers `name`, however many there are.
    pub(crate) fn all_numbers(&self, name: &str) -> Result<&[f64], SnapshotError> {
        match self.get(name) {
            Some(Values::Double(values)) => Ok(values),
            found => Err(SnapshotError::new(name, 0, found)),
        }
    }

    pub(crate) fn numbers<const N: usize>(&self, name: &str) -> Result<[f64; N], SnapshotError> {
        match self.get(name) {
            Some(Values::Double(values)) => values
                .as_slice()
                .try_into()
                .map_err(|_| SnapshotError::new(name, N, self.get(name))),
            found => Err(SnapshotError::new(name, N, found)),
        }
    }
}

impl SnapshotError {
    fn new(name: &str, expected: usize, found: Option<&Values>) -> Self {
        let found = match found {
            None => "no such array".to_owned(),
            Some(Values::Complex(values)) => format!("{} complex values", values.len()),
            Some(Values::Single(values)) => format!("{} single-precision values", values.len()),
            Some(Values::Double(values)) => format!("{} numbers", values.len()),
        };
        Self { name: name.to_owned(), expected, found }
    }
}
