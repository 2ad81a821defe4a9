//! The cases of `fixtures/cases`: each a folder with the files before and after, and what became of every image.
//!
//! A case has `before/`, `outcomes.txt`, `after/` with the files that change, and where it needs them `config.toml` and
//! `registry.toml`, which says of a tag why the registry refuses it, or what its index lists. Digests are the sha256 of
//! `registry/repository:tag`, those of a platform's manifest of that and ` os/architecture`, so that a case can be
//! read without a registry. `TAGPIN_BLESS=1 cargo test --test it cases::` writes what tagpin does now: read the difference
//! before you commit it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tagpin::config::Config;
use tagpin::history::ledger::LedgerView;
use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::scan;
use tagpin::plan::Pinned;
use tagpin::plan::pin::pin;
use tagpin::source::tree::DirectoryTree;

use crate::support::answering::Answering;
use crate::support::directory::{copy, sorted};

#[test]
fn every_case_is_as_it_should_be() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    let bless = std::env::var_os("TAGPIN_BLESS").is_some();
    let mut failures = Vec::new();
    let mut count = 0;
    for case in sorted(&cases) {
        count += 1;
        if let Err(failure) = run(&case, bless) {
            failures.push(format!("{}:\n{failure}", case.strip_prefix(&cases).unwrap().display()));
        }
    }
    assert!(count > 20, "only {count} cases were found");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn run(case: &Path, bless: bool) -> Result<(), String> {
    let config = read(&case.join("config.toml")).map_or_else(Config::default, |bytes| {
        Config::parse("config.toml", case, &bytes)
            .unwrap_or_else(|error| panic!("{}: {error}", case.display()))
    });
    let registry = Answering::of_case(case, &[]);
    let work = tempfile::tempdir().unwrap();
    copy(&case.join("before"), work.path());
    for path in files_below(&case.join("before")) {
        let bytes = read(&case.join("before").join(&path)).unwrap_or_default();
        let path = path.to_string_lossy();
        crate::support::whole::same_as_whole(&path, &bytes, &scan(&path, &bytes, &BUILT_IN));
    }
    let first = pin_directory(work.path(), &config, &registry);
    for file in &first.files {
        assert_eq!(fs_err::read(work.path().join(&file.path)).unwrap(), file.before);
        tagpin::atomic_file::replace(&work.path().join(&file.path), &file.after).unwrap();
    }
    let again = pin_directory(work.path(), &config, &registry);
    let mut problems = String::new();
    if !again.files.is_empty() {
        let files: Vec<_> = again.files.iter().map(|file| &file.path).collect();
        let _ = writeln!(problems, "a second run changes {files:?}");
    }
    let outcomes = outcomes(&first);
    if bless {
        fs_err::write(case.join("outcomes.txt"), &outcomes).unwrap();
        let _ = fs_err::remove_dir_all(case.join("after"));
        for file in &first.files {
            let path = case.join("after").join(&file.path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, &file.after).unwrap();
        }
    }
    let expected = read(&case.join("outcomes.txt")).unwrap_or_default();
    if expected != outcomes.as_bytes() {
        let _ = writeln!(problems, "expected:\n{}\nfound:\n{outcomes}", String::from_utf8_lossy(&expected));
    }
    let mut unchanged = files_below(&case.join("after"));
    for file in &first.files {
        let path = PathBuf::from(&file.path);
        unchanged.retain(|expected| *expected != path);
        match read(&case.join("after").join(&path)) {
            None => {
                let _ = writeln!(problems, "{} changes and should not", file.path);
            }
            Some(after) if after != file.after => {
                let diff = tagpin::report::diff::unified(&file.path, &after, &file.after);
                let _ = writeln!(problems, "expected (-) and found (+):\n{diff}");
            }
            Some(_) => {}
        }
    }
    for path in unchanged {
        let _ = writeln!(problems, "{} should change and does not", path.display());
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn pin_directory(root: &Path, config: &Config, registry: &Answering) -> Pinned {
    let tree = DirectoryTree::open(root).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(pin(&tree, &config.settings, &LedgerView::default(), registry, |_, _| {})).unwrap()
}

fn outcomes(pinned: &Pinned) -> String {
    let mut text = String::new();
    for ((file, located), verdict) in pinned.inventory.sites().zip(&pinned.verdicts) {
        let reason = verdict.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        let (line, column) = (located.line, located.column);
        let (path, image) = (&file.path, &located.site.image);
        let _ = writeln!(text, "{path}:{line}:{column} {}{reason} {image}", verdict.outcome.as_str());
    }
    for (path, unread) in pinned.inventory.unread() {
        let document = unread.document.map(|document| format!("#{document}")).unwrap_or_default();
        let _ = writeln!(text, "{path}{document} unread ({})", unread.reason.as_str());
    }
    for file in &pinned.inventory.files {
        for ignore in file.scan.ignores.iter().filter(|ignore| ignore.problem().is_some()) {
            let _ = writeln!(text, "{}:{} unused ignore", file.path, ignore.place.line);
        }
    }
    for note in &pinned.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn read(path: &Path) -> Option<Vec<u8>> {
    fs_err::read(path).ok()
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = if directory.is_dir() { vec![directory.to_owned()] } else { Vec::new() };
    while let Some(next) = open.pop() {
        for path in sorted(&next) {
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path.strip_prefix(directory).unwrap().to_owned());
            }
        }
    }
    files
}
