//! Files that a tool reads for what they are called, or for the directory that they are in, though nothing names them; and what
//! their names say of how they are read here.

use crate::manifest::syntax::language::Language;

/// Directories whose files a tool reads, each with its own way to read them.
const DIRECTORIES: [&str; 10] = [
    ".circleci",
    ".devcontainer",
    ".forgejo/workflows",
    ".gitea/workflows",
    ".github/workflows",
    ".gitlab",
    ".tekton",
    ".woodpecker",
    "crds",
    "templates",
];

/// Returns whether what a file of this name mentions is told: manifests, and files of any name that a manifest may name. In
/// the languages that have images at known places alone, these are found.
pub fn is_read(path: &str) -> bool {
    // Forms for people are no manifests.
    let is_form = path.contains(".github/ISSUE_TEMPLATE/") || path.contains(".github/DISCUSSION_TEMPLATE/");
    !is_form && !matches!(Language::of(path), Some(Language::Bake | Language::Dockerfile))
}

/// Returns whether a file runs images, or makes manifests, though no manifest names it: a unit of systemd, a program of a
/// language for configuration, for builds or for workflows of data, the environment of a Compose project, what CapRover runs, what
/// machines are made of, recipes.
pub fn runs_images(path: &str) -> bool {
    const ENDINGS: [&str; 28] = [
        "bazel",
        "bicep",
        "bicepparam",
        "bu",
        "bzl",
        "cue",
        "cwl",
        "dhall",
        "gotmpl",
        "gradle",
        "groovy",
        "hcl",
        "ign",
        "jenkinsfile",
        "jsonnet",
        "k",
        "kube",
        "libsonnet",
        "ncl",
        "nf",
        "nix",
        "pkl",
        "pp",
        "service",
        "sls",
        "smk",
        "star",
        "wdl",
    ];
    const NAMES: [&str; 16] = [
        ".actrc",
        "Acornfile",
        "BUILD",
        "Earthfile",
        "Jenkinsfile",
        "MLproject",
        "Snakefile",
        "Tiltfile",
        "Vagrantfile",
        "WORKSPACE",
        "build.gradle.kts",
        "captain-definition",
        "nextflow.config",
        "pom.xml",
        "spark-defaults.conf",
        "user-data",
    ];
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
        || NAMES.contains(&name)
        || path.contains(".d/") && name.ends_with(".conf")
        || path.contains(".teamcity/") && name.ends_with(".kts")
        // Packs of Nomad.
        || name.ends_with(".nomad.tpl")
        || is_recipe(path)
        || is_environment(path)
}

/// Returns whether a file is a text for people, or what a tool writes for itself.
pub fn is_prose(path: &str) -> bool {
    const ENDINGS: [&str; 10] = ["adoc", "csv", "html", "lock", "markdown", "md", "rst", "sum", "svg", "txt"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_titled = ["CHANGELOG", "README"].iter().any(|title| name.starts_with(title));
    is_titled || name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

/// Returns whether a file has recipes of a tool that runs them by their names, or by the clock: only what their commands run is told, as the rest of them
/// is about what is built.
pub(super) fn is_recipe(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_of_make = matches!(name, "GNUmakefile" | "Makefile" | "makefile") || name.ends_with(".mk");
    let is_of_cron = matches!(name, "crontab") || path.contains("cron.d/");
    is_of_make || is_of_cron || matches!(name, "Justfile" | "Procfile" | "Rakefile" | "justfile")
}

/// Returns whether a file is a program whose texts in quotes may be the files that it has something done with.
pub(super) fn is_program(path: &str) -> bool {
    runs_images(path) && !is_recipe(path) && !is_environment(path) && Language::of(path).is_none()
}

pub(super) fn is_environment(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with(".env"))
}

/// Returns whether a tool reads a file for its name, and what that says beside what others say: values of Terraform, overrides of
/// Compose, Bake and Terraform, what Argo CD changes in a source, what is added to a unit of systemd.
pub fn is_read_by_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ends = [".auto.tfvars", ".auto.tfvars.json", "_override.tf", "_override.tf.json"];
    let starts = ["terraform.tfvars", "override.tf", ".argocd-source", "docker-bake.override."];
    let is_added = path.contains(".d/") && name.ends_with(".conf");
    let is_known =
        ends.iter().any(|end| name.ends_with(end)) || starts.iter().any(|start| name.starts_with(start));
    compose(name) == Some("compose.override") || is_added || is_known
}

/// Returns whether every tool that reads a file for its new name, directory or ending read it for the old one, too. A name that no tool
/// looks for is read by whoever names it.
pub fn is_read_alike(old: &str, new: &str) -> bool {
    let (old, new) = (ReadAs::of(old), ReadAs::of(new));
    old.ending == new.ending
        && (new.directory.is_empty() || old.directory == new.directory)
        && (new.name.is_empty() || old.name == new.name)
        && old.hidden <= new.hidden
}

/// What tools read a file for.
struct ReadAs<'p> {
    /// One of [`DIRECTORIES`], or nothing.
    directory: &'static str,
    /// A name that a tool looks for, or nothing.
    name: &'p str,
    ending: &'p str,
    /// How many parts of the path have tools leave it out: Helm, Ansible and Go those that begin with `_`, shells, Argo CD and
    /// kubectl those that begin with a period.
    hidden: usize,
}

impl<'p> ReadAs<'p> {
    fn of(path: &'p str) -> Self {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let above = format!("/{above}/");
        let directory = DIRECTORIES.iter().find(|directory| above.contains(&format!("/{directory}/")));
        let is_fixed = stem.starts_with('.') || is_read_by_name(path) || is_looked_for(name);
        let known =
            |part: &str| DIRECTORIES.iter().any(|directory| directory.split('/').any(|it| it == part));
        let hidden = path
            .split('/')
            .filter(|part| part.starts_with(['.', '_']) && !known(part) && !is_looked_for(part));
        Self {
            directory: directory.copied().unwrap_or_default(),
            name: compose(name).unwrap_or(if is_fixed { stem } else { "" }),
            ending: if ending == "yml" { "yaml" } else { ending },
            hidden: hidden.count(),
        }
    }
}

/// Returns whether a tool looks for a file of this name in the directory that it is given.
fn is_looked_for(name: &str) -> bool {
    const NAMES: [&str; 21] = [
        "Chart",
        "Containerfile",
        "Dockerfile",
        "Jenkinsfile",
        "Kustomization",
        "Taskfile",
        "Tiltfile",
        "action",
        "azure-pipelines",
        "bitbucket-pipelines",
        "chartfile",
        "cloudbuild",
        "devcontainer",
        "docker-bake",
        "fleet",
        "helmfile",
        "kustomization",
        "skaffold",
        "values",
        "werf",
        "zarf",
    ];
    let stem = name.split('.').next().unwrap_or(name);
    NAMES.contains(&stem)
}

/// Returns whether a file is what Compose takes by itself, or what it adds to that.
fn compose(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("docker-").unwrap_or(name);
    let name = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml"))?;
    ["compose", "compose.override"].into_iter().find(|known| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_what_it_is_called() {
        for (old, new) in [
            ("a/deploy.yaml", "b/deployment.yml"),
            ("apps/web/compose.yaml", "stacks/web/docker-compose.yml"),
            ("base/kustomization.yaml", "old/kustomization.yml"),
            (".github/workflows/a.yml", ".github/workflows/b.yaml"),
            ("c/templates/a.yaml", "d/templates/b.yaml"),
            ("values.yaml", "charts/values.yaml"),
            ("Dockerfile", "images/web/Dockerfile"),
            ("values.yaml", "prod.yaml"),
            ("a/b.yaml", "a/_b.yaml"),
        ] {
            assert!(is_read_alike(old, new), "{old} {new}");
        }
        for (old, new) in [
            ("archive/ci.yml", ".github/workflows/ci.yml"),
            ("old.gitlab-ci.yml", ".gitlab-ci.yml"),
            ("compose.old.yaml", "compose.override.yaml"),
            ("old/stack.yaml", "compose.yaml"),
            ("dev.tfvars", "dev.auto.tfvars"),
            ("charts/_old/Chart.yaml", "charts/old/Chart.yaml"),
            ("c/templates/_a.yaml", "c/templates/a.yaml"),
            ("w.container.off", "w.container"),
            ("kustomization.old.yaml", "kustomization.yaml"),
            ("argocd-source.yaml", ".argocd-source.yaml"),
            ("x/pod.yaml", "c/templates/pod.yaml"),
            ("apps/.old/a.yaml", "apps/a.yaml"),
        ] {
            assert!(!is_read_alike(old, new), "{old} {new}");
        }
    }
}
