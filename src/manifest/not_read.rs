//! Files that may name images, and that tagpin does not read.

use super::syntax::language::Language;

/// Returns the kind of such a file, by its name; `None` where it is read, or names no image as far as anybody knows.
pub(super) fn kind(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    Some(match (stem, extension) {
        (_, "jsonnet" | "libsonnet") => "jsonnet",
        (_, "cue") => "cue",
        (_, "dhall") => "dhall",
        (_, "pkl") => "pkl",
        (_, "nix") => "nix",
        (stem, "hcl") if stem.ends_with(".pkr") => "packer",
        (_, "jenkinsfile") | ("Jenkinsfile", _) => "jenkinsfile",
        ("Tiltfile", _) => "tiltfile",
        (_, "star" | "bzl") => "starlark",
        (_, "mk" | "mak") | ("Makefile" | "makefile" | "GNUmakefile", _) => "makefile",
        (_, "sh" | "bash" | "zsh" | "ksh") => "shell",
        ("Justfile" | "justfile" | ".justfile", _) | (_, "just") => "justfile",
        (stem, "j2" | "jinja" | "jinja2") if is_rendered_to_read(name, stem) => "jinja",
        (stem, "tpl" | "tmpl" | "gotmpl" | "tftpl" | "ctmpl" | "erb") if is_rendered_to_read(name, stem) => {
            "template"
        }
        _ => return None,
    })
}

/// Returns whether what a template is rendered to would be read, by its name: those of mail and of web pages have the same
/// extensions.
fn is_rendered_to_read(name: &str, stem: &str) -> bool {
    Language::of(name).is_none() && Language::of(stem).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_not_read() {
        for (path, expected) in [
            ("a/main.libsonnet", Some("jsonnet")),
            ("apps/web.dhall", Some("dhall")),
            ("deployment.pkl", Some("pkl")),
            ("hosts/nas.nix", Some("nix")),
            ("Jenkinsfile", Some("jenkinsfile")),
            ("ci/Jenkinsfile.release", Some("jenkinsfile")),
            ("Makefile", Some("makefile")),
            ("build/common.mk", Some("makefile")),
            ("terragrunt.hcl", None),
            ("image.pkr.hcl", Some("packer")),
            ("Tiltfile", Some("tiltfile")),
            ("run.sh", Some("shell")),
            ("talos/cluster.yaml.j2", Some("jinja")),
            ("env.yaml.gotmpl", Some("template")),
            ("task.json.tftpl", Some("template")),
            ("api.nomad.tpl", Some("template")),
            ("Dockerfile.tmpl", None),
            ("mail.html.tmpl", None),
            ("nginx.conf.j2", None),
            ("templates/_helpers.tpl", None),
            ("justfile", Some("justfile")),
            ("mod.just", Some("justfile")),
            ("README.md", None),
            ("sh", None),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
        for path in [
            "a.yaml",
            "a.json",
            "Dockerfile",
            "a.nomad",
            "a.container",
            "main.tf",
            "a.tfvars",
            "docker-bake.hcl",
        ] {
            assert!(Language::of(path).is_some() && kind(path).is_none(), "{path}");
        }
    }
}
