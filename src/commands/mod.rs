//! One file per verb: the only place where the rooms are put together.
