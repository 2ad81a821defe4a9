//! The table of syntaxes.

use super::definition::Syntax;
use super::language::Language;
use super::{bake, dockerfile, env_file, hcl, terraform, toml, unit, yaml};

impl Language {
    pub(in crate::manifest) const fn syntax(self) -> &'static Syntax {
        match self {
            Self::Yaml => &yaml::SYNTAX,
            Self::Bake => &bake::SYNTAX,
            Self::Hcl => &hcl::SYNTAX,
            Self::Terraform => &terraform::SYNTAX,
            Self::Unit => &unit::SYNTAX,
            Self::Dockerfile => &dockerfile::SYNTAX,
            Self::EnvFile => &env_file::SYNTAX,
            Self::Toml => &toml::SYNTAX,
        }
    }

    /// Returns the language of a file with this path; `None` where such a file is read only if it is named.
    pub fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| (language.syntax().matches)(path))
    }
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
            ("jobs/api.job", Some(Language::Hcl)),
            ("docker-bake.hcl", Some(Language::Bake)),
            ("docker-bake.override.hcl", Some(Language::Bake)),
            ("docker-bake.json", Some(Language::Yaml)),
            ("main.tf", Some(Language::Terraform)),
            ("main.tofu", Some(Language::Terraform)),
            ("main.tf.json", Some(Language::Yaml)),
            ("prod.tfvars", Some(Language::Terraform)),
            ("web.container", Some(Language::Unit)),
            ("web@.container.d/10-image.conf", Some(Language::Unit)),
            ("etc/web.service.d/10.conf", None),
            ("web.conf", None),
            ("web.pod", Some(Language::Unit)),
            ("web.build", None),
            ("Dockerfile", Some(Language::Dockerfile)),
            ("api.dockerfile", Some(Language::Dockerfile)),
            ("a/.env", Some(Language::EnvFile)),
            ("a/.env.example", Some(Language::EnvFile)),
            ("a/prod.env", Some(Language::EnvFile)),
            ("a/env", None),
            ("Dockerfile.yaml", Some(Language::Yaml)),
            ("runner/config.toml", Some(Language::Toml)),
        ] {
            assert_eq!(Language::of(path), language, "{path}");
        }
    }
}
