//! The order of samples, worker threads and batches as tensors. Knows no model.
