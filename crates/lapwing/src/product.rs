//! A product file of ptychodus and pty-chi from a finished reconstruction.

use anyhow::Context;
use lapwing_files::dialect::{Acquisition, Product};
use lapwing_files::metadata::physics_parameter;
use lapwing_files::{Dataset, Reconstruction, Understanding};
use lapwing_model::position::bounding_box;
use lapwing_model::probe::photon_wavelength;
use lapwing_model::{Modes, Object, Position};
use lapwing_study::data::mean_counts;
use std::path::Path;

/// What a product needs to know of the input and its reconstruction does not tell.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Size of an object pixel along (y, x), metres.
    pixel_size: (f64, f64),
    /// The pattern of every position.
    indexes: Vec<i64>,
    acquisition: Acquisition,
}

impl Facts {
    /// The facts of a data set; `None` when the size of an object pixel is unknown.
    ///
    /// Indexes are the data set's frames where it has them, and 0, 1, 2... otherwise.
    pub fn of(
        dataset: &Dataset,
        understood: &Understanding,
        pixel_size: Option<(f64, f64)>,
    ) -> Option<Self> {
        let counts = understood.mean_counts_per_pattern;
        Some(Self::told(dataset, understood.n_patterns, counts, pixel_size?))
    }

    /// The facts of a data set in memory.
    pub fn of_dataset(dataset: &Dataset, pixel_size: (f64, f64)) -> Self {
        Self::told(dataset, dataset.n_patterns(), mean_counts(dataset), pixel_size)
    }

    fn told(dataset: &Dataset, n: usize, mean_counts: Option<f64>, pixel_size: (f64, f64)) -> Self {
        let indexes = dataset.frames.clone().unwrap_or_else(|| (0..).take(n).collect());
        let known = |name: &str| physics_parameter(dataset.metadata.as_ref()?, name);
        let energy = |wavelength: f64| photon_wavelength(1.0) / wavelength;
        let acquisition = Acquisition {
            distance_m: known("distance_m").filter(|&distance| distance > 0.0).unwrap_or(0.0),
            energy_ev: known("wavelength_m").filter(|&length| length > 0.0).map_or(0.0, energy),
            photon_count: mean_counts.unwrap_or(0.0),
        };
        Self { pixel_size, indexes, acquisition }
    }

    /// A scan as a product, before any reconstruction: its probe, in the unit of the counts where
    /// they are known, and its positions around their middle. Where the object is not known it is
    /// flat, for ptychodus opens no product without one; patterns are those of the scan in their
    /// order.
    pub fn of_scan(self, dataset: &Dataset, probe: Modes, pixel_size: (f64, f64)) -> Product {
        let scale = dataset.intensity_scale().unwrap_or(1.0) as f32;
        Product {
            name: "scan".to_owned(),
            comments: format!("lapwing {}", env!("CARGO_PKG_VERSION")),
            positions: in_metres(dataset, pixel_size),
            probe: probe.mapv(|value| value * scale),
            object: dataset.object.clone().or_else(|| flat(dataset)),
            indexes: (0..).take(dataset.n_patterns()).collect(),
            pixel_size,
            loss: Vec::new(),
            notes: Vec::new(),
            acquisition: self.acquisition,
        }
    }

    /// Writes `reconstruction.npz` of a folder as a product.
    pub fn write_product(self, folder: &Path, path: &Path) -> anyhow::Result<()> {
        let file = folder.join("reconstruction.npz");
        let made = Reconstruction::read(&file)?;
        let missing = |what| format!("{}: no {what}", file.display());
        let probe = made.probe.with_context(|| missing("reconstructed_probe"))?;
        let positions = made.positions.with_context(|| missing("positions"))?;
        let (y, x) = made.origin.unwrap_or((0, 0));
        let on_object: Vec<Position> =
            positions.iter().map(|p| Position { y: p.y - y as f64, x: p.x - x as f64 }).collect();
        let (_, height, width) = probe.dim();
        let product = Product {
            name: folder
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
            comments: format!("lapwing {}", env!("CARGO_PKG_VERSION")),
            positions: Product::of_object(
                &on_object,
                made.object.shape(),
                (height, width),
                self.pixel_size,
            ),
            probe,
            object: Some(made.object),
            indexes: self.indexes,
            pixel_size: self.pixel_size,
            loss: made.loss,
            notes: Vec::new(),
            acquisition: self.acquisition,
        };
        product.write(path).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Positions of a scan along (y, x), metres: zero is the object's centre, or the middle of the
/// positions where there is no object.
pub fn in_metres(dataset: &Dataset, pixel_size: (f64, f64)) -> Vec<(f64, f64)> {
    let (height, width) = dataset.pattern_shape();
    let (on_object, shape) = match &dataset.object {
        Some(object) => (dataset.scan.clone(), object.shape()),
        None => {
            // Positions around the middle of a window are around zero in metres.
            let (y0, y1, x0, x1) = bounding_box(&dataset.scan).unwrap_or_default();
            let y = (height / 2) as f64 - (y0 + y1) / 2.0;
            let x = (width / 2) as f64 - (x0 + x1) / 2.0;
            let moved = |p: &Position| Position { y: p.y + y, x: p.x + x };
            (dataset.scan.iter().map(moved).collect(), (height, width))
        }
    };
    Product::of_object(&on_object, shape, (height, width), pixel_size)
}

/// A flat object that holds all windows of a scan around the middle of its positions; none where
/// it would be larger than any that is reconstructed.
fn flat(dataset: &Dataset) -> Option<Object> {
    /// Pixels of the largest one.
    const MOST: f64 = (1_u64 << 28) as f64;
    let (height, width) = dataset.pattern_shape();
    let (y0, y1, x0, x1) = bounding_box(&dataset.scan)?;
    // By twice a whole number larger than the window: both have their middle at one place.
    let along = |window: usize, spread: f64| window as f64 + 2.0 * (spread / 2.0 + 1.0).ceil();
    let (rows, columns) = (along(height, y1 - y0), along(width, x1 - x0));
    (rows * columns <= MOST).then(|| Object::flat((rows as usize, columns as usize)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_files::metadata::set_physics_parameter;
    use lapwing_files::{Metadata, Patterns};

    /// 12.398 419 8 keV are 0.1 nm, whatever is known of the detector.
    #[test]
    fn the_energy_goes_with_a_product_though_nothing_else_is_known() {
        let mut metadata = Metadata::new();
        set_physics_parameter(&mut metadata, "wavelength_m", 1e-10);
        let dataset = Dataset {
            diffraction: Patterns::from(ndarray::Array3::from_elem((1, 8, 8), 1.0)),
            scan: vec![Position { y: 4.0, x: 4.0 }],
            metadata: Some(metadata),
            ..Dataset::default()
        };
        let pixel = (1e-8, 1e-8);
        let facts = Facts::of_dataset(&dataset, pixel);
        let made = facts.of_scan(&dataset, Modes::ones((1, 8, 8)), pixel).acquisition;
        assert!((made.energy_ev - 12_398.419_8).abs() < 1e-3, "{made:?}");
        assert_eq!(made.distance_m, 0.0);
    }
}
