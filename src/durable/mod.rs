//! Atomic writing, checksums, locks and read-only file maps. Every other room writes through here; it knows nothing of what it writes.
