//! What an image's config says of how it was built and how it runs. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::manifest::config_platform;
use crate::platform::Platform;
use crate::reference::Digest;

/// The labels that are kept (image-spec, "Pre-Defined Annotation Keys").
const LABELS: [&str; 5] = [
    "org.opencontainers.image.version",
    "org.opencontainers.image.revision",
    "org.opencontainers.image.source",
    "org.opencontainers.image.base.name",
    "org.opencontainers.image.base.digest",
];

/// How many names a list keeps: a config may hold tens of thousands.
const NAMES: usize = 256;

/// The longest text that is kept whole, in characters.
const LONGEST: usize = 512;

/// Before 2000 nothing was built: builds that are to be reproducible say 1970 or the year 1.
const EPOCH: i64 = 946_684_800;

/// What an image's config says (image-spec, "config.md"): texts are the image's own words, and nobody's promise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// The platform, if it says one.
    pub platform: Option<Platform>,
    /// When it was built, if it says a likely time.
    pub created: Option<Timestamp>,
    /// The user that it runs as; empty is root.
    pub user: String,
    /// What it starts, as a JSON list; empty where nothing is set.
    pub entrypoint: String,
    /// The arguments to that, as a JSON list; empty where nothing is set.
    pub command: String,
    /// The names of the environment's variables. Their values are not kept: they may be anything.
    pub environment: BTreeSet<String>,
    /// The exposed ports, `8080/tcp`.
    pub ports: BTreeSet<String>,
    labels: BTreeMap<String, String>,
}

impl ImageConfig {
    /// Reads a config blob, of OCI or Docker; `None` where it is none.
    pub fn parse(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct RawConfig {
            created: Option<String>,
            #[serde(default)]
            config: Option<Execution>,
            #[serde(rename = "rootfs")]
            _rootfs: IgnoredAny,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        struct Execution {
            user: Option<String>,
            entrypoint: Option<Vec<String>>,
            cmd: Option<Vec<String>>,
            env: Option<Vec<String>>,
            exposed_ports: Option<BTreeMap<String, IgnoredAny>>,
            labels: Option<HashMap<String, String>>,
        }
        let whole: RawConfig = serde_json::from_slice(body).ok()?;
        let Execution { user, entrypoint, cmd, env, exposed_ports, labels } =
            whole.config.unwrap_or_default();
        let created = whole.created.and_then(|created| created.parse::<Timestamp>().ok());
        let names = env.unwrap_or_default().into_iter().map(|variable| {
            let name = variable.split('=').next().unwrap_or_default();
            bounded(name)
        });
        let labels = labels.unwrap_or_default();
        let label = |key: &'static str| Some((key.to_owned(), bounded(labels.get(key)?.trim())));
        Some(Self {
            platform: config_platform(body),
            created: created.filter(|created| created.as_second() >= EPOCH),
            user: bounded(&user.unwrap_or_default()),
            entrypoint: list(entrypoint),
            command: list(cmd),
            environment: names.collect::<BTreeSet<_>>().into_iter().take(NAMES).collect(),
            ports: exposed_ports.unwrap_or_default().keys().take(NAMES).map(|port| bounded(port)).collect(),
            labels: LABELS.into_iter().filter_map(label).filter(|(_, text)| !text.is_empty()).collect(),
        })
    }

    /// Returns the label `org.opencontainers.image.NAME`: `version`, `revision`, `source`, `base.name` or `base.digest`.
    pub fn label(&self, name: &str) -> Option<&str> {
        let key =
            self.labels.keys().find(|key| key.strip_prefix("org.opencontainers.image.") == Some(name))?;
        self.labels.get(key).map(String::as_str)
    }

    /// Returns whether it runs as root unless something else is asked for.
    pub fn is_root(&self) -> bool {
        matches!(self.user.split(':').next(), Some("" | "0" | "root"))
    }
}

fn list(words: Option<Vec<String>>) -> String {
    let words = words.filter(|words| !words.is_empty());
    words.and_then(|words| serde_json::to_string(&words).ok()).map(|text| bounded(&text)).unwrap_or_default()
}

/// Returns `text`, or its beginning and a hash of it, so that two long texts still differ where they do.
fn bounded(text: &str) -> String {
    if text.chars().nth(LONGEST).is_none() {
        return text.to_owned();
    }
    let start: String = text.chars().take(LONGEST / 4).collect();
    format!("{start}… ({})", Digest::sha256(text.as_bytes()).short())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Option<ImageConfig> {
        ImageConfig::parse(json.as_bytes())
    }

    #[test]
    fn a_config_says_how_it_runs_and_no_value_of_its_environment_is_kept() {
        let config = parse(
            r#"{"created": "2026-11-20T09:12:00.5Z", "os": "linux", "architecture": "arm64", "rootfs": {},
                "config": {"User": "101:101", "Entrypoint": ["/start"], "Cmd": ["-g", "daemon off;"],
                "Env": ["PATH=/bin", "TOKEN=hunter2=x", "BARE"], "ExposedPorts": {"80/tcp": {}},
                "Labels": {"org.opencontainers.image.version": " 1.2 ", "org.opencontainers.image.source": "",
                "maintainer": "x"}}}"#,
        )
        .unwrap();
        assert_eq!(config.platform, Platform::parse("linux/arm64"));
        assert_eq!(config.created.unwrap().to_string(), "2026-11-20T09:12:00.5Z");
        assert_eq!(
            (config.entrypoint.as_str(), config.command.as_str()),
            (r#"["/start"]"#, r#"["-g","daemon off;"]"#)
        );
        assert_eq!(config.environment.iter().collect::<Vec<_>>(), ["BARE", "PATH", "TOKEN"]);
        assert!(config.ports.contains("80/tcp") && !config.is_root());
        assert_eq!(
            (config.label("version"), config.label("source"), config.label("x")),
            (Some("1.2"), None, None)
        );
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_left_out_is_empty_and_unlikely_times_are_none() {
        for text in [
            r#"{"rootfs": {}}"#,
            r#"{"rootfs": {}, "created": "1970-01-01T00:00:00Z", "config": null}"#,
            r#"{"rootfs": {}, "created": "soon", "config": {"Env": null, "Labels": null, "ExposedPorts": null}}"#,
        ] {
            assert_eq!(parse(text), Some(ImageConfig::default()), "{text}");
        }
        for text in
            ["", "[]", "{}", r#"{"rootfs": {}, "config": {"Env": [1]}}"#, r#"{"rootfs": {}, "config": 1}"#]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        for (user, is_root) in [("", true), ("0", true), ("root:root", true), ("10", false), ("nginx", false)]
        {
            assert_eq!(
                ImageConfig { user: user.to_owned(), ..ImageConfig::default() }.is_root(),
                is_root,
                "{user}"
            );
        }
    }

    #[test]
    fn a_hostile_config_stays_small_and_what_differs_in_it_still_differs() {
        let env = (0..5000).map(|i| format!("\"V{i}=\"")).collect::<Vec<_>>().join(",");
        let config = |end: &str| {
            let long = format!("{}{end}", "x".repeat(100_000));
            parse(&format!(
                r#"{{"rootfs": {{}}, "config": {{"Env": [{env}], "User": "{long}", "Cmd": ["{long}"]}}}}"#
            ))
            .unwrap()
        };
        let (a, b) = (config("a"), config("b"));
        assert!(
            a.environment.len() == NAMES && a.user.chars().count() <= LONGEST && a.command.len() <= LONGEST
        );
        assert!(a.user != b.user && a.command != b.command);
    }
}
