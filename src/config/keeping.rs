//! What a run keeps of itself and tells others, as checked settings: checkpoints, TensorBoard, MLflow. None of it has an
//! influence on the numbers.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    pub every: Every,
    /// How many of the newest to keep, the best one not counted; at least 1.
    pub keep: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    Epoch,
    /// At least 1.
    Steps(usize),
    /// So many seconds of the clock, at least 1; and every epoch.
    Seconds(u64),
}

/// Where an address could stand: there is none.
pub(super) const NOBODY: &str = "none";

/// Who is told of the run's figures beside its own records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Whether event files are written under the run folder.
    pub tensorboard: bool,
    /// The address of a server.
    pub mlflow: Option<String>,
    /// What the run belongs to there.
    pub experiment: String,
}

impl Track {
    pub const EXPERIMENT: &str = "kiln";
}

impl Default for Track {
    fn default() -> Self {
        Self { tensorboard: false, mlflow: None, experiment: Self::EXPERIMENT.into() }
    }
}
