//! The macro that makes everything about metrics from one table.

/// Declares [`Metrics`](super::Metrics), how each metric is measured and its catalogue entry, from
/// one row each:
///
/// ```text
/// /// Meaning, in one sentence; further paragraphs are documentation only.
/// name: type = |pair| value, { title: "..", better: Lower, .. }
/// ```
///
/// The type is `f64`, or `Option<f64>` for a number that does not always exist. Between the braces
/// stand fields of [`Metric`](crate::Metric); those not given are as in `Metric::new`.
macro_rules! metrics {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $kind:ty = $measure:expr, { $($field:ident: $value:expr),* $(,)? }
    )*) => {
        /// How well an aligned reconstruction agrees with the truth, over the pixels that count.
        ///
        /// The field names are the names in JSON and CSV and stay. `None` (JSON `null`): the number
        /// does not exist for this region or truth. Definitions: `docs/metrics.md`; titles, units
        /// and directions: [`Metric::all`](crate::Metric::all).
        #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
        pub struct Metrics {
            $($(#[doc = $doc])+ pub $name: $kind,)*
        }

        impl Metrics {
            /// Every metric by its name, in a fixed order: the columns of a table.
            pub fn named(&self) -> Vec<(&'static str, Option<f64>)> {
                vec![$((stringify!($name), self.$name.into()),)*]
            }

            /// A metric's value by its name; `None` where the number does not exist.
            pub fn value(&self, name: &str) -> Option<f64> {
                let named = self.named();
                named.into_iter().find(|(known, _)| *known == name).and_then(|(_, value)| value)
            }

            /// Measures all of them, each a task of its own.
            pub(crate) fn of(pair: &Pair<'_>) -> Self {
                let mut metrics = Self { $($name: Default::default(),)* };
                let tasks: Vec<Box<dyn FnOnce() + Send + '_>> = vec![$({
                    let place = &mut metrics.$name;
                    let measure: fn(&Pair<'_>) -> $kind = $measure;
                    Box::new(move || *place = measure(pair))
                },)*];
                tasks.into_iter().in_parallel().for_each(|task| task());
                metrics
            }

            /// The catalogue entry of each.
            pub(crate) fn rows() -> Vec<Metric> {
                vec![$(
                    Metric {
                        $($field: $value.into(),)*
                        ..Metric::new(stringify!($name), &meaning(&[$($doc),+]))
                    },
                )*]
            }
        }
    };
}

/// The first paragraph of a documentation comment as one line.
pub(super) fn meaning(lines: &[&str]) -> String {
    let lines = lines.iter().map(|line| line.trim()).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

pub(super) use metrics;
