//! Pictures that are measured on and nearly the same as one that is trained on. Finding what is alike belongs to `scan`.

use super::{Sample, Split};

/// Each such picture of a split, with one that is trained on. Copies to the byte are left out: they are told by their hashes.
pub fn repeats<'a>(
    samples: &'a [Sample],
    alike: &[Vec<usize>],
    split: Split,
) -> Vec<(&'a Sample, &'a Sample)> {
    let of = |group: &Vec<usize>| {
        let (trained, others): (Vec<&Sample>, Vec<&Sample>) =
            group.iter().map(|&number| &samples[number]).partition(|sample| sample.split == Split::Train);
        let is_copy = |one: &Sample| trained.iter().any(|sample| sample.hash == one.hash);
        let repeated = others.into_iter().filter(|one| one.split == split && !is_copy(one));
        let pairs = repeated.filter_map(|one| Some((one, *trained.first()?)));
        pairs.collect::<Vec<_>>()
    };
    let mut pairs: Vec<_> = alike.iter().flat_map(of).collect();
    pairs.sort_by(|a, b| a.0.relative.cmp(&b.0.relative));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &str, split: Split, hash: &str) -> Sample {
        let (relative, hash) = (name.into(), hash.into());
        let (slice, class, weight, source) = (None, 0, 1.0, None);
        Sample { relative, slice, class, split, hash, bytes: 1, width: 1, height: 1, weight, source }
    }

    #[test]
    fn only_what_repeats_a_training_picture_counts() {
        let samples = [
            sample("a", Split::Train, "1"),
            sample("z", Split::Test, "2"),
            sample("copy", Split::Test, "1"),
            sample("val", Split::Val, "3"),
            sample("b", Split::Val, "4"),
            sample("c", Split::Test, "5"),
            sample("d", Split::Train, "6"),
            sample("e", Split::Test, "7"),
        ];
        let alike = [vec![0, 1, 2, 3], vec![4, 5], vec![6, 7]];
        let names = |split| {
            let pairs = repeats(&samples, &alike, split).into_iter();
            pairs.map(|(one, trained)| (one.relative.clone(), trained.relative.clone())).collect::<Vec<_>>()
        };
        assert_eq!(names(Split::Test), [("e".into(), "d".into()), ("z".into(), "a".into())]);
        assert_eq!(names(Split::Val), [("val".into(), "a".into())]);
    }
}
