//! The parts of a body that may differ from run to run without being news: what is known beyond the digests depends on
//! how much a registry had to spare, and how many requests were sent is another number each time.
//!
//! They stand between comments that nobody sees, so that a run knows whether a body says what it should: a
//! pull request is not rewritten to say less than it does already.

use crate::reference::Digest;

const DETAILS: &str = "<!-- tagpin-details ";
const DETAILS_END: &str = "<!-- tagpin-details-end -->";
const REQUESTS: &str = "<!-- tagpin-requests -->";
const REQUESTS_END: &str = "<!-- tagpin-requests-end -->";

/// How much of what was wanted is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Completeness {
    pub(super) known: usize,
    pub(super) wanted: usize,
    /// How many requests of one registry it took, where that is all that they may cost.
    pub(super) most: Option<u64>,
}

pub(super) fn details(content: &str, Completeness { known, wanted, most }: Completeness) -> String {
    let content = content.trim();
    let most = most.map(|most| format!(" {most}")).unwrap_or_default();
    format!("{DETAILS}{known}/{wanted} {}{most} -->\n\n{content}\n\n{DETAILS_END}", hash(content))
}

pub(super) fn requests(content: &str) -> String {
    format!("{REQUESTS}\n\n{}\n\n{REQUESTS_END}", content.trim())
}

/// Returns whether a forge that was given `ours` may answer `theirs` for it: some store texts with `\r\n` and without white
/// space at the ends.
pub fn same_text(ours: &str, theirs: &str) -> bool {
    ours.trim().lines().eq(theirs.trim().lines())
}

/// Returns whether a pull request whose body is `theirs` may keep it where tagpin would write `ours`.
pub fn same_body(ours: &str, theirs: &str) -> bool {
    if same_text(ours, theirs) {
        return true;
    }
    let (ours, theirs) = (Parts::of(ours), Parts::of(theirs));
    if ours.rest != theirs.rest {
        return false;
    }
    match (ours.details, theirs.details) {
        (None, None) => true,
        (Some(ours), Some(theirs)) => {
            let tells_as_much = theirs.is_whole
                && ours.known.wanted == theirs.known.wanted
                && theirs.known.known >= ours.known.known;
            ours.content == theirs.content || (tells_as_much && ours.known.wanted > 0)
        }
        _ => false,
    }
}

/// Returns whether `body` tells everything beyond the digests that the settings ask for.
pub fn tells_all(body: &str) -> bool {
    Parts::of(body)
        .details
        .is_none_or(|details| details.is_whole && details.known.known == details.known.wanted)
}

/// Returns how many requests of one registry `body` tells as much with as they do; `None` where more was not known for
/// another reason.
pub(super) fn told_with(body: &str) -> Option<u64> {
    Parts::of(body).details.filter(|details| details.is_whole)?.known.most
}

struct Parts {
    /// All other lines, with one line in the place of each part.
    rest: Vec<String>,
    details: Option<DetailsPart>,
}

struct DetailsPart {
    known: Completeness,
    content: String,
    /// Whether nobody else has written in it.
    is_whole: bool,
}

impl Parts {
    fn of(body: &str) -> Self {
        let mut parts = Self { rest: Vec::new(), details: None };
        let mut lines = body.trim().lines();
        while let Some(line) = lines.next() {
            let line = line.trim_end();
            parts.rest.push(line.to_owned());
            let mut until =
                |end: &str| lines.by_ref().take_while(|line| line.trim_end() != end).collect::<Vec<_>>();
            if line == REQUESTS {
                drop(until(REQUESTS_END));
            } else if let Some((known, said)) = counted(line) {
                let content = until(DETAILS_END).join("\n").trim().to_owned();
                // The numbers are of the part.
                *parts.rest.last_mut().unwrap_or(&mut String::new()) = DETAILS.to_owned();
                let is_whole = hash(&content) == said;
                parts.details = Some(DetailsPart { known, content, is_whole });
            }
        }
        parts
    }
}

fn counted(line: &str) -> Option<(Completeness, &str)> {
    let mut words = line.strip_prefix(DETAILS)?.strip_suffix(" -->")?.split(' ');
    let (known, wanted) = words.next()?.split_once('/')?;
    let said = words.next()?;
    let most = words.next().and_then(|most| most.parse().ok());
    Some((Completeness { known: known.parse().ok()?, wanted: wanted.parse().ok()?, most }, said))
}

fn hash(content: &str) -> String {
    let text = content.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    Digest::sha256(text.trim().as_bytes()).short().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str, content: &str, known: usize, wanted: usize, count: &str) -> String {
        let (details, requests) =
            (details(content, Completeness { known, wanted, most: None }), requests(count));
        format!("{text}\n\n{details}\n\nmore\n\n{requests}\n\nend\n")
    }

    #[test]
    fn a_body_is_not_rewritten_to_say_less_or_to_count_requests() {
        let ours = body("a", "one\n\ntwo", 1, 2, "5 GET");
        for (theirs, same, why) in [
            (ours.clone(), true, "it is the same"),
            (ours.replace('\n', "\r\n"), true, "as a forge may store it"),
            (body("a", "one\n\ntwo", 1, 2, "9 GET"), true, "other requests"),
            (body("a", "one\n\ntwo\n\nthree", 2, 2, "5 GET"), true, "it tells more"),
            (body("a", "one\n\nthree", 1, 2, "5 GET"), true, "it tells as much of another"),
            (body("a", "one", 0, 2, "5 GET"), false, "it tells less"),
            (body("a", "one", 3, 3, "5 GET"), false, "something else was wanted"),
            (body("b", "one\n\ntwo", 1, 2, "5 GET"), false, "another text"),
            (
                body("a", "one\n\nthree", 1, 2, "5 GET").replace("three", "four"),
                false,
                "somebody wrote in it",
            ),
            ("a\n\nmore\n\nend\n".to_owned(), false, "it has no such parts"),
            (body("a", "one\n\ntwo", 1, 2, "5 GET").replace(DETAILS_END, ""), false, "a part has no end"),
        ] {
            assert_eq!(same_body(&ours, &theirs), same, "{why}");
        }
        let unwanted = |content| body("a", content, 0, 0, "");
        assert!(!same_body(&unwanted("one"), &unwanted("two")), "what depends on nobody is news");
    }

    #[test]
    fn line_ends_and_outer_white_space_are_no_change() {
        assert!(same_text("a\n\nb\n", "a\r\n\r\nb"));
        for other in ["a\nb", "a\n\nb c", "a\n\n b"] {
            assert!(!same_text("a\n\nb", other), "{other:?}");
        }
    }

    #[test]
    fn all_is_told_where_every_count_is_full_and_nobody_wrote_in_it() {
        assert!(
            tells_all(&body("a", "x", 2, 2, "")) && tells_all(&body("a", "x", 0, 0, "")) && tells_all("a")
        );
        assert!(!tells_all(&body("a", "x", 1, 2, "")));
        assert!(!tells_all(&body("a", "x", 2, 2, "").replace("\n\nx\n\n", "\n\ny\n\n")));
    }
}
