//! The rules of `check`: the cases of `fixtures/check`, and the page of every rule.
//!
//! A case is a folder with `tree/`, `findings.txt`, and where it needs them `config.toml`, `date.txt` (2026-06-01
//! otherwise), `before/` with the files that a change starts from, and `registry.toml`, which makes it online and is that
//! of `tests/it/cases.rs`. `ledger/` has the files of a ledger of tags. `TAGPIN_BLESS=1 cargo test --test it check::` writes what the rules find now, and `docs/rules.md`: read the
//! difference before you commit it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use tagpin::check::{
    self, Base, CheckContext, Checked, GateRule, RegistryFacts, Severity, UncheckedSite, online, rules,
};
use tagpin::config::Config;
use tagpin::history::ledger::{Ledger, LedgerState, LedgerView};
use tagpin::source::tree::{DirectoryTree, Tree as _, renames};

use crate::support::answering::Answering;
use crate::support::directory::{copy, sorted};

/// The day on which cases are checked that do not name another.
const TODAY: &str = "2026-06-01";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn bless() -> bool {
    std::env::var_os("TAGPIN_BLESS").is_some()
}

/// What is checked, and how.
struct Setting<'s> {
    config: Config,
    past: LedgerView,
    today: &'s str,
    /// The files before the change that is judged.
    before: Option<&'s Path>,
    registry: Option<Answering>,
}

/// Returns what is found in the files below `tree`, and what could not be checked.
fn check(tree: &Path, setting: &Setting<'_>) -> (Checked, Vec<UncheckedSite>) {
    let config = &setting.config;
    let inventory =
        |tree: &Path| check::take_inventory(&DirectoryTree::open(tree).unwrap(), &config.settings).unwrap();
    let now = inventory(tree);
    let before = setting.before.map(inventory);
    let touched = BTreeMap::new();
    let renamed = setting.before.map(|before| renamed(before, tree)).unwrap_or_default();
    let entries = DirectoryTree::open(tree).unwrap().entries().unwrap();
    let there = entries.into_iter().map(|entry| entry.path).collect();
    let base = before.as_ref().map(|inventory| Base {
        inventory,
        edited: &[],
        touched: &touched,
        renamed: &renamed,
        there: &there,
    });
    let online = setting.registry.as_ref().map(|registry| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ask = online::ask(&config.settings, &setting.past, registry, &now, |_| true, |_, _| {});
        runtime.block_on(ask)
    });
    let today: jiff::civil::Date = setting.today.parse().unwrap();
    let online = online.as_ref();
    let context = CheckContext {
        inventory: &now,
        settings: &config.settings,
        check: &config.check,
        today,
        now: today.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp(),
        base,
        is_change: before.is_some(),
        baseline: None,
        online,
    };
    let unchecked = online.map(RegistryFacts::unchecked).unwrap_or_default();
    (check::check(&context), unchecked)
}

/// Returns the old names of the files that have another one now.
fn renamed(before: &Path, now: &Path) -> BTreeMap<String, String> {
    let files = |directory: &Path, other: &Path| -> Vec<(String, Vec<u8>)> {
        let tree = DirectoryTree::open(directory).unwrap();
        let entries = tree.entries().unwrap().into_iter();
        let gone = entries.filter(|entry| !other.join(&entry.path).exists());
        gone.map(|entry| (entry.path.clone(), tree.read(&entry.path, u64::MAX).unwrap())).collect()
    };
    renames(&files(before, now), &files(now, before))
}

/// Returns what the ledger with its files in `directory` says on the day, at noon.
fn past(directory: &Path, today: &str) -> LedgerView {
    let now = format!("{}T12:00:00Z", today.trim()).parse().unwrap();
    if !directory.join("tags").is_dir() {
        return LedgerView::new(LedgerState::Nothing, now);
    }
    fs_err::write(directory.join("VERSION"), "1\n").unwrap();
    let ledger = Ledger::read(&DirectoryTree::open(directory).unwrap()).unwrap();
    assert_eq!(ledger.broken().next(), None);
    LedgerView::new(LedgerState::Read(Arc::new(ledger)), now)
}

fn told((checked, unchecked): &(Checked, Vec<UncheckedSite>)) -> String {
    let mut text = String::new();
    for finding in &checked.findings {
        let place = finding.place.as_ref().map_or_else(String::new, |place| {
            format!(":{}:{}-{}:{}", place.line, place.column, place.end_line, place.end_column)
        });
        let (file, level, rule) = (&finding.file, finding.level.as_str(), finding.rule.id);
        let _ = writeln!(text, "{file}{place} {level} {rule}: {}", finding.message);
        if let Some(fix) = &finding.fix {
            let _ = writeln!(text, "  hint: {}", fix.hint());
        }
    }
    if checked.allowed > 0 {
        let _ = writeln!(text, "{} allowed", checked.allowed);
    }
    if checked.before > 0 {
        let _ = writeln!(text, "{} before", checked.before);
    }
    for UncheckedSite { reference, reason, detail } in unchecked {
        let _ = writeln!(text, "not checked: {reference}: {reason}: {detail}");
    }
    text
}

#[test]
fn every_case_is_as_it_should_be() {
    let cases = root().join("fixtures/check");
    let (mut failures, mut seen, mut silent) = (String::new(), BTreeMap::new(), 0);
    for case in sorted(&cases) {
        let name = case.strip_prefix(&cases).unwrap().display().to_string();
        let config = fs_err::read(case.join("config.toml")).map_or_else(
            |_| Config::default(),
            |bytes| {
                Config::parse("config.toml", &case, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
            },
        );
        let today = fs_err::read_to_string(case.join("date.txt")).unwrap_or_else(|_| TODAY.to_owned());
        // What git ignores must not hide a case.
        let work = tempfile::tempdir().unwrap();
        copy(&case.join("tree"), work.path());
        let before = tempfile::tempdir().unwrap();
        let is_change = case.join("before").is_dir();
        if is_change {
            copy(&case.join("before"), before.path());
        }
        let mirrors = config.registries.clone();
        let ledger = tempfile::tempdir().unwrap();
        if case.join("ledger").is_dir() {
            copy(&case.join("ledger"), ledger.path());
        }
        let setting = Setting {
            config,
            past: past(ledger.path(), &today),
            today: today.trim(),
            before: is_change.then_some(before.path()),
            registry: case.join("registry.toml").is_file().then(|| Answering::of_case(&case, &mirrors)),
        };
        let checked = check(work.path(), &setting);
        for finding in &checked.0.findings {
            *seen.entry(finding.rule.id).or_insert(0) += 1;
        }
        silent += usize::from(checked.0.findings.is_empty());
        let found = told(&checked);
        if bless() {
            fs_err::write(case.join("findings.txt"), &found).unwrap();
        }
        let expected = fs_err::read_to_string(case.join("findings.txt")).unwrap_or_default();
        if expected != found {
            let _ = writeln!(failures, "{name}: expected:\n{expected}\nfound:\n{found}");
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(silent > 0, "no case is clean");
    for rule in rules::ALL {
        assert!(seen.contains_key(rule.id), "no case has a finding of `{}`", rule.id);
    }
}

#[test]
fn ids_are_distinct_and_kebab_case() {
    let mut ids: Vec<&str> = rules::ALL.iter().map(|rule| rule.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for rule in rules::ALL {
        assert!(rule.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", rule.id);
        assert!(!rule.title.ends_with('.'), "{}", rule.id);
        assert_eq!(rules::by_id(rule.id), Some(rule));
        for other in rule.supersedes {
            assert!(rules::by_id(other).is_some(), "`{}` supersedes `{other}`, which is no rule", rule.id);
        }
    }
}

/// Writes the files of an example, each behind a line `# file: NAME`, and returns the configuration that is among them, with
/// what the files of a ledger say.
fn write_example(example: &str, directory: &Path) -> (Config, LedgerView) {
    let mut config = Config::default();
    let ledger = tempfile::tempdir().unwrap();
    for part in example.split("# file: ").filter(|part| !part.trim().is_empty()) {
        let (name, text) = if example.starts_with("# file: ") {
            part.split_once('\n').unwrap()
        } else {
            ("compose.yaml", part)
        };
        if name == "tagpin.toml" {
            config = Config::parse(name, directory, text.as_bytes()).unwrap();
            continue;
        }
        let path = if name.starts_with("tags/") { ledger.path() } else { directory }.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    (config, past(ledger.path(), TODAY))
}

#[test]
fn examples_are_bad_and_good() {
    let nothing = tempfile::tempdir().unwrap();
    for rule in rules::ALL {
        for (example, is_bad) in [(rule.bad, true), (rule.good, false)] {
            let work = tempfile::tempdir().unwrap();
            let (config, past) = write_example(example, work.path());
            let mirrors = config.registries.clone();
            let setting = Setting {
                config,
                past,
                today: TODAY,
                before: (rule.id == "gate-edited").then_some(nothing.path()),
                registry: rule.online.then(|| Answering::of_case(nothing.path(), &mirrors)),
            };
            let checked = check(work.path(), &setting);
            let found = checked.0.findings.iter().any(|finding| finding.rule == rule);
            assert_eq!(found, is_bad, "`{}`: {}\n{example}", rule.id, told(&checked));
            let is_clean = checked.0.findings.is_empty();
            assert!(is_bad || is_clean, "`{}`: {}\n{example}", rule.id, told(&checked));
        }
    }
}

const MARKS: (&str, &str) = ("<!-- rules -->\n", "<!-- end -->");

#[test]
fn the_page_of_rules_is_not_stale() {
    let path = root().join("docs/rules.md");
    let written = fs_err::read_to_string(&path).unwrap();
    let (before, rest) = written.split_once(MARKS.0).unwrap();
    let (_, after) = rest.split_once(MARKS.1).unwrap();
    let page = format!("{before}{}{}{}{after}", MARKS.0, page(), MARKS.1);
    if bless() {
        fs_err::write(&path, &page).unwrap();
        return;
    }
    assert!(written == page, "docs/rules.md is stale: TAGPIN_BLESS=1 cargo test --test it check:: writes it");
}

fn page() -> String {
    let mut page =
        "\n| rule | what is wrong | level | `--fix` | needs `--online` |\n|---|---|---|---|---|\n".to_owned();
    let yes = |yes| if yes { "yes" } else { "" };
    for GateRule { id, title, level, fixable, online, .. } in rules::ALL {
        let (level, fixable, online) = (level.as_str(), yes(*fixable), yes(*online));
        let _ = writeln!(page, "| [`{id}`](#{id}) | {title} | {level} | {fixable} | {online} |");
    }
    for GateRule { id, title, level, explanation, bad, good, fixable, .. } in rules::ALL {
        let mends = if *fixable { " `tagpin check --fix` and `tagpin pin` mend it." } else { "" };
        let level = level.as_str();
        let _ = writeln!(page, "\n## {id}\n\n{title}. Default level: {level}.{mends}\n\n{explanation}\n");
        let _ = writeln!(page, "Bad:\n\n```yaml\n{bad}```\n\nGood:\n\n```yaml\n{good}```");
    }
    page + "\n"
}

/// The levels are those of SARIF, and ordered.
#[test]
fn levels_are_ordered_as_their_words() {
    let levels: Vec<Severity> = Severity::WORDS.iter().map(|(_, level)| *level).collect();
    assert!(levels.is_sorted());
    assert!(Severity::WORDS.iter().all(|(word, level)| *word == level.as_str()));
}
