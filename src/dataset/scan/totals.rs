//! Every file that lies in a folder is used, set aside or ignored, whatever is wrong with it.

use std::fs;

use super::tests::{folder, jpeg, open_as, open_with, two_classes};
use super::*;

#[test]
fn a_panic_sets_its_own_file_aside() {
    let root = two_classes(10);
    fs::write(root.path().join("a/odd.jpg"), b"\xff\xd8\xff panic").unwrap();
    let dataset = open_as(root.path(), Bad::SetAside).unwrap();
    assert_eq!((dataset.samples.len(), dataset.found()), (20, 21));
    assert_eq!(dataset.set_aside[0].relative, "a/odd.jpg");
    assert!(dataset.set_aside[0].reason.contains("panic"), "{:?}", dataset.set_aside);
}

/// Nothing is dropped without being counted, whatever is wrong with it and whatever was allowed.
#[test]
#[cfg(unix)]
fn totals_add_up_to_what_lies_in_the_folder() {
    let root = folder(&[("train/a/1.jpg", &jpeg(1)), ("train/b/2.jpg", &jpeg(2))]);
    let others: [(&str, &[u8]); 9] = [
        ("train/a/again.jpg", &jpeg(1)),
        ("train/a/leak.jpg", &jpeg(7)),
        ("test/a/leak.jpg", &jpeg(7)),
        ("test/b/3.jpg", &jpeg(3)),
        ("test/b/bad.jpg", b"\xff\xd8\xff bad"),
        ("test/b/.hidden", b"x"),
        ("train/b/words.png", b"words"),
        ("train/README.md", b"words"),
        ("loose.jpg", &jpeg(9)),
    ];
    for (name, content) in others {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    std::os::unix::fs::symlink("nowhere", root.path().join("train/b/broken.jpg")).unwrap();
    std::os::unix::fs::symlink("..", root.path().join("train/b/up")).unwrap();
    let lying = others.len() + 4;
    for (leakage, used) in [(Leakage::SetAside, 5), (Leakage::Allow, 6)] {
        let dataset = open_with(root.path(), Bad::SetAside, leakage).unwrap();
        assert_eq!((dataset.samples.len(), dataset.found()), (used, lying), "{leakage:?}");
        let counts = crate::dataset::Record::of(&dataset).counts;
        let split = counts.train + counts.val + counts.test;
        assert_eq!((split, split + counts.set_aside + counts.ignored), (used, counts.found));
    }
}

/// Circles of links and folders that may not be read ended training whatever `data.bad` said.
#[test]
#[cfg(unix)]
fn folders_that_cannot_be_looked_into_are_set_aside_or_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let root = two_classes(10);
    symlink("..", root.path().join("a/up")).unwrap();
    let locked = root.path().join("b/locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    // Who is root may read everything.
    let is_locked = fs::read_dir(&locked).is_err();
    let opened = open_as(root.path(), Bad::SetAside);
    let refused = open_as(root.path(), Bad::Fail);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
    let (dataset, refused) = (opened.unwrap(), refused.unwrap_err().to_string());
    let names: Vec<_> = dataset.set_aside.iter().map(|file| file.relative.as_str()).collect();
    let expected = if is_locked { vec!["a/up", "b/locked"] } else { vec!["a/up"] };
    assert_eq!(names, expected);
    assert_eq!((dataset.samples.len(), dataset.found()), (20, 20 + expected.len()));
    assert!(names.iter().all(|name| refused.contains(&format!("{name}: "))), "{refused}");
}

/// Not a class fewer without a word in the error.
#[test]
#[cfg(unix)]
fn a_class_that_may_not_be_read_is_refused_by_its_name() {
    use std::os::unix::fs::PermissionsExt;
    let root = two_classes(10);
    let locked = root.path().join("c");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    let is_locked = fs::read_dir(&locked).is_err();
    let message = open_as(root.path(), Bad::SetAside).unwrap_err().to_string();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(message.contains("class 'c' has no usable picture to train on"), "{message}");
    assert!(!is_locked || message.contains("c: this folder cannot be read"), "{message}");
}
