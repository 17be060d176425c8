//! The names of efficientnet-lite-pytorch, a child of lukemelas' package: the same, and no squeeze-excite to name.

use super::{Table, lukemelas};

pub(super) const TABLE: Table = lukemelas::TABLE;
