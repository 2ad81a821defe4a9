//! Where repositories live, who commits, and which ones are meant.

use url::Url;

use crate::forge::{AppConfig, ForgeKind, Owner};
use crate::policy::Globs;

/// Where pull requests are opened, and who commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgeSettings {
    /// What is spoken there.
    pub kind: ForgeKind,
    /// Where its API is.
    pub base_url: Url,
    /// The name on commits.
    pub author_name: String,
    /// The address on commits.
    pub author_email: String,
    /// Whether commits end with `Signed-off-by`.
    pub sign_off: bool,
    /// Who makes the commits.
    pub commits: Commits,
    /// The App that tagpin runs as; `None` with a token.
    pub app: Option<AppConfig>,
}

impl Default for ForgeSettings {
    fn default() -> Self {
        Self::of(ForgeKind::default())
    }
}

impl ForgeSettings {
    /// Returns what holds for a forge of this kind where nothing else is said.
    #[expect(clippy::expect_used, reason = "the text is a constant, and a test parses it")]
    pub fn of(kind: ForgeKind) -> Self {
        Self {
            kind,
            base_url: Url::parse(kind.profile().base_url).expect("a constant URL"),
            author_name: "tagpin".to_owned(),
            author_email: kind.profile().author_email.to_owned(),
            sign_off: false,
            commits: Commits::default(),
            app: None,
        }
    }
}

/// One place where repositories are looked for, and which of them are meant.
#[derive(Clone, Debug)]
pub struct DiscoverSettings {
    /// Whose repositories.
    pub owner: Owner,
    /// Globs on `owner/name`.
    pub include: Globs,
    /// Globs on `owner/name`.
    pub exclude: Globs,
    /// The topics that a repository must have, all of them.
    pub topics: Vec<String>,
    /// Whether archived ones are meant too: they can be read, and not be pushed to.
    pub archived: bool,
    /// Whether forks are meant too.
    pub forks: bool,
}

/// One repository of `tagpin run`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryConfig {
    /// A URL of https, http or file without a credential in it, or an absolute path.
    pub url: String,
    /// The branch that is read and that the pull request is for; the remote's default branch where it is `None`.
    pub branch: Option<String>,
    /// The name of the environment variable with the git password. It goes to the host of `url` only.
    pub token_env: Option<String>,
}

/// Who makes the commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commits {
    /// The forge where the token is an App's or an Action's, because it signs them; git otherwise.
    #[default]
    Auto,
    /// git, on this machine: not signed.
    Git,
    /// The forge, over its API.
    Api,
}
