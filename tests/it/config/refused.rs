//! What is refused, where, and with which hint.

use super::*;

#[test]
fn an_unknown_key_says_where_and_what_was_meant() {
    assert_eq!(
        error("[policy]\nexlude = [\"a\"]\n"),
        "tagpin.toml:2:1: unknown key `exlude`\n   |\n 2 | exlude = …\n   | ^^^^^^\nhint: did you mean `exclude`?"
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
        (
            "[[hold]]\nimages = [\"nginx:1.27\"]\nreason = \"x\"",
            "`nginx:1.27` never matches: the name of an image has neither tag nor digest",
        ),
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
        ("[[repository]]\nbranch = \"main\"", "`url` is missing"),
        ("[[repository]]\nurl = \"ssh://github.com/a/b\"", "cannot clone over `ssh`"),
        ("[[repository]]\nurl = \"https://x/a\"\nbranch = \"refs/heads/main\"", "is not a branch name"),
        ("[[repository]]\nurl = \"https://x/a\"\nbranch = \"-x\"", "is not a branch name"),
        ("[[repository]]\nurl = \"http://x.example/a\"\ntoken-env = \"T\"", "in the clear"),
        ("[[repository]]\nurl = \"/srv/a\"\ntoken-env = \"T\"", "a path takes no `token-env`"),
        ("[[repository]]\nurl = \"https://x/a\"\n[[repository]]\nurl = \"https://x/a\"", "listed twice"),
        ("[[repository]]\nurl = \"https://x/a.git\"\n[[repository]]\nurl = \"https://x/a/\"", "listed twice"),
        ("[[registry]]\nlocation = \"a.example\"", "`prefix` is missing"),
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
        ("schedule = \"0 0 30 2 *\"", "it never comes true"),
        ("[limits]\ncpu-time = \"0s\"", "nothing can be read in no time"),
        (
            "[[registry]]\nprefix = \"a.example\"\n[[registry]]\nprefix = \"A.Example\"\ninsecure = true",
            "`a.example` is described twice",
        ),
        (
            "[[repository]]\nurl = \"https://X.example/a\"\n[[repository]]\nurl = \"https://x.example:443/a.git\"",
            "listed twice",
        ),
        ("schedule = 5", "this is text, and here is a number"),
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
        "[[repository]]\nurl = \"https://x/a\"\nkey-for-it = \"hunter2\"",
        "[[repository]]\nurl = \"https://x/a\"\ntokens = [\n  \"hunter2\" \"x\",\n]",
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
