//! This room's private readers under public names, for the fuzzers in fuzz/ and for tests. Part of no ordinary build.

pub use super::audit::header::Header;
pub use super::shards::samples::Index;
pub use super::table::{Form, Row, read as read_table};
