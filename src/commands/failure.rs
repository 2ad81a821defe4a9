//! Why a command could not do its work, as the user sees it: what, why, and what to do next.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::commands::exit::Exit;
use crate::config::ConfigError;
use crate::text::{panic_message, printable};

/// Why a command ended early, with the exit code that follows from it.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    reports: Vec<FailureText>,
}

#[derive(Debug)]
struct FailureText {
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// Returns the failure of a command line that makes no sense, with what to write instead.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        let report = FailureText { message: message.into(), causes: Vec::new(), hint: Some(hint.into()) };
        Self { exit: Exit::Usage, reports: vec![report] }
    }

    /// Returns this failure with what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(last) = self.reports.last_mut() {
            last.hint = Some(hint.into());
        }
        self
    }

    /// Returns the exit code: [`Exit::Usage`] for command line and configuration, [`Exit::Incomplete`] otherwise.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

/// Does the work of a command. A panic in it is a failure like others: what was asked for is not done, and nobody takes the exit code
/// for an answer.
///
/// # Errors
/// Those of `work`, and a panic.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let result = catch_unwind(AssertUnwindSafe(work));
    result.unwrap_or_else(|panic| Err(anyhow::Error::msg(panic_message(&*panic)).into()))
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let reports = error.problems().iter().map(|problem| FailureText {
            message: problem.to_string(),
            causes: Vec::new(),
            hint: problem.hint.clone(),
        });
        Self { exit: Exit::Usage, reports: reports.collect() }
    }
}

impl From<anyhow::Error> for Failure {
    /// An error of the library keeps its exit code on the way through anyhow; what else went wrong is incomplete.
    fn from(error: anyhow::Error) -> Self {
        if let Some(error) = error.downcast_ref::<ConfigError>() {
            return error.clone().into();
        }
        let mut causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        // Some errors write their source into their own text: nothing is said twice.
        let mut said = causes.remove(0);
        let message = said.clone();
        causes.retain(|cause| {
            let new = !said.contains(cause.as_str());
            said.push_str(cause);
            new
        });
        Self { exit: Exit::Incomplete, reports: vec![FailureText { message, causes, hint: None }] }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        anyhow::Error::new(error).into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, report) in self.reports.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "error: {}", printable(&report.message))?;
            for cause in &report.causes {
                write!(f, "\ncaused by: {}", printable(cause))?;
            }
            if let Some(hint) = &report.hint {
                write!(f, "\nhint: {}", printable(hint))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    #[test]
    fn the_chain_is_told_once() {
        let error =
            anyhow::anyhow!("connection refused").context("cannot reach `ghcr.io`: connection refused");
        let failure = Failure::from(error.context("cannot resolve `ghcr.io/a/b:1`")).hint("try again");
        assert_eq!(
            failure.to_string(),
            "error: cannot resolve `ghcr.io/a/b:1`\ncaused by: cannot reach `ghcr.io`: connection refused\nhint: try again"
        );
        assert_eq!(failure.exit(), Exit::Incomplete);
    }

    #[test]
    fn a_configuration_error_is_a_usage_error_also_through_anyhow() {
        let error = Config::parse("x.toml", Path::new("/"), b"[forge]\nkinds = 1\n").unwrap_err();
        let failure = Failure::from(anyhow::Error::new(error).context("cannot run"));
        assert_eq!(failure.exit(), Exit::Usage);
        let text = failure.to_string();
        assert!(text.starts_with("error: x.toml:2:1: unknown key `kinds`\n"), "{text}");
        assert!(text.ends_with("\nhint: did you mean `kind`?"), "{text}");
    }

    #[test]
    fn a_panic_is_a_failure() {
        let failure = guarded::<()>(|| panic!("a \u{1b} bug")).unwrap_err();
        assert_eq!(failure.exit(), Exit::Incomplete);
        assert!(failure.to_string().ends_with("should be reported: a \\u{1b} bug"), "{failure}");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let failure = Failure::from(anyhow::anyhow!("server said \u{1b}[2J"));
        assert!(!failure.to_string().contains('\u{1b}'));
    }
}
