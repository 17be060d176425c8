//! The TOML file: its raw form and the checked form that everything else reads.
