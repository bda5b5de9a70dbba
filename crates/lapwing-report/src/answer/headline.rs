//! The answer in one sentence and one table: what the goal takes, view by view.

use super::candidate::{Candidate, cheapest};
use super::exposure::in_seconds;
use super::needs::NeedTable;
use super::reach::{Reach, Scale};
use super::{Curve, Question, overlap_in_words, step_in_words, undecided};
use crate::estimate::{Estimate, Line, over_splits};
use crate::fluence::{Area, Unit, in_gray};
use crate::levels::Level;
use crate::need::Need;
use crate::specimen::of_what;
use lapwing_draw::number::label;
use lapwing_study::View;
use serde_json::{Value, json};

/// The text of the first screen.
#[derive(Debug)]
pub(crate) struct Headline {
    /// The solver that it is about.
    pub solver: String,
    /// The answer, what to know before acting on it, and what another step would cost.
    pub sentences: Vec<String>,
    /// What else follows from it.
    pub more: Vec<String>,
    /// A row for each view.
    pub table: NeedTable,
    /// Dose to the specimen, exposure and time of each view, where they are known.
    pub costs: Option<NeedTable>,
    /// What is to be known of the table.
    pub note: Option<String>,
    /// The same for programs.
    pub views: Vec<Value>,
}

impl<'a> Question<'a> {
    /// The first screen. `None` where nothing was compared, nothing can be told of it, or an image
    /// without any detail reaches the goal.
    pub fn headline(&self) -> Option<Headline> {
        if self.flat.is_some() || self.unheld.is_some() {
            return None;
        }
        let (solver, candidates) = self.chosen()?;
        let best = cheapest(&candidates);
        let by = if self.solvers.len() > 1 { format!(" by {solver}") } else { String::new() };
        let (sentences, more): (Vec<String>, Vec<String>) = match best {
            Some(best) => {
                let lower = self.lower(best, &candidates);
                let other = self.other_step(best, &candidates);
                let open = self.open_below(best, &candidates);
                let rest = self.caveats(best).into_iter().chain(lower).chain(open).chain(other);
                let apart = best.step.map(|step| best.view.apart_in_words(step));
                let apart = apart.filter(|apart| !apart.is_empty()).map(|apart| {
                    format!("The positions of {} are{}.", best.view, apart.trim_start_matches(','))
                });
                let takes = self.takes(best, &by);
                let in_all = self.in_all(best).into_iter().chain(apart);
                (std::iter::once(takes).chain(rest).collect(), in_all.collect())
            }
            None => (vec![self.not_reached(&candidates, &by)?], Vec::new()),
        };
        let table = self.table(&candidates);
        let costs = self.costs(&candidates);
        let views = candidates.iter().map(|candidate| self.json_of(candidate)).collect();
        let note = self.about_shared();
        Some(Headline { solver: solver.to_owned(), sentences, more, table, costs, note, views })
    }

    /// The solver with the cheapest way to the goal and its views, or where none reaches it the one
    /// that comes nearest. A reference cannot rank the one that made it among others: then it is
    /// the first.
    fn chosen(&self) -> Option<(&'a str, Vec<Candidate>)> {
        let of = |solver: &'a String| {
            let candidates: Vec<Candidate> =
                self.views.iter().filter_map(|&view| self.candidate(solver, view)).collect();
            (!candidates.is_empty()).then_some((solver.as_str(), candidates))
        };
        let mut all = self.solvers.iter().filter_map(of);
        let mut chosen = all.next()?;
        if self.reference.is_some() && !self.of_halves() {
            return Some(chosen);
        }
        let sign = if self.metric.higher_is_better() { 1.0 } else { -1.0 };
        let best = |of: &(&str, Vec<Candidate>)| {
            let values = of.1.iter().flat_map(|of| of.curve.iter());
            let values = values.map(|(_, value)| sign * value.mean);
            values.fold(f64::NEG_INFINITY, f64::max)
        };
        let cost = |of: &(&str, Vec<Candidate>)| cheapest(&of.1).and_then(Candidate::cost);
        // What the dose that it takes gives: of two solvers to which the lowest is enough, one is
        // better.
        let given = |of: &(&str, Vec<Candidate>)| {
            let of = cheapest(&of.1)?;
            Some(sign * self.interpolated(&of.curve, of.dose()?)?.0)
        };
        for other in all {
            let better = match (cost(&other), cost(&chosen)) {
                (Some(this), Some(that)) if this == that => given(&other) > given(&chosen),
                (Some(other), Some(chosen)) => other < chosen,
                (None, None) => best(&other) > best(&chosen),
                (one, _) => one.is_some(),
            };
            if better {
                chosen = other;
            }
        }
        Some(chosen)
    }

    fn candidate(&self, solver: &'a str, view: View) -> Option<Candidate> {
        let lines: Vec<Line<'_>> =
            self.splits.iter().map(|&split| self.line(solver, view, split)).collect();
        let points = over_splits(&lines, self.metric);
        let mut untold: Vec<f64> = lines.iter().flat_map(|line| line.untold(self.metric)).collect();
        untold.sort_unstable_by(f64::total_cmp);
        let curve = Curve { points, untold };
        let lowest = lines.iter().filter_map(|line| line.lowest_dose(self.metric));
        let lowest = lowest.fold(f64::INFINITY, f64::min);
        let mean = |of: &dyn Fn(&Line<'_>) -> Option<f64>| {
            let values: Vec<f64> = lines.iter().filter_map(of).collect();
            Some(Estimate::of(&values)?.mean)
        };
        let highest =
            lines.iter().filter_map(|line| line.highest_dose(self.metric)).fold(0.0, f64::max);
        let top = curve.last().map_or(0.0, |(dose, _)| *dose);
        let reach = self.reach_from(&curve, Some(lowest), Scale::Log);
        let specimen = lines.iter().find_map(|line| line.specimen());
        lowest.is_finite().then(|| Candidate {
            leans: self.leans(reach),
            open_above: highest > top,
            view,
            step: mean(&|line| line.mean_step()),
            overlap: mean(&|line| line.mean_overlap()),
            asked: lines.iter().find_map(|line| Some(line.asked()?.behind())),
            patterns: specimen.map(|of| of.patterns),
            part: specimen.and_then(|of| of.part),
            reach,
            curve,
            per_pixel: mean(&|line| line.per_pixel_and_dose()),
            per_square_metre: mean(&|line| line.fluence_per_dose()),
        })
    }

    /// `steps of 12.0 px (150 nm), overlap 0.69`, or the view.
    pub(super) fn where_to(&self, of: &Candidate) -> String {
        let Some(step) = of.step else { return format!("the {} view", of.view) };
        let overlap = of.overlap.map(|overlap| format!(", {}", overlap_in_words(overlap)));
        format!("steps of {}{}", step_in_words(step, self.pixel_size), overlap.unwrap_or_default())
    }

    /// The sentence of the page: dose, exposure and step, and what half of that would do.
    fn takes(&self, best: &Candidate, by: &str) -> String {
        let within = self.within(&best.curve, Scale::Log).map(|text| format!(" ({text})"));
        let at = best.dose().unwrap_or_default();
        let dose = match best.reach {
            Reach::About { at, .. } => {
                let at = self.place(at, &best.curve, Scale::Log);
                format!("about {at}{}", within.unwrap_or_default())
            }
            Reach::AtMost(at) => format!("{} or fewer", Scale::Log.exact(at)),
            _ => Scale::Log.exact(at),
        };
        let exposure = self.radiation.and_then(|radiation| radiation.exposure_s(at));
        let most = if matches!(best.reach, Reach::AtMost(_)) { "at most " } else { "" };
        let exposure = exposure.map(|seconds| format!(" ({most}{} each)", in_seconds(seconds)));
        let exposure = exposure.unwrap_or_default();
        let place = self.where_to(best);
        let takes = match best.reach {
            Reach::By { after, .. } => format!(
                "{} is reached by {dose} photons per pattern{exposure} with {place}{by}, {}",
                self.goal(),
                undecided("doses", after.map(|after| Scale::Log.exact(after)))
            ),
            _ => format!(
                "{} takes {dose} photons per pattern{exposure} with {place}{by}",
                self.goal()
            ),
        };
        takes + &self.half(best).unwrap_or_default() + "."
    }

    /// What half of the dose that the goal takes would do, where doses on both sides of it tell.
    fn half(&self, best: &Candidate) -> Option<String> {
        let Reach::About { at, .. } = best.reach else { return None };
        let (value, _) = self.interpolated(&best.curve, at / 2.0)?;
        Some(format!("; half of that gives about {}", self.metric.with_unit(value)))
    }

    /// What the dose that the goal takes is on the specimen, and beside the doses of the study.
    fn in_all(&self, best: &Candidate) -> Option<String> {
        let at = best.dose()?;
        let (most, least) = match best.reach {
            Reach::AtMost(_) => ("at most ", "at least "),
            _ => ("", ""),
        };
        let mut parts: Vec<String> = Vec::new();
        if let Some(per_pixel) = best.per_pixel {
            let photons = Unit::of(self.pixel_size).text(per_pixel * at);
            parts.push(format!("{most}{photons} {}", of_what(best.part)));
        }
        let gray = best.per_square_metre.and_then(|per| self.radiation?.gray(per * at));
        parts.extend(gray.map(|gray| format!("{most}{}", in_gray(gray))));
        let top = best.curve.last().map_or(at, |(dose, _)| *dose);
        let by_fluence = self.levels.first().is_some_and(Level::is_fluence);
        let (dose, what) = match self.measured {
            Some(dose) => (dose, "per pattern than what was measured"),
            // The same share of either: those of one view.
            None if by_fluence => (top, "on the specimen than the highest fluence of this study"),
            None => (top, "per pattern than the highest dose of this study"),
        };
        if dose > 1.5 * at {
            parts.push(format!("{least}{} times fewer {what}", label(dose / at, 2)));
        }
        (!parts.is_empty()).then(|| format!("That is {}.", parts.join(", ")))
    }

    /// What is to be known before the answer is acted on.
    fn caveats(&self, best: &Candidate) -> Vec<String> {
        let passed = self.passed(best.view, self.splits, best.reach).map(|most| self.passes(most));
        let leans = best.leans.then(|| {
            "The full-dose reconstruction that it is compared with has many of these photons: it \
             may take more."
                .to_owned()
        });
        let far = best.apart().map(|(low, high)| {
            format!(
                "It is a straight line between {} and {}, which are far apart: doses between them \
                 may change it, and which step takes least.",
                Scale::Log.exact(low),
                Scale::Log.exact(high)
            )
        });
        passed.into_iter().chain(leans).chain(far).collect()
    }

    /// What to do where the lowest dose is enough: with the best of `all`, or with another, which
    /// may then take less.
    fn lower(&self, best: &Candidate, all: &[Candidate]) -> Option<String> {
        let bound = |of: &&Candidate| matches!(of.reach, Reach::AtMost(_));
        let of = Some(best).filter(bound).or_else(|| all.iter().find(bound))?;
        let by_fluence = self.levels.first().is_some_and(Level::is_fluence);
        let lowest = if by_fluence { "lowest fluence" } else { "lowest dose" };
        let which = match of.view == best.view {
            true => format!("That is the {lowest} of this study, and how few photons are enough"),
            false => format!(
                "The {lowest} of this study is enough with {}, which {} on the specimen; how \
                 much less",
                self.where_to(of),
                match of.cost() < best.cost() {
                    true => "takes less already, and may take still less,",
                    false => "may take less",
                }
            ),
        };
        let matrix = self.matrix?;
        // A search keeps what it has looked at, not the range that it was given.
        let kept = !(matrix.doses.is_empty() && matrix.fluences.is_empty());
        let way = match kept || matrix.searched.is_empty() {
            true => format!(
                "write {} in the section [study] of the design and run it again into the same \
                 folder",
                matrix.line_with_lower()?
            ),
            false => format!(
                "give the design of the search a lower {} and search again into the same folder",
                if matrix.by_fluence { "fluence" } else { "dose" }
            ),
        };
        Some(format!("{which} it does not tell: {way}; what is done stays."))
    }

    /// What else may take less than `best`: one of `all` that is known to reach the goal by a dose
    /// alone, and nothing of what is below.
    fn open_below(&self, best: &Candidate, all: &[Candidate]) -> Option<String> {
        let least = |of: &&Candidate| {
            let Reach::By { .. } = of.reach else { return false };
            let low = self.range(&of.curve, Scale::Log).and_then(|(low, _)| low);
            best.cost().is_some_and(|cost| low.unwrap_or(0.0) * of.per_pixel.unwrap_or(1.0) < cost)
        };
        let of = all.iter().filter(|of| of.view != best.view).find(least)?;
        Some(format!(
            "With {}, doses below {} are undecided, which may take less on the specimen: more doses \
             there, or more repeats, tell.",
            self.where_to(of),
            Scale::Log.exact(of.dose()?)
        ))
    }

    fn not_reached(&self, candidates: &[Candidate], by: &str) -> Option<String> {
        let sign = if self.metric.higher_is_better() { 1.0 } else { -1.0 };
        let points = candidates.iter().flat_map(|of| of.curve.iter().map(move |at| (of, at)));
        let alone: Vec<_> =
            points.clone().filter(|(_, (dose, _))| self.stands_alone(*dose)).collect();
        let of_alone = if alone.is_empty() { String::new() } else { self.of_alone() };
        let points: Vec<_> = if alone.is_empty() { points.collect() } else { alone };
        // Of equals the one that takes least.
        let order =
            |&(_, (dose, value)): &(&Candidate, &(f64, Estimate))| (sign * value.mean, -*dose);
        let (of, (dose, value)) = points.into_iter().max_by(|a, b| {
            let (a, b) = (order(a), order(b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        })?;
        if self.metric.is_length() && self.metric.goal < 1.0 {
            return Some(format!(
                "{} cannot be reached: nothing tells of details finer than a pixel; ask for a \
                 resolution of one pixel at least, or reconstruct with smaller ones.",
                self.goal()
            ));
        }
        let unsteady = candidates.iter().any(|of| matches!(of.reach, Reach::Unsteady { .. }));
        let pending = self.rows.iter().any(|row| row.outcome.name() == "pending");
        let unconfirmed = candidates.iter().find_map(|of| match of.reach {
            Reach::Unconfirmed { at } => Some((of, at)),
            _ => None,
        });
        if let Some((of, at)) = unconfirmed.filter(|_| !unsteady) {
            return Some(format!(
                "{} cannot be told to be reached{by}: at {} photons per pattern and {} it seems to be, \
                 but {}.",
                self.goal(),
                Scale::Log.exact(at),
                self.where_to(of),
                self.why_unconfirmed(&of.curve, "doses")
            ));
        }
        // Of doses that share photons nothing is told without halves.
        let of_alone_told = self.tells || of_alone.is_empty();
        let how = match unsteady {
            true => "is not reached steadily in this study",
            false => match (!of_alone_told || candidates.iter().any(|of| of.open_above), pending) {
                (true, true) => "is not reached by what is done and can be told",
                (true, false) => "is not reached by what can be told",
                (false, true) => "is not reached by what is done so far",
                (false, false) => "is not reached in this study",
            },
        };
        let alone = match of_alone {
            all if all.is_empty() => all,
            most => format!("{most},"),
        };
        Some(format!(
            "{} {how}{by}: the best{alone} is {}{}, at {} photons per pattern and {}.",
            self.goal(),
            self.metric.with_unit(value.mean),
            self.metric.limit_in_words(value.mean),
            Scale::Log.exact(*dose),
            self.where_to(of)
        ))
    }

    fn table(&self, candidates: &[Candidate]) -> NeedTable {
        let area = Area::of(self.pixel_size);
        let known = candidates.iter().any(|of| of.per_square_metre.is_some());
        let unit = Unit::of(self.pixel_size);
        let mut columns = vec!["step".to_owned(), "photons per pattern".to_owned()];
        columns.push(match known {
            true => "on the specimen".to_owned(),
            false => "on the specimen, per pixel".to_owned(),
        });
        columns.push(format!("best {}{}", self.metric.named(), self.of_alone()));
        let within = |of: &Candidate| {
            let asked = of.asked.as_deref().unwrap_or_default();
            of.overlap.map(|overlap| overlap_in_words(overlap) + asked)
        };
        let plain = |text: String| Need { text, within: None };
        let missing = || plain("\u{2013}".to_owned());
        let row = |of: &Candidate| {
            let dose = of.dose();
            let step = Need {
                text: of.step.map_or("\u{2013}".to_owned(), |s| step_in_words(s, self.pixel_size)),
                within: within(of),
            };
            let mut cells = vec![step, self.need(of.reach, &of.curve, Scale::Log)];
            if of.curve.is_empty() {
                cells[1] = Need::not_told();
            }
            let bound = if matches!(of.reach, Reach::AtMost(_)) { "\u{2264} " } else { "" };
            let on_specimen = match known {
                true => dose.zip(of.per_square_metre).map(|(dose, per)| area.text(dose * per)),
                false => dose.zip(of.per_pixel).map(|(dose, per)| unit.number(dose * per)),
            };
            cells.push(on_specimen.map_or_else(missing, |text| Need {
                text: format!("{bound}{text}"),
                within: of.part.map(|_| of_what(of.part)),
            }));
            let sign = if self.metric.higher_is_better() { 1.0 } else { -1.0 };
            let best = of
                .curve
                .iter()
                .filter(|(dose, _)| self.stands_alone(*dose))
                .rev()
                .max_by(|a, b| (sign * a.1.mean).total_cmp(&(sign * b.1.mean)));
            cells.push(best.map_or_else(missing, |(dose, value)| Need {
                text: self.metric.with_unit(value.mean),
                within: Some(format!(
                    "at {}{}",
                    Scale::Log.exact(*dose),
                    self.metric.limit_in_words(value.mean)
                )),
            }));
            (of.view.to_string(), cells)
        };
        NeedTable {
            caption: format!("What {} takes", self.goal()),
            corner: "view",
            columns,
            rows: candidates.iter().map(row).collect(),
        }
    }

    fn json_of(&self, of: &Candidate) -> Value {
        let dose = of.dose();
        let fluence = dose.zip(of.per_square_metre).map(|(dose, per)| dose * per);
        let times = self.times(of);
        json!({
            "view": of.view, "step_px": of.step, "linear_overlap": of.overlap,
            "step_nm": of.step.zip(self.pixel_size).map(|(step, metres)| step * metres * 1e9),
            "state": of.reach.name(), "dose": dose,
            "within": dose.and(self.range(&of.curve, Scale::Log)), "fluence_m2": fluence,
            "photons_allow": self.passed(of.view, self.splits, of.reach).filter(|most| most.is_finite()),
            "between": match of.reach {
                Reach::About { between: (low, high), .. } => Some([low, high]),
                Reach::By { at, after: Some(after) } => Some([after, at]),
                _ => None,
            },
            "photons_per_pixel": dose.zip(of.per_pixel).map(|(dose, per)| dose * per),
            "gray": fluence.and_then(|fluence| self.radiation?.gray(fluence)),
            "exposure_s": times.map(|times| times.0), "scan_s": times.and_then(|times| times.1),
            "part": of.part, "may_take_more": of.leans && dose.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::with_goals;

    /// A view at 1, 10 and 100 photons per pattern and per pixel, from three values each.
    fn candidate(view: View, step: f64, means: [f64; 3], question: &Question<'_>) -> Candidate {
        let of = |mean| Estimate { mean, error: Some(0.01), n: 3, spare: 2 };
        let points = [1e3, 1e4, 1e5].into_iter().zip(means.map(of)).collect();
        let curve = Curve { points, untold: Vec::new() };
        let reach = question.reach_from(&curve, Some(1e3), Scale::Log);
        Candidate { curve, ..Candidate::bare(view, step, reach) }
    }

    #[test]
    fn a_view_that_is_undecided_where_it_would_be_cheaper_is_told_of() {
        let metrics = with_goals(&Default::default(), None).unwrap();
        let question = Question::bare(&metrics[0]);
        assert_eq!(metrics[0].goal, 0.9);
        let wide = candidate(View::Dense, 8.0, [0.80, 0.93, 0.97], &question);
        assert!(matches!(wide.reach, Reach::About { .. }));
        // Its lowest dose has 0.91, of which 0.043 may be chance: by 10^4, as its cost says.
        let open = candidate(View::Baseline, 4.0, [0.91, 0.95, 0.99], &question);
        assert_eq!(open.reach, Reach::By { at: 1e4, after: None });
        assert_eq!(open.cost(), Some(1e4));
        let all = [open, wide];
        assert_eq!(cheapest(&all).unwrap().view, View::Dense);
        let told = question.open_below(&all[1], &all).unwrap();
        assert!(
            told.starts_with("With steps of 4.0 px, doses below 10\u{2074} are undecided"),
            "{told}"
        );
        // One that costs more in any case is not told of, nor is one that is decided.
        let [open, wide] = all;
        let dear = Candidate { per_pixel: Some(2e-3), ..wide };
        let after = Reach::By { at: 1e6, after: Some(1e5) };
        let points = vec![open.curve[0], (1e6, open.curve[2].1)];
        let mut curve = Curve { points, untold: vec![1e5] };
        curve.points[0].1.mean = 0.5;
        let open = Candidate { reach: after, curve, per_pixel: Some(1.0), ..open };
        assert_eq!(question.open_below(&dear, &[open]), None);
        let sure = candidate(View::Baseline, 4.0, [0.95, 0.97, 0.99], &question);
        assert_eq!(question.open_below(&dear, &[sure]), None);
    }
}
