//! What could not be read, and why.

/// A document, or a whole file, that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Unread {
    /// The document from 0; `None` for the whole file.
    pub document: Option<usize>,
    /// Why.
    pub reason: UnreadReason,
    /// What the parser or the operating system said.
    pub detail: Option<String>,
}

/// Why something could not be read: the closed list of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum UnreadReason {
    /// A Helm or Go template; known and complete.
    Template,
    /// A symbolic link, which is never followed; known and complete.
    Symlink,
    /// Not YAML.
    NotYaml,
    /// Not HCL, though a line of it opens a block of Nomad, Terraform or Bake.
    NotHcl,
    /// Not a unit file, though it has a section of one.
    NotUnit,
    /// Not a Dockerfile, though it is called one and begins like one.
    NotDockerfile,
    /// Not TOML, though it has a runner of GitLab's or a key with `image` in it.
    NotToml,
    /// Not UTF-8.
    NotUtf8,
    /// Past [`super::SIZE_MAX`].
    TooLarge,
    /// Nested deeper than tagpin reads.
    TooDeep,
    /// The operating system or the object database says no.
    Unreadable,
    /// Two readers may see something else in it.
    Ambiguous,
    /// Of what was rendered: not a Kubernetes object.
    NotAnObject,
    /// Of what was rendered: there is nothing in it.
    Empty,
}

impl UnreadReason {
    /// Returns the kebab-case reason for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Symlink => "symlink",
            Self::NotYaml => "not-yaml",
            Self::NotHcl => "not-hcl",
            Self::NotUnit => "not-a-unit",
            Self::NotDockerfile => "not-a-dockerfile",
            Self::NotToml => "not-toml",
            Self::NotUtf8 => "not-utf-8",
            Self::TooLarge => "too-large",
            Self::TooDeep => "too-deep",
            Self::Unreadable => "unreadable",
            Self::Ambiguous => "ambiguous",
            Self::NotAnObject => "not-an-object",
            Self::Empty => "empty",
        }
    }

    /// Returns whether a file that is unread for this reason leaves the run incomplete (exit code 3).
    pub fn is_incomplete(self) -> bool {
        !matches!(self, Self::Template | Self::Symlink)
    }
}
