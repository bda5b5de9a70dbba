//! How simulated patterns come about: the options of reading that say it of measured ones.

use crate::input::{argument, given};
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use lapwing_files::reading::{self, PHYSICS, ReadOption};
use lapwing_study::sample::Said;

/// Names of the options of the units that physics needs.
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
    PHYSICS.into_iter().chain(UNITS).filter_map(reading::option)
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

    #[test]
    fn all_that_can_be_said_of_physics_has_its_flag() {
        assert_eq!(options().count(), PHYSICS.len() + UNITS.len());
    }
}
