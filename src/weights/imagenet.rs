//! The 1000 classes of ImageNet-1k (ILSVRC 2012) in the order of every pretrained classifier's outputs. The names are
//! those of torchvision 0.29.2 (torchvision/models/_meta.py; Copyright (c) Soumith Chintala 2016, BSD-3-Clause); that
//! licence and the list are in data/imagenet_classes.txt.

const FILE: &str = include_str!("data/imagenet_classes.txt");

/// The names, by index.
pub fn classes() -> Vec<&'static str> {
    FILE.lines().filter(|line| !line.starts_with('#')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Indices as published with the challenge's validation labels.
    #[test]
    fn the_names_are_in_order() {
        let names = classes();
        assert_eq!(names.len(), 1000);
        let check = |index: usize, name| assert_eq!(names[index], name);
        check(0, "tench");
        check(207, "golden retriever");
        check(281, "tabby");
        check(985, "daisy");
        check(999, "toilet tissue");
    }
}
