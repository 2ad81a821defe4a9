//! The quick reader against the parser.

use std::path::Path;

use crate::manifest::syntax::tree::SyntaxTree;
use crate::manifest::syntax::yaml::builder::Builder;

/// Returns what a tree is, as text.
fn shown(tree: &SyntaxTree<'_>) -> String {
    let mut wide: Vec<_> = tree.wide.keys().collect();
    wide.sort();
    let lists = (&tree.texts, &tree.tags, &tree.collections, &tree.items, &tree.entries);
    format!("{:?}", (&tree.nodes, lists, &tree.documents, tree.is_linked, &tree.comments, wide))
}

/// Returns whether the quick reader reads a text, which then has the tree that the parser makes.
fn is_read_alike(text: &str) -> bool {
    let mut quick = Builder::new(text);
    if !quick.read_quickly(text) {
        return false;
    }
    let mut slow = Builder::new(text);
    slow.parse(text);
    assert_eq!(shown(&quick.finish()), shown(&slow.finish()), "{text:?}");
    true
}

fn files(directory: &Path, found: &mut Vec<String>) {
    let mut entries: Vec<_> =
        fs_err::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json") {
            found.extend(fs_err::read_to_string(path).ok());
        }
    }
}

#[test]
fn what_is_read_quickly_is_what_the_parser_reads() {
    for text in [
        "# a\n---\n# b\na: 1 # c\nb:\n  c: \"d\"\n  e:\n  - 1\n  - f: 2\n    g:\n\n  # h\n  i: |\n    j\n     k\n\n  l: []\nm:\n---\nn: 1\n",
        "a:\n-   b\n-  - c\n   - {d: e, f: [g, 'h']}\ni: >-\n  j\n  k\n\n   l\n  m\n\nn: |+\n  o\n\n",
        "a : b\n'c d': e\nf: g:h\ni: # j\nk: \nl: http://m#n # o\np: -q\n",
        "a: b\n  c\n\n\n  - d\ne: 'f''g\n  h'\ni: \"j\\\"\n\n  k\"\nl:\n  - # m\n    n\n",
    ] {
        assert!(is_read_alike(text), "{text:?}");
    }
    for text in [
        "a: &b c\n",
        "a: !b c\n",
        "? a\n: b\n",
        "a: \"\\x41\"\n",
        "a: [b,\n  c]\n",
        "<<: *a\n",
        "%YAML 1.2\n---\na: b\n",
        "a: b\r\n",
        "a:\tb\n",
        "- a\nb: c\n",
        "a: b: c\n",
        "a\n",
        "--- a\n",
        "a: |2\n  b\n",
        "a: b\u{85}c: d\n",
    ] {
        assert!(!is_read_alike(text), "{text:?}");
    }
}

#[test]
fn whatever_becomes_of_a_text_is_read_alike() {
    const PIECES: [&str; 40] = [
        "- ", ": ", "#", " #", "'", "\"", "|", ">", "|-\n", "[", "]", "{", "}", ",", "&a ", "*a", "!t ",
        "? ", "\t", " ", "  ", "\n", "---\n", "...", "%", "<<", "\\", ":", "-", "{}", "[]", "é", "\u{85}",
        "\r", "@", "\n\n", "\n  ", "# x\n", "~", ">-\n",
    ];
    let mut texts = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &mut texts);
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below.max(1)
    };
    let mut read = 0;
    for text in &texts {
        is_read_alike(text);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for _ in 0..10 {
            let first = random(lines.len());
            let mut part = lines[first..(first + 1 + random(12)).min(lines.len())].concat();
            for _ in 0..random(4) {
                let at = part.floor_char_boundary(random(part.len() + 1));
                let end = part.floor_char_boundary((at + random(4)).min(part.len())).max(at);
                let piece = if random(3) == 0 { "" } else { PIECES[random(PIECES.len())] };
                part.replace_range(at..if piece.is_empty() { end } else { at }, piece);
            }
            read += usize::from(is_read_alike(&part));
        }
    }
    assert!(read > texts.len() / 4, "{read} of {}", texts.len());
}
