//! The exit codes: the same for every verb, and never renumbered.

use std::process::ExitCode;

/// How a command ended. The number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, nothing to complain about: changes that were made or shown included.
    Done = 0,
    /// The command found what it looks for: floating references, for example.
    Findings = 1,
    /// The command line or a configuration file is wrong; nothing was done.
    Usage = 2,
    /// Something failed or could not be checked; the rest was done.
    Incomplete = 3,
}

impl Exit {
    /// Returns the code of a command that did its work: findings win over incomplete, incomplete over done.
    pub fn of(findings: bool, complete: bool) -> Self {
        match (findings, complete) {
            (true, _) => Self::Findings,
            (false, false) => Self::Incomplete,
            (false, true) => Self::Done,
        }
    }

    /// Returns the number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_win_over_incomplete() {
        assert_eq!(Exit::of(false, true).code(), 0);
        assert_eq!(Exit::of(true, true).code(), 1);
        assert_eq!(Exit::of(true, false).code(), 1);
        assert_eq!(Exit::of(false, false).code(), 3);
        assert_eq!(Exit::Usage.code(), 2);
    }
}
