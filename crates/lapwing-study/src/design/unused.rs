//! What a design may say of a measured scan, and nothing comes of where data are simulated from
//! object, probe and positions of a file, whose own patterns are not read.

use crate::design::error::DesignError;
use lapwing_files::reading::{EXPERIMENT, OPTIONS, PHYSICS, ReadOption};
use lapwing_files::{ReadOptions, experiment};
use toml::{Table, Value};

/// What object, probe and positions of a file are read by, and start probes chosen; an experiment
/// file may be that of other uses.
const TAKEN: [&str; 10] = [
    EXPERIMENT,
    "leave_out",
    "common",
    "coordinate_order",
    "flip_y",
    "flip_x",
    "pixel_size_m",
    "energy_kev",
    "voltage_kv",
    "probe_from",
];

/// Refuses options of reading that would change the data of a measured study, and do not change
/// those of one that is simulated from a base: of those by `named`, and those in `sections` of an
/// experiment.
///
/// # Errors
/// The first of them, with what to say instead.
pub(super) fn check(named: &Table, sections: &Table) -> Result<(), DesignError> {
    let said = |option: &'static ReadOption| {
        let section = || sections.get(option.section)?.as_table();
        let in_section = || Some((option, section()?.get(option.key())?, true));
        named.get(option.name).map(|value| (option, value, false)).or_else(in_section)
    };
    let unused = OPTIONS
        .iter()
        .filter(|option| !TAKEN.contains(&option.name))
        .filter_map(said)
        .find(|(option, value, _)| says_something(option, value));
    let Some((option, value, in_section)) = unused else { return Ok(()) };
    let (key, beside) = match in_section {
        true => (option.key(), "file of [base]"),
        false => (option.name, "file"),
    };
    let said = format!(
        "{key}: expected no such key beside {beside}, for data are simulated from the object, the \
         probe and the positions of a base, of which it changes nothing; {}",
        instead(option, value)
    );
    Err(match in_section {
        true => DesignError::Experiment { section: option.section, said },
        false => DesignError::Base(said),
    })
}

/// Whether an option would change how measured patterns are read.
fn says_something(option: &ReadOption, value: &Value) -> bool {
    let as_they_are = ["binning", "every"].contains(&option.name) && value.as_integer() == Some(1);
    let alone = [(option.name.to_owned(), value.clone())].into_iter().collect();
    let read = experiment::of_design(&alone, &Table::new());
    !as_they_are && read.is_ok_and(|options| options != ReadOptions::default())
}

/// What says it of data that are simulated.
fn instead(option: &ReadOption, value: &Value) -> String {
    let measured = "or say measured in place of file, for its own patterns";
    let key = option.name;
    match key {
        _ if PHYSICS.contains(&key) => format!("say {key} under [physics]"),
        "geometry" if value.as_str() == Some("near-field") => {
            "say fresnel_number under [physics] for a near field".to_owned()
        }
        "geometry" => "leave it out, and take a base whose metadata state no near field".to_owned(),
        "scan_shape" | "scan_step_m" | "scan_snake" | "positions" | "position_unit" => {
            format!("write a section [scan], or xcoords and ycoords into the base; {measured}")
        }
        "detector_window" | "binning" | "detector_centre" => format!(
            "say pattern_size under [study] with a section [probe], for another size; {measured}"
        ),
        "detector_pixel_size_m" | "distance_m" | "mrad_per_pixel" | "inv_angstrom_per_pixel" => {
            format!("say pixel_size_m, the side of an object pixel; {measured}")
        }
        _ if option.section == "probe" => format!("write a section [probe]; {measured}"),
        _ => format!("leave it out; {measured}"),
    }
}
