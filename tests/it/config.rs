//! The configuration from the outside: the example file, what is shown, and what is refused.

use std::collections::BTreeSet;
use std::path::Path;

use tagpin::config::{Config, ConfigError, Variables};
use tagpin::forge::ForgeKind;
use tagpin::manifest::edit::Style;
use tagpin::policy::{PolicyLevel, SplitFields};
use tagpin::registry::{self, PullFromMirror};

const EXAMPLE: &str = include_str!("../../config.example.toml");

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
    let config = parse(EXAMPLE).unwrap();
    assert_eq!(config.schedule.as_deref(), Some("17 5 * * *"));
    assert_eq!(config.settings.policy.defaults.level, PolicyLevel::Index);
    assert_eq!(config.settings.policy.defaults.platforms.len(), 2);
    let decision = config.settings.policy.decide("clusters/production/a.yaml", "ghcr.io/acme/api", None);
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
    let example: toml::Table = EXAMPLE.parse().unwrap();
    assert_eq!(assert_complete(&example, "", ""), 21);
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
    for text in ["", EXAMPLE, odd] {
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

#[test]
fn an_unknown_key_says_where_and_what_was_meant() {
    assert_eq!(
        error("[policy]\nexlude = [\"a\"]\n"),
        "tagpin.toml:2:1: unknown key `exlude`\n   |\n 2 | exlude = [\"a\"]\n   | ^^^^^^\nhint: did you mean `exclude`?"
    );
    assert!(error("[forge]\nbase_url = \"x\"").contains("did you mean `base-url`?"));
    assert!(error("[[locations]]\npath = \"x\"").contains("unknown key `locations`"));
}

#[test]
fn every_problem_is_named_in_the_order_of_the_file() {
    let text = error(
        "[[repository]]\nurl = \"git@github.com:a/b\"\n[forge]\nkind = \"gitlab\"\n[policy]\nlevel = \"indx\"\nstyle = \"tags\"\n",
    );
    let places: Vec<&str> = text.lines().filter(|line| line.starts_with("tagpin.toml:")).collect();
    assert_eq!(
        places,
        [
            "tagpin.toml:2:7: `github.com:a/b` is not a URL that tagpin can clone",
            "tagpin.toml:4:8: `kind` cannot be `gitlab`",
            "tagpin.toml:6:9: `level` cannot be `indx`",
            "tagpin.toml:7:9: `style` cannot be `tags`",
        ]
    );
    assert!(text.contains("did you mean `index`?"), "{text}");
}

#[test]
fn what_cannot_work_is_refused_with_what_to_do() {
    for (text, part) in [
        ("schedule = \" \"", "`schedule` needs one line of text"),
        ("cache-dir = \"~/x\"", "`~` is not expanded"),
        ("[policy]\nlevel = \"platform\"", "exactly one entry in `platforms`, here are 0"),
        ("[policy]\nlevel = \"platform\"\nplatforms = [\"linux/a\", \"linux/b\"]", "here are 2"),
        ("[[policy.rule]]\nlevel = \"platform\"", "tagpin.toml:2:9"),
        (
            "[policy]\nlevel = \"platform\"\nplatforms = [\"linux/a\"]\n[[policy.rule]]\nplatforms = [\"linux/a\", \"linux/b\"]",
            "tagpin.toml:5:13",
        ),
        ("[policy]\nplatforms = [\"arm64\"]", "`arm64` is not a platform"),
        ("[policy]\nplatforms = [\"linux/arm64\", \"linux/aarch64\"]", "listed twice"),
        ("[policy]\ninclude = []", "matches nothing"),
        ("[[policy.rule]]\nimages = []", "matches nothing"),
        ("[policy]\nexclude = [\"examples/\"]", "write `examples/**`"),
        ("[annotations]\nkey = \"a b\"", "`a b` is not an annotation key"),
        ("[annotations]\nindex-key = \"a/\"", "`a/` is not an annotation key"),
        ("[annotations]\nkey = \"deployed-image-index\"", "cannot be told apart"),
        ("[annotations]\nindex-key = \"deployed-image-digest.index\"", "cannot be told apart"),
        ("[forge]\nbase-url = \"api.github.com\"", "`base-url` is not a URL"),
        ("[policy]\nmin-age = \"soon\"", "for example `24h`, `3d` or `90m`"),
        ("[policy]\nmin-age = \"-1h\"", "`min-age` cannot be `-1h`"),
        ("[policy]\nsettle = \"500ms\"", "`settle` cannot be `500ms`"),
        ("[policy]\nsettle = \"2y\"", "a time up to a year"),
        ("[[policy.rule]]\nunknown-age = \"guess\"", "`unknown-age` cannot be `guess`"),
        ("[ledger]\nenabled = false\n[policy]\nmin-age = \"1h\"", "need the ledger"),
        ("[ledger]\nbranch = \"a..b\"", "not a name that a branch can have"),
        ("[ledger]\nbranch = \"tagpin/x\"", "a branch for changes"),
        ("[ledger]\nbranch = \"-x\"", "not a name that a branch can have"),
        ("[forge]\nbase-url = \"http://ghe.example\"", "must start with `https://`"),
        ("[forge]\nauthor-email = \"a <b>\"", "cannot hold `<`"),
        ("[[repository]]\nbranch = \"main\"", "missing field `url`"),
        ("[[repository]]\nurl = \"ssh://github.com/a/b\"", "cannot clone over `ssh`"),
        ("[[repository]]\nurl = \"https://x/a\"\nbranch = \"refs/heads/main\"", "is not a branch name"),
        ("[[repository]]\nurl = \"https://x/a\"\nbranch = \"-x\"", "is not a branch name"),
        ("[[repository]]\nurl = \"http://x.example/a\"\ntoken-env = \"T\"", "in the clear"),
        ("[[repository]]\nurl = \"/srv/a\"\ntoken-env = \"T\"", "a path takes no `token-env`"),
        ("[[repository]]\nurl = \"https://x/a\"\n[[repository]]\nurl = \"https://x/a\"", "listed twice"),
        ("[[registry]]\nlocation = \"a.example\"", "missing field `prefix`"),
        ("[[registry]]\nprefix = \"https://a.example\"", "a host, no URL"),
        ("[[registry]]\nprefix = \"acme\"", "`prefix` is not a place of a registry"),
        ("[[registry]]\nprefix = \"a.example/x\"\nconcurrency = 2", "`concurrency` is for a whole registry"),
        ("[[registry]]\nprefix = \"a.example\"\nconcurrency = 0", "a number from 1 to 256"),
        ("[[registry]]\nprefix = \"a.example\"\nclient-key = \"k.pem\"", "go together"),
        ("[[registry]]\nprefix = \"a.example\"\nca-file = \"~/ca.pem\"", "`~` is not expanded"),
        (
            "[[registry]]\nprefix = \"a.example\"\ntoken-hosts = [\"https://b.example\"]",
            "`host` or `host:port`",
        ),
        ("[[registry]]\nprefix = \"a.example\"\nusername = \"robot\"", "goes with `token-env`"),
        ("[[registry]]\nprefix = \"*.a.example\"\ntoken-env = \"T\"", "for one host"),
        ("[[registry]]\nprefix = \"*\"", "`prefix` is not a place"),
        ("[network]\nretries = 11", "a number from 0 to 10"),
        ("[pull-request]\ndetails = \"some\"", "known are `none`, `moved`, `all`"),
        ("[pull-request]\ndetails-requests = -1", "a number from 0 to 100000"),
        ("[pull-request]\nbody-template = \"~/body.jinja\"", "`~` is not expanded"),
        ("[network]\nread-timeout = \"soon\"", "for example `10s`"),
        ("[network]\nread-timeout = \"0s\"", "for example `10s`"),
        ("[network]\nimage-timeout = \"2h\"", "up to an hour"),
        (
            "[[registry]]\nprefix = \"a.example\"\n[[registry]]\nprefix = \"a.example\"\ninsecure = true",
            "described twice",
        ),
        (
            "[[registry]]\nprefix = \"a.example\"\n[[registry.mirror]]\nlocation = \"b.example\"\npull-from-mirror = \"digest\"",
            "did you mean `digest-only`?",
        ),
        ("[policy", "tagpin.toml:1:"),
        ("schedule = 5", "invalid type"),
    ] {
        let message = error(text);
        assert!(message.contains(part), "{text}\n→ {message}");
        assert!(message.starts_with("tagpin.toml:"), "{message}");
    }
}

#[test]
fn secrets_in_a_configuration_are_refused_and_never_shown() {
    for text in [
        "[[repository]]\nurl = \"https://user:hunter2@github.com/a/b\"",
        "[[repository]]\nurl = \"https://hunter2@github.com/a/b\"",
        "[[repository]]\nurl = \"user:hunter2@github.com:a/b\"",
        "[[repository]]\nurl = \"https://user:hunter2@[bad/\"",
        "[[repository]]\nurl = \"https://x/a\"\ntoken-env = \"ghp_hunter2\"",
        "[[repository]]\nurl = \"https://x/a\"\ntoken-env = \"hunter2 with spaces\"",
        "[[repository]]\nurl = \"https://x/a\"\ntoken = \"hunter2\"",
        "[[repository]]\nurl = \"https://x/a\"\ntoken-env = hunter2",
        "repository = \"https://user:hunter2@github.com/a/b\"",
        "[forge]\nbase-url = \"https://user:hunter2@ghe.example\"",
        "[[registry]]\nprefix = \"a.example\"\ntoken-env = \"ghp_hunter2\"",
        "[[registry]]\nprefix = \"user:hunter2@ghcr.io\"",
        "[[registry]]\nprefix = \"https://user:hunter2@ghcr.io\"",
    ] {
        let message = error(text);
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[test]
fn what_is_no_text_is_refused_and_a_byte_order_mark_is_not() {
    let parse = |bytes: &[u8]| Config::parse("tagpin.toml", Path::new("/"), bytes);
    assert!(parse(b"\xff").unwrap_err().to_string().contains("not UTF-8 at byte 0"));
    assert_eq!(
        parse("\u{feff}schedule = \"@daily\"\r\n".as_bytes()).unwrap().schedule.as_deref(),
        Some("@daily")
    );
    let deep = format!("schedule = {}", "[".repeat(100_000));
    assert!(parse(deep.as_bytes()).is_err());
}

#[test]
fn a_template_is_read_with_the_file_that_names_it_and_its_errors_have_a_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = Config::load(Some(&root.join("config.example.toml")), &Variables::default()).unwrap();
    assert!(example.pull_request.template.is_some(), "the template of the example is right");

    let directory = tempfile::tempdir().unwrap();
    let (file, template) = (directory.path().join("tagpin.toml"), directory.path().join("body.jinja"));
    fs_err::write(&file, "[pull-request]\nbody-template = \"body.jinja\"\n").unwrap();
    let load = || Config::load(Some(&file), &Variables::default());
    let missing = load().unwrap_err().to_string();
    assert!(missing.contains("body.jinja: cannot be read"), "{missing}");
    for (text, place, part) in [
        ("one\n{{ tabel }}\n", Some((2, 1)), "undefined value"),
        ("one\ntwo\n{% if x %}\n", Some((3, 1)), "end of"),
    ] {
        fs_err::write(&template, text).unwrap();
        let error = load().unwrap_err();
        assert_eq!(error.problems()[0].position, place, "{error}");
        let error = error.to_string();
        assert!(error.contains("body.jinja:") && error.contains(part), "{error}");
        assert!(error.contains("docs/pull-request-body.md"), "{error}");
    }
    fs_err::write(&template, "{{ table }}").unwrap();
    assert!(load().unwrap().pull_request.template.is_some());
}

#[test]
fn a_repository_can_only_narrow() {
    let config = parse("[policy]\nexclude = [\"a/**\"]").unwrap();
    let narrowed = config
        .narrowed("tagpin.toml", b"[policy]\nexclude = [\"b/**\"]\n[annotations]\nenabled = false", nothing)
        .unwrap();
    assert!(
        !narrowed.settings.policy.reads("a/x")
            && !narrowed.settings.policy.reads("b/x")
            && narrowed.settings.policy.reads("c/x")
    );
    assert!(!narrowed.settings.annotations.enabled);
    assert!(
        config.settings.policy.reads("b/x") && config.settings.annotations.enabled,
        "the original is untouched"
    );
    assert_same(&config, &config.narrowed("tagpin.toml", b"# nothing", nothing).unwrap());

    // Every key that there is, and what a repository may say of it.
    // Who opens pull requests is the operator's to say: tests/it/run/promotion.rs.
    let example = EXAMPLE.replace("promote = \"pull-request\"", "promote = \"by-hand\"");
    let example: toml::Table = example.parse().unwrap();
    for (key, value) in &example {
        let tables: Vec<(String, toml::Value)> = match value.as_table() {
            Some(table) => {
                table.iter().map(|(name, value)| (format!("{key}.{name}"), value.clone())).collect()
            }
            None => vec![(key.clone(), value.clone())],
        };
        // These have no effect alone, and files of their own.
        for (path, value) in tables
            .into_iter()
            .filter(|(path, _)| !["policy.keys", "policy.predicate-types"].contains(&&**path))
        {
            let value = if path == "annotations.enabled" { false.into() } else { value };
            let mut table = toml::Table::new();
            match path.split_once('.') {
                Some((outer, inner)) => {
                    let inner = toml::Table::from_iter([(inner.to_owned(), value)]);
                    table.insert(outer.to_owned(), inner.into());
                }
                None => {
                    table.insert(path.clone(), value);
                }
            }
            let result = config.narrowed("tagpin.toml", table.to_string().as_bytes(), nothing);
            let narrows = [
                "policy.exclude",
                "policy.require",
                "annotations.enabled",
                "check.strict",
                "check.rule",
                "check.allow",
            ];
            if narrows.contains(&path.as_str()) || ["environment", "hold"].contains(&path.as_str()) {
                assert!(result.is_ok(), "{path}");
            } else {
                let message = result.unwrap_err().to_string();
                assert!(
                    message.contains("belongs into the file that is given with `--config`"),
                    "{path}: {message}"
                );
            }
        }
    }
}

#[test]
fn a_repository_file_that_is_wrong_says_so() {
    let config = parse("").unwrap();
    let refused =
        |text: &str| config.narrowed("tagpin.toml", text.as_bytes(), nothing).unwrap_err().to_string();
    assert!(refused("[annotations]\nenabled = true").contains("cannot be switched on"));
    assert!(refused("[policy]\nexlude = []").contains("did you mean `exclude`?"));
    assert!(refused("[policy]\nexclude = [\"!a\"]").contains("negation"));
    assert!(refused("[[check.rule]]\nlevel = \"off\"").contains("cannot be switched off here"));
    assert!(refused("[[check.allow]]\nreason = \"x\"").contains("allows everything"));
    assert!(refused(&"#".repeat(300_000)).contains("larger than"));
    let many = format!("[policy]\nexclude = [{}]", "\"a\",".repeat(5000));
    assert!(refused(&many).contains("too large: at most 1000"));
}

#[test]
fn a_repository_may_carry_the_very_file_that_its_bot_is_started_with() {
    let own = "[policy]\nlevel = \"platform\"\nplatforms = [\"linux/arm64\"]\n";
    let config = parse(own).unwrap();
    assert_same(&config, &config.narrowed("tagpin.toml", own.as_bytes(), nothing).unwrap());
    assert!(config.narrowed("tagpin.toml", format!("{own}style = \"digest\"").as_bytes(), nothing).is_err());
}

#[test]
fn what_must_be_attached_to_a_digest_is_a_word_or_a_list_and_each_rule_overrides_its_keys() {
    let config = parse(
        "[policy]\nrequire = \"signature\"\nkeys = [\"a.pub\"]\n\
         [[policy.rule]]\npaths = [\"both/**\"]\nrequire = [\"attestation\", \"signature\"]\n\
         [[policy.rule]]\npaths = [\"other/**\"]\nkeys = [\"b.pub\"]\n\
         [[policy.rule]]\npaths = [\"none/**\"]\nrequire = []\n",
    )
    .unwrap();
    let demanded = |path: &str| {
        let demands = config.settings.policy.decide(path, "nginx", None).demands;
        let words = demands.iter().map(|demand| {
            let kinds = demand.require.iter().map(|kind| kind.as_str());
            kinds.chain(demand.keys.iter().map(|key| key.name())).collect::<Vec<_>>().join(" ")
        });
        words.collect::<Vec<_>>()
    };
    assert_eq!(demanded("a.yaml"), ["signature a.pub"]);
    assert_eq!(demanded("both/a.yaml"), ["signature attestation a.pub"]);
    assert_eq!(demanded("other/a.yaml"), ["signature b.pub"]);
    assert!(demanded("none/a.yaml").is_empty());
    let key = &config.settings.policy.defaults.demand.keys[0];
    assert_eq!(key.path(), Path::new("/etc/tagpin/a.pub"), "it is seen from the file");
    for (text, part) in [
        ("require = \"signatures\"", "did you mean `signature`?"),
        ("require = 1", "expected a word or a list of words"),
        ("keys = [\"a.pub\"]", "`keys` has no effect here"),
        ("predicate-types = [\"a\"]", "`predicate-types` has no effect here"),
        ("require = \"attestation\"\npredicate-types = [\"a\"]", "`predicate-types` needs `keys`"),
        (
            "require = \"signature\"\nkeys = [\"a/k.pub\", \"b/k.pub\"]",
            "two keys are in files that are called `k.pub`",
        ),
        ("[[policy.rule]]\nkeys = [\"a.pub\"]", "`keys` has no effect here"),
        ("require = \"signature\"\nkeys = [\"~/a.pub\"]", "`~` is not expanded"),
    ] {
        let text = error(&format!("[policy]\n{text}\n"));
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn the_key_files_are_read_with_the_file_that_names_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tagpin.toml");
    fs_err::write(&file, "[[policy.rule]]\nrequire = \"signature\"\nkeys = [\"a.pub\"]\n").unwrap();
    let load = || Config::load(Some(&file), &Variables::default());
    let missing = load().unwrap_err().to_string();
    assert!(missing.contains("a.pub: cannot be read"), "{missing}");
    fs_err::write(directory.path().join("a.pub"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    let wrong = load().unwrap_err().to_string();
    assert!(wrong.contains("no public key in it") && wrong.contains("docs/provenance.md"), "{wrong}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs_err::copy(root.join("docs/cosign.pub"), directory.path().join("a.pub")).unwrap();
    load().unwrap();
}

#[test]
fn the_gate_is_checked_where_it_is_read() {
    for (entry, problem) in [
        ("[[check.rule]]\nlevel = \"fatal\"", "`level` cannot be `fatal`"),
        ("[[check.rule]]\nlevel = \"error\"\nrules = [\"floating-tags\"]", "did you mean `floating-tag`?"),
        ("[[check.rule]]\nlevel = \"error\"\nrules = []", "is for nothing"),
        ("[[check.rule]]\npaths = [\"a\"]", "missing field `level`"),
        ("[[check.allow]]\npaths = [\"a\"]", "missing field `reason`"),
        ("[[check.allow]]\npaths = [\"a\"]\nreason = \" \"", "`reason` needs one line"),
        ("[[check.allow]]\npaths = [\"a\"]\nreason = \"x\"\nuntil = 2026-12-31T12:00:00", "is not a day"),
        ("[[environment]]\nname = \"a\"\npaths = [\"x/**\"]\nequal = true", "here is one"),
        ("[[environment]]\nname = \"a\"\npaths = [\"x/**\"]\n".repeat(2).as_str(), "is there twice"),
        ("[[environment]]\nname = \"a\"\npaths = [\"x/**\"]\nafter = \"b\"", "no environment `b` before"),
        ("[[hold]]\nreason = \"x\"", "does not say what it is for"),
        ("[[hold]]\npaths = [\"a\"]", "missing field `reason`"),
        ("[[hold]]\ntag = \"a:b\"\nreason = \"x\"", "is not a tag"),
        ("[[hold]]\ndigest = \"sha256:abc\"\nreason = \"x\"", "is not a digest"),
        ("[[hold]]\ntag = \"1\"\nreason = \"x\"\nuntil = 2026-12-31T12:00:00", "is not a day"),
    ] {
        let text = error(entry);
        assert!(text.contains(problem), "{entry}: {text}");
    }
}

#[test]
fn a_repository_raises_levels_and_never_lowers_them() {
    let bot = parse("[[check.rule]]\nrules = [\"no-tag\"]\nlevel = \"error\"\n").unwrap();
    let own = b"[check]\nstrict = false\n[[check.rule]]\nrules = [\"no-tag\"]\nlevel = \"note\"\n";
    let narrowed = bot.narrowed("tagpin.toml", own, nothing).unwrap();
    assert_eq!((narrowed.check.rules, narrowed.check.raised.len()), (bot.check.rules.clone(), 1));
    let strict = bot.narrowed("tagpin.toml", b"[check]\nstrict = true", nothing).unwrap();
    assert!(strict.check.strict);
}

#[test]
fn what_is_wrong_with_pull_requests_is_told_with_its_place() {
    for (text, part) in [
        (
            "[pull-request]\ntitle = \"{{ sumary }}\"",
            "`title` is not a template that works: undefined value (line 1)",
        ),
        ("[pull-request]\ncommit-message = \"{{\"", "`commit-message` is not a template that works"),
        ("[pull-request]\ngroup-by = \"paths\"", "`group-by` cannot be `paths`"),
        ("[pull-request]\nmax-open = -1", "`max-open` takes a number from 0 to 1000"),
        ("[pull-request]\nlabels = [\"a,b\"]", "`a,b` is not a label"),
        ("[pull-request]\nreviewers = [\"@octocat\"]", "`@octocat` in `reviewers` is not a name on GitHub"),
        ("[pull-request]\nteam-reviewers = [\"acme/platform\"]", "is not a name on GitHub"),
        ("[pull-request]\nrebuild-label = \"Tagpin-Stop\"", "are the same"),
        ("[[pull-request.group]]\nname = \"x\"", "the group `x` takes everything"),
        ("[forge]\napp-key-file = \"x\"", "`app-key-file` without `app-id`"),
        (
            "[forge]\napp-id = \"ghp_0123456789abcdefghij0123456789abcdef\"",
            "`app-id` is the client id or the number",
        ),
        ("[forge]\nkind = \"none\"\ncommits = \"api\"", "`commits = \"api\"` needs"),
    ] {
        let text = error(text);
        assert!(text.contains(part), "{part}\n{text}");
        assert!(!text.contains("ghp_"), "{text}");
    }
}
