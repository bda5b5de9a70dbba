//! A search against scores that are known.

use super::*;
use crate::solver::snapshot::Snapshot;

/// Scores of strengths and weights of absorption that are best at these.
fn best_at(at: f64, absorption: f64) -> impl Fn(&StrengthSearch) -> f64 {
    move |search| {
        let strength = (search.strength / at).ln();
        3.0 + 0.2 * strength.powi(2) + 0.1 * (search.absorption / absorption).ln().powi(2)
    }
}

/// Runs a search whose trials have the scores `of`; returns it and the epochs that it took.
fn run(limit: usize, of: impl Fn(&StrengthSearch) -> f64) -> (StrengthSearch, usize) {
    let mut search = StrengthSearch::new(8, limit, (None, None), 1).unwrap();
    let mut epochs = 0;
    while !search.is_done() && epochs < limit {
        if search.begins() {
            assert_eq!(search.done, 8);
            search.keep(vec![Complex32::ONE], None);
        }
        let (strength, score) = (search.strength, of(&search));
        search.advance(&[Complex32::new(strength as f32, 0.0)], score, 0.0);
        epochs += 1;
        search.judge(&[1.0; 20]);
    }
    (search, epochs)
}

#[test]
fn the_lowest_point_of_a_parabola_is_found_wherever_it_is() {
    for at in [0.5, 8.0, 40.0, 77.0, 900.0, 2e4] {
        let (search, epochs) = run(most_epochs(8), best_at(at, 1.0));
        assert!(search.is_done() && epochs <= most_epochs(8), "{at}: {epochs}");
        assert!((search.strength / at - 1.0).abs() < 1e-9, "{at}: {}", search.strength);
        // The fields of the last stage are those of the trial nearest to it.
        let trial = f64::from(search.best[0].re);
        assert!((trial / at).ln().abs() <= 0.51 * FINE.ln(), "{at}: {trial}");
    }
}

#[test]
fn a_strength_near_the_first_guess_costs_one_round() {
    // The last two trials are of absorption and of a bounded prior.
    assert_eq!(run(200, best_at(15.0, 1.0)).1, 8 + BASE.0 + 7 * TRIAL + LAST.0);
}

#[test]
fn a_second_round_begins_where_the_first_stage_ended() {
    let (search, epochs) = run(most_epochs(8), best_at(2e4, 1.0));
    // Two trials more, of absorption and of a bounded prior.
    let trials = search.tried.len() + 2;
    assert_eq!((search.round, epochs), (2, 8 + 2 * BASE.0 + trials * TRIAL + LAST.0));
}

#[test]
fn absorption_weighs_more_as_long_as_that_helps() {
    let cases = [
        (0.25, 1.0, 1),
        (1.0, 1.0, 1),
        (4.0, 4.0, 2),
        (16.0, 16.0, 3),
        (64.0, 64.0, 3),
        (1e3, 64.0, 3),
    ];
    for (best, expected, trials) in cases {
        let (search, _) = run(most_epochs(8), best_at(15.0, best));
        assert_eq!(search.absorption, expected, "{best}");
        assert!((search.strength / 15.0 - 1.0).abs() < 1e-9);
        assert_eq!(search.choices()[1].tried.len(), 1 + trials, "{best}");
    }
    let mut given = StrengthSearch::new(8, 300, (Some(2.0), None), 1).unwrap();
    while !given.is_done() {
        given.advance(&[Complex32::ONE], best_at(15.0, 16.0)(&given), 0.0);
        given.judge(&[1.0; 20]);
    }
    assert_eq!((given.absorption, given.choices().len()), (2.0, 2));
}

#[test]
fn jumps_are_bounded_with_a_stronger_prior_where_that_helps() {
    let of = |helps: f64| {
        move |search: &StrengthSearch| {
            let bounded = if search.jumps == Jumps::Bounded { helps } else { 0.0 };
            best_at(15.0, 1.0)(search) - bounded
        }
    };
    for (helps, expected, strength) in
        [(0.1, Jumps::Bounded, STRONGER * 15.0), (-0.1, Jumps::Linear, 15.0)]
    {
        let (search, _) = run(most_epochs(8), of(helps));
        assert_eq!(search.jumps, expected);
        assert!((search.strength() / strength - 1.0).abs() < 1e-9, "{}", search.strength());
        let choices = search.choices();
        let [prior, _, jumps] = &choices[..] else { panic!("{choices:?}") };
        assert_eq!((prior.value, jumps.option), (search.strength(), "prior_jumps"));
        assert_eq!((jumps.value, jumps.tried.len()), (f64::from(expected as u8), 2));
    }
    // What is given is not chosen, and used in the last stage alone.
    for given in [Jumps::Linear, Jumps::Bounded] {
        let mut search = StrengthSearch::new(8, 300, (Some(1.0), Some(given)), 1).unwrap();
        while !search.is_done() {
            let last = search.stage == Stage::Last;
            assert_eq!(search.jumps, if last { given } else { Jumps::Linear });
            search.advance(&[Complex32::ONE], of(0.1)(&search), 0.0);
            search.judge(&[1.0; 20]);
        }
        assert_eq!(search.choices().len(), 1);
    }
}

#[test]
fn a_limit_is_kept_and_leaves_the_last_stage_its_epochs() {
    let least = 8 + BASE.0 + 3 * TRIAL + LAST.0;
    assert!(StrengthSearch::new(8, least - 1, (None, None), 1).is_none());
    let (search, epochs) = run(least, best_at(5000.0, 1.0));
    assert!(search.is_done() && epochs == least && search.tried.len() == 3);
}

#[test]
fn the_last_stage_waits_the_longer_the_more_photons_there_are() {
    // Losses that fall by 1e-4 in five epochs, and by 1e-3.
    for (photons, fall, settled) in [
        (10.0, 1e-4, true),
        (10.0, 1e-3, false),
        (400.0, 1e-4, true),
        (4e3, 1e-4, false),
        (1e7, 1e-4, false),
        (1e7, 1e-5, true),
    ] {
        let mut search = StrengthSearch::new(8, 500, (None, None), 1).unwrap().of_photons(photons);
        while !search.is_done() {
            search.advance(&[Complex32::ONE], 1.0, 0.0);
            let losses: Vec<f64> =
                (0..20).map(|epoch| 1.0 - 0.2 * fall * f64::from(epoch)).collect();
            search.judge(&losses);
        }
        assert_eq!(search.has_settled(), Some(settled), "{photons}, {fall}");
        assert_eq!(search.done, if settled { LAST.0 } else { LAST.1 });
    }
}

#[test]
fn a_base_whose_loss_still_falls_goes_on() {
    let longest = 8 + BASE.1 + TRIALS.1 * TRIAL + ROOM;
    for (fall, limit, expected) in [
        (0.5 * FALLING, 300, BASE.0),
        (1.5 * FALLING, 300, BASE.1),
        (1.5 * FALLING, longest, BASE.1),
        (1.5 * FALLING, longest - 1, BASE.0),
    ] {
        let mut search = StrengthSearch::new(8, limit, (None, None), 1).unwrap();
        let mut losses = vec![1.0];
        while search.stage == Stage::Base {
            search.advance(&[Complex32::ONE], 1.0, 0.0);
            losses.push(losses[losses.len() - 1] / (1.0 + fall));
            search.judge(&losses);
        }
        assert_eq!(search.spent, 8 + expected, "{fall}, {limit}");
        while !search.is_done() {
            search.advance(&[Complex32::ONE], 1.0, 0.0);
            search.judge(&[1.0; 20]);
        }
        assert!(search.spent <= limit);
    }
}

#[test]
fn a_base_that_explains_little_is_made_again_and_the_better_one_kept() {
    for (unexplained, second, best, spent) in
        [(0.01, 2.0, 1.0, 0), (0.02, 2.0, 1.0, 8 + BASE.0), (0.05, 0.5, 2.0, 8 + BASE.0)]
    {
        let mut search = StrengthSearch::new(8, 300, (None, None), 1).unwrap();
        let mut bases = 0;
        while search.stage == Stage::Base {
            if search.begins() {
                search.keep(vec![Complex32::from(bases as f32)], None);
            }
            assert_eq!(search.larger(), [1, LARGER][bases]);
            assert_eq!(search.starts(), search.done < 8);
            let ends = search.takes_fields();
            assert_eq!(search.may_doubt(), ends && bases == 0);
            let score = [1.0, second][bases];
            let fields = [Complex32::from(1.0 + bases as f32)];
            let turn = search.advance(&fields, score, unexplained);
            assert_eq!(matches!(turn, Turn::Again), ends && spent > 0 && bases == 0);
            bases += usize::from(ends);
        }
        assert_eq!(search.spent, 8 + BASE.0 + spent);
        let [base, begun] = [&search.base.fields, &search.base.begun].map(|fields| fields[0].re);
        assert_eq!((base, begun), (best, best - 1.0), "{unexplained}, {second}");
        assert!(search.other.fields.is_empty() && search.larger() == 1);
    }
    // Without epochs for it the only one stands.
    let limit = 2 * 8 + BASE.0 + BASE.1 + TRIALS.0 * TRIAL + LAST.0;
    for (limit, expected) in [(limit - 1, 8 + BASE.0), (limit, 2 * (8 + BASE.0))] {
        let mut search = StrengthSearch::new(8, limit, (None, None), 1).unwrap();
        while search.stage == Stage::Base {
            search.advance(&[Complex32::ONE], 1.0, 0.5);
        }
        assert_eq!(search.spent, expected);
    }
}

#[test]
fn a_saved_search_goes_on_as_if_never_stopped() {
    let of = best_at(700.0, 16.0);
    let fields = |strength: f64| [Complex32::new(strength as f32, 0.5)];
    let mut search = StrengthSearch::new(8, 300, (None, None), 1).unwrap();
    while !search.is_done() {
        let mut snapshot = Snapshot::default();
        search.save(&mut snapshot);
        let mut loaded = StrengthSearch::new(8, 300, (None, None), 1).unwrap();
        loaded.load(&snapshot).unwrap();
        assert_eq!(format!("{loaded:?}"), format!("{search:?}"));
        if search.begins() {
            search.keep(fields(0.0).to_vec(), Some((fields(-1.0).to_vec(), 0.5)));
        }
        let again = search.round == 2 && search.stage == Stage::Base && search.done == 8;
        assert_eq!(search.safe(), again.then_some((&fields(-1.0)[..], 0.5)));
        let (strength, score) = (search.strength, of(&search));
        // Of the two bases, the first is the better.
        let score =
            if search.stage == Stage::Base { score + search.larger() as f64 } else { score };
        search.advance(&fields(strength), score, 0.5);
        search.judge(&[1.0; 20]);
    }
    assert_eq!((search.round, search.base.begun.as_slice()), (2, &fields(0.0)[..]));
}

#[test]
fn the_last_stage_ends_when_the_loss_has_settled_or_takes_too_long() {
    let mut search = StrengthSearch::new(8, 300, (None, None), 1).unwrap();
    search.stage = Stage::Last;
    let falling: Vec<f64> = (0..40).map(|epoch| 0.99_f64.powi(epoch)).collect();
    for _ in 0..LAST.1 {
        assert!(!search.is_done());
        search.advance(&[Complex32::new(1.0, 0.0)], 0.0, 0.0);
        search.judge(&falling);
    }
    assert!(search.is_done());
    (search.done, search.is_done) = (LAST.0, false);
    search.judge(&[1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.4999]);
    assert!(search.is_done());
}

#[test]
fn the_end_is_short_where_eigenmodes_are_found() {
    let mut search = StrengthSearch::new(8, 300, (None, None), 1).unwrap().with_short_end();
    search.stage = Stage::Last;
    let falling: Vec<f64> = (0..40).map(|epoch| 0.99_f64.powi(epoch)).collect();
    for _ in 0..LAST.0 {
        assert!(!search.is_done());
        search.advance(&[Complex32::ONE], 0.0, 0.0);
        search.judge(&falling);
    }
    assert!(search.is_done() && search.has_settled().is_none());
}
