//! What a rule is, and how much its findings count.

/// How much a finding counts, from nothing to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The rule does not look.
    Off,
    /// Worth knowing.
    Note,
    /// Worth mending; the gate stays open.
    Warning,
    /// The gate is shut: exit code 1.
    Error,
}

impl Severity {
    /// Every level and its word, as the configuration and reports have it.
    pub const WORDS: [(&'static str, Self); 4] =
        [("off", Self::Off), ("note", Self::Note), ("warning", Self::Warning), ("error", Self::Error)];

    /// Returns the word for reports: that of SARIF 2.1.0, section 3.27.10, but for `off`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that `check` knows to be wrong.
#[derive(Debug)]
pub struct GateRule {
    /// The kebab-case name: it stands in reports, configurations and baselines and never changes.
    pub id: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Why it is wrong and what to do: Markdown, for the rule's page.
    pub explanation: &'static str,
    /// What it complains about.
    pub bad: &'static str,
    /// The same, mended.
    pub good: &'static str,
    /// How much it counts where the configuration does not say.
    pub level: Severity,
    /// Whether `tagpin check --fix` can mend it.
    pub fixable: bool,
    /// Whether it needs the registry's answers: `tagpin check --online`.
    pub online: bool,
    /// The rules that say less about the same image.
    pub supersedes: &'static [&'static str],
}

impl PartialEq for GateRule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for GateRule {}
