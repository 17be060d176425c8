//! The confident joint of Northcutt, Jiang and Chuang 2021 (Confident Learning, J. AI Research 70): which labels the
//! predictions contradict, judged by how sure they usually are of each class.

/// Which classes the samples are confidently of.
#[derive(Debug, PartialEq)]
pub struct Joint {
    /// For each class the mean probability that its own samples have for it; not a number for a class without samples.
    pub thresholds: Vec<f64>,
    /// For each sample the most probable of the classes that reach their threshold.
    pub confident: Vec<Option<usize>>,
}

impl Joint {
    /// `probabilities` holds a row for each label.
    pub fn of(probabilities: &[Vec<f64>], labels: &[usize], classes: usize) -> Self {
        let (mut sums, mut counts) = (vec![0.0; classes], vec![0_usize; classes]);
        for (row, &label) in probabilities.iter().zip(labels) {
            sums[label] += row[label];
            counts[label] += 1;
        }
        let thresholds: Vec<f64> = sums.iter().zip(&counts).map(|(sum, &count)| sum / count as f64).collect();
        let confident = probabilities.iter().map(|row| most_probable_above(row, &thresholds)).collect();
        Self { thresholds, confident }
    }

    /// How many samples with a label are confidently of another class: label, class and count, the most first.
    pub fn confusions(&self, labels: &[usize]) -> Vec<(usize, usize, usize)> {
        let mut counts = std::collections::BTreeMap::new();
        for (&label, confident) in labels.iter().zip(&self.confident) {
            if let Some(class) = confident.filter(|class| *class != label) {
                *counts.entry((label, class)).or_insert(0) += 1;
            }
        }
        let mut list: Vec<_> =
            counts.into_iter().map(|((label, class), count)| (label, class, count)).collect();
        list.sort_by_key(|(_, _, count)| usize::MAX - count);
        list
    }
}

fn most_probable_above(row: &[f64], thresholds: &[f64]) -> Option<usize> {
    let reached = (0..row.len()).filter(|&class| row[class] >= thresholds[class]);
    // Of several the first.
    reached.rev().max_by(|&a, &b| row[a].total_cmp(&row[b]))
}
