//! One file per format in which a trained model leaves.
