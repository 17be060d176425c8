//! From a row of logits to probabilities. Sums are in double precision.

/// Probabilities of one row of logits.
pub fn softmax(row: &[f32], temperature: f64) -> Vec<f64> {
    let norm = log_sum_exp(row, temperature);
    row.iter().map(|&logit| (f64::from(logit) / temperature - norm).exp()).collect()
}

/// The likeliest classes of one row of logits and their probabilities; of equal ones the first come first.
pub fn ranked(row: &[f32], temperature: f64, top: usize) -> Vec<(usize, f64)> {
    let probabilities = softmax(row, temperature);
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
    order.truncate(top);
    order.into_iter().map(|class| (class, probabilities[class])).collect()
}

/// The index of the largest number; the first of several.
pub fn best(row: &[f32]) -> usize {
    let mut best = 0;
    for (i, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = i;
        }
    }
    best
}

/// What every logit loses on its way to a log-probability.
pub fn log_sum_exp(row: &[f32], temperature: f64) -> f64 {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|&logit| ((f64::from(logit) - f64::from(top)) / temperature).exp()).sum();
    f64::from(top) / temperature + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_sums_to_one_and_survives_large_logits() {
        let p = softmax(&[1000.0, 998.0], 2.0);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((p[0] - 1.0 / (1.0 + (-1.0f64).exp())).abs() < 1e-12);
    }

    #[test]
    fn the_likeliest_come_first_and_of_equals_the_first() {
        let order = |top| ranked(&[1.0, 3.0, 1.0, 2.0], 1.0, top).into_iter().map(|(class, _)| class);
        assert_eq!(order(9).collect::<Vec<_>>(), [1, 3, 0, 2]);
        assert_eq!(order(1).collect::<Vec<_>>(), [1]);
    }
}
