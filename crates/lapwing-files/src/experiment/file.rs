//! An experiment from its TOML file.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::open;
use crate::options::ReadOptions;
use crate::physics::PhysicsOptions;
use crate::reading::{self, EXPERIMENT, Given, Kind, OPTIONS, OptionError, PHYSICS};

/// Longest experiment file.
const MAX_LENGTH: u64 = 1 << 20;

/// Reads an experiment file. Paths in it are relative to its folder.
///
/// # Errors
/// [`OptionError::Experiment`] when it cannot be read or is no TOML, and for the first key that is
/// none or cannot have its value.
pub fn read(path: &Path) -> Result<ReadOptions, OptionError> {
    let refused = |problem: String| OptionError::Experiment { path: path.to_owned(), problem };
    let length = open::check(path).map_err(|error| refused(error.to_string()))?.len();
    if length > MAX_LENGTH {
        return Err(refused(format!(
            "expected an experiment file of at most {MAX_LENGTH} bytes, found {length}"
        )));
    }
    let text = fs::read_to_string(path).map_err(|error| {
        refused(match error.kind() {
            io::ErrorKind::InvalidData => {
                "expected a text file (`lapwing experiment init` writes one), found bytes that are \
                 none"
                    .to_owned()
            }
            _ => error.to_string(),
        })
    })?;
    parse(&text, path)
}

/// [`read`] from a text that lies, or would lie, at `path`.
///
/// # Errors
/// As for [`read`].
pub fn parse(text: &str, path: &Path) -> Result<ReadOptions, OptionError> {
    let refused = |problem: String| OptionError::Experiment { path: path.to_owned(), problem };
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(start).filter(|&byte| byte == b'\n').count();
        refused(format!("line {line}: expected TOML, found something else: {}", error.message()))
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    of_table(&table, folder).map_err(refused)
}

/// The options that a table of sections says.
fn of_table(table: &toml::Table, folder: &Path) -> Result<ReadOptions, String> {
    let mut options = ReadOptions::default();
    add_table(&mut options, table, folder)?;
    Ok(options)
}

/// What a design says about reading its base: options by their names, `named`, and the sections of
/// an experiment file, `sections`. What a file that `named` names as its experiment says comes
/// first, then the sections, then the names. Paths are taken as they are.
///
/// # Errors
/// The first key that is none or cannot have its value, and an experiment file that cannot be
/// understood.
pub fn of_design(named: &toml::Table, sections: &toml::Table) -> Result<ReadOptions, String> {
    let mut options = match named.get(EXPERIMENT).map(|path| path.as_str().ok_or(path)) {
        Some(Ok(path)) => read(Path::new(path)).map_err(|error| error.to_string())?,
        Some(Err(found)) => return Err(format!("{EXPERIMENT}: expected a path, found {found}")),
        None => ReadOptions::default(),
    };
    add_table(&mut options, sections, Path::new(""))
        .map_err(|problem| format!("[experiment]: {problem}"))?;
    for (key, value) in named.iter().filter(|(key, _)| *key != EXPERIMENT) {
        add_named(&mut options, (key, value), OPTIONS.iter().map(|option| option.name))?;
    }
    Ok(options)
}

/// What a design says of how simulated patterns come about: the options of reading that say it of
/// measured ones, by their names.
///
/// # Errors
/// The first key that is none of them or cannot have its value.
pub fn physics_of_design(section: &toml::Table) -> Result<PhysicsOptions, String> {
    let mut options = ReadOptions::default();
    for named in section {
        add_named(&mut options, named, PHYSICS.into_iter())?;
    }
    Ok(options.physics)
}

/// Sets the option of this name, one of `names`.
fn add_named(
    options: &mut ReadOptions,
    (key, value): (&String, &toml::Value),
    mut names: impl Iterator<Item = &'static str> + Clone,
) -> Result<(), String> {
    let known = names.clone().any(|name| name == key);
    let Some(option) = reading::option(key).filter(|_| known) else {
        let hint = near(key, &mut names);
        let hint = hint.map_or(String::new(), |name| format!("; is {name} meant?"));
        return Err(format!("unknown field `{key}`{hint}"));
    };
    let given = Given::of_toml(value).ok_or_else(|| {
        format!("{key}: expected a number, a text or a list, found a {}", value.type_str())
    })?;
    option.set(options, &given).map_err(|problem| format!("{key}: {problem}"))
}

fn add_table(options: &mut ReadOptions, table: &toml::Table, folder: &Path) -> Result<(), String> {
    for (section, values) in table {
        let in_section = || OPTIONS.iter().filter(|option| option.section == section);
        if section.is_empty() || in_section().next().is_none() {
            let mut sections: Vec<&str> = OPTIONS.iter().map(|option| option.section).collect();
            sections.dedup();
            sections.retain(|name| !name.is_empty());
            let expected: Vec<String> = sections.iter().map(|name| format!("[{name}]")).collect();
            let hint = near(section, sections.into_iter())
                .map_or(String::new(), |name| format!("; is [{name}] meant?"));
            return Err(format!("expected {}, found [{section}]{hint}", expected.join(", ")));
        }
        let toml::Value::Table(values) = values else {
            return Err(format!("{section}: expected a section [{section}], found a value"));
        };
        for (key, value) in values {
            let Some(option) = in_section().find(|option| option.key() == key) else {
                let keys = || in_section().map(|option| option.key());
                let others = || format!("it has {}", keys().collect::<Vec<_>>().join(", "));
                let hint = near(meant(section, key), keys())
                    .map_or_else(others, |name| format!("is {name} meant?"));
                return Err(format!("[{section}] has no key {key}: {hint}"));
            };
            let told = |problem: String| format!("[{section}] {key}: {problem}");
            let given = Given::of_toml(value).ok_or_else(|| {
                told(format!("expected a number, a text or a list, found a {}", value.type_str()))
            })?;
            let given = match (option.kind, given.path()) {
                (Kind::File { .. }, Some(path)) => Given::Path(PathBuf::from(folder).join(path)),
                (Kind::Files { .. }, _) => match given.paths() {
                    Some(paths) => Given::Paths(
                        paths.into_iter().map(|path| PathBuf::from(folder).join(path)).collect(),
                    ),
                    None => given,
                },
                _ => given,
            };
            option.set(options, &given).map_err(told)?;
        }
    }
    Ok(())
}

/// The key that is meant by a name of the same elsewhere.
fn meant<'a>(section: &str, key: &'a str) -> &'a str {
    match (section, key) {
        ("probe", "start" | "probe_start" | "probe_from") => "from",
        _ => key,
    }
}

/// The name that differs from what was written in the fewest letters, when these are few.
fn near<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distances = names.map(|name| (distance(written, name), name));
    let (least, name) = distances.min_by_key(|(distance, _)| *distance)?;
    (least <= 2.max(name.len() / 3)).then_some(name)
}

/// Letters to put in, leave out or exchange to make one text of the other (V. I. Levenshtein,
/// 1966).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (place, &counterpart) in other.iter().enumerate() {
            let exchanged = diagonal + usize::from(letter != counterpart);
            diagonal = row[place + 1];
            row[place + 1] = exchanged.min(row[place] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Moves;
    use crate::physics::Fly;

    fn refused(text: &str) -> String {
        parse(text, "e.toml".as_ref()).unwrap_err().to_string()
    }

    #[test]
    fn physics_of_a_design_is_said_as_that_of_a_scan() {
        let said = |text: &str| physics_of_design(&text.parse().unwrap());
        let all = "fresnel_number = 0.5\nmoves = 'probe'\nfly = [0, 3.0]\ndetector_blur = 1.0\nslices = 2\n\
                   slice_fresnel_number = 1.0\nslice_spacing = 1e-8";
        // Neither a field that has no name here nor a name without a field.
        let PhysicsOptions {
            fresnel_number: Some(0.5),
            moves: Some(Moves::Probe),
            fly: Some(_),
            detector_blur: Some(1.0),
            slices: Some(2),
            slice_fresnel_number: Some(1.0),
            slice_spacing: Some(1e-8),
        } = said(all).unwrap()
        else {
            panic!("{:?}", said(all))
        };
        assert_eq!(all.lines().count(), PHYSICS.len());
        assert_eq!(said("fly = 'auto'").unwrap().fly, Some(Fly::Auto));
        assert_eq!(said("detector_blur = 0").unwrap().detector_blur, Some(0.0));
        for (wrong, told) in [
            ("fresnel_number = -0.02", "fresnel_number: expected a positive number"),
            ("detector_blur = -1", "detector_blur: expected a number from 0 to 4"),
            ("slices = 1.5", "slices: expected a whole number"),
            ("fly = 'fast'", "fly: expected auto, or the motion DY,DX"),
            ("fly = [1, 2, 3]", "fly: expected auto, or the motion DY,DX"),
            ("fly = 3", "fly: expected auto, or the motion DY,DX"),
            ("moves = 'stage'", "moves: expected specimen or probe"),
            ("voltage_kv = 300", "unknown field `voltage_kv`"),
            ("detector_blue = 1", "is detector_blur meant?"),
        ] {
            let error = said(wrong).unwrap_err();
            assert!(error.contains(told), "{wrong}: {error}");
        }
    }

    #[test]
    fn sections_and_keys_become_options() {
        let text = "[beam]\nvoltage_kv = 300\n[probe]\nsemi_angle_mrad = 1.03\ndefocus_m = -13.5e-6\n\
                    from = 'patterns'\n\
                    [scan]\nshape = [40, 30]\nstep_m = 3e-9\nsnake = true\npositions = 'p.csv'\n\
                    [patterns]\nquantity = 'counts'\nleave_out_frames = [1, 5]\n[object]\n\
                    pixel_size_m = 1e-9\n[detector]\npixel_size_m = [55e-6, 50e-6]";
        let options = parse(text, "folder/e.toml".as_ref()).unwrap();
        let experiment = &options.experiment;
        assert_eq!(experiment.beam.voltage_kv, Some(300.0));
        assert_eq!(experiment.probe.defocus_m, Some(-13.5e-6));
        assert_eq!(experiment.probe.from, Some(crate::options::ProbeFrom::Patterns));
        assert_eq!(experiment.scan.shape, Some((40, 30)));
        assert_eq!(experiment.scan.step_m, Some((3e-9, 3e-9)));
        assert!(experiment.scan.snake);
        assert_eq!(experiment.scan.positions, Some(PathBuf::from("folder/p.csv")));
        assert_eq!(experiment.patterns.leave_out_frames, [1, 5]);
        assert_eq!(options.pixel_size, Some(1e-9));
        assert_eq!(experiment.detector.pixel_size_m, Some((55e-6, 50e-6)));
        assert_eq!(options.quantity, Some(crate::options::Quantity::Counts));
    }

    #[test]
    fn other_keys_are_refused_with_the_nearest() {
        let told = refused("[beam]\nvoltage_kev = 300");
        assert!(told.contains("[beam] has no key voltage_kev: is voltage_kv meant?"), "{told}");
        for other in ["start", "probe_start"] {
            let told = refused(&format!("[probe]\n{other} = \"patterns\""));
            assert!(told.ends_with("is from meant?"), "{told}");
        }
        let told = refused("[probe]\nfrom = \"guess\"");
        assert!(told.contains("[probe] from: expected auto or file or optics"), "{told}");
        assert!(refused("[bean]\nvoltage_kv = 300").contains("is [beam] meant?"));
        assert!(refused("[beam]\nzzz = 300").contains("it has energy_kev, voltage_kv"));
        assert!(refused("beam = 3").contains("expected a section [beam]"));
        assert!(
            refused("[beam]\nvoltage_kv = -3").contains("expected a positive number, found -3")
        );
        assert!(refused("[beam]\nvoltage_kv = '300 kV'").contains("\"300 kV\""));
        assert!(refused("[scan\n").contains("expected TOML"));
        assert!(refused("[scan]\nsnake = 1").contains("true or false"));
        assert!(refused("[scan]\nshape = [4, 5, 6]").contains("4, 5, 6"));
        assert!(refused("[scan]\nstep_m = 1979-05-27").contains("found a datetime"));
    }

    #[test]
    fn letters_are_counted() {
        assert_eq!(
            (distance("abc", "abc"), distance("", "ab"), distance("kitten", "sitting")),
            (0, 2, 3)
        );
    }
}
