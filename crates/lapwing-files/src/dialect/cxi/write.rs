//! A data set as CXI.

use std::path::Path;

use lapwing_model::forward::Propagation;

use super::mask::MASK;
use super::own::OURS;
use crate::dialect::geometry::{FarFieldOptics, H_C, object_pixel, record_pixel, state};
use crate::options::Geometry;
use crate::{Dataset, Error, contract, hdf5, metadata};

/// Writes a data set as CXI 1.6, atomically; the names of extras that CXI files cannot hold here
/// (text, objects) come back, having been left out.
///
/// `data` holds photon counts when the intensity scale is known and the square of the amplitudes
/// otherwise; `translation` the sample's, t = -(y dy b_y + x dx b_x) with rows running towards -y
/// and columns towards -x, as CXI assumes when there are no `basis_vectors`, and (dy, dx) the
/// object's `pixel` along (y, x), metres: where it is not given that of the metadata, else the one
/// that the optics make, in the near field the detector's own. In the far field the pixels of the
/// detector are written as those that make it ([`FarFieldOptics::making`]), in the near field its
/// pixels and distance as those that make the Fresnel number ([`FarFieldOptics::imaging`]). What
/// CXI has no names for is in `entry_1/lapwing_1`: `probeGuess`, `objectGuess`, `_metadata`, which
/// has that pixel, too, and the extras.
///
/// # Errors
/// [`Error::Contract`] when the data set breaks its contract, and whatever keeps the file from
/// being written.
pub fn write_cxi(
    dataset: &Dataset,
    optics: &FarFieldOptics,
    pixel: Option<(f64, f64)>,
    path: impl AsRef<Path>,
) -> Result<Vec<String>, Error> {
    let path = path.as_ref();
    let problems = contract::check(dataset);
    if !problems.is_empty() {
        return Err(Error::Contract { path: path.to_owned(), problems });
    }
    let (n, height, width) = dataset.diffraction.dim();
    let (shape, near) = ((height, width), dataset.geometry == Some(Geometry::NearField));
    let known = pixel.or_else(|| dataset.metadata.as_ref().and_then(object_pixel));
    let made = || if near { optics.pitch } else { optics.object_pixel(shape) };
    let (dy, dx) = known.unwrap_or_else(made);
    let propagation = dataset.physics().map(|physics| physics.propagation);
    let optics = match propagation {
        Ok(Propagation::NearField { fresnel_number }) => optics.imaging(fresnel_number, (dy, dx)),
        _ if near => *optics,
        _ => optics.making((dy, dx), shape),
    };
    let mut left_out = Vec::new();
    let intensity = dataset.intensities()?;
    hdf5::write(path, |file| {
        let (source, detector) =
            ("entry_1/instrument_1/source_1", "entry_1/instrument_1/detector_1");
        file.number("cxi_version", 160_i64)?;
        file.number("number_of_entries", 1_i64)?;
        file.number(&format!("{source}/energy"), H_C / optics.wavelength)?;
        file.number(&format!("{source}/wavelength"), optics.wavelength)?;
        file.number(&format!("{detector}/distance"), optics.distance)?;
        file.number(&format!("{detector}/y_pixel_size"), optics.pitch.0)?;
        file.number(&format!("{detector}/x_pixel_size"), optics.pitch.1)?;
        file.frames(&format!("{detector}/data"), [n, height, width], intensity.values())?;
        if let Some(mask) = &dataset.mask {
            let shape = [n, height, width];
            let shape = if mask.is_per_pattern() { &shape[..] } else { &shape[1..] };
            file.values(MASK, shape, mask.bits()?.as_ref())?;
        }
        let translation: Vec<f64> = dataset
            .scan
            .iter()
            .flat_map(|position| [position.x * dx, position.y * dy, 0.0])
            .collect();
        file.values("entry_1/sample_1/geometry_1/translation", &[n, 3], &translation)?;
        file.soft_link("entry_1/data_1/data", &format!("/{detector}/data"))?;
        file.soft_link("entry_1/data_1/translation", "/entry_1/sample_1/geometry_1/translation")?;
        if let Some(probe) = &dataset.probe {
            let values: Vec<_> = probe.iter().copied().collect();
            file.complex(&format!("{OURS}/probeGuess"), probe.shape(), &values)?;
        }
        if let Some(object) = &dataset.object {
            let product = object.projection();
            let values: Vec<_> = product.iter().copied().collect();
            file.complex(&format!("{OURS}/objectGuess"), product.shape(), &values)?;
        }
        let mut history = dataset.metadata.clone().unwrap_or_default();
        record_pixel(&mut history, (dy, dx));
        if near {
            optics.record(&mut history);
        }
        let stated = history.get("physics_parameters").is_some_and(|p| p.get("geometry").is_some());
        if dataset.geometry.is_some() || !stated {
            state(&mut history, dataset.geometry.unwrap_or(Geometry::FarField));
        }
        file.text(
            &format!("{OURS}/{}", metadata::KEY),
            &serde_json::Value::Object(history).to_string(),
        )?;
        for (name, array) in dataset.named().iter().chain(&dataset.extras) {
            // A slash would make a group of it.
            let plain = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
            if !(plain && file.array(&format!("{OURS}/extras/{name}"), array)?) {
                left_out.push(name.clone());
            }
        }
        Ok(())
    })?;
    Ok(left_out)
}
