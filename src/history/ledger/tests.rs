use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::*;
use crate::policy::{Ages, UnknownAge};
use crate::reference::Digest;
use crate::registry::TagRef;
use crate::source::tree::{EntryKind, Tree, TreeEntry, TreeError};

const IMAGE: &str = "docker.io/library/nginx";

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap()
}

fn digest(seed: u8) -> Digest {
    Digest::sha256(&[seed])
}

fn event(hour: i64, tag: &str, seed: u8) -> TagEvent {
    TagEvent { when: at(hour), tag: tag.to_owned(), digest: digest(seed) }
}

fn question(tag: &str) -> TagRef {
    let (registry, repository) = ("docker.io".to_owned(), "library/nginx".to_owned());
    TagRef { registry, repository, tag: tag.to_owned() }
}

fn seen(tag: &str, seed: u8) -> TagObservation {
    TagObservation { question: question(tag), digest: digest(seed) }
}

fn ledger(events: &[TagEvent]) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.add(BTreeMap::from([(IMAGE.to_owned(), events.to_vec())]));
    ledger
}

/// A branch in memory.
struct Files(Contents);

type Contents = BTreeMap<String, Vec<u8>>;

impl Files {
    fn of(ledger: &Ledger, news: &BTreeMap<String, Vec<TagEvent>>) -> Self {
        Self(ledger.files(news, true).into_iter().collect())
    }
}

impl Tree for Files {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let entry = |(path, bytes): (&String, &Vec<u8>)| TreeEntry {
            path: path.clone(),
            size: bytes.len() as u64,
            kind: if path.ends_with("link.txt") { EntryKind::Symlink } else { EntryKind::File },
        };
        Ok(self.0.iter().map(entry).collect())
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        let path = path.to_owned();
        let bytes = self.0.get(&path).ok_or(TreeError::NotFound { path: path.clone() })?;
        match bytes.len() as u64 {
            size if size > limit => Err(TreeError::TooLarge { path, size, limit }),
            _ => Ok(bytes.clone()),
        }
    }
}

#[test]
fn only_first_sights_and_moves_are_news() {
    let mut ledger = Ledger::default();
    let mut news = |hour, sightings: &[TagObservation]| {
        let news = ledger.news(at(hour), sightings);
        ledger.add(news.clone());
        news.values().flatten().cloned().collect::<Vec<_>>()
    };
    assert_eq!(news(0, &[seen("1", 1), seen("2", 9)]), [event(0, "1", 1), event(0, "2", 9)]);
    assert_eq!(news(1, &[seen("1", 1)]), []);
    assert_eq!(news(2, &[seen("1", 2)]), [event(2, "1", 2)]);
    assert_eq!(news(3, &[seen("1", 1)]), [event(3, "1", 1)], "a move back is a move");
    assert_eq!(news(3, &[seen("1", 1)]), []);
    let record = ledger.record(&question("1"), at(9));
    assert_eq!((record.now(), record.since()), (Some(&digest(1)), Some(at(3))));
    assert_eq!((record.digests(), record.has(&digest(2)), record.has(&digest(9))), (2, true, false));
    let moves = record.moves().unwrap();
    assert_eq!(moves, Moves { last: at(3), lately: 2, back: Some(at(2)) });
    assert_eq!(ledger.record(&question("2"), at(9)).moves(), None);
    assert_eq!(ledger.first_seen(IMAGE, &digest(1), at(9)), Some(at(0)));
    assert_eq!(ledger.record(&question("1"), at(3)).moves_within(SignedDuration::from_mins(30), at(3)), 1);
    assert_eq!(ledger.record(&question("1"), at(3)).other_than(&digest(1)), Some(&event(2, "1", 2)));
}

#[test]
fn a_line_from_the_future_counts_for_nothing_until_then() {
    let mut ledger = ledger(&[event(0, "1", 1), event(1000, "1", 2)]);
    assert_eq!(ledger.record(&question("1"), at(5)).now(), Some(&digest(1)));
    assert!(ledger.news(at(5), &[seen("1", 1)]).is_empty(), "not written again and again");
    ledger.add(ledger.news(at(6), &[seen("1", 3)]));
    assert_eq!(ledger.first_seen(IMAGE, &digest(2), at(6)), None);
    assert_eq!(ledger.first_seen(IMAGE, &digest(2), at(1000)), Some(at(1000)));
    let times: Vec<_> = ledger.events(IMAGE).map(|event| event.when).collect();
    assert_eq!(times, [at(0), at(6), at(1000)]);
}

#[test]
fn a_file_is_read_as_it_was_written_and_people_s_comments_stay() {
    let first = ledger(&[event(0, "1.27", 1)]);
    let mut files = Files::of(&Ledger::default(), &first.news_of());
    let path = "tags/docker.io/library+nginx.txt";
    let text = String::from_utf8(files.0[path].clone()).unwrap();
    assert_eq!(text, format!("# docker.io/library/nginx\n2027-01-15T08:00:00Z 1.27 {}\n", digest(1)));
    files.0.insert(path.to_owned(), format!("{text}# an incident\n\n").into_bytes());
    let read = Ledger::read(&files).unwrap();
    let news = ledger(&[event(-1, "1.26", 3), event(5, "1.27", 2), event(0, "1.27", 1)]).news_of();
    let after = read.files(&news, false);
    assert_eq!(after.len(), 1);
    let text = String::from_utf8(after[0].1.clone()).unwrap();
    let lines: Vec<&str> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
    let (before, now, later) = ("2027-01-15T07:00:00Z", "2027-01-15T08:00:00Z", "2027-01-15T13:00:00Z");
    assert_eq!(lines, ["#", before, now, "#", "", later]);
    assert_eq!(text.lines().nth(3), Some("# an incident"));
}

impl Ledger {
    /// Everything, as lines to be added elsewhere.
    fn news_of(&self) -> BTreeMap<String, Vec<TagEvent>> {
        self.images
            .iter()
            .map(|(name, it)| (name.clone(), it.events.iter().map(|event| (**event).clone()).collect()))
            .collect()
    }
}

#[test]
fn names_become_paths_and_come_back() {
    let mut all = Ledger::default();
    for name in ["localhost:5000/app", "[::1]:5000/a/b", "ghcr.io/acme/api", "ghcr.io/acme/api/txt", "A/b"] {
        all.add(BTreeMap::from([(name.to_owned(), vec![event(0, "1", 1)])]));
    }
    let files = Files::of(&Ledger::default(), &all.news_of());
    assert_eq!(files.0.len(), 7, "{:?}", files.0.keys());
    assert!(files.0.contains_key("tags/[++1]+5000/a+b.txt"), "{:?}", files.0.keys());
    assert_eq!(Ledger::read(&files).unwrap(), all);
}

#[test]
fn what_is_no_ledger_or_a_newer_one_is_told() {
    let read = |change: &dyn Fn(&mut Contents)| {
        let mut files = Files::of(&Ledger::default(), &ledger(&[event(0, "1", 1)]).news_of());
        change(&mut files.0);
        Ledger::read(&files)
    };
    let version = |text: &'static str| {
        read(&move |files| drop(files.insert("VERSION".to_owned(), text.as_bytes().to_vec())))
    };
    assert!(version("1").is_ok());
    assert_eq!(version("2\n"), Err(LedgerError::Newer(2)));
    for text in ["", "0", "x", "-1", "1 2", "99999999999999999999"] {
        assert_eq!(version(text), Err(LedgerError::Malformed), "{text}");
    }
    assert_eq!(read(&|files| drop(files.remove("VERSION"))), Err(LedgerError::Other));
    for path in
        ["tags/x", "tags/ghcr.io/A.txt", "tags/nginx.txt", "tags/ghcr.io/a/b.txt", "tags/ghcr.io/link.txt"]
    {
        let foreign = read(&|files| drop(files.insert(path.to_owned(), Vec::new())));
        assert_eq!(foreign, Err(LedgerError::Foreign(path.to_owned())));
    }
    assert!(read(&|files| drop(files.insert("notes/x".to_owned(), vec![0xff]))).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_spoils_no_other_and_is_not_written() {
    let good = format!("2027-01-15T08:00:00Z 1 {}", digest(1));
    let long = format!("2027-01-15T08:00:00Z {} {}", "t".repeat(200), digest(1));
    for (text, part) in [
        ("x".to_owned(), "line 1: `x` is not `TIME TAG DIGEST`"),
        (format!("# c\n{good}\n{good} more"), "line 3: "),
        (good.replace("sha256:", "sha256:A"), "line 1: "),
        (good.replace("T08", "T25"), "line 1: "),
        (good.replace(" 1 ", " -x "), "line 1: "),
        (long, "line 1: "),
        ("\u{1b}[2J".to_owned(), "line 1: `\\u{1b}[2J`"),
    ] {
        let mut files = Files::of(&Ledger::default(), &ledger(&[event(0, "1", 1)]).news_of());
        files.0.insert("tags/ghcr.io/acme+api.txt".to_owned(), text.clone().into_bytes());
        let ledger = Ledger::read(&files).unwrap();
        let broken: Vec<_> = ledger.broken().collect();
        assert!(
            broken.len() == 1 && broken[0].0 == "ghcr.io/acme/api" && broken[0].1.contains(part),
            "{broken:?}"
        );
        assert_eq!(ledger.images().collect::<Vec<_>>(), [IMAGE]);
        let question =
            TagRef { registry: "ghcr.io".to_owned(), repository: "acme/api".to_owned(), tag: "1".to_owned() };
        let sighting = TagObservation { question: question.clone(), digest: digest(7) };
        assert!(ledger.news(at(9), std::slice::from_ref(&sighting)).is_empty());
        let past = LedgerView::new(LedgerState::Read(Arc::new(ledger)), at(9)).with(&[sighting]);
        let wait = past.wait(&question, &digest(7), ages(1, 0, UnknownAge::Accept)).unwrap();
        assert_eq!(wait.reason, DelayReason::UnknownAge);
    }
    let mut files = Files::of(&Ledger::default(), &ledger(&[event(0, "1", 1)]).news_of());
    files.0.insert("tags/ghcr.io/acme+api.txt".to_owned(), vec![b'#'; (16 << 20) + 1]);
    assert_eq!(Ledger::read(&files).unwrap().broken().count(), 1);
    files.0.insert("tags/ghcr.io/acme+big.txt".to_owned(), vec![b'#'; 112 << 20]);
    assert_eq!(Ledger::read(&files), Err(LedgerError::TooLarge));
}

fn ages(min_age: i64, settle: i64, unknown: UnknownAge) -> Ages {
    let hours = SignedDuration::from_hours;
    Ages { min_age: hours(min_age), settle: hours(settle), unknown }
}

#[test]
fn a_digest_waits_until_it_is_old_enough_and_its_tag_has_settled() {
    use UnknownAge::{Accept, Wait};
    let read =
        |events: &[TagEvent], now| LedgerView::new(LedgerState::Read(Arc::new(ledger(events))), at(now));
    let reason = |past: &LedgerView, seed, ages| {
        past.wait(&question("1"), &digest(seed), ages).map(|wait| wait.reason)
    };
    let moved = [event(0, "1", 1), event(10, "1", 2)];
    for (now, ages, expected) in [
        (10, ages(24, 0, Wait), Some(DelayReason::TooNew)),
        (33, ages(24, 0, Accept), Some(DelayReason::TooNew)),
        (34, ages(24, 0, Wait), None),
        (11, ages(0, 2, Wait), Some(DelayReason::Unsettled)),
        (11, ages(0, 2, Accept), Some(DelayReason::Unsettled)),
        (12, ages(0, 2, Wait), None),
        (11, ages(1, 2, Wait), Some(DelayReason::Unsettled)),
        (11, ages(3, 2, Wait), Some(DelayReason::TooNew)),
        (10, ages(0, 0, Wait), None),
    ] {
        assert_eq!(reason(&read(&moved, now), 2, ages), expected, "{now} {ages:?}");
    }
    // Back to what it was: that digest is old, and the tag has moved.
    let back = [event(0, "1", 1), event(10, "1", 2), event(20, "1", 1)];
    assert_eq!(reason(&read(&back, 20), 1, ages(12, 0, Wait)), None);
    assert_eq!(reason(&read(&back, 20), 1, ages(12, 1, Wait)), Some(DelayReason::Unsettled));
    // Another tag had it before.
    let known = [event(0, "1", 1), event(0, "2", 2), event(30, "1", 2)];
    assert_eq!(reason(&read(&known, 30), 2, ages(24, 0, Wait)), None);
    // Seen for the first time: of any age.
    let first = [event(0, "1", 1)];
    assert_eq!(reason(&read(&first, 0), 1, ages(24, 1, Accept)), None);
    assert_eq!(reason(&read(&first, 0), 1, ages(24, 1, Wait)), Some(DelayReason::TooNew));
    assert_eq!(reason(&read(&first, 24), 1, ages(24, 1, Wait)), None);
    let settling = read(&first, 0).wait(&question("1"), &digest(1), ages(0, 1, Wait)).unwrap();
    assert!(settling.detail.contains("is known since 2027-01-15T08:00:00Z"), "{}", settling.detail);
    let waiting = read(&moved, 11).wait(&question("1"), &digest(2), ages(24, 0, Wait)).unwrap().detail;
    assert_eq!(
        waiting,
        format!(
            "`{}` is known since 2027-01-15T18:00:00Z, and is proposed from 2027-01-16T18:00:00Z on (`min-age = \"24h\"`)",
            digest(2)
        )
    );
}

#[test]
fn without_a_ledger_policy_says_what_happens_and_one_that_cannot_be_read_holds() {
    use UnknownAge::{Accept, Wait};
    let unreadable = LedgerView::new(LedgerState::Unreadable("`x`: it is of version 2".to_owned()), at(0));
    let none = LedgerView::new(LedgerState::Nothing, at(0));
    let reason =
        |past: &LedgerView, ages| past.wait(&question("1"), &digest(1), ages).map(|wait| wait.reason);
    assert_eq!(reason(&none, ages(1, 0, Wait)), Some(DelayReason::UnknownAge));
    assert_eq!(reason(&none, ages(0, 1, Accept)), None);
    assert_eq!(reason(&none, ages(0, 0, Wait)), None);
    assert_eq!(reason(&unreadable, ages(1, 0, Accept)), Some(DelayReason::UnknownAge));
    assert_eq!(reason(&unreadable, ages(0, 0, Wait)), None);
    assert_eq!(unreadable.with(&[seen("1", 1)]), unreadable);
}

proptest! {
    /// Whatever is in a file, reading it neither panics nor loses a line that is one, and what is read can be written.
    #[test]
    fn hostile_text_is_read_or_refused(
        lines in vec(prop_oneof![
            (any::<i32>(), any::<u8>()).prop_map(|(when, seed)| {
                text::line(&TagEvent { when: Timestamp::from_second(i64::from(when)).unwrap(), tag: "1".to_owned(), digest: digest(seed) })
            }),
            Just("# comment".to_owned()),
            Just(String::new()),
            any::<String>(),
        ], 0..8),
        end in any::<bool>(),
        hour in -1000..1000_i64,
    ) {
        let mut whole = lines.join("\n");
        if end {
            whole.push('\n');
        }
        if let Ok(events) = text::parse(&whole) {
            let new = event(hour, "new", 1);
            let mut after = whole.clone();
            text::insert(&mut after, &new);
            let mut expected = events;
            expected.insert(new.into());
            assert_eq!(text::parse(&after).unwrap(), expected);
            let kept: Vec<&str> = after.lines().filter(|line| !line.contains(" new ")).collect();
            assert_eq!(kept, whole.lines().collect::<Vec<_>>());
        }
    }

    /// In whatever order lines are added it becomes the same ledger, and nothing is lost.
    #[test]
    fn lines_are_added_in_any_order(
        a in vec((0..50_i64, 0..3_u8, 0..3_u8), 0..12),
        b in vec((0..50_i64, 0..3_u8, 0..3_u8), 0..12),
    ) {
        let of = |rows: &[(i64, u8, u8)]| {
            let events: Vec<_> = rows.iter().map(|(hour, tag, seed)| event(*hour, &tag.to_string(), *seed)).collect();
            ledger(&events)
        };
        let (a, b) = (of(&a), of(&b));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        let news = |ledger: &Ledger| BTreeMap::from([(IMAGE.to_owned(), ledger.events(IMAGE).cloned().collect())]);
        ab.add(news(&b));
        ba.add(news(&a));
        let all = |ledger: &Ledger| ledger.events(IMAGE).cloned().collect::<BTreeSet<_>>();
        assert_eq!(all(&ab), all(&ba));
        assert_eq!(all(&ab), all(&a).union(&all(&b)).cloned().collect());
        let times: Vec<_> = text::parse(&ab.images[IMAGE].text).unwrap().into_iter().map(|event| event.when).collect();
        assert!(times.is_sorted());
        let written: Vec<_> = ab.images[IMAGE].text.lines().skip(1).map(|line| line[..20].to_owned()).collect();
        assert!(written.is_sorted(), "{written:?}");
    }
}
