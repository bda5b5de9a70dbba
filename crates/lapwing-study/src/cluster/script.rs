//! The commands of a study for a shell.

use super::order::Order;
use std::path::Path;

/// A stage of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StudyStage {
    Prepare,
    Reconstruct,
    Report,
}

impl StudyStage {
    pub const ALL: [Self; 3] = [Self::Prepare, Self::Reconstruct, Self::Report];

    pub fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Reconstruct => "reconstruct",
            Self::Report => "report",
        }
    }

    /// Name of its script.
    pub fn file(self) -> String {
        format!("{}.sh", self.name())
    }

    /// Its command; `threads` is an expression of the shell.
    pub fn command(self, order: &Order, threads: &str) -> String {
        let Order { program, design, folder, .. } = order;
        let [design, folder] = [design, folder].map(|path| quoted(path));
        let program: Vec<String> = program.iter().map(|word| quoted(word)).collect();
        let program = program.join(" ");
        let threads = format!("--threads \"{threads}\"");
        match self {
            Self::Prepare => {
                format!("{program} study prepare {design} --output {folder} {threads}")
            }
            Self::Reconstruct => format!("{program} jobs --study {folder} {threads}"),
            Self::Report => format!("{program} study run {design} --output {folder} {threads}"),
        }
    }
}

/// A path as one word of the shell.
pub(super) fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_one_word() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
