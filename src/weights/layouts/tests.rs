//! The tables against what the real libraries say (data/name_digests.py), and there and back again.

use sha2::{Digest, Sha256};

use super::*;
use crate::scaling::Variant;
use crate::weights::tensors::{Array, expected};

fn digest(layout: Layout, variant: Variant) -> String {
    let plan = Plan::variant(variant);
    let shapes = expected(&plan, 1000).into_iter().map(|(_, shape)| shape);
    let foreign = pairings(layout, &plan).into_iter().map(|pair| pair.foreign);
    let lines: String = foreign.zip(shapes).map(|(name, shape)| format!("{name} {shape:?}\n")).collect();
    Sha256::digest(lines).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

// Printed by data/name_digests.py with torchvision 0.29.2, timm 1.0.31, efficientnet_pytorch 0.7.1 and
// efficientnet_lite_pytorch 0.1.0.
#[test]
fn names_and_shapes_are_the_libraries_own() {
    let check =
        |layout, variant, expected| assert_eq!(digest(layout, variant), expected, "{layout} {variant}");
    check(Layout::Torchvision, Variant::B0, "cf7e338a9fd50c10");
    check(Layout::Timm, Variant::B0, "ab510495a4ae6bb7");
    check(Layout::Lukemelas, Variant::B0, "ff075d97d7b2c28d");
    check(Layout::Torchvision, Variant::B1, "3b70c6317adb3c37");
    check(Layout::Timm, Variant::B1, "ef6326db4e9263c6");
    check(Layout::Lukemelas, Variant::B1, "246693d0318921a2");
    check(Layout::Torchvision, Variant::B2, "2978a2aca17d1a88");
    check(Layout::Timm, Variant::B2, "c3e86dab9aa8b33c");
    check(Layout::Lukemelas, Variant::B2, "2eb88d7b165ba48a");
    check(Layout::Torchvision, Variant::B3, "77e4ac83b20ccdc8");
    check(Layout::Timm, Variant::B3, "518f35e69d310e78");
    check(Layout::Lukemelas, Variant::B3, "55d050b38d0ecb21");
    check(Layout::Torchvision, Variant::B4, "9d36084b1ea6edf7");
    check(Layout::Timm, Variant::B4, "83c79711b75a104c");
    check(Layout::Lukemelas, Variant::B4, "c1f8ebddc5c5bd03");
    check(Layout::Torchvision, Variant::B5, "9e0507689010ee8b");
    check(Layout::Timm, Variant::B5, "2294870ef5a43c1c");
    check(Layout::Lukemelas, Variant::B5, "7ad408a17e4a2c7f");
    check(Layout::Torchvision, Variant::B6, "ecc06e609f03039e");
    check(Layout::Timm, Variant::B6, "2bdab3aaf985e0c4");
    check(Layout::Lukemelas, Variant::B6, "f419c935033dd60c");
    check(Layout::Torchvision, Variant::B7, "ff62c903fea1a539");
    check(Layout::Timm, Variant::B7, "0c252938a8707c8c");
    check(Layout::Lukemelas, Variant::B7, "0fcaf8b65f8489b4");
    check(Layout::Timm, Variant::Lite0, "baca7efff9207382");
    check(Layout::LitePytorch, Variant::Lite0, "e6c2221869fd7e7b");
    check(Layout::Timm, Variant::Lite1, "bd7ded4ac39c4d43");
    check(Layout::LitePytorch, Variant::Lite1, "a9208ad235687e34");
    check(Layout::Timm, Variant::Lite2, "83a86b63d0b67410");
    check(Layout::LitePytorch, Variant::Lite2, "99678749bf97ea15");
    check(Layout::Timm, Variant::Lite3, "39c628cb0134c3ae");
    check(Layout::LitePytorch, Variant::Lite3, "3b35ad4215ff5423");
    check(Layout::Timm, Variant::Lite4, "8f3134cd13fb1e9e");
    check(Layout::LitePytorch, Variant::Lite4, "b38f53069f943e6e");
}

fn filled(layout: Layout, plan: &Plan) -> Named {
    let mut named = Named::default();
    for (number, pair) in pairings(layout, plan).into_iter().enumerate() {
        named.entries.insert(pair.foreign, Array { shape: vec![1], values: vec![number as f32] });
    }
    named
}

#[test]
fn renaming_there_and_back_changes_nothing() {
    for variant in [Variant::B0, Variant::B3, Variant::Lite0] {
        let plan = Plan::variant(variant);
        let canonical = filled(Layout::Kiln, &plan);
        for layout in Layout::ALL {
            let there = from_canonical(canonical.clone(), layout, &plan);
            assert_eq!(there, (filled(layout, &plan), vec![]), "{layout} {variant}");
            assert_eq!(
                to_canonical(there.0, layout, &plan),
                (canonical.clone(), vec![]),
                "{layout} {variant}"
            );
        }
    }
}

#[test]
fn names_tell_the_library() {
    let check = |variant, layout| {
        let named = filled(layout, &Plan::variant(variant));
        assert_eq!(detect(named.names()), Some(layout), "{layout} {variant}");
    };
    for variant in [Variant::B0, Variant::B3] {
        for layout in [Layout::Kiln, Layout::Timm, Layout::Torchvision, Layout::Lukemelas] {
            check(variant, layout);
        }
    }
    check(Variant::Lite0, Layout::Timm);
    check(Variant::Lite0, Layout::LitePytorch);
    assert_eq!(detect(["layer1.0.conv1.weight", "fc.weight"]), None);
    assert_eq!(detect([]), None);
}

#[test]
fn single_names_read_as_documented() {
    let check = |layout, variant, canonical: &str, expected: &str| {
        let pairs = pairings(layout, &Plan::variant(variant));
        let found = pairs.iter().find(|pair| pair.canonical == canonical).map(|pair| pair.foreign.as_str());
        assert_eq!(found, Some(expected), "{layout} {variant}");
    };
    use Variant::{B0, Lite0};
    check(Layout::Timm, B0, "blocks.0.project.conv.weight", "blocks.0.0.conv_pw.weight");
    check(Layout::Timm, B0, "blocks.2.project.norm.bias", "blocks.1.1.bn3.bias");
    check(Layout::Torchvision, B0, "blocks.0.squeeze.reduce.bias", "features.1.0.block.1.fc1.bias");
    check(Layout::Torchvision, B0, "head.norm.running_var", "features.8.1.running_var");
    check(Layout::Lukemelas, B0, "blocks.15.squeeze.expand.weight", "_blocks.15._se_expand.weight");
    check(Layout::LitePytorch, Lite0, "blocks.1.expand.norm.weight", "_blocks.1._bn0.weight");
}
