//! This room's private reader under a public name, for the fuzzers in fuzz/ and for tests. Part of no ordinary build.

pub use super::cache_files::CacheFiles;
