//! Files that may name images, and that tagpin does not read.

/// Returns the kind of such a file, by its name; `None` where it is read, or names no image as far as anybody knows.
pub(super) fn kind(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    Some(match (stem, extension) {
        (_, "jsonnet" | "libsonnet") => "jsonnet",
        (_, "cue") => "cue",
        (_, "tfvars") => "terraform-variables",
        ("terragrunt", "hcl") => "terragrunt",
        (stem, "hcl") if stem.ends_with(".pkr") => "packer",
        (_, "jenkinsfile") | ("Jenkinsfile", _) => "jenkinsfile",
        ("Tiltfile", _) => "tiltfile",
        (_, "star" | "bzl") => "starlark",
        (_, "mk" | "mak") | ("Makefile" | "makefile" | "GNUmakefile", _) => "makefile",
        (_, "sh" | "bash" | "zsh" | "ksh") => "shell",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::syntax::language::Language;

    #[test]
    fn names_tell_what_is_not_read() {
        for (path, expected) in [
            ("a/main.libsonnet", Some("jsonnet")),
            ("Jenkinsfile", Some("jenkinsfile")),
            ("ci/Jenkinsfile.release", Some("jenkinsfile")),
            ("Makefile", Some("makefile")),
            ("build/common.mk", Some("makefile")),
            ("terragrunt.hcl", Some("terragrunt")),
            ("image.pkr.hcl", Some("packer")),
            ("Tiltfile", Some("tiltfile")),
            ("prod.tfvars", Some("terraform-variables")),
            ("run.sh", Some("shell")),
            ("README.md", None),
            ("sh", None),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
        for path in ["a.yaml", "a.json", "Dockerfile", "a.nomad", "a.container", "main.tf", "docker-bake.hcl"]
        {
            assert!(Language::of(path).is_some() && kind(path).is_none(), "{path}");
        }
    }
}
