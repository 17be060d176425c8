//! The pictures of a step: how many go through at once, how often, and what is found instead of said.

use super::refusals::check;
use super::with;

#[test]
fn a_step_is_a_batch_or_several() {
    let check = |section: &str, expected: (usize, bool, usize)| {
        let train = with(&format!("[train]\n{section}")).train;
        assert_eq!((train.batch, train.auto_batch, train.accumulate), expected, "{section}");
    };
    check("", (32, false, 1));
    check("accumulate = 3", (32, false, 3));
    check("effective_batch = 96", (32, false, 3));
    check("batch = 16\neffective_batch = 64", (16, false, 4));
    check("batch = \"auto\"", (32, true, 1));
    check("batch = \"auto\"\neffective_batch = 96", (96, true, 1));
}

#[test]
fn the_pictures_of_a_step_are_said_once() {
    check(
        "[train]\nbatch = \"auto\"\naccumulate = 2",
        "F:11: train.accumulate: is found where batch = \"auto\"; say the pictures of a step as effective_batch",
    );
    check(
        "[train]\naccumulate = 2\neffective_batch = 64",
        "F:10: train.accumulate: and effective_batch both say how many pictures make a step; keep one of them",
    );
    check(
        "[train]\nbatch = 12\neffective_batch = 64",
        "F:11: train.effective_batch: is 64, must be a multiple of batch, which is 12",
    );
    check(
        "[train]\nbatch = \"atuo\"",
        "F:10: train.batch: is string \"atuo\", expected a whole number of 0 or more, or \"auto\"",
    );
    check(
        "[train]\neffective_batch = \"auto\"",
        "F:10: train.effective_batch: is string \"auto\", expected a whole number of 0 or more",
    );
}
