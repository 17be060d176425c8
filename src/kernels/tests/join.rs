//! A branch added to its input.

use super::super::{enter, fallback, fork, join};
use super::{agree, drawn};

#[test]
fn a_branch_and_its_input() {
    for shape in [[3, 9, 5, 4], [1, 1, 1, 1], [2, 40, 37, 30]] {
        let x = drawn("x", shape);
        let input = drawn("input", [shape.iter().product()]);
        let factors: Vec<f32> = (0..shape[0]).map(|i| i as f32 * 0.75).collect();
        agree(
            &x,
            &[input],
            |x, p| {
                let (branch, shortcut) = fork(enter(p[0].clone().reshape(shape)));
                join(x.mul(branch), shortcut, factors.clone())
            },
            |x, p| {
                let input = p[0].clone().reshape(shape);
                fallback::join(x.mul(input.clone()), input, factors.clone())
            },
        );
    }
}
