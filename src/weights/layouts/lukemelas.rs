//! The names of lukemelas' EfficientNet-PyTorch: blocks counted through, every name with a leading underscore.

use super::{Block, Pair, Table};

pub(super) const BLOCK: Block = Block {
    expand: Pair { conv: "_expand_conv", norm: "_bn0" },
    depthwise: Pair { conv: "_depthwise_conv", norm: "_bn1" },
    reduce: "_se_reduce",
    widen: "_se_expand",
    project: Pair { conv: "_project_conv", norm: "_bn2" },
};

pub(super) const TABLE: Table = Table {
    stem: Pair { conv: "_conv_stem", norm: "_bn0" },
    prefix: |site| format!("_blocks.{}.", site.index),
    expanding: BLOCK,
    plain: BLOCK,
    head: Pair { conv: "_conv_head", norm: "_bn1" },
    classifier: "_fc",
    claims: |name| name.starts_with('_'),
};
