//! The programs whose commands say what runs.

/// What a program does with what a command gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum ProgramRole {
    /// Runs and fetches images: a container engine.
    Engine,
    /// Makes images, and gives them tags.
    Builder,
    /// Deploys what stands in the files, or at the addresses, that it is named.
    Deployer,
    /// Gives charts and modules the values that stand on the command line.
    Setter,
    /// Looks at an image, or at what is known of it, and runs nothing of it.
    Looker,
    /// Runs images, or charts, by names that need not look like any.
    ByName,
}

use ProgramRole::{Builder, ByName, Deployer, Engine, Looker, Setter};

/// All of them, by their names.
const PROGRAMS: [(&str, &[ProgramRole]); 69] = [
    ("ansible-playbook", &[Deployer, Setter]),
    ("argo", &[Deployer, Setter]),
    ("argocd", &[Deployer, Setter]),
    ("aws", &[Deployer, Setter]),
    ("bootc", &[Engine]),
    ("buildah", &[Engine, Builder]),
    ("buildctl", &[Builder]),
    ("buildkite-agent", &[Deployer]),
    ("cdk", &[Deployer]),
    ("clusterctl", &[Deployer]),
    ("copilot", &[Deployer]),
    ("cosign", &[Looker]),
    ("crane", &[Looker, Builder]),
    ("crictl", &[Engine]),
    ("ctr", &[Engine]),
    ("devcontainer", &[Deployer]),
    ("dive", &[Looker]),
    ("docker", &[Engine, Builder, Deployer, ByName]),
    ("docker-compose", &[Deployer]),
    ("distrobox", &[Engine]),
    ("eksctl", &[Deployer]),
    ("faas-cli", &[Deployer]),
    ("finch", &[Engine, Deployer]),
    ("flux", &[Deployer]),
    ("flyctl", &[Deployer]),
    ("gcloud", &[Deployer]),
    ("gh", &[Deployer]),
    ("grype", &[Looker]),
    ("helm", &[Deployer, Setter, ByName]),
    ("helmfile", &[Deployer, Setter]),
    ("istioctl", &[Setter]),
    ("k0s", &[Deployer]),
    ("k3s", &[Deployer]),
    ("kapp", &[Deployer]),
    ("kluctl", &[Deployer]),
    ("kpt", &[Deployer]),
    ("kubectl", &[Deployer, ByName]),
    ("kustomize", &[Deployer]),
    ("make", &[Deployer]),
    ("microk8s", &[Deployer]),
    ("nerdctl", &[Engine, Builder, Deployer, ByName]),
    ("nomad", &[Deployer, Setter]),
    ("notation", &[Looker]),
    ("oc", &[Deployer, ByName]),
    ("oras", &[Looker]),
    ("pack", &[Builder]),
    ("podman", &[Engine, Builder, Deployer, ByName]),
    ("podman-compose", &[Deployer]),
    ("podman-remote", &[Engine]),
    ("pulumi", &[Deployer]),
    ("sam", &[Deployer, Setter]),
    ("regctl", &[Looker]),
    ("skaffold", &[Deployer]),
    ("skopeo", &[Looker, Builder]),
    ("slsa-verifier", &[Looker]),
    ("snyk", &[Looker]),
    ("syft", &[Looker]),
    ("terraform", &[Deployer, Setter]),
    ("terragrunt", &[Deployer, Setter]),
    ("tilt", &[Deployer]),
    ("timoni", &[Deployer, Setter]),
    ("tk", &[Deployer]),
    ("tkn", &[Deployer, Setter]),
    ("tofu", &[Deployer, Setter]),
    ("trivy", &[Looker]),
    ("udocker", &[Engine]),
    ("waypoint", &[Deployer]),
    ("werf", &[Deployer, Setter]),
    ("ytt", &[Deployer]),
];

/// Returns the programs with a role.
pub(in super::super) fn with_role(role: ProgramRole) -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().filter(move |(_, roles)| roles.contains(&role)).map(|(name, _)| *name)
}

/// Returns whether a word of a command is a program with a role, wherever it lies.
pub(in super::super) fn has_role(word: &str, role: ProgramRole) -> bool {
    let name = name_of(word);
    PROGRAMS.iter().any(|(program, roles)| *program == name && roles.contains(&role))
}

/// Returns the name of the program that a word says.
pub(super) fn name_of(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.strip_suffix(".exe").unwrap_or(name)
}
