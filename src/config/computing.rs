//! What a run computes on, as checked settings.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    Auto,
    Cpu,
    Ndarray,
    Wgpu,
    Cuda,
}

/// Whether kernels for products of matrices are measured before a device trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tune {
    /// On GPUs, but not on drivers that compute on the processor.
    Auto,
    On,
    Off,
}
