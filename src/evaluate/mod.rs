//! What a set of predictions is worth. Knows no training.
