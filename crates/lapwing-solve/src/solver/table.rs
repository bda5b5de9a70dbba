//! The solvers that there are.

use super::entry::{Entry, TakenFor};
use super::{dm, lsqml, ml, pie, raar};

/// All solvers, in the order in which they are listed to people.
pub static SOLVERS: &[Entry] = &[
    Entry::of::<lsqml::Lsqml>(),
    Entry::of::<ml::Ml>(),
    Entry::of::<pie::Rpie>(),
    Entry::of::<pie::Epie>(),
    Entry::of::<dm::Dm>(),
    Entry::of::<raar::Raar>(),
];

/// The solver of this name, upper or lower case.
pub fn entry(name: &str) -> Option<&'static Entry> {
    SOLVERS.iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
}

/// The solver that is taken for these data.
pub fn taken_for(data: TakenFor) -> &'static Entry {
    let mut of = SOLVERS.iter().filter(|entry| entry.taken_for == Some(data));
    of.next().expect("a test looks for one solver of each kind of data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solver::CountsNeeded;
    use crate::solver::options::Kind;
    use crate::solver::options::{OptionDoc, Value};

    #[test]
    fn every_option_of_every_solver_has_a_default_that_it_accepts() {
        for entry in SOLVERS {
            let solver = entry.defaults();
            assert_eq!(solver.check(), Ok(()));
            let values = solver.values();
            for doc in entry.options {
                let value = values.iter().find(|(name, _)| *name == doc.name);
                assert_eq!(value.is_none(), doc.optional, "{} of {}", doc.name, entry.name);
                assert!(doc.about().ends_with('.') && doc.about().len() > 20, "{}", doc.about());
            }
            let again: Vec<(String, Value)> =
                values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            assert_eq!(*entry.read(&again).unwrap(), *solver);
        }
    }

    #[test]
    fn one_solver_is_taken_for_each_kind_of_data_and_can_use_it() {
        for data in [TakenFor::Counts, TakenFor::Intensities] {
            let of = SOLVERS.iter().filter(|entry| entry.taken_for == Some(data));
            assert_eq!(of.count(), 1, "{data:?}");
        }
        assert!(!taken_for(TakenFor::Intensities).defaults().needs().counts);
        for entry in SOLVERS {
            assert_eq!(
                entry.counts == CountsNeeded::Always,
                entry.defaults().needs().counts,
                "{}",
                entry.name
            );
        }
    }

    #[test]
    fn options_are_refused_by_name() {
        let read = |name: &str, value: Value| {
            entry("lsqml").unwrap().read(&[(name.to_owned(), value)]).map_err(|e| e.to_string())
        };
        assert_eq!(read("num_epochs", Value::Count(3)).unwrap().epochs(), 3);
        let unknown = read("epoch", Value::Count(3)).unwrap_err();
        assert!(unknown.starts_with("epoch: LSQML has no such option, expected epochs,"));
        assert!(unknown.ends_with("; did you mean epochs?"), "{unknown}");
        let twice = [("num_epochs", 3), ("epochs", 4)]
            .map(|(name, epochs)| (name.to_owned(), Value::Count(epochs)));
        let error = entry("LSQML").unwrap().read(&twice).unwrap_err();
        assert_eq!(error.to_string(), "epochs: expected once, found as num_epochs, too");
        let range = read("epochs", Value::Count(0)).unwrap_err();
        assert_eq!(range, "epochs: expected a whole number, 1 to 1,000,000, found 0");
        let word = read("batching", Value::Word("near".into())).unwrap_err();
        assert_eq!(word, "batching: expected random, compact or sparse, found `near`");
        assert!(read("momentum", Value::Number(f64::NAN)).is_err());
        let limits = [("constraints.object_min", 2.0), ("constraints.object_max", 1.0)]
            .map(|(name, value)| (name.to_owned(), Value::Number(value)));
        let error = entry("ML").unwrap().read(&limits).unwrap_err();
        assert_eq!(error.option, "constraints.object_min");
    }

    #[test]
    fn an_option_of_several_solvers_has_one_flag_for_one_thing() {
        let sort = |doc: &OptionDoc| match doc.kind {
            Kind::Count { .. } | Kind::CountOrAuto { .. } => "count",
            Kind::Number(_) | Kind::NumberOrAuto(_) => "number",
            Kind::Switch => "switch",
            Kind::Choice(_) | Kind::Words(_) | Kind::File(_) => "word",
        };
        let all = || SOLVERS.iter().flat_map(|entry| entry.options);
        for doc in all() {
            let same = all().filter(|other| other.name == doc.name);
            assert!(same.map(sort).all(|other| other == sort(doc)), "{}", doc.name);
        }
        for entry in SOLVERS {
            let mut flags: Vec<String> = entry.options.iter().map(OptionDoc::flag).collect();
            flags.sort();
            flags.dedup();
            assert_eq!(flags.len(), entry.options.len(), "{}", entry.name);
            assert!(entry.options.iter().any(|doc| doc.name == "epochs"
                && doc.flag() == "num-epochs"
                && [Kind::EPOCHS, Kind::EPOCHS_OR_AUTO].contains(&doc.kind)));
        }
    }
}
