//! How well it is known where a curve between a few measured points reaches a value.

/// 97.5 % quantiles of Student's t with 1, 2, ... degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

/// How many standard errors a mean may be off with 95 % confidence: the 97.5 % quantile of
/// Student's t with `spare` degrees of freedom, infinite with none.
pub fn student(spare: usize) -> f64 {
    match spare {
        0 => f64::INFINITY,
        // Within a thousandth of the quantile from there on.
        _ => STUDENT.get(spare - 1).copied().unwrap_or(1.96 + 2.45 / spare as f64),
    }
}

/// Between which x a curve through `points` (ascending x, laid out so that lines between neighbours
/// are straight) reaches `goal`, where point `above` is the first that has reached it and the one
/// before it has not.
///
/// A curve that bends one way lies between the straight line through both and the lines through the
/// next pair on either side. How far these reach the goal from where the straight line does is what
/// that line may be wrong by, in both directions, but no more than a monotone curve can be: it
/// reaches the goal between the two points. Where there is no pair on one side that is all that is
/// known: three points of a steep step may lie on a line.
pub fn reached_between(points: &[(f64, f64)], above: usize, goal: f64) -> (f64, f64) {
    let Some(&(x1, y1)) = points.get(above) else { return (f64::NAN, f64::NAN) };
    let Some(&(x0, y0)) = above.checked_sub(1).and_then(|below| points.get(below)) else {
        return (x1, x1);
    };
    let slope = |(x, y): (f64, f64), (next, value): (f64, f64)| (value - y) / (next - x);
    let place = |at: f64, otherwise: f64| if at.is_finite() { at.clamp(x0, x1) } else { otherwise };
    let straight = place(x0 + (goal - y0) / slope((x0, y0), (x1, y1)), x1);
    // A line that goes away from the goal meets it on the wrong side.
    let before = above.checked_sub(2).map(|before| {
        let at = x0 + (goal - y0) / slope(points[before], (x0, y0));
        if at < x0 { x1 } else { place(at, x1) }
    });
    let beyond = points.get(above + 1).map(|&beyond| {
        let at = x1 + (goal - y1) / slope((x1, y1), beyond);
        if at > x1 { x0 } else { place(at, x0) }
    });
    let Some((before, beyond)) = before.zip(beyond) else { return (x0, x1) };
    let off = (before - straight).abs().max((beyond - straight).abs());
    ((straight - off).max(x0), (straight + off).min(x1))
}

/// `value` in so many significant digits: the next such number above it, or below it.
pub fn rounded(value: f64, digits: usize, up: bool) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let power = digits as i32 - 1 - value.abs().log10().floor() as i32;
    // A number of these digits is itself, however it is stored; divided by a whole power it is the
    // number that people write.
    let scaled = match power >= 0 {
        true => value * 10f64.powi(power),
        false => value / 10f64.powi(-power),
    };
    let near = scaled.round();
    let whole = match up {
        _ if (scaled - near).abs() < 1e-9 * near.abs() => near,
        true => scaled.ceil(),
        false => scaled.floor(),
    };
    if power >= 0 { whole / 10f64.powi(power) } else { whole * 10f64.powi(-power) }
}

/// A range in as few significant digits, two to four, as make it no more than a fifth wider, the
/// lower end rounded down and the upper end up; and that number of digits.
pub fn outwards(low: f64, high: f64) -> (f64, f64, usize) {
    let of = |digits: usize| (rounded(low, digits, false), rounded(high, digits, true), digits);
    let near = |&(first, last, _): &(f64, f64, usize)| last - first <= 1.2 * (high - low);
    (2..4).map(of).find(near).unwrap_or_else(|| of(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_tables() {
        for (spare, expected) in [(1, 12.706), (2, 4.303), (10, 2.228), (40, 2.021), (120, 1.980)] {
            assert!((student(spare) - expected).abs() < 2e-3, "{spare}: {}", student(spare));
        }
        assert!(student(0).is_infinite());
    }

    #[test]
    fn a_step_reaches_the_goal_within_the_range() {
        let curve = |x: f64| 1.0 / (1.0 + (-2.2 * (x - 4.0)).exp());
        for step in [0.25, 0.5, 1.0] {
            let points: Vec<(f64, f64)> = (0..=(2.0 / step) as usize)
                .map(|i| (3.0 + step * i as f64, curve(3.0 + step * i as f64)))
                .collect();
            for goal in [0.2_f64, 0.4, 0.6, 0.8] {
                let above = points.iter().position(|p| p.1 >= goal).unwrap();
                let (low, high) = reached_between(&points, above, goal);
                let at = 4.0 + (goal / (1.0 - goal)).ln() / 2.2;
                assert!(low <= at && at <= high, "{step} {goal}: {low} {at} {high}");
            }
        }
    }

    #[test]
    fn a_curve_that_bends_reaches_the_goal_within_the_range() {
        // Quality that saturates with the logarithm of the dose.
        let curve = |x: f64| 1.0 - (-0.9 * x).exp();
        for step in [0.5, 1.0, 2.0] {
            let points: Vec<(f64, f64)> =
                (0..6).map(|i| (step * f64::from(i), curve(step * f64::from(i)))).collect();
            for goal in [0.3_f64, 0.5, 0.7, 0.9] {
                let Some(above) = points.iter().position(|p| p.1 >= goal) else { continue };
                let (low, high) = reached_between(&points, above, goal);
                let at = -(1.0 - goal).ln() / 0.9;
                assert!(low <= at && at <= high, "{step} {goal}: {low} {at} {high}");
                assert!(points[above - 1].0 <= low && high <= points[above].0);
            }
        }
    }

    #[test]
    fn ranges_are_rounded_outwards() {
        assert_eq!(outwards(12_248.0, 14_395.0), (12_200.0, 14_400.0, 3));
        assert_eq!(outwards(58_270.0, 84_050.0), (58_000.0, 85_000.0, 2));
        assert_eq!(outwards(16_800.0, 17_200.0), (16_800.0, 17_200.0, 3));
        assert_eq!(outwards(0.123, 0.456), (0.12, 0.46, 2));
        assert_eq!(outwards(1000.0, 1000.0), (1000.0, 1000.0, 2));
        for (low, high) in [(8281.2, 8309.9), (1.0, 1e6), (3.33, 3.34)] {
            let (first, last, _) = outwards(low, high);
            assert!(first <= low && high <= last, "{first} {last}");
        }
    }

    #[test]
    fn of_two_points_nothing_is_known_and_of_a_straight_line_all() {
        assert_eq!(reached_between(&[(3.0, 0.5), (5.0, 0.9)], 1, 0.7), (3.0, 5.0));
        let line = [(3.0, 0.4), (4.0, 0.6), (5.0, 0.8), (6.0, 1.0)];
        let (low, high) = reached_between(&line, 2, 0.7);
        assert!((low - 4.5).abs() < 1e-9 && (high - 4.5).abs() < 1e-9);
        // Three points on a line may be those of a step.
        assert_eq!(reached_between(&line[..3], 2, 0.7), (4.0, 5.0));
        // Lengths fall; neighbours that lead away widen the range to all that is possible.
        let (low, high) =
            reached_between(&[(1.0, 2.0), (2.0, 3.0), (3.0, 1.0), (4.0, 0.5)], 2, 2.0);
        assert_eq!((low, high), (2.0, 3.0));
        assert_eq!(reached_between(&[(1.0, 2.0)], 0, 2.0), (1.0, 1.0));
    }
}
