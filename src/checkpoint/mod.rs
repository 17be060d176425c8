//! Run folders, manifests and what must come back on resume.
