//! What a run does about classes of unequal size: how the classes weigh in the loss, and how often an epoch shows
//! each. Also says so in words. The order of an epoch is the loader's business, the loss that of `loss`.

use crate::config::{ClassWeights, Config, Sampler};
use crate::dataset::Balance;
use crate::loader::order;

/// The balance of a run on classes of these names, with so many training pictures each.
pub fn balance(config: &Config, classes: &[String], pictures: &[usize]) -> Balance {
    let per_epoch = match config.data.sampler {
        Sampler::Shuffle => pictures.to_vec(),
        Sampler::Power(power) => order::shares(pictures, power),
    };
    let weights = match &config.train.class_weights {
        ClassWeights::None => None,
        ClassWeights::Balanced => Some(inverse(pictures)),
        ClassWeights::Effective { beta } => Some(effective(pictures, *beta)),
        ClassWeights::List(list) => Some(list.clone()),
        ClassWeights::Table(table) => {
            Some(classes.iter().map(|class| table.get(class).copied().unwrap_or(1.0)).collect())
        }
    };
    Balance { pictures: pictures.to_vec(), per_epoch, weights }
}

/// A line for each thing that is done; none where nothing is.
pub fn words(balance: &Balance, classes: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(weights) = &balance.weights {
        let list = listed(weights, classes, |weight| format!("{weight:.3}"));
        lines.push(format!("the classes weigh {list}"));
    }
    if balance.per_epoch != balance.pictures {
        let whole: usize = balance.per_epoch.iter().sum();
        let list = listed(&balance.per_epoch, classes, usize::to_string);
        lines.push(format!("an epoch shows {whole} pictures: {list}"));
    }
    if lines.len() == 2 {
        lines.push("both correct for unequal classes; one of them is usually enough".into());
    }
    lines
}

/// Each class with its value, or the extremes where that would be long.
fn listed<T: PartialOrd>(values: &[T], classes: &[String], shown: impl Fn(&T) -> String) -> String {
    /// More would fill the screen.
    const ALL: usize = 12;
    let named = |(value, class): (&T, &String)| format!("{} {}", class, shown(value));
    if values.len() <= ALL {
        return values.iter().zip(classes).map(named).collect::<Vec<_>>().join(", ");
    }
    let order =
        |a: &(&T, &String), b: &(&T, &String)| a.0.partial_cmp(b.0).unwrap_or(std::cmp::Ordering::Equal);
    let least = values.iter().zip(classes).min_by(order).map(named).unwrap_or_default();
    let most = values.iter().zip(classes).max_by(order).map(named).unwrap_or_default();
    format!("between {least} and {most}; dataset.json has them all")
}

/// In inverse proportion to how often each class occurs, 1 on average over the samples.
fn inverse(counts: &[usize]) -> Vec<f64> {
    normalised(counts, |count| 1.0 / count)
}

/// In inverse proportion to the effective numbers (1 - beta^n) / (1 - beta), 1 on average over the samples.
fn effective(counts: &[usize], beta: f64) -> Vec<f64> {
    // exp_m1 keeps its digits where beta^n is close to 1.
    normalised(counts, |count| (1.0 - beta) / -(count * beta.ln()).exp_m1())
}

fn normalised(counts: &[usize], weight: impl Fn(f64) -> f64) -> Vec<f64> {
    let weights: Vec<f64> = counts.iter().map(|&count| weight(count.max(1) as f64)).collect();
    let whole: f64 = weights.iter().zip(counts).map(|(weight, &count)| weight * count as f64).sum();
    let samples: usize = counts.iter().sum();
    weights.into_iter().map(|weight| weight * samples as f64 / whole.max(f64::MIN_POSITIVE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found / expected - 1.0).abs() < 1e-9, "{found} {expected}");
        }
    }

    /// Expected values: tests/golden/make_losses.py, from the formulas with Python's own arithmetic.
    #[test]
    fn weights_are_those_of_the_papers_and_average_to_one_over_the_samples() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/golden/class_weights.json")).unwrap();
        let numbers = |name: &str| serde_json::from_value::<Vec<f64>>(golden[name].clone()).unwrap();
        let counts: Vec<usize> = numbers("counts").iter().map(|&count| count as usize).collect();
        close(&inverse(&counts), &numbers("inverse"));
        for beta in ["0.9", "0.99", "0.999", "0.9999"] {
            let weights = effective(&counts, beta.parse().unwrap());
            close(&weights, &numbers(beta));
            let whole: f64 = weights.iter().zip(&counts).map(|(w, &c)| w * c as f64).sum();
            close(&[whole], &[counts.iter().sum::<usize>() as f64]);
        }
    }

    #[test]
    fn words_name_the_classes_or_their_extremes() {
        let balance = Balance { pictures: vec![1, 3], per_epoch: vec![2, 2], weights: Some(vec![2.0, 0.5]) };
        let classes = ["cat".to_owned(), "dog".to_owned()];
        let lines = words(&balance, &classes);
        assert_eq!(lines[0], "the classes weigh cat 2.000, dog 0.500");
        assert_eq!(lines[1], "an epoch shows 4 pictures: cat 2, dog 2");
        assert!(lines[2].contains("one of them"), "{lines:?}");
        let many: Vec<String> = (0..20).map(|class| format!("c{class}")).collect();
        let weights = (0..20).map(|class| f64::from(class) + 1.0).collect();
        let balance = Balance { pictures: vec![1; 20], per_epoch: vec![1; 20], weights: Some(weights) };
        assert_eq!(
            words(&balance, &many),
            ["the classes weigh between c0 1.000 and c19 20.000; dataset.json has them all"]
        );
        assert!(words(&Balance { weights: None, ..balance }, &many).is_empty());
    }
}
