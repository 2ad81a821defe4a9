//! A repository's own file: it only narrows.

use std::sync::Arc;

use super::*;

#[test]
fn ten_thousand_listed_repositories_are_not_copied_for_each_of_them() {
    let repository = |i: usize| format!("[[repository]]\nurl = \"https://github.com/acme/r{i}\"\n");
    // As long as addresses of repositories are.
    let text: String =
        (0..10_000).map(|i| format!("# the repository of team {i:040}\n{}", repository(i))).collect();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bot.toml");
    fs_err::write(&file, text).unwrap();
    let config = Config::load(Some(&file), &Variables::default()).unwrap();
    let narrowed = config.narrowed(".tagpin.toml", b"[policy]\nexclude = [\"a/**\"]\n", nothing).unwrap();
    assert_eq!(narrowed.repositories.len(), 10_000);
    assert!(Arc::ptr_eq(&config.repositories, &narrowed.repositories));
    assert!(Arc::ptr_eq(&config.discover, &narrowed.discover));
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
    let example = whole_example().replace("promote = \"pull-request\"", "promote = \"by-hand\"");
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
fn a_repository_raises_levels_and_never_lowers_them() {
    let bot = parse("[[check.rule]]\nrules = [\"no-tag\"]\nlevel = \"error\"\n").unwrap();
    let own = b"[check]\nstrict = false\n[[check.rule]]\nrules = [\"no-tag\"]\nlevel = \"note\"\n";
    let narrowed = bot.narrowed("tagpin.toml", own, nothing).unwrap();
    assert_eq!((narrowed.check.rules, narrowed.check.raised.len()), (bot.check.rules.clone(), 1));
    let strict = bot.narrowed("tagpin.toml", b"[check]\nstrict = true", nothing).unwrap();
    assert!(strict.check.strict);
}
