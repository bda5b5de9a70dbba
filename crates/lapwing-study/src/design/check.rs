//! The rules that a design must keep, checked before anything runs.

use crate::design::condition::View;
use crate::design::error::DesignError;
use crate::design::external::External;
use crate::design::settled::{Design, MAX_PATTERN_VALUES, ScanSection, Source};
use crate::design::solver::{Method, ObjectStart, StudySolver, unusable_name};
use lapwing_model::scan::{MAX_AREA, ScanError};
use lapwing_solve::solver::options::{Kind, MOST_EPOCHS};
use std::fmt::Display;

type Checked = Result<(), DesignError>;

fn require(holds: bool, field: &'static str, expected: &str, found: impl Display) -> Checked {
    if holds { Ok(()) } else { Err(DesignError::rule(field, expected, found)) }
}

pub(super) fn check(design: &Design) -> Checked {
    check_matrix(design)?;
    check_views(design)?;
    check_source(design)?;
    let cut = &design.split;
    require(
        cut.fraction > 0.0 && cut.fraction < 1.0,
        "split.fraction",
        "a number between 0 and 1",
        cut.fraction,
    )?;
    require(
        cut.guard_band >= 0.0 && cut.guard_band.is_finite(),
        "split.guard_band",
        "a number of pixels, 0 or more",
        cut.guard_band,
    )?;
    design.apparatus.check().map_err(DesignError::Apparatus)?;
    if let Some(radiation) = &design.radiation {
        radiation.check()?;
    }
    check_solvers(&design.solvers)
}

fn check_solvers(solvers: &[StudySolver]) -> Checked {
    require((1..=64).contains(&solvers.len()), "solver", "1 to 64 solvers", solvers.len())?;
    let mut names: Vec<String> = Vec::new();
    for solver in solvers {
        let name = &solver.name;
        if let Some(rule) = unusable_name(name) {
            return Err(DesignError::rule("solver.name", rule, format!("`{name}`")));
        }
        // Folders are named by it, and some file systems do not tell upper from lower case.
        let lower = name.to_ascii_lowercase();
        require(
            !names.contains(&lower),
            "solver.name",
            "a name for each solver that no other has",
            name,
        )?;
        names.push(lower);
        match &solver.method {
            Method::Native(config) => {
                config.check().map_err(|error| DesignError::Solver(error.into()))?
            }
            Method::External(config) => {
                let External { command, epochs } = &config.external;
                let rule = "a program and its arguments";
                require(
                    command.first().is_some_and(|word| !word.is_empty()),
                    "solver.command",
                    rule,
                    "nothing",
                )?;
                let rule = Kind::EPOCHS.expected();
                let known = (1..=MOST_EPOCHS).contains(&(*epochs as u64));
                require(known, "solver.epochs", &rule, epochs)?;
            }
        }
    }
    Ok(())
}

fn check_matrix(design: &Design) -> Checked {
    let study = &design.study;
    let others =
        !(study.fluences.is_empty() && study.exposures.is_empty() && study.searched.is_empty());
    require(others || !study.doses.is_empty(), "study.doses", "at least one dose", "none")?;
    require(
        study.fluences.is_empty() || study.doses.is_empty(),
        "study.fluences",
        "either fluences, on the specimen, or doses, per pattern",
        "both",
    )?;
    for &fluence in &study.fluences {
        let expected = "numbers of photons above 0";
        require(fluence > 0.0 && fluence.is_finite(), "study.fluences", expected, fluence)?;
    }
    let twice = study.fluences.windows(2).any(|pair| pair[0] == pair[1]);
    require(!twice, "study.fluences", "every fluence once", format!("{:?}", study.fluences))?;
    for (field, exposures) in
        [("study.exposures", &study.exposures), ("study.searched", &study.searched)]
    {
        let strange = exposures.keys().find(|view| !study.views.contains(view));
        let expected = "doses of views of the study";
        require(strange.is_none(), field, expected, strange.map(|v| v.name()).unwrap_or_default())?;
    }
    require(
        !study.views.is_empty(),
        "study.views",
        "at least one of baseline, dense, sparse",
        "none",
    )?;
    require(!study.splits.is_empty(), "study.splits", "at least one of train, test", "none")?;
    require(!has_repeats(&study.doses), "study.doses", "every dose once", listed(&study.doses))?;
    require(!has_repeats(&study.views), "study.views", "every view once", listed(&study.views))?;
    require(
        !has_repeats(&study.splits),
        "study.splits",
        "every split once",
        listed(&study.splits),
    )?;
    let size = study.pattern_size;
    require((8..=8192).contains(&size), "study.pattern_size", "8 to 8192 pixels", size)?;
    require(!study.gridsize.is_empty(), "study.gridsize", "at least one of 1, 2", "none")?;
    require((1..=10_000).contains(&study.repeats), "study.repeats", "1 to 10000", study.repeats)?;
    for &gridsize in &study.gridsize {
        require(matches!(gridsize, 1 | 2), "study.gridsize", "1 or 2", gridsize)?;
        let rule = format!("at least gridsize^2 = {} (rule OVERSAMPLING-001)", gridsize * gridsize);
        let enough = study.neighbor_count >= gridsize * gridsize;
        require(enough, "study.neighbor_count", &rule, study.neighbor_count)?;
    }
    Ok(())
}

fn check_views(design: &Design) -> Checked {
    let views = &design.views;
    let overlap = "at least 0 and less than 1, so that the spacing (1 - overlap) N is positive";
    let in_range = |value: f64| (0.0..1.0).contains(&value);
    require(in_range(views.dense_overlap), "views.dense_overlap", overlap, views.dense_overlap)?;
    require(in_range(views.sparse_overlap), "views.sparse_overlap", overlap, views.sparse_overlap)?;
    for (field, view) in
        [("views.dense_overlap", View::Dense), ("views.sparse_overlap", View::Sparse)]
    {
        // Rounded, as it is used: an overlap next to 1 can leave nothing.
        let spacing = views.spacing(view, design.study.pattern_size).unwrap_or_default();
        let rule = "a spacing (1 - overlap) N of at least 1e-9 pixels";
        require(spacing > 0.0, field, rule, format!("a spacing of {spacing} pixels"))?;
    }
    let share = |value: f64| (0.0..=1.0).contains(&value);
    require(
        share(views.acceptance_floor),
        "views.acceptance_floor",
        "a share, 0 to 1",
        views.acceptance_floor,
    )?;
    require(share(views.bound_share), "views.bound_share", "a share, 0 to 1", views.bound_share)?;
    require(views.min_positions >= 1, "views.min_positions", "at least 1", views.min_positions)
}

fn check_source(design: &Design) -> Checked {
    let size = design.study.pattern_size;
    let (probe, scan) = match &design.source {
        Source::Base { scan, probe, .. } => (probe.as_ref(), scan.as_ref()),
        Source::Measured { .. } => (None, None),
        Source::BuiltIn { probe, scan, .. } => (Some(probe), Some(scan)),
    };
    design.source.check_reading()?;
    if let Source::BuiltIn { .. } = &design.source {
        design.source.pixel_size()?;
    }
    check_pixel("goal.pixel_size_m", design.goal.as_ref().and_then(|goal| goal.pixel_size_m))?;
    if let Source::Measured { base, .. } = &design.source {
        let patches = design.study.patches;
        let expected = "patches of a known object, in a simulated study";
        require(!patches, "study.patches", expected, "a measured scan")?;
        let found = base.measured.display();
        require(
            base.measured.to_str().is_some(),
            "base.measured",
            "a path that is valid UTF-8",
            found,
        )?;
        for solver in &design.solvers {
            let rule = "\"flat\": the object in a measured study's data is the full-dose reconstruction it is compared with";
            let start = solver.starts().0;
            require(*start == ObjectStart::Flat, "solver.object_start", rule, start)?;
        }
    }
    if let Source::Base { base, .. } = &design.source {
        // The design is written down as text.
        let found = base.file.display();
        require(base.file.to_str().is_some(), "base.file", "a path that is valid UTF-8", found)?;
    }
    if let Some(probe) = probe {
        probe.build((size, size)).map_err(DesignError::Probe)?;
    }
    let Some(&ScanSection { step, field: [height, width], .. }) = scan else { return Ok(()) };
    if !(step > 0.0 && step.is_finite()) {
        return Err(DesignError::Scan(ScanError::Step(step)));
    }
    let usable = |side: f64| side > 0.0 && side.is_finite();
    require(
        usable(height) && usable(width),
        "scan.field",
        "height and width in pixels, greater than 0",
        format!("[{height}, {width}]"),
    )?;
    // Half a window beyond the outermost positions on each side.
    let pixels = (height + size as f64) * (width + size as f64);
    let limit = format!("an object of at most {MAX_AREA} pixels");
    require(pixels <= MAX_AREA as f64, "scan.field", &limit, format!("{pixels:.3e} pixels"))?;
    let patterns = (height / step + 1.0) * (width / step + 1.0);
    let values = patterns * (size * size) as f64;
    let limit = format!(
        "a step that leaves at most {MAX_PATTERN_VALUES:.0} pixels in all patterns together"
    );
    let found = format!(
        "a step of {step} pixels, which makes about {patterns:.3e} patterns of {size} x {size}"
    );
    require(values <= MAX_PATTERN_VALUES, "scan.step", &limit, found)
}

/// Refuses a side of a pixel that is none.
pub(super) fn check_pixel(field: &'static str, size: Option<f64>) -> Checked {
    let size = size.unwrap_or(1.0);
    require(size > 0.0 && size.is_finite(), field, "a number of metres above 0", size)
}

fn listed<T: Display>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn has_repeats<T: Ord>(sorted: &[T]) -> bool {
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}
