//! The section `[slurm]`: what tasks of a cluster ask for.

use serde::{Deserialize, Serialize};

/// What each job and task asks for; the section `[slurm]` of a design. What is `None` is left to
/// the cluster's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// Tasks that reconstruct side by side, at most one for each reconstruction.
    pub tasks: Option<usize>,
    /// Partition, or queue.
    pub partition: Option<String>,
    /// Account that is charged.
    pub account: Option<String>,
    /// Time limit of each job and task, as the batch system writes it.
    pub time: Option<String>,
    /// Memory of each, as the batch system writes it.
    pub memory: Option<String>,
    /// Processors of each.
    pub cpus: Option<usize>,
    /// Graphics cards of each.
    pub gpus: Option<usize>,
    /// Further options of `sbatch`.
    pub sbatch: Vec<String>,
}

impl Resources {
    /// What is said here, and what is not as `other` says it.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            tasks: self.tasks.or(other.tasks),
            partition: self.partition.or(other.partition),
            account: self.account.or(other.account),
            time: self.time.or(other.time),
            memory: self.memory.or(other.memory),
            cpus: self.cpus.or(other.cpus),
            gpus: self.gpus.or(other.gpus),
            sbatch: if self.sbatch.is_empty() { other.sbatch } else { self.sbatch },
        }
    }
}
