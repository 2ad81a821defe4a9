//! What a file is written in, told by its name and a look at its bytes.

use super::tree::SyntaxTree;
use super::{hcl, unit};

/// What a file is written in. Every language becomes the same tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// YAML, and JSON, which is YAML.
    #[default]
    Yaml,
    /// HCL, as Nomad's job files are written.
    Hcl,
    /// A systemd unit file, as Podman's Quadlet units are written.
    Unit,
}

impl Language {
    /// Returns the language of a file with this path; `None` where such a file is read only if it is named.
    pub fn of(path: &str) -> Option<Self> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (_, extension) = name.rsplit_once('.').unwrap_or_default();
        let is = |known: &[&str]| known.iter().any(|known| extension.eq_ignore_ascii_case(known));
        if is(&["yaml", "yml", "json"]) || name == "Kustomization" {
            Some(Self::Yaml)
        } else if is(&["nomad", "hcl"]) {
            Some(Self::Hcl)
        } else if is(&unit::EXTENSIONS) || (extension == "conf" && is_drop_in_directory(directory)) {
            Some(Self::Unit)
        } else {
            None
        }
    }

    /// Tells whether a file with these bytes is worth reading. Names such as `.hcl`, `.image` and `.volume` have other
    /// uses, and what is neither a job nor a unit is not even an error.
    pub(crate) fn is_in(self, bytes: &[u8]) -> bool {
        match self {
            Self::Yaml => true,
            Self::Hcl => hcl::has_job(bytes),
            Self::Unit => unit::has_section(bytes),
        }
    }

    /// Parses `text`, which has no byte order mark. The same text always gives the same nodes.
    pub(crate) fn parse(self, text: &str) -> SyntaxTree<'_> {
        match self {
            Self::Yaml => SyntaxTree::parse(text),
            Self::Hcl => hcl::parse(text),
            Self::Unit => unit::parse(text),
        }
    }
}

/// `web.container.d` holds files that add to `web.container` (podman-systemd.unit(5)).
fn is_drop_in_directory(directory: &str) -> bool {
    let name = directory.rsplit('/').next().unwrap_or_default();
    let unit = name.strip_suffix(".d").and_then(|name| name.rsplit_once('.'));
    unit.is_some_and(|(_, extension)| unit::EXTENSIONS.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_languages() {
        for (path, language) in [
            ("a/b.YML", Some(Language::Yaml)),
            ("jobs/api.nomad", Some(Language::Hcl)),
            ("jobs/api.nomad.hcl", Some(Language::Hcl)),
            ("web.container", Some(Language::Unit)),
            ("web@.container.d/10-image.conf", Some(Language::Unit)),
            ("etc/web.service.d/10.conf", None),
            ("web.conf", None),
            ("web.pod", None),
            ("web.build", None),
            ("Dockerfile", None),
        ] {
            assert_eq!(Language::of(path), language, "{path}");
        }
    }
}
