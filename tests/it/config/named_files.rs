//! Files that the configuration names, and the rules that need them.

use super::*;

#[test]
fn a_copy_of_the_example_works_where_none_of_its_files_are_and_names_those_that_are_here() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("tagpin.toml");
    fs_err::write(&copy, EXAMPLE).unwrap();
    let config = Config::load(Some(&copy), &Variables::default()).unwrap();
    let certificates: Vec<_> = config
        .registries
        .iter()
        .flat_map(|rule| [rule.tls.ca.is_some(), rule.tls.client.is_some()])
        .collect();
    assert!(certificates.iter().all(|named| !named) && config.registries_conf.is_none());

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["docs/cosign.pub", "docs/pull-request-body.jinja"] {
        assert!(EXAMPLE.contains(&format!("\"{file}\"")) && root.join(file).is_file(), "{file}");
        fs_err::create_dir_all(directory.path().join("docs")).unwrap();
        fs_err::copy(root.join(file), directory.path().join(file)).unwrap();
    }
    fs_err::write(&copy, whole_example()).unwrap();
    let config = Config::load(Some(&copy), &Variables::default()).unwrap();
    assert!(config.pull_request.template.is_some(), "the template of the example is right");
}

#[test]
fn a_template_is_read_with_the_file_that_names_it_and_its_errors_have_a_line() {
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
fn what_must_be_attached_to_a_digest_is_a_word_or_a_list_and_each_rule_overrides_its_keys() {
    let config = parse(
        "[policy]\nrequire = \"signature\"\nkeys = [\"a.pub\"]\n\
         [[policy.rule]]\npaths = [\"both/**\"]\nrequire = [\"attestation\", \"signature\"]\n\
         [[policy.rule]]\npaths = [\"other/**\"]\nkeys = [\"b.pub\"]\n\
         [[policy.rule]]\npaths = [\"none/**\"]\nrequire = []\n",
    )
    .unwrap();
    let demanded = |path: &str| {
        let demands = config.settings.policy.decide(path, &Reference::parse("nginx").unwrap(), None).demands;
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
        ("[[check.rule]]\npaths = [\"a\"]", "`level` is missing"),
        ("[[check.allow]]\npaths = [\"a\"]", "`reason` is missing"),
        ("[[check.allow]]\npaths = [\"a\"]\nreason = \" \"", "`reason` needs one line"),
        ("[[check.allow]]\npaths = [\"a\"]\nreason = \"x\"\nuntil = 2026-12-31T12:00:00", "is not a day"),
        ("[[environment]]\nname = \"a\"\npaths = [\"x/**\"]\nequal = true", "here is one"),
        ("[[environment]]\nname = \"a\"\npaths = [\"x/**\"]\n".repeat(2).as_str(), "is there twice"),
        ("[[environment]]\nname = \"a\"\npaths = [\"x/**\"]\nafter = \"b\"", "no environment `b` before"),
        ("[[hold]]\nreason = \"x\"", "does not say what it is for"),
        ("[[hold]]\npaths = [\"a\"]", "`reason` is missing"),
        ("[[hold]]\ntag = \"a:b\"\nreason = \"x\"", "is not a tag"),
        ("[[hold]]\ndigest = \"sha256:abc\"\nreason = \"x\"", "is not a digest"),
        ("[[hold]]\ntag = \"1\"\nreason = \"x\"\nuntil = 2026-12-31T12:00:00", "is not a day"),
    ] {
        let text = error(entry);
        assert!(text.contains(problem), "{entry}: {text}");
    }
}
