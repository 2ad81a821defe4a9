//! Where credentials may be, as the environment says.

use std::path::PathBuf;

use secrecy::SecretString;

/// Where credentials may be, as the environment says. [`Default`] says nowhere.
#[derive(Clone, Debug, Default)]
pub struct CredentialPaths {
    /// `REGISTRY_AUTH_FILE`: a containers `auth.json`.
    pub registry_auth_file: Option<PathBuf>,
    /// `DOCKER_AUTH_CONFIG`: the text of a docker `config.json`.
    pub docker_auth_config: Option<SecretString>,
    /// `DOCKER_CONFIG`: the directory of docker's `config.json`.
    pub docker_config: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`: has `containers/auth.json` where podman logs in.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `HOME`
    pub home: Option<PathBuf>,
}

impl CredentialPaths {
    /// Returns what this process's environment says.
    pub fn read() -> Self {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            registry_auth_file: path("REGISTRY_AUTH_FILE"),
            docker_auth_config: std::env::var("DOCKER_AUTH_CONFIG")
                .ok()
                .filter(|v| !v.is_empty())
                .map(Into::into),
            docker_config: path("DOCKER_CONFIG"),
            xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
            home: path("HOME"),
        }
    }

    /// Returns the files that credentials are read from, where they are there, each with the variable that says so.
    pub fn files(&self) -> Vec<(&'static str, PathBuf)> {
        let below =
            |directory: &Option<PathBuf>, file| directory.as_ref().map(|directory| directory.join(file));
        let files = [
            ("REGISTRY_AUTH_FILE", self.registry_auth_file.clone()),
            ("DOCKER_CONFIG", below(&self.docker_config, "config.json")),
            ("XDG_RUNTIME_DIR", below(&self.xdg_runtime_dir, "containers/auth.json")),
            ("HOME", below(&self.home, ".docker/config.json")),
            ("HOME", below(&self.home, ".config/containers/auth.json")),
        ];
        let there = files.into_iter().filter_map(|(variable, file)| Some((variable, file?)));
        there.filter(|(_, file)| std::fs::symlink_metadata(file).is_ok()).collect()
    }
}
