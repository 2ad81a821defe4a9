//! What `tagpin check` prints and writes: the same findings in every format, each as its readers want it.

use std::path::{Path, PathBuf};

use quick_xml::events::Event;
use serde_json::{Map, Value, json};

use crate::support::checkout::Scene;

const PIN: &str = "sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd";

/// One finding, as every format has it: level, rule, file, line and column.
type Told = (String, String, String, u64, u64);

fn compose(images: &[&str]) -> String {
    let services = images.iter().enumerate().map(|(i, image)| format!("  s{i}:\n    image: {image}\n"));
    format!("services:\n{}", services.collect::<String>())
}

/// A repository with findings of every level, about images, comments, a file of settings, and a file as a whole.
fn scene() -> Scene {
    let pinned = format!("redis:7@{PIN}");
    let scene = Scene::new(&[
        ("apps/a b.yaml", &compose(&["redis:7", "mysql", "${IMAGE}", "nginx:latest", &pinned])),
        ("apps/clean.yaml", &compose(&[&pinned])),
        ("apps/ignore.yaml", "# tagpin: ignore nothing is here\na: 1\n"),
    ]);
    let allow = "[[check.allow]]\nimages = [\"none/*\"]\nreason = \"gone\"\nuntil = 2020-01-01\n";
    scene.write("tagpin.toml", allow);
    scene
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn of_json(document: &Value) -> Vec<Told> {
    let findings = document["findings"].as_array().unwrap().iter();
    let told = findings.map(|finding| {
        let number = |key: &str| finding[key].as_u64().unwrap_or(1);
        (
            text(&finding["level"]),
            text(&finding["rule"]),
            text(&finding["file"]),
            number("line"),
            number("column"),
        )
    });
    told.collect()
}

fn of_sarif(log: &Value) -> Vec<Told> {
    let results = log["runs"][0]["results"].as_array().unwrap().iter();
    let told = results.map(|result| {
        let place = &result["locations"][0]["physicalLocation"];
        let uri = text(&place["artifactLocation"]["uri"]).replace("%20", " ");
        let number = |key: &str| place["region"][key].as_u64().unwrap();
        (text(&result["level"]), text(&result["ruleId"]), uri, number("startLine"), number("startColumn"))
    });
    told.collect()
}

fn of_github(lines: &str) -> Vec<Told> {
    let told = lines.lines().map(|line| {
        let (command, rest) = line.strip_prefix("::").unwrap().split_once(' ').unwrap();
        let (properties, _) = rest.split_once("::").unwrap();
        let value = |name: &str| {
            let mut all = properties.split(',').filter_map(|property| property.split_once('='));
            all.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let number = |name: &str| value(name).map_or(1, |value| value.parse().unwrap());
        let level = command.replace("notice", "note");
        let rule = value("title").unwrap().strip_prefix("tagpin%3A ").unwrap().to_owned();
        (level, rule, value("file").unwrap().to_owned(), number("line"), number("col"))
    });
    told.collect()
}

/// What is a failure is an error, and what is skipped is less: the text says which.
fn of_junit(xml: &str) -> Vec<Told> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut told, mut case, mut said) = (Vec::new(), (String::new(), String::new()), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return told,
            Event::Start(tag) | Event::Empty(tag) if tag.name().as_ref() == "testcase" => {
                let value = |name: &str| {
                    let attribute = tag.try_get_attribute(name).unwrap().unwrap();
                    attribute.value.into_owned()
                };
                case = (value("name"), value("file"));
            }
            Event::Start(_) => said.clear(),
            Event::Text(text) => said += &text,
            Event::End(tag) if ["failure", "skipped"].contains(&tag.name().as_ref()) => {
                let level = said.split_once(": ").unwrap().0.to_owned();
                let (rule, place) = case.0.split_once(" at ").unwrap_or((&case.0, "1:1"));
                let (line, column) = place.split_once(':').unwrap();
                let (line, column) = (line.parse().unwrap(), column.parse().unwrap());
                told.push((level, rule.to_owned(), case.1.clone(), line, column));
            }
            _ => {}
        }
    }
}

fn of_human(text: &str) -> Vec<Told> {
    let is_finding =
        |line: &&str| !line.starts_with(' ') && [".yaml:", ".toml:"].iter().any(|end| line.contains(end));
    let lines = text.lines().filter(is_finding);
    let told = lines.map(|line| {
        let mut parts = line.splitn(3, ": ");
        let (place, rule) = (parts.next().unwrap(), parts.next().unwrap());
        let (rule, level) = rule.split_once(" (").unwrap_or((rule, "error)"));
        let mut place = place.split(':');
        let file = place.next().unwrap().to_owned();
        let mut number = || place.next().map_or(1, |number| number.parse().unwrap());
        (level.trim_end_matches(')').to_owned(), rule.to_owned(), file, number(), number())
    });
    told.collect()
}

fn sorted(mut told: Vec<Told>) -> Vec<Told> {
    told.sort();
    told
}

const FORMATS: [&str; 5] = ["human", "json", "sarif", "github", "junit"];

#[test]
fn every_format_has_the_same_findings() {
    let scene = scene();
    let outputs: Vec<String> = FORMATS.iter().map(|format| format!("{format}=../out.{format}")).collect();
    let mut args = vec!["check", "--changed-since", "HEAD", "--format", "json"];
    // The settings are new in this change, and the files are not.
    let (code, out, err) = scene.run(&args);
    assert_eq!((code, of_json(&parse(&out)).len()), (0, 1), "a file as a whole: {out}{err}");
    args.truncate(1);
    for output in &outputs {
        args.extend(["--output", output]);
    }
    let (code, human, err) = scene.run(&args);
    assert_eq!(code, 1, "{err}");
    let file = |format: &str| scene.read(&format!("../out.{format}"));
    let told = of_json(&parse(&file("json")));
    let rules: Vec<&str> = told.iter().map(|(_, rule, ..)| rule.as_str()).collect();
    assert_eq!(
        rules,
        ["floating-tag", "no-tag", "unverifiable", "latest-tag", "unused-ignore", "expired-ignore"]
    );
    assert_eq!(of_human(&human), told);
    assert_eq!(file("human"), format!("{human}{err}"), "the file has the summary too");
    assert_eq!(of_sarif(&parse(&file("sarif"))), told);
    assert_eq!(sorted(of_github(&file("github"))), sorted(told.clone()));
    assert_eq!(sorted(of_junit(&file("junit"))), sorted(told), "{}", file("junit"));
    // And on standard output what is in the file.
    for format in FORMATS {
        let (code, out, err) = scene.run(&["check", "--format", format]);
        let err = if format == "human" { err.as_str() } else { "" };
        assert_eq!((code, format!("{out}{err}")), (1, file(format)), "{format}");
    }
}

#[test]
fn people_see_the_line_and_the_command_that_mends_it() {
    let scene = Scene::new(&[("a.yaml", "services:\n\n  x:\n    image: \"redis:7\" # old\n")]);
    let (code, out, err) = scene.run(&["check"]);
    let expected = "a.yaml:4:12: floating-tag: `redis:7` has a tag and no digest: what it names can change\n   |\n 4 |     image: \"redis:7\" # old\n   \
                    |            ^^^^^^^^^\n  hint: tagpin pin a.yaml\n";
    assert_eq!((code, out.as_str()), (1, expected), "{err}");
    let (_, coloured, _) = scene.run(&["check", "--color", "always"]);
    assert!(coloured.contains("\u{1b}[31m^^^^^^^^^\u{1b}[0m"), "{coloured}");
}

#[test]
fn a_pull_request_is_annotated_where_it_adds_a_floating_tag() {
    let pinned = format!("nginx:1.27@{PIN}");
    let scene = Scene::new(&[("apps/shop.yaml", &compose(&["redis:6", &pinned]))]);
    let base = scene.commit().to_string();
    scene.write("apps/shop.yaml", &compose(&["redis:6", &pinned, "ghcr.io/acme/api:1.8"]));
    scene.commit();
    let check = ["check", "--changed-since", &base, "--format"];
    let annotation = "::error file=apps/shop.yaml,line=7,endLine=7,col=12,endColumn=32,title=tagpin%3A floating-tag::\
                      `ghcr.io/acme/api:1.8` has a tag and no digest: what it names can change%0Ahint: tagpin pin apps/shop.yaml\n";
    let (code, out, err) = scene.run(&[&check[..], &["github"]].concat());
    assert_eq!((code, out.as_str()), (1, annotation), "{err}");
    // From the root of the repository, wherever the command runs.
    let (code, out, _) = scene.run_in(&scene.path("apps"), &[&check[..], &["github"]].concat(), b"");
    assert_eq!((code, out), (1, annotation.replace("pin apps/shop", "pin shop")));

    // Lines above it, and it is the same finding.
    let sarif = |scene: &Scene| {
        let (code, out, err) = scene.run(&[&check[..], &["sarif"]].concat());
        assert_eq!(code, 1, "{err}");
        let log = parse(&out);
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        assert_eq!(results.len(), 1, "{out}");
        let region = results[0]["locations"][0]["physicalLocation"]["region"].clone();
        (region, text(&results[0]["partialFingerprints"]["primaryLocationLineHash"]))
    };
    let (region, before) = sarif(&scene);
    assert_eq!(region, json!({"startLine": 7, "startColumn": 12, "endLine": 7, "endColumn": 32}));
    let moved = format!("# one\n# two\n{}", scene.read("apps/shop.yaml"));
    scene.write("apps/shop.yaml", &moved);
    scene.commit();
    let (region, after) = sarif(&scene);
    assert_eq!((region["startLine"].as_u64(), after), (Some(9), before.clone()));
    // Another image is another finding.
    scene.write("apps/shop.yaml", &moved.replace("api:1.8", "api:1.9"));
    scene.commit();
    assert_ne!(sarif(&scene).1, before);
}

/// Microsoft's npm package `@microsoft/jest-sarif` has the schema; `.ci/run` installs the version of `.ci/npm`.
fn sarif_schema() -> Option<Value> {
    let file = "target/npm/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json";
    let file = std::env::var_os("TAGPIN_SARIF_SCHEMA").map_or_else(|| PathBuf::from(file), PathBuf::from);
    match fs_err::read_to_string(&file) {
        Ok(schema) => Some(parse(&schema)),
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "skipped: the schema of SARIF is not installed: {error}");
            None
        }
    }
}

#[test]
fn sarif_is_valid_and_has_what_github_asks_for() {
    let scene = scene();
    scene.write("broken.yaml", "image: [\n");
    let (code, out, err) = scene.run(&["check", "--format", "sarif"]);
    assert_eq!(code, 1, "{err}");
    let log = parse(&out);
    if let Some(mut schema) = sarif_schema() {
        // One bracket too many: it is no regular expression.
        for definition in ["run", "toolComponent"] {
            let language =
                schema.pointer_mut(&format!("/definitions/{definition}/properties/language")).unwrap();
            language.as_object_mut().unwrap().remove("pattern");
        }
        let validator = jsonschema::draft4::new(&schema).unwrap();
        let errors: Vec<String> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let mut bad = log.clone();
        bad["runs"][0]["results"][0]["level"] = json!("fatal");
        assert!(!validator.is_valid(&bad), "the schema sees what is wrong");
    }
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false, "a file is broken");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), tagpin::check::rules::ALL.len());
    for rule in rules {
        for pointer in ["/shortDescription/text", "/fullDescription/text", "/help/text", "/help/markdown"] {
            let said = rule.pointer(pointer).and_then(Value::as_str);
            assert!(said.is_some_and(|said| !said.is_empty() && said.len() < 4096), "{pointer} of {rule}");
        }
    }
    let mut hashes = Vec::new();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
        assert!(!text(&place["artifactLocation"]["uri"]).starts_with('/'), "{place}");
        for field in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][field].as_u64().is_some_and(|number| number > 0), "{place}");
        }
        hashes.push(text(&result["partialFingerprints"]["primaryLocationLineHash"]));
    }
    let all = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), all, "no two findings are one for GitHub");
}

/// Returns the schema with no room for fields that it does not name: what is written is described.
fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut made: Map<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), closed(value))).collect();
            if fields.get("properties").is_some_and(Value::is_object) && fields.contains_key("type") {
                made.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            Value::Object(made)
        }
        Value::Array(values) => values.iter().map(closed).collect(),
        other => other.clone(),
    }
}

#[test]
fn json_is_as_its_schema_says() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/report.schema.json");
    let schema = parse(&fs_err::read_to_string(schema).unwrap());
    let (open, strict) = (
        jsonschema::draft202012::new(&schema).unwrap(),
        jsonschema::draft202012::new(&closed(&schema)).unwrap(),
    );
    let scene = scene();
    scene.write("broken.yaml", "image: [\n");
    scene.write("chart/values.yaml", "image:\n  repository: redis\n  tag: \"7\"\n");
    scene.write("alias.yaml", "x: &x {image: redis:7}\nservices:\n  a: *x\n");
    // No registry is at this port, and what cannot be asked is part of the document too.
    let place = "[[registry]]\nprefix = \"docker.io\"\nlocation = \"127.0.0.1:1\"\ninsecure = true\n";
    scene.write("../bot.toml", place);
    for (args, field) in [
        (&["list"][..], "references"),
        (&["check"], "findings"),
        (&["check", "--online", "--config", "../bot.toml"], "unchecked"),
        (&["pin", "--dry-run", "--config", "../bot.toml"], "outcomes"),
    ] {
        let (_, out, err) = scene.run(&[args, &["--format", "json"]].concat());
        let document = parse(&out);
        assert!(document.get(field).is_some(), "{args:?}: {err}");
        for validator in [&open, &strict] {
            let errors: Vec<String> =
                validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{args:?}: {errors:#?}");
        }
        let mut more = document.clone();
        more["references"][0]["later"] = json!(1);
        assert!(open.is_valid(&more), "a field that comes later is no error for readers of today");
        assert!(!strict.is_valid(&more), "and this test finds it");
    }
}

#[test]
fn names_of_others_steer_nothing() {
    let name = "a\n::error::b, %0A]]><x>&\u{1b}[2J|.yaml";
    let scene = Scene::new(&[(name, &compose(&["\"${X}##[error]y\"", "redis:7"]))]);
    let summary = scene.path("../summary.md");
    for format in FORMATS {
        let mut command = scene.command(&scene.path(""), &["check", "--format", format]);
        let output = command.env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(!out.contains('\u{1b}') && !err.contains('\u{1b}'), "{format}: {out}{err}");
        let commands: Vec<&str> =
            out.lines().chain(err.lines()).filter(|line| line.trim().starts_with("::")).collect();
        let ours = commands.iter().filter(|line| line.contains(",title=tagpin%3A ")).count();
        assert_eq!(
            (commands.len(), commands.len()),
            (ours, if format == "github" { ours } else { 0 }),
            "{out}"
        );
        if format != "github" {
            assert!(!out.contains("##[") && !err.contains("##["), "{format}: {out}{err}");
        }
        match format {
            "json" => assert_eq!(parse(&out)["findings"][0]["file"], name),
            "sarif" => drop(parse(&out)),
            "junit" => assert_eq!(of_junit(&out).len(), 2),
            _ => {}
        }
    }
    let page = fs_err::read_to_string(summary).unwrap();
    assert_eq!(page.lines().filter(|line| line.starts_with(['|'])).count(), 4, "{page}");
    assert!(!page.contains('\u{1b}') && !page.contains("\n::"), "{page}");
}

#[test]
fn the_step_summary_is_added_to_and_has_what_is_not_annotated() {
    let images: Vec<String> = (0..25).map(|number| format!("redis:{number}")).collect();
    let images: Vec<&str> = images.iter().map(String::as_str).collect();
    let scene = Scene::new(&[("a.yaml", &compose(&images))]);
    let summary = scene.path("../summary.md");
    fs_err::write(&summary, "before\n").unwrap();
    let run = |with: bool| {
        let mut command = scene.command(&scene.path(""), &["check", "--format", "github"]);
        if with {
            command.env("GITHUB_STEP_SUMMARY", &summary);
        }
        let output = command.output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (out, err) = run(true);
    assert_eq!(out.lines().count(), 10, "{out}");
    assert!(!err.contains("more than GitHub shows"), "{err}");
    let page = fs_err::read_to_string(&summary).unwrap();
    assert!(page.starts_with("before\n### tagpin check: 25 errors\n"), "{page}");
    assert_eq!(page.matches("`floating-tag`").count(), 25);
    assert!(run(false).1.contains("15 findings more than GitHub shows"));
    // Other formats leave it alone.
    let mut command = scene.command(&scene.path(""), &["check"]);
    command.env("GITHUB_STEP_SUMMARY", &summary).output().unwrap();
    assert_eq!(fs_err::read_to_string(&summary).unwrap(), page);
}

#[test]
fn outputs_that_cannot_be_written_are_refused_before_anything_is_done() {
    let scene = scene();
    fs_err::create_dir(scene.path("../directory")).unwrap();
    for (args, message) in [
        (&["--output", "sarif"][..], "FORMAT=FILE"),
        (&["--output", "sarif="], "FORMAT=FILE"),
        (&["--output", "xml=a"], "the formats are human, json, sarif, github, junit"),
        (&["--output", "html=a"], "the formats are"),
        (&["--output", "json=none/a"], "the directory of the output `none/a` does not exist"),
        (&["--output", "json=../directory"], "is not a regular file"),
        (&["--output", "json=../good", "--output", "sarif=../good"], "two outputs"),
        (&["--output", "json=../good", "--format", "html"], "no format `html`"),
    ] {
        let (code, out, err) = scene.run(&[&["check"], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(message), "{args:?}: {err}");
        assert!(!scene.path("../good").exists());
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../directory", scene.path("link")).unwrap();
        let (code, _, err) = scene.run(&["check", "--output", "json=link/report"]);
        assert_eq!(code, 2, "{err}");
        assert!(err.contains("leads through a symbolic link of the repository"), "{err}");
        assert!(!scene.path("../directory/report").exists());
        // A baseline neither.
        std::os::unix::fs::symlink("../directory/report", scene.path("known.json")).unwrap();
        for (file, message) in
            [("link/report", "leads through a symbolic link"), ("known.json", "is not a regular file")]
        {
            let (code, _, err) = scene.run(&["check", "--baseline", file, "--write-baseline"]);
            assert!(code == 2 && err.contains(message), "{code} {err}");
            assert!(!scene.path("../directory/report").exists());
        }
        fs_err::remove_file(scene.path("known.json")).unwrap();
    }
    for args in [
        &["list", "--format", "sarif"][..],
        &["pin", "--format", "junit"],
        &["config", "show", "--format", "github"],
    ] {
        let (code, out, err) = scene.run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains("this command has no format"), "{args:?}: {err}");
    }
    // A report of an earlier run is replaced, and is not read as a manifest.
    for _ in 0..2 {
        let (code, out, err) = scene.run(&["check", "apps", "--output", "json=report.json"]);
        assert_eq!((code, of_human(&out).len()), (1, 6), "{out}{err}");
    }
    let (_, out, err) = scene.run(&["check", "--output", "json=report.json"]);
    assert_eq!(of_human(&out).len(), 6, "{out}{err}");
}
