//! `lapwing._lapwing`: the compiled part of the Python package `lapwing`.
//!
//! Here are conversions and nothing else; the work is that of the libraries. Signatures with types,
//! documentation and results as classes are in `python/lapwing`.

mod array;
mod calibrate;
mod compare;
mod dataset;
mod failure;
mod make;
mod noise;
mod reconstruct;
mod select;
mod study;
mod value;
mod warning;
mod work;

use pyo3::prelude::*;

/// The compiled part of the package `lapwing`.
#[pymodule]
mod _lapwing {
    #[pymodule_export]
    use crate::calibrate::calibrate;
    #[pymodule_export]
    use crate::compare::{compare_laid, compare_objects, comparison_png, metric_catalogue};
    #[pymodule_export]
    use crate::dataset::Dataset;
    #[pymodule_export]
    use crate::dataset::pickle::restore_dataset;
    #[pymodule_export]
    use crate::dataset::read::{load, read_metadata};
    #[pymodule_export]
    use crate::dataset::shown::quanta;
    #[pymodule_export]
    use crate::make::{
        make_probe, make_scan, make_specimen, probe_diameter, simulate_scan, thin_counts,
        thin_dataset, without_limit,
    };
    #[pymodule_export]
    use crate::noise::estimate_noise;
    #[pymodule_export]
    use crate::reconstruct::{
        load_reconstruction, object_png, reconstruct, save_reconstruction, solver_options, solvers,
    };
    #[pymodule_export]
    use crate::select::{overlap_metrics, select_positions};
    #[pymodule_export]
    use crate::study::{
        answer, default_design, design_text, main, run_jobs, run_study, settle_design, write_views,
    };

    #[pymodule_export]
    #[allow(non_upper_case_globals)] // a name of Python's
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
