//! The names of torchvision: everything is a numbered child of `features`, stem and head included.

use super::{Block, Pair, Table};

pub(super) const TABLE: Table = Table {
    stem: Pair { conv: "features.0.0", norm: "features.0.1" },
    prefix: |site| format!("features.{}.{}.block.", site.stage, site.place),
    expanding: Block {
        expand: Pair { conv: "0.0", norm: "0.1" },
        depthwise: Pair { conv: "1.0", norm: "1.1" },
        reduce: "2.fc1",
        widen: "2.fc2",
        project: Pair { conv: "3.0", norm: "3.1" },
    },
    plain: Block {
        expand: Pair { conv: "", norm: "" },
        depthwise: Pair { conv: "0.0", norm: "0.1" },
        reduce: "1.fc1",
        widen: "1.fc2",
        project: Pair { conv: "2.0", norm: "2.1" },
    },
    head: Pair { conv: "features.8.0", norm: "features.8.1" },
    classifier: "classifier.1",
    claims: |name| name.starts_with("features."),
};
