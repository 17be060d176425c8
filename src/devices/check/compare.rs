//! How far one list of numbers is from another. Knows nothing of what the numbers are.

/// The larger of |a-b| / |b| by Euclidean norm and by largest entry. The first sees many small errors, the
/// second one large one.
pub(super) fn difference(given: &[f32], right: &[f32]) -> f64 {
    if given.len() != right.len() || !given.iter().chain(right).all(|number| number.is_finite()) {
        return f64::INFINITY;
    }
    let pairs = || given.iter().zip(right).map(|(a, b)| (f64::from(*a) - f64::from(*b), f64::from(*b)));
    let norms = pairs().fold((0.0, 0.0), |(error, size), (e, b)| (error + e * e, size + b * b));
    let peaks =
        pairs().fold((0.0_f64, 0.0_f64), |(error, size), (e, b)| (error.max(e.abs()), size.max(b.abs())));
    relative(norms.0.sqrt(), norms.1.sqrt()).max(relative(peaks.0, peaks.1))
}

fn relative(error: f64, size: f64) -> f64 {
    if error == 0.0 { 0.0 } else { error / size }
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn differences_are_relative() {
        let check = |given: &[f32], right: &[f32], expected: f64| {
            let found = difference(given, right);
            assert!(found == expected || (found - expected).abs() < 1e-6, "{given:?} {right:?} {found}");
        };
        check(&[1.0, 2.0], &[1.0, 2.0], 0.0);
        check(&[3.0, 4.5], &[3.0, 4.0], 0.125);
        check(&[0.0, 0.0], &[0.0, 0.0], 0.0);
        check(&[0.0, 1.0], &[0.0, 0.0], f64::INFINITY);
        check(&[f32::NAN], &[1.0], f64::INFINITY);
        check(&[1.0], &[1.0, 1.0], f64::INFINITY);
        // By norm 1, by the largest entry 2.
        check(&[1.0, 1.0, 1.0, -1.0], &[1.0; 4], 2.0);
    }
}
