//! The names of timm (`efficientnet_*`, `tf_efficientnet_*`). A block that does not widen is another class there,
//! and its projection takes the names that the expansion has elsewhere. Stages count from 0.

use super::{Block, Pair, Table, numbered};

pub(super) const TABLE: Table = Table {
    stem: Pair { conv: "conv_stem", norm: "bn1" },
    prefix: |site| format!("blocks.{}.{}.", site.stage.saturating_sub(1), site.place),
    expanding: Block {
        expand: Pair { conv: "conv_pw", norm: "bn1" },
        depthwise: Pair { conv: "conv_dw", norm: "bn2" },
        reduce: "se.conv_reduce",
        widen: "se.conv_expand",
        project: Pair { conv: "conv_pwl", norm: "bn3" },
    },
    plain: Block {
        expand: Pair { conv: "", norm: "" },
        depthwise: Pair { conv: "conv_dw", norm: "bn1" },
        reduce: "se.conv_reduce",
        widen: "se.conv_expand",
        project: Pair { conv: "conv_pw", norm: "bn2" },
    },
    head: Pair { conv: "conv_head", norm: "bn2" },
    classifier: "classifier",
    claims: |name| {
        name.starts_with("conv_stem.") || name.starts_with("conv_head.") || numbered(name, "blocks.", 2)
    },
};
