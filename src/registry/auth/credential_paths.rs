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
}
