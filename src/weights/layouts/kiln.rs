//! kiln's own names: what exported files and checkpoints carry.

use super::{Block, Pair, Table, numbered};

const BLOCK: Block = Block {
    expand: Pair { conv: "expand.conv", norm: "expand.norm" },
    depthwise: Pair { conv: "depthwise.conv", norm: "depthwise.norm" },
    reduce: "squeeze.reduce",
    widen: "squeeze.expand",
    project: Pair { conv: "project.conv", norm: "project.norm" },
};

pub(super) const TABLE: Table = Table {
    stem: Pair { conv: "stem.conv", norm: "stem.norm" },
    prefix: |site| format!("blocks.{}.", site.index),
    expanding: BLOCK,
    plain: BLOCK,
    head: Pair { conv: "head.conv", norm: "head.norm" },
    classifier: "classifier",
    claims: |name| name.starts_with("stem.") || name.starts_with("head.") || numbered(name, "blocks.", 1),
};
