//! The languages that are read.

/// What a file is written in. Every language becomes the same tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// YAML, and JSON, which is YAML.
    #[default]
    Yaml,
    /// HCL, as Bake files are written.
    Bake,
    /// HCL, as Nomad's job files are written.
    Hcl,
    /// HCL, as Terraform and OpenTofu have it.
    Terraform,
    /// A systemd unit file, as Podman's Quadlet units are written.
    Unit,
    /// A Dockerfile, or a Containerfile.
    Dockerfile,
    /// The variables that Compose finds beside its file.
    EnvFile,
    /// TOML, as runners of GitLab's and others are configured.
    Toml,
}

impl Language {
    /// Every language, in the order in which a file's name is tried.
    pub(super) const ALL: [Self; 8] = [
        Self::Yaml,
        Self::Bake,
        Self::Hcl,
        Self::Terraform,
        Self::Unit,
        Self::Dockerfile,
        Self::EnvFile,
        Self::Toml,
    ];
}
