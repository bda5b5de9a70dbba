//! How simulated patterns come about: the options of reading that say it of measured ones.

use crate::input::{argument, given};
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use lapwing_files::reading::{self, ReadOption};
use lapwing_study::sample::Said;

/// The options, by their names in the table of `lapwing-files`.
const NAMES: [&str; 6] =
    ["fresnel_number", "fly", "detector_blur", "slices", "slice_fresnel_number", "slice_spacing"];
/// And those of the units that they need.
const UNITS: [&str; 3] = ["pixel_size_m", "energy_kev", "voltage_kv"];

/// Heading of the help.
const HEADING: &str = "Exposure (a base file's own unless one of these is given)";

/// What is said of it.
#[derive(Debug, Clone)]
pub struct Exposure(Said);

impl Exposure {
    /// The same for the library.
    pub fn said(&self) -> &Said {
        &self.0
    }
}

fn options() -> impl Iterator<Item = &'static ReadOption> {
    NAMES.into_iter().chain(UNITS).filter_map(reading::option)
}

impl Args for Exposure {
    fn augment_args(command: Command) -> Command {
        options()
            .fold(command, |command, option| command.arg(argument(option).help_heading(HEADING)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Exposure {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut exposure = Self(Said::default());
        exposure.update_from_arg_matches(matches)?;
        Ok(exposure)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let said: Vec<_> =
            options().filter_map(|option| Some((option, given(option, matches)?))).collect();
        let pairs = said.iter().map(|(option, given)| (*option, given));
        let refused = |told: String| clap::Error::raw(ErrorKind::ValueValidation, told + "\n");
        let read = reading::options(pairs).map_err(|error| refused(error.to_string()))?;
        self.0 = Said::of(&read).map_err(|error| refused(error.to_string()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapwing_files::physics::PhysicsOptions;
    use serde_json::json;

    #[test]
    fn all_that_can_be_said_of_physics_has_its_flag() {
        let all = json!({
            "fresnel_number": 1.0, "fly": "auto", "detector_blur": 1.0, "slices": 2,
            "slice_fresnel_number": 1.0, "slice_spacing": 1.0,
        });
        // Neither a field that is not named here nor a name without a field.
        let read: PhysicsOptions = serde_json::from_value(all.clone()).unwrap();
        let PhysicsOptions {
            fresnel_number: Some(_),
            fly: Some(_),
            detector_blur: Some(_),
            slices: Some(_),
            slice_fresnel_number: Some(_),
            slice_spacing: Some(_),
        } = read
        else {
            panic!("{read:?}")
        };
        assert_eq!(options().count(), NAMES.len() + UNITS.len());
        assert!(NAMES.iter().all(|name| all.get(name).is_some()));
    }
}
