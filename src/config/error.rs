//! What is wrong with a configuration.

use std::fmt;

use super::Diagnostic;

/// Everything that is wrong with a configuration file, or why it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Diagnostic>,
}

impl ConfigError {
    /// Returns what is wrong, in the order of the file; at least one thing.
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }

    /// Returns the error with these problems in the file's order, or `value` where there are none.
    pub(super) fn unless_none<T>(problems: Vec<Diagnostic>, value: T) -> Result<T, Self> {
        if problems.is_empty() { Ok(value) } else { Err(Self::all(problems)) }
    }

    /// Returns the error with these problems, in the order of the file.
    pub(super) fn all(mut problems: Vec<Diagnostic>) -> Self {
        problems.sort_by_key(|problem| problem.position);
        Self { problems }
    }

    /// Returns the error about a file as a whole, with what to do next.
    pub(crate) fn of_file(file: &str, message: impl Into<String>, hint: &str) -> Self {
        Self::one(Diagnostic::whole(file, message).hint(hint))
    }

    pub(super) fn one(problem: Diagnostic) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.problems.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
            if let Some(hint) = &problem.hint {
                write!(f, "\nhint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
