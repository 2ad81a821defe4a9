//! A repository that a forge lists, and who owns it.

/// A repository, as a forge lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForgeRepository {
    /// `owner/name`.
    pub name: String,
    /// What is cloned.
    pub url: String,
    /// Whether it is read-only for good, or was disabled by the forge.
    pub archived: bool,
    /// Whether it is a copy of another one.
    pub fork: bool,
    /// Its topics.
    pub topics: Vec<String>,
}

/// Tells whether two addresses are one repository's: forges do not tell case apart, and `.git` may be left out.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let plain = |url: &str| {
        let url = url.trim_end_matches('/');
        url.strip_suffix(".git").unwrap_or(url).to_ascii_lowercase()
    };
    plain(a) == plain(b)
}

/// Whose repositories are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// An organization's.
    Organization(String),
    /// The public ones of a user.
    User(String),
    /// Those that the App was installed for.
    Installation,
}
