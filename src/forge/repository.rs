//! A repository that a forge lists, and who owns it.

use std::fmt;

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

/// Returns whether two addresses are one repository's: forges do not tell case apart, and `.git` may be left out.
pub(crate) fn same_repository(a: &str, b: &str) -> bool {
    plain_address(a) == plain_address(b)
}

/// Returns what all addresses of one repository have in common.
pub(crate) fn plain_address(url: &str) -> String {
    let url = url.trim_end_matches('/');
    url.strip_suffix(".git").unwrap_or(url).to_ascii_lowercase()
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

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Organization(name) => write!(f, "the organization `{name}`"),
            Self::User(name) => write!(f, "the user `{name}`"),
            Self::Installation => f.write_str("the App's installation"),
        }
    }
}

/// What a forge lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The repositories, in the forge's order.
    pub repositories: Vec<ForgeRepository>,
    /// What is said of those that are listed and not to be believed.
    pub refused: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_many_spellings_of_its_address() {
        let url = "https://git.example/acme/x";
        for other in [
            "https://git.example/acme/x.git",
            "https://git.example/Acme/X/",
            "https://git.example/acme/x.git/",
        ] {
            assert!(same_repository(url, other), "{other}");
        }
        for other in
            ["https://git.example/acme/x2", "https://git.example/acme", "https://other.example/acme/x"]
        {
            assert!(!same_repository(url, other), "{other}");
        }
    }
}
