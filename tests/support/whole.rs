//! What is found without reading every document is what is found by reading them all, or more where one is broken.

use std::collections::BTreeSet;
use std::ops::Range;

use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::{Ignore, Located, Scan, scan_whole};

/// Panics where reading every document finds another image than reading only those that may hold one.
pub(crate) fn same_as_whole(path: &str, bytes: &[u8], scan: &Scan) {
    let whole = scan_whole(path, bytes, &BUILT_IN);
    let place = |located: &Located| {
        let site = &located.site;
        // Where a document is broken, the parser may take it for two.
        let document = whole.unread.is_empty().then_some(site.document);
        (document, site.span.clone(), site.image.clone(), site.state, located.line, located.column)
    };
    let found: Vec<_> = scan.sites.iter().map(place).collect();
    let mut in_whole = whole.sites.iter().map(place);
    if whole.unread.is_empty() {
        assert!(in_whole.eq(found), "{scan:#?}\n{whole:#?}");
    } else {
        // What is broken, as a quote that is never closed, may hide what follows from a parser that goes on; a document
        // that is read alone is not hidden. And a quote that such a parser takes over the end of a document is no YAML.
        let is_said = |span: &Range<usize>| {
            let end =
                bytes.get(..span.start).unwrap_or_default().windows(4).filter(|it| it == b"\n---").count();
            scan.unread.iter().any(|unread| unread.document.is_none_or(|at| at <= end))
        };
        assert!(in_whole.all(|it| found.contains(&it) || is_said(&it.1)), "{scan:#?}\n{whole:#?}");
    }
    // What the parser says may differ: it does not see what comes after the document.
    let said = |scan: &Scan| -> BTreeSet<_> { scan.unread.iter().map(|unread| unread.reason).collect() };
    assert!(said(scan).is_subset(&said(&whole)), "{scan:#?}\n{whole:#?}");
    if whole.unread.is_empty() {
        // A comment that is about nothing is not seen where nothing is read.
        let is_seen = |ignore: &&Ignore| ignore.used || scan.ignores.contains(ignore);
        let seen: Vec<_> = whole.ignores.iter().filter(is_seen).collect();
        assert_eq!(scan.ignores.iter().collect::<Vec<_>>(), seen);
        assert_eq!(scan.kustomize, whole.kustomize);
    }
}
