//! What is wrong with the data of a design, in the words of the design.

use crate::StudyError;
use crate::design::settled::Source;
use crate::design::solver::SolverConfig;
use lapwing_files::physics::UnknownPhysics;
use lapwing_files::reading::{self, Kind, OPTIONS, PHYSICS, ReadOption};
use lapwing_model::simulate::SimulateError;
use lapwing_solve::SOLVERS;
use lapwing_solve::solver::options;
use toml::Value;

/// What advice calls the far field of patterns that are too far away for a near one.
const FAR_FIELD: &str = "(geometry far-field)";

/// Options whose names are one word, which no array of a file has.
const PLAIN: [&str; 7] = ["binning", "every", "fly", "geometry", "join", "quantity", "region"];

impl Source {
    /// What is wrong with the data of a design, with its tables and keys in place of the flags that
    /// commands have for them, and of the names of options: `[base] scan_step_m` for
    /// `--scan-step-m`, `[base] positions = "FILE"` for `--positions FILE`. What was written of a
    /// design stays.
    pub(crate) fn in_keys(&self, error: StudyError) -> StudyError {
        let said = match &error {
            StudyError::Files(_) | StudyError::Invalid(_) => error.to_string(),
            StudyError::Physics(why) => self.of_physics(why),
            StudyError::Simulate(SimulateError::Physics(why)) => {
                self.of_physics(&UnknownPhysics::Physics(*why))
            }
            _ => return error,
        };
        let told = self.with_names(&self.with_flags(&of_the_split(&said)));
        match told == error.to_string() {
            true => error,
            false => StudyError::Invalid(told),
        }
    }

    /// Why a job of a design was refused, with keys in place of flags: those of its solver
    /// `algorithm`, `[solver] probe_eigenmodes = 1` for `--probe-eigenmodes 1`, and those of its
    /// data.
    pub(crate) fn in_keys_of_job(&self, algorithm: &str, error: StudyError) -> StudyError {
        match &error {
            StudyError::Invalid(_) | StudyError::Eigenmodes { .. } => {
                StudyError::Invalid(self.told_of_job(algorithm, &error.to_string()))
            }
            _ => error,
        }
    }

    /// What a job says of itself, with keys in place of flags as [`Self::in_keys_of_job`] has them.
    pub(crate) fn told_of_job(&self, algorithm: &str, said: &str) -> String {
        match said.contains("--") {
            true => spelled(&self.with_flags(said), of_solver(algorithm)),
            false => said.to_owned(),
        }
    }

    /// What is not known of the physics. Of data that are simulated it is said elsewhere, and not
    /// all that measured ones take.
    fn of_physics(&self, why: &UnknownPhysics) -> String {
        match (self, why) {
            (Self::Measured { .. }, _) => {
                why.to_string().replace(FAR_FIELD, "(--geometry far-field)")
            }
            (_, UnknownPhysics::Physics(_)) => {
                why.to_string().replace(FAR_FIELD, "(leave fresnel_number out)")
            }
            (_, UnknownPhysics::FresnelNumber) => "near-field patterns: expected the Fresnel \
                number of an object pixel, found none: say --fresnel-number F with F = pixel^2 / \
                (wavelength x distance), or take a base whose metadata state no near field"
                .to_owned(),
            (_, UnknownPhysics::Pixels(y, x)) => format!(
                "near-field patterns and objects in slices: expected square pixels of the object, \
                 for one Fresnel number serves both axes, found {y:.4e} m x {x:.4e} m: say \
                 --pixel-size-m METRES if they are square, or --slices 1 and no --fresnel-number \
                 for a thin object in the far field"
            ),
            _ => why.to_string(),
        }
    }

    /// Table and key under which an option stands in the design, or can stand.
    fn place(&self, option: &ReadOption) -> String {
        let (_, sections) = self.said();
        let in_section = |section: &str| {
            let keys = sections.get(section).and_then(Value::as_table);
            keys.is_some_and(|keys| keys.contains_key(option.key()))
        };
        let name = option.name;
        match self {
            _ if in_section(option.section) => {
                format!("[experiment.{}] {}", option.section, option.key())
            }
            Self::Measured { .. } => format!("[base] {name}"),
            _ if PHYSICS.contains(&name) => format!("[physics] {name}"),
            Self::Base { .. } => format!("[base] {name}"),
            Self::BuiltIn { .. } if name == "pixel_size_m" => format!("[specimen] {name}"),
            Self::BuiltIn { .. } if ["energy_kev", "voltage_kv"].contains(&name) => {
                format!("[radiation] {name}")
            }
            Self::BuiltIn { .. } => name.to_owned(),
        }
    }

    /// A message with keys in place of the flags of reading.
    fn with_flags(&self, message: &str) -> String {
        let spelling = |option: &ReadOption| Spelling {
            flag: option.flag(),
            key: self.place(option),
            takes: Takes::Data(option.kind),
        };
        spelled(message, OPTIONS.iter().map(spelling).collect())
    }

    /// A message with tables before the names of options that stand alone in it, those that no
    /// other word is like, and those that begin a line on what is wrong with them.
    fn with_names(&self, message: &str) -> String {
        let mut message = message.to_owned();
        let key = |name: &str| reading::option(name).map(|option| self.place(option));
        for name in PLAIN {
            let begins = |text: &str| format!("\n  - {text}: ");
            message = message.replace(&begins(name), &begins(&key(name).unwrap_or_default()));
        }
        if let Some(fly) = key("fly") {
            message = message.replace("fly auto", &format!("{fly} = \"auto\""));
        }
        let message = message.as_str();
        let mut told = String::with_capacity(message.len());
        let mut rest = message;
        let is_part = |c: char| c.is_alphanumeric() || "_-./@".contains(c);
        while let Some(start) = rest.find(is_part) {
            let (before, word) = rest.split_at(start);
            let (word, after) = word.split_at(word.find(|c| !is_part(c)).unwrap_or(word.len()));
            told.push_str(before);
            let option = reading::option(word).filter(|_| word.contains('_'));
            match option.filter(|_| !told.ends_with("] ")) {
                Some(option) => told.push_str(&self.place(option)),
                None => told.push_str(word),
            }
            rest = after;
        }
        told + rest
    }
}

/// A flag, and what a design has in its place.
struct Spelling {
    /// Without the dashes in front.
    flag: String,
    /// With its table.
    key: String,
    takes: Takes,
}

/// What an option takes.
#[derive(Clone, Copy)]
enum Takes {
    /// One of reading.
    Data(Kind),
    /// One of a solver.
    Solver(options::Kind),
    /// The name of a solver.
    Algorithm,
}

impl Takes {
    /// The value that a message begins with behind a flag and a space, as TOML has it, and the
    /// rest.
    fn value(self, message: &str) -> Option<(String, &str)> {
        match self {
            Self::Data(kind) => value(kind, message),
            Self::Solver(kind) => value_of_solver(kind, message),
            Self::Algorithm => algorithms(message),
        }
    }
}

/// What stands in the section `[solver]`: the options of a solver, and those that only others have.
fn of_solver(algorithm: &str) -> Vec<Spelling> {
    let key = |name: &str| format!("[solver] {name}");
    let others = SOLVERS.iter().flat_map(|entry| entry.options);
    let docs = SolverConfig::docs(algorithm).chain(others);
    let of_one = |doc: &options::OptionDoc| Spelling {
        flag: doc.flag(),
        key: key(doc.name),
        takes: Takes::Solver(doc.kind),
    };
    let name = "algorithm";
    let algorithm = Spelling { flag: name.to_owned(), key: key(name), takes: Takes::Algorithm };
    docs.map(of_one).chain([algorithm]).collect()
}

/// A message with keys in place of these flags.
fn spelled(message: &str, mut spellings: Vec<Spelling>) -> String {
    let mut told = message.to_owned();
    // Longer flags first: some begin like others.
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.flag.len()));
    for Spelling { flag, key, takes } in spellings {
        let flag = format!("--{flag}");
        let mut from = 0;
        while let Some(at) = told[from..].find(&flag).map(|at| from + at) {
            let (before, rest) = (&told[..at], &told[at + flag.len()..]);
            from = at + key.len();
            // One that begins like it is another.
            if rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-') {
                from = at + flag.len();
                continue;
            }
            let switch = matches!(takes, Takes::Solver(options::Kind::Switch));
            told = match rest.strip_prefix(' ').and_then(|rest| takes.value(rest)) {
                Some((value, rest)) => format!("{before}{key} = {value}{rest}"),
                None if switch => format!("{before}{key} = true{rest}"),
                None => format!("{before}{key}{rest}"),
            };
        }
    }
    told
}

/// A message with keys of the section `[split]` in place of the flags of `lapwing split`.
fn of_the_split(message: &str) -> String {
    let axis = |axis: &str| (format!("(--axis {axis})"), format!("([split] axis = \"{axis}\")"));
    let fraction = ("(--fraction)".to_owned(), "([split] fraction)".to_owned());
    let told = [axis("x"), axis("y"), fraction].into_iter();
    told.fold(message.to_owned(), |message, (flag, key)| message.replace(&flag, &key))
}

/// The word that a message begins with, and the rest.
fn word_of(message: &str) -> (&str, &str) {
    let ends = |c: char| c.is_whitespace() || ");".contains(c);
    let word = message.split(ends).next().unwrap_or_default().trim_end_matches([',', '.', ':']);
    message.split_at(word.len())
}

/// Whether a word stands for a value, in capitals: N, FILE, NY,NX, FILE::NAME.
fn stands(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
        && word.chars().nth(1).is_none_or(|c| c.is_uppercase() || c == ',')
}

/// Whether a word is a number, or several.
fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit() || c == '-')
}

/// The value of an option of this kind that a message begins with, as TOML has it, and the rest.
fn value(kind: Kind, message: &str) -> Option<(String, &str)> {
    let (word, rest) = word_of(message);
    let value = match kind {
        Kind::Choice { words, .. } if words.list().contains(&word) => format!("\"{word}\""),
        Kind::Flag { .. } | Kind::Choice { .. } => return None,
        // Names of arrays are any words.
        Kind::Names { .. } if !word.is_empty() => format!("[\"{word}\"]"),
        _ if !(stands(word) || is_number(word)) => return None,
        Kind::File { .. } | Kind::Text { .. } | Kind::Indices { .. } => format!("\"{word}\""),
        Kind::Files { .. } | Kind::Names { .. } => format!("[\"{word}\"]"),
        Kind::Number { .. } | Kind::Pair { .. } | Kind::Motion { .. } => match word.contains(',') {
            true => format!("[{}]", word.split(',').collect::<Vec<_>>().join(", ")),
            false => word.to_owned(),
        },
    };
    Some((value, rest))
}

/// The same of an option of a solver.
fn value_of_solver(kind: options::Kind, message: &str) -> Option<(String, &str)> {
    use options::Kind;
    let (word, rest) = word_of(message);
    let known = |words: &[&str]| words.contains(&word);
    let takes_number = !matches!(kind, Kind::Choice(_) | Kind::Words(_) | Kind::File(_));
    let quoted = match kind {
        Kind::Switch => return None,
        Kind::Choice(words) => known(words),
        Kind::Words(words) => word.split(',').all(|one| words.contains(&one)),
        Kind::File(words) => known(words) || stands(word),
        Kind::CountOrAuto { .. } | Kind::NumberOrAuto(_) => word == "auto",
        Kind::Count { .. } | Kind::Number(_) => false,
    };
    match takes_number && (stands(word) || is_number(word)) {
        true => Some((word.to_owned(), rest)),
        false => quoted.then(|| (format!("\"{word}\""), rest)),
    }
}

/// The names of solvers that a message begins with, `A, B or C`, as TOML has each, and the rest.
fn algorithms(message: &str) -> Option<(String, &str)> {
    let (mut told, mut rest) = (String::new(), message);
    loop {
        let join = [", ", " or "].into_iter().find(|join| rest.starts_with(join));
        let join = join.filter(|_| !told.is_empty()).unwrap_or_default();
        let (word, after) = word_of(&rest[join.len()..]);
        let goes_on = told.is_empty() || !join.is_empty();
        if !(goes_on && SOLVERS.iter().any(|entry| entry.name == word)) {
            return (!told.is_empty()).then_some((told, rest));
        }
        told += &format!("{join}\"{word}\"");
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::Design;
    use crate::design::solver::AUTO;
    use lapwing_model::forward::{Physics, Propagation};
    use std::path::Path;

    fn source(design: &str) -> Source {
        Design::parse(design, Path::new("/base")).unwrap().source
    }

    fn told(source: &Source, text: &str) -> String {
        source.in_keys(StudyError::Invalid(text.to_owned())).to_string()
    }

    #[test]
    fn a_design_is_told_its_keys_and_not_flags() {
        let measured = source("[base]\nmeasured = \"a.h5\"\n");
        let flags = "x.h5: scan_step_m: expected the step (--scan-step-m), or positions (--positions \
                     FILE::NAME), or one array named by --patterns, with --scan-shape NY,NX";
        assert_eq!(
            told(&measured, flags),
            "x.h5: [base] scan_step_m: expected the step ([base] scan_step_m), or positions ([base] \
             positions = \"FILE::NAME\"), or one array named by [base] patterns, with [base] \
             scan_shape = [NY, NX]"
        );
        // What is to be typed is TOML.
        let shown = "x: expected square pixels (the same range of both: --detector-window N,N; or \
                     --pixel-size-m where they are square; --scan-shape 30,40, --quantity counts or \
                     --quantity of the file, --slices 1, --leave-out objectGuess reads)";
        let said = told(&measured, shown);
        assert_eq!(
            said.split("both: ").nth(1).unwrap(),
            "[base] detector_window = [N, N]; or [base] pixel_size_m where they are square; [base] \
             scan_shape = [30, 40], [base] quantity = \"counts\" or [base] quantity of the file, \
             [base] slices = 1, [base] leave_out = [\"objectGuess\"] reads)"
        );
        // What names no option of reading stays, and so does its kind.
        let other = "x.h5: damaged, --output DIR, --quantity-of none";
        assert_eq!(told(&measured, other), other);
        let io = StudyError::io("cannot read", Path::new("x"))(std::io::ErrorKind::NotFound.into());
        assert!(matches!(measured.in_keys(io), StudyError::Io { .. }));
    }

    #[test]
    fn names_of_options_have_their_table_where_no_array_is_meant() {
        let text = "[base]\nmeasured = \"a.h5\"\n[experiment.detector]\npixel_size_m = 5e-5\n";
        let said = "a.h5: mask: no (y, x); beam: found energy_kev and voltage_kv; entry/energy_kev, \
                    physics_parameters.pixel_size_m; detector_pixel_size_m: expected distance_m";
        assert_eq!(
            told(&source(text), said),
            "a.h5: mask: no (y, x); beam: found [base] energy_kev and [base] voltage_kv; \
             entry/energy_kev, physics_parameters.pixel_size_m; [experiment.detector] pixel_size_m: \
             expected [base] distance_m"
        );
    }

    #[test]
    fn names_of_one_word_have_their_table_where_they_begin_a_line() {
        let measured = source("[base]\nmeasured = \"a.npz\"\n[experiment.detector]\nbinning = 3\n");
        let said = "a.npz: the data set breaks its contract:\n  - binning: expected a divisor\n  - fly: \
                    expected a motion (--fly DY,DX; fly auto where it is known)\n  - mask: no (y, x)";
        assert_eq!(
            told(&measured, said),
            "a.npz: the data set breaks its contract:\n  - [experiment.detector] binning: expected a \
             divisor\n  - [base] fly: expected a motion ([base] fly = [DY, DX]; [base] fly = \"auto\" \
             where it is known)\n  - mask: no (y, x)"
        );
        let split =
            "1 test position: cut along the other axis (--axis x), or elsewhere (--fraction)";
        assert_eq!(
            told(&measured, split),
            "1 test position: cut along the other axis ([split] axis = \"x\"), or elsewhere ([split] \
             fraction)"
        );
    }

    /// What keeps patterns from being a near field is told as what the design can say.
    #[test]
    fn a_far_field_is_advised_as_a_design_has_it() {
        let far = Physics {
            propagation: Propagation::NearField { fresnel_number: 1e-3 },
            ..Physics::default()
        };
        let why = || far.check((64, 64)).unwrap_err();
        for (design, advice) in [
            ("[base]\nmeasured = \"a.h5\"\n", "([base] geometry = \"far-field\")"),
            ("[base]\nfile = \"a.npz\"\n", "(leave [physics] fresnel_number out)"),
            ("", "(leave [physics] fresnel_number out)"),
        ] {
            let read: StudyError = UnknownPhysics::from(why()).into();
            let simulated: StudyError = SimulateError::from(why()).into();
            for error in [read, simulated] {
                let said = source(design).in_keys(error).to_string();
                assert!(said.contains("too small") && said.contains(advice), "{said}");
            }
        }
    }

    #[test]
    fn every_option_and_all_of_the_physics_have_a_place_in_every_design() {
        let designs = [
            ("[base]\nmeasured = \"a.h5\"\n", ["[base] ", "[base] ", "[base] "]),
            ("[base]\nfile = \"a.npz\"\n", ["[physics] ", "[base] ", "[base] "]),
            ("", ["[physics] ", "[specimen] ", "[radiation] "]),
        ];
        for (design, [physics, pixel, beam]) in designs {
            let source = source(design);
            for option in OPTIONS {
                let table = match option.name {
                    "pixel_size_m" => pixel,
                    "energy_kev" | "voltage_kv" => beam,
                    name if PHYSICS.contains(&name) => physics,
                    _ if design.is_empty() => continue,
                    _ => "[base] ",
                };
                let said = told(&source, &format!("say --{}.", option.flag()));
                assert_eq!(said, format!("say {table}{}.", option.name));
            }
            for why in [
                UnknownPhysics::FresnelNumber,
                UnknownPhysics::SliceGap,
                UnknownPhysics::SliceCount,
                UnknownPhysics::ObjectSlices { has: 3, said: 2 },
                UnknownPhysics::Motion("none"),
                UnknownPhysics::Pixels(1e-8, 2e-8),
                UnknownPhysics::SliceUnits { missing: "a wavelength", spacing: 1e-6 },
            ] {
                let said = source.in_keys(why.into()).to_string();
                assert!(!said.contains("--") && said.contains(physics), "{said}");
                // What is simulated takes no such keys.
                let refused = ["geometry", "distance_m"].iter().any(|key| said.contains(key));
                assert!(!refused || design.contains("measured"), "{said}");
            }
        }
    }

    #[test]
    fn jobs_are_told_keys_of_the_solver_and_of_the_data() {
        let by = |algorithm: &str, design: &str, text: &str| {
            let error = StudyError::Invalid(text.to_owned());
            source(design).in_keys_of_job(algorithm, error).to_string()
        };
        let told = |design: &str, text: &str| by(AUTO, design, text);
        for entry in SOLVERS {
            for doc in SolverConfig::docs(entry.name) {
                let said = by(entry.name, "", &format!("leave --{} out", doc.flag()));
                let yes = matches!(doc.kind, options::Kind::Switch).then_some(" = true");
                assert_eq!(
                    said,
                    format!("leave [solver] {}{} out", doc.name, yes.unwrap_or_default())
                );
            }
        }
        let text = "say --algorithm LSQML, ML or rPIE, or --scan-probes shared, --probe-modes 2; \
                    --start FOLDER, --choose modes,positions (--gain auto, --saturation COUNTS, \
                    --background none), --algorithm of the other";
        let solver = "say [solver] algorithm = \"LSQML\", \"ML\" or \"rPIE\", or [solver] \
                      scan_probes = \"shared\", [solver] probe_modes = 2; [solver] object_start = \
                      \"FOLDER\", [solver] choose = \"modes,positions\" ([solver] gain = \"auto\", \
                      [solver] saturation = COUNTS, [solver] background = \"none\"), [solver] \
                      algorithm of the other";
        assert_eq!(told("", text), solver);
        let slices = "say --slices 3 with their gap (--slice-spacing or --slice-fresnel-number)";
        for (design, table) in [("", "[physics]"), ("[base]\nmeasured = \"a.h5\"\n", "[base]")] {
            assert_eq!(
                told(design, slices),
                format!(
                    "say {table} slices = 3 with their gap ({table} slice_spacing or {table} \
                     slice_fresnel_number)"
                )
            );
        }
        let many = StudyError::Eigenmodes { asked: 9, most: 8, patterns: 10 };
        let said = source("").in_keys_of_job("ML", many).to_string();
        assert!(said.ends_with("found 9; say [solver] probe_eigenmodes = 8 or less"), "{said}");
        // Errors that are no sentence of ours are the same.
        assert!(matches!(
            source("").in_keys_of_job(AUTO, StudyError::Stopped),
            StudyError::Stopped
        ));
    }
}
