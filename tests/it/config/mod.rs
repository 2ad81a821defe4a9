//! The configuration from the outside: the example file, what is shown, and what is refused.

mod named_files;
mod refused;
mod repository_file;

use std::collections::BTreeSet;
use std::path::Path;

use tagpin::config::{Config, ConfigError, Variables};
use tagpin::forge::ForgeKind;
use tagpin::manifest::edit::Style;
use tagpin::policy::{PolicyLevel, SplitFields};
use tagpin::reference::Reference;
use tagpin::registry::{self, PullFromMirror};

const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// Returns the example with the settings that name a file of one's own, which stand there as `#name = …`.
fn whole_example() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => setting.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.split_inclusive('\n').map(line).collect()
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse("tagpin.toml", Path::new("/etc/tagpin"), text.as_bytes())
}

/// A repository without other files.
fn nothing(_: &str) -> Option<Vec<u8>> {
    None
}

fn error(text: &str) -> String {
    match parse(text) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_example_is_right() {
    let config = parse(&whole_example()).unwrap();
    assert_eq!(config.schedule.as_deref(), Some("17 5 * * *"));
    assert_eq!(config.settings.policy.defaults.level, PolicyLevel::Index);
    assert_eq!(config.settings.policy.defaults.platforms.len(), 2);
    let api = Reference::parse("ghcr.io/acme/api").unwrap();
    let decision = config.settings.policy.decide("clusters/production/a.yaml", &api, None);
    assert!(matches!(decision.level, registry::DigestLevel::Platform(_)));
    assert_eq!((decision.style, decision.split_fields), (Style::Digest, SplitFields::Tag));
    assert!(!config.settings.policy.reads("examples/a.yaml"));
    assert!(config.settings.annotations.enabled);
    assert_eq!(config.forge.kind, ForgeKind::GitHub);
    assert_eq!(config.repositories[0].token_env.as_deref(), Some("CLUSTERS_TOKEN"));
    assert_eq!(config.registries[0].mirrors[0].pull, PullFromMirror::DigestOnly);
    assert_eq!(config.cache_dir().unwrap(), Path::new("/var/cache/tagpin"));
}

#[test]
fn locations_are_for_something_and_only_the_trusted_file_adds_them() {
    for (entry, problem) in [
        ("images = [\"/spec/x\"]", "neither `group` or `kinds` nor `format`"),
        ("kinds = [\"A\"]", "names no path"),
        ("kinds = [\"A\"]\nimages = [\"spec/x\"]", "`spec/x` is not a path"),
        ("kinds = [\"A\"]\nhas = [\"/x\"]\nimages = [\"/x\"]", "which are for a `format`"),
        ("group = \"a.b\"\nformat = \"x\"\nimages = [\"/x\"]", "an object has no file format"),
        ("format = \"x\"\nimages = [\"/x\"]", "neither `has` nor `files`"),
        ("format = \"x\"\nfiles = [\"[\"]\nimages = [\"/x\"]", "malformed glob"),
    ] {
        let text = error(&format!("[[location]]\n{entry}\n"));
        assert!(text.contains(problem), "{entry}: {text}");
    }
    let entry = "[[location]]\nformat = \"compose\"\nimages = [\"/services/*/x-debug-image\"]\n";
    let config = parse(entry).unwrap();
    assert_eq!(config.settings.locations.len(), 1);
    assert_same(&parse(&config.to_toml()).unwrap(), &config);
    let refused =
        Config::default().narrowed("tagpin.toml", entry.as_bytes(), nothing).unwrap_err().to_string();
    assert!(refused.contains("`location`"), "{refused}");
}

/// The keys that tagpin knows in `table`, from the hint that an unknown key gets.
fn known_keys(header: &str) -> BTreeSet<String> {
    let text = error(&format!("{header}\nqqqqqqqqqqqqqqqqqqqqq = 1\n"));
    let (_, keys) = text.split_once("hint: known are ").unwrap_or_else(|| panic!("no keys in: {text}"));
    keys.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Compares the keys of a table of the example with those that tagpin knows there, and its tables in turn.
fn assert_complete(table: &toml::Table, header: &str, path: &str) -> usize {
    let written: BTreeSet<String> = table.keys().cloned().collect();
    assert_eq!(written, known_keys(header), "keys of [{path}]");
    let mut tables = 1;
    for (key, value) in table {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if let Some(table) = value.as_table() {
            tables += assert_complete(table, &format!("{header}\n[{path}]"), &path);
        } else if let Some(first) = value.as_array().filter(|array| array.iter().any(toml::Value::is_table)) {
            // Not every key may stand in every table: together they have all.
            let all = first.iter().filter_map(toml::Value::as_table).flatten();
            let all = all.map(|(key, value)| (key.clone(), value.clone())).collect();
            tables += assert_complete(&all, &format!("{header}\n[[{path}]]"), &path);
        }
    }
    tables
}

#[test]
fn the_example_has_every_key_and_no_other() {
    let example: toml::Table = whole_example().parse().unwrap();
    assert_eq!(assert_complete(&example, "", ""), 24);
    assert!(!EXAMPLE.contains(&"0123456789abcdef"[..8]), "no invented digest");
}

fn assert_same(a: &Config, b: &Config) {
    assert_eq!(a.schedule, b.schedule);
    assert_eq!(a.settings.policy, b.settings.policy);
    assert_eq!(a.to_toml(), b.to_toml());
    assert_eq!(a.settings.environments, b.settings.environments);
    assert_eq!(a.settings.holds.all.len(), b.settings.holds.all.len());
    assert_eq!(a.ledger, b.ledger);
    assert_eq!(a.settings.annotations, b.settings.annotations);
    assert_eq!(a.forge, b.forge);
    assert_eq!(a.proposals.dress, b.proposals.dress);
    assert_eq!(a.repositories, b.repositories);
    assert_eq!(a.registries, b.registries);
    assert_eq!(a.registries_conf, b.registries_conf);
    assert_eq!(a.network, b.network);
    assert_eq!(a.pull_request, b.pull_request);
    assert_eq!(a.settings.locations, b.settings.locations);
    assert_eq!(a.settings.charts, b.settings.charts);
    assert_eq!(a.cache_dir, b.cache_dir);
}

#[test]
fn what_is_shown_can_be_loaded_again() {
    let odd = r#"
        cache-dir = "clones \"odd\""
        [policy]
        platforms = ["Linux/x86_64", "linux/arm"]
        exclude = ['a\*b', "{c,d}/**"]
        [[policy.rule]]
        paths = ["**/x"]
        level = "platform"
        platforms = ["linux/arm64"]
        [[policy.rule]]
        images = ["docker.io/**"]
        style = "digest"
        split-fields = "skip"
        min-age = "90m"
        settle = "61s"
        unknown-age = "accept"
        [[policy.rule]]
        paths = ["vouched/**"]
        require = ["attestation", "signature"]
        keys = ["keys/a.pub", "/etc/b.pub"]
        predicate-types = ["https://slsa.dev/provenance/v1"]
        [[policy.rule]]
        paths = ["lax/**"]
        require = []
        [annotations]
        enabled = false
        key = "acme.example/digest"
        [forge]
        kind = "none"
        base-url = "http://127.0.0.1:8080/api/v3/"
        author-name = "Ada \u00e9"
        [[repository]]
        url = "/srv/git/a.git"
        [[registry]]
        prefix = "localhost:5000"
        insecure = true
        [[registry.mirror]]
        location = "ghcr.io/acme"
        pull-from-mirror = "all"
        [[registry.mirror]]
        location = "quay.io"
        pull-from-mirror = "tag-only"
        [[registry]]
        prefix = "*.corp.example"
        blocked = true
        concurrency = 256
        [pull-request]
        details = "all"
        details-requests = 0
        body-template = "body \"odd\".jinja"
        [network]
        retries = 0
        max-wait = "1m 500ms"
    "#;
    for text in ["", EXAMPLE, &whole_example(), odd] {
        let config = parse(text).unwrap();
        let shown = config.to_toml();
        let again = parse(&shown).unwrap_or_else(|error| panic!("{error}\n{shown}"));
        assert_eq!(shown, again.to_toml());
        if text == odd {
            // A base URL is shown without its last slash.
            assert_eq!(again.forge.base_url.as_str(), "http://127.0.0.1:8080/api/v3");
            continue;
        }
        assert_same(&config, &again);
    }
    assert_eq!(parse(odd).unwrap().cache_dir().unwrap(), Path::new("/etc/tagpin/clones \"odd\""));
}

#[test]
fn the_ledger_is_on_where_something_waits_for_it() {
    for (text, enabled) in [
        ("", false),
        ("[ledger]\nbranch = \"x\"", false),
        ("[ledger]\nenabled = true", true),
        ("[policy]\nmin-age = \"1d\"", true),
        ("[[policy.rule]]\nsettle = \"1h\"", true),
        ("[[policy.rule]]\nsettle = \"0s\"\nunknown-age = \"accept\"", false),
    ] {
        assert_eq!(parse(text).unwrap().ledger.enabled, enabled, "{text}");
    }
    let day = parse("[policy]\nmin-age = \"1d\"").unwrap();
    assert!(day.to_toml().contains("min-age = \"24h\"\n"), "{}", day.to_toml());
}
