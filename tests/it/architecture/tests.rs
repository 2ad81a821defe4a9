//! The guard on small trees that are made up.

use super::rules::{circles, doubled_names, violations};
use super::source::Modules;

const ORDER: [&[&str]; 4] = [&["value", "other"], &["low"], &["high"], &["lib", "main"]];

fn read(files: &[(&str, &str)]) -> Modules {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    Modules::read(directory.path())
}

fn wrong(files: &[(&str, &str)]) -> Vec<String> {
    let (arrows, lost) = read(files).arrows("made_up");
    assert_eq!(lost, Vec::<String>::new());
    violations(&arrows, &ORDER)
}

const LIB: (&str, &str) = ("lib.rs", "pub mod high;\npub mod low;\npub mod value;\n");

#[test]
fn arrows_lead_to_the_file_that_defines() {
    let modules = read(&[
        ("lib.rs", "pub mod a;\npub mod b;\npub use a::deep::Thing;\n"),
        ("main.rs", "use made_up::b as other;\nfn main() { other::act(); made_up::Thing::new(); }\n"),
        (
            "a/mod.rs",
            "//! A face.\npub(crate) mod deep;\nmod same;\npub use self::{deep::{Thing as Renamed, act}, same::same};\n",
        ),
        (
            "a/deep.rs",
            "pub struct Thing;\nimpl Thing { pub fn new() {} }\npub const fn act() {}\npub mod inner { pub const X: u8 = 0; }\n",
        ),
        ("a/same.rs", "pub fn same() {}\npub fn more() { super::super::b::act(); }\n"),
        (
            "b.rs",
            "use std::fmt;\nuse crate::a::{self, Renamed, same};\n\
             #[derive(Debug)]\npub(crate) struct B<'a>(&'a str);\n\
             #[cfg(test)]\nmod tests { use crate::main::Missing; use super::*; }\n\
             pub fn act() -> impl Sized + use<> { use a::deep; println!(\"{}\", deep::inner::X); fmt::Error::default() }\n",
        ),
    ]);
    let (arrows, lost) = modules.arrows("made_up");
    assert_eq!(lost, Vec::<String>::new());
    let found: Vec<String> =
        arrows.iter().flat_map(|(from, to)| to.iter().map(move |to| format!("{from} -> {to}"))).collect();
    assert_eq!(
        found,
        [
            "a/mod.rs -> a/deep.rs",
            "a/mod.rs -> a/same.rs",
            "a/same.rs -> b.rs",
            "b.rs -> a/deep.rs",
            "b.rs -> a/same.rs",
            "lib.rs -> a/deep.rs",
            "main.rs -> a/deep.rs",
            "main.rs -> b.rs",
        ]
    );
}

#[test]
fn a_path_that_leads_nowhere_is_told() {
    let modules = read(&[LIB, ("high.rs", "use crate::low::Gone;"), ("low.rs", ""), ("value.rs", "")]);
    assert_eq!(modules.arrows("made_up").1, ["high.rs: crate::low::Gone"]);
}

#[test]
fn an_arrow_that_leads_up_is_wrong_behind_a_face_too() {
    let fine = [
        LIB,
        ("high/mod.rs", "mod thing;\npub use thing::Thing;\npub use crate::low::Low;\n"),
        ("high/thing.rs", "pub struct Thing(crate::low::Low);\n"),
        ("low.rs", "pub struct Low;\n"),
        ("value.rs", ""),
    ];
    assert_eq!(wrong(&fine), Vec::<String>::new());
    let mut up = fine;
    up[4].1 = "pub fn up() { assert!(crate::high::Thing::is_up()); }\n";
    assert_eq!(wrong(&up), ["value.rs -> high/thing.rs: high stands above value"]);
    // What is taken through a folder above stands below after all.
    up[4].1 = "pub type Through = crate::high::Low;\n";
    assert_eq!(wrong(&up), ["value.rs -> low.rs: low stands above value"]);
    let mut unknown = fine;
    unknown[0].1 = "pub mod high;\npub mod low;\npub mod value;\npub mod new;\n";
    let new = ("new.rs", "");
    assert_eq!(
        wrong(&[&unknown[..], &[new]].concat()),
        ["new.rs stands in a folder that has no place in the order"]
    );
}

#[test]
fn two_files_that_import_each_other_are_wrong() {
    let two = [
        ("lib.rs", "pub mod low;\n"),
        ("low/mod.rs", "pub mod a;\npub mod b;\n"),
        ("low/a.rs", "use super::b::B;\npub struct A(B);\n"),
        ("low/b.rs", "pub struct B;\nfn f() { super::a::A::new() }\n"),
    ];
    assert_eq!(wrong(&two), ["low/a.rs <-> low/b.rs: they import each other"]);
    let mut parent = two;
    parent[1].1 = "pub mod a;\npub mod b;\npub struct Shared(a::A);\n";
    parent[3].1 = "pub struct B(super::Shared);\n";
    assert_eq!(circles(&read(&parent).arrows("made_up").0).len(), 1);
    assert_eq!(wrong(&parent), Vec::<String>::new(), "three in a circle, no two of them each other");
}

#[test]
fn a_circle_of_four_files_is_wrong() {
    let four = [
        ("lib.rs", "pub mod low;\n"),
        ("low/mod.rs", "mod a;\nmod b;\nmod c;\nmod d;\npub use {a::A, b::B, c::C, d::D};\n"),
        ("low/a.rs", "pub struct A(super::B);\n"),
        ("low/b.rs", "pub struct B(super::C);\n"),
        ("low/c.rs", "pub struct C(super::D);\n"),
        ("low/d.rs", "pub struct D(super::A);\n"),
    ];
    assert_eq!(wrong(&four), ["a circle of 4 files: low/a.rs, low/b.rs, low/c.rs, low/d.rs"]);
    let mut three = four;
    three[4].1 = "pub struct C(super::A);\n";
    assert_eq!(wrong(&three), Vec::<String>::new());
}

#[test]
fn a_name_that_is_declared_twice_is_counted() {
    let modules = read(&[
        ("lib.rs", "pub mod a;\npub struct Once;\nfn f() { struct Local; }\n"),
        ("a.rs", "pub enum Twice {}\nmod inner { pub(super) trait Twice {} }\n#[cfg(test)]\nstruct Once;\n"),
    ]);
    assert_eq!(doubled_names(&modules), (2, vec!["Twice: a.rs, a.rs".to_owned()]));
}
