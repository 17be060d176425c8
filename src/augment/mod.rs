//! Operations and policies on one decoded picture, mixing on a batch. Takes pixels and a random key, knows no paths.
