//! Which forges there are. A new one is its folder, a variant of [`AnyForge`] and its lines here.

use super::{
    AnyForge, Capabilities, CiRepository, Connection, ForgeError, ForgeProfile, Listing, OpenForge, Owner,
    github,
};

/// What is spoken at the forge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForgeKind {
    /// GitHub or GitHub Enterprise.
    #[default]
    GitHub,
    /// Nothing: the branch is pushed and no pull request opened.
    None,
}

/// Without a forge git hosts are spoken to as the default one is: most take any user name with a token.
const NONE: ForgeProfile = ForgeProfile { capabilities: Capabilities::NONE, ..github::PROFILE };

impl ForgeKind {
    /// Every kind, by its word in the configuration.
    pub const WORDS: [(&'static str, Self); 2] = [("github", Self::GitHub), ("none", Self::None)];

    /// Returns the words of the kinds for which `is` holds, for messages.
    pub fn words_where(is: impl Fn(Self) -> bool) -> String {
        let words = Self::WORDS.iter().filter(|(_, kind)| is(*kind)).map(|(word, _)| format!("\"{word}\""));
        words.collect::<Vec<_>>().join(" or ")
    }

    /// Returns what is known of it.
    pub fn profile(self) -> &'static ForgeProfile {
        match self {
            Self::GitHub => &github::PROFILE,
            Self::None => &NONE,
        }
    }

    /// Opens the way to the repository that `url` clones; `None` where there is no forge. With an App, a token for this
    /// repository alone is fetched. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The repository is not one of this forge's, or address or token cannot be used, or the forge refuses the App.
    pub async fn open(
        self,
        connection: &Connection<'_>,
        url: &str,
    ) -> Result<Option<OpenForge<AnyForge>>, ForgeError> {
        Ok(match self {
            Self::GitHub => Some(github::open(connection, url).await?.map(AnyForge::GitHub)),
            Self::None => None,
        })
    }

    /// Lists the repositories of `owner`, with every page. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Address, token or key cannot be used, or the forge refuses or does not answer.
    pub async fn discover(self, connection: &Connection<'_>, owner: &Owner) -> Result<Listing, ForgeError> {
        match self {
            Self::GitHub => github::discover_with(connection, owner).await,
            Self::None => Ok(Listing::default()),
        }
    }
}

/// Returns whether a remote, whichever forge is behind it, refused a push because the token may not change the workflows in
/// it. Remotes say so in words alone.
pub fn refuses_workflows(message: &str) -> bool {
    github::refuses_workflows(message)
}

/// Returns whether the file at `path` is a workflow of some forge, which only some tokens may change.
pub fn is_workflow(path: &str) -> bool {
    ForgeKind::WORDS.iter().any(|(_, kind)| path.starts_with(kind.profile().workflows))
}

/// Returns the repository that a job of some forge's CI runs in, by its environment; `None` elsewhere.
pub fn ci_repository(lookup: &dyn Fn(&str) -> Option<String>) -> Option<CiRepository> {
    github::ci_repository(lookup)
}

/// Returns how the tokens of forges start, those of forges that tagpin does not speak to included.
pub fn token_prefixes() -> impl Iterator<Item = &'static str> {
    ForgeKind::default().profile().token_prefixes.iter().copied().chain(["glpat-"])
}
