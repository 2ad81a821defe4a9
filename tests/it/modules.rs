//! A file of tests that nobody declares is a file of tests that never runs, and a long one is not read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Adds `file` and the files of the modules that it declares.
fn add_declared(file: &Path, into: &mut BTreeSet<PathBuf>) {
    let text = fs_err::read_to_string(file).unwrap();
    let folder = file.parent().unwrap();
    let is_root = file.ends_with("mod.rs") || file.ends_with("main.rs");
    let children = if is_root { folder.to_owned() } else { file.with_extension("") };
    let mut path = None;
    for line in text.lines().map(str::trim) {
        let declared = line.strip_prefix("pub(crate) ").unwrap_or(line);
        let declared = declared.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'));
        if let Some(name) = declared {
            let places = match path.take() {
                Some(path) => vec![folder.join(path)],
                None => vec![children.join(format!("{name}.rs")), children.join(name).join("mod.rs")],
            };
            places.iter().filter(|place| place.is_file()).for_each(|place| add_declared(place, into));
        }
        path = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")).map(str::to_owned);
    }
    into.insert(fs_err::canonicalize(file).unwrap());
}

fn add_files(directory: &Path, into: &mut BTreeSet<PathBuf>) {
    for entry in fs_err::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.insert(fs_err::canonicalize(path).unwrap());
        }
    }
}

fn forgotten(tests: &Path) -> Vec<PathBuf> {
    let (mut declared, mut all) = (BTreeSet::new(), BTreeSet::new());
    for program in ["it", "programs"] {
        add_declared(&tests.join(program).join("main.rs"), &mut declared);
    }
    add_files(tests, &mut all);
    all.difference(&declared).cloned().collect()
}

#[test]
fn every_file_of_tests_is_declared() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    assert_eq!(
        forgotten(&tests),
        Vec::<PathBuf>::new(),
        "these files are not compiled: declare them with `mod`"
    );
}

#[test]
fn a_forgotten_file_is_seen() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("it/main.rs", "mod a;\nmod b;\n#[path = \"../support/mod.rs\"]\nmod support;\n"),
        ("it/a.rs", ""),
        ("it/b/mod.rs", "mod c;\nmod d;\n"),
        ("it/b/c.rs", "// mod forgotten;\n"),
        ("it/b/d.rs", "pub(crate) mod e;\n"),
        ("it/b/d/e.rs", ""),
        ("it/b/forgotten.rs", ""),
        ("programs/main.rs", ""),
        ("programs/forgotten/mod.rs", ""),
        ("support/mod.rs", ""),
        ("forgotten.rs", ""),
    ] {
        let path = directory.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    let root = fs_err::canonicalize(directory.path()).unwrap();
    let found = forgotten(directory.path());
    let names: Vec<_> =
        found.iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["forgotten.rs", "it/b/forgotten.rs", "programs/forgotten/mod.rs"]);
}

#[test]
fn no_file_of_code_is_longer_than_five_hundred_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = BTreeSet::new();
    ["src", "tests"].iter().for_each(|folder| add_files(&root.join(folder), &mut files));
    let long: Vec<_> = files
        .into_iter()
        .map(|file| (fs_err::read_to_string(&file).unwrap().lines().count(), file))
        .filter(|(lines, _)| *lines > 500)
        .collect();
    assert_eq!(long, Vec::new(), "split these files by what they are about");
}
