//! The hidden marker: what a pull request proposes, for the next run to read.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Proposal;
use crate::reference::Digest;
use crate::source::git::trailer;

const START: &str = "<!-- tagpin: ";
const END: &str = " -->";

/// What this tagpin writes and reads. Another number means a layout that it does not know.
const VERSION: u64 = 1;

/// The longest payload that is written or read, in characters of base64: a quarter of the shortest body that a forge takes.
const LONGEST: usize = 16_384;

/// How many lines of a body are tried, so that a hostile one costs little.
const TRIES: usize = 32;

/// What a pull request says about itself, out of people's sight.
///
/// Anybody who can edit the body can write a marker: it may hold tagpin back, never send it anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The commit that tagpin put on the branch, as hex.
    pub head: String,
    /// What the pull request changes.
    pub changes: MarkedChanges,
    /// Whether labels, reviewers and the like are still to be added, as after a crash.
    pub undressed: bool,
    /// Whether tagpin closed it, because there was nothing left to propose: then nobody said no.
    pub retired: bool,
    /// Whether tagpin took auto-merge off it, until all that the branch holds is confirmed again.
    pub paused: bool,
}

/// The set of changes in a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkedChanges {
    /// Every change.
    Listed(BTreeSet<MarkedChange>),
    /// The set is too long for a body.
    Hashed {
        /// The sha256 of the set, as hex.
        sha256: String,
        /// The pairs; none where even these are too many.
        pairs: BTreeSet<DeclinedKey>,
    },
}

/// An image, with its tag, at a digest: what somebody says no to by closing a pull request. It is told by the first bytes of
/// a hash, so that a body has room for a thousand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeclinedKey([u8; PAIR]);

/// The bytes of a [`DeclinedKey`].
const PAIR: usize = 8;

impl DeclinedKey {
    /// Returns the pair of the image `name`, as the user spelled it, with `tag`, at `digest`.
    pub fn new(name: &str, tag: &str, digest: &Digest) -> Self {
        let hash = Sha256::digest(format!("{name}:{tag}@{digest}"));
        let mut bytes = [0; PAIR];
        bytes.iter_mut().zip(hash).for_each(|(into, byte)| *into = byte);
        Self(bytes)
    }
}

/// One image that changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MarkedChange {
    /// The name as the user spelled it.
    pub image: String,
    /// The tag.
    pub tag: String,
    /// The digest before; `None` for a first pin.
    pub old: Option<Digest>,
    /// The digest after.
    pub new: Digest,
}

/// The marker's JSON. `changes` or `changes_sha256` is there.
#[derive(Default, Serialize, Deserialize)]
struct MarkerPayload {
    version: u64,
    #[serde(default)]
    head: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<MarkerRow>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes_sha256: Option<String>,
    /// The pairs one after the other, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pairs: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    undressed: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    retired: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    paused: bool,
}

/// Image, tag, old and new digest: an array, because a body has little room.
type MarkerRow = (String, String, Option<String>, String);

impl Marker {
    /// Returns the marker of `proposal`, with every change listed.
    pub fn of(proposal: &Proposal) -> Self {
        let changes = proposal.images.iter().map(|image| MarkedChange {
            image: image.name.clone(),
            tag: image.tag.clone(),
            old: image.old.clone(),
            new: image.new.clone(),
        });
        let changes = MarkedChanges::Listed(changes.collect());
        Self { head: proposal.head.clone(), changes, undressed: false, retired: false, paused: false }
    }

    /// Returns whether both propose the same changes, also where one of them only has the hash of the set.
    pub fn same_changes(&self, other: &Self) -> bool {
        match (&self.changes, &other.changes) {
            (MarkedChanges::Listed(a), MarkedChanges::Listed(b)) => a == b,
            (a, b) => a.sha256() == b.sha256(),
        }
    }

    /// Returns the pairs that the pull request proposes; none where they were too many to be told.
    pub fn pairs(&self) -> BTreeSet<DeclinedKey> {
        match &self.changes {
            MarkedChanges::Listed(set) => set.iter().map(MarkedChange::pair).collect(),
            MarkedChanges::Hashed { pairs, .. } => pairs.clone(),
        }
    }

    pub(super) fn comment(&self) -> String {
        let payload = |changes: &MarkedChanges| {
            let Self { head, undressed, retired, paused, .. } = self.clone();
            let flags = MarkerPayload { undressed, retired, paused, ..MarkerPayload::default() };
            let mut payload = MarkerPayload { version: VERSION, head, ..flags };
            match changes {
                MarkedChanges::Listed(set) => {
                    payload.changes = Some(set.iter().map(MarkedChange::row).collect());
                }
                MarkedChanges::Hashed { sha256, pairs } => {
                    let bytes: Vec<u8> = pairs.iter().flat_map(|pair| pair.0).collect();
                    payload.pairs = (!bytes.is_empty()).then(|| STANDARD.encode(bytes));
                    payload.changes_sha256 = Some(sha256.clone());
                }
            }
            STANDARD.encode(serde_json::to_vec(&payload).unwrap_or_default())
        };
        let mut text = payload(&self.changes);
        for pairs in [self.pairs(), BTreeSet::new()] {
            if text.len() > LONGEST {
                text = payload(&MarkedChanges::Hashed { sha256: self.changes.sha256(), pairs });
            }
        }
        format!("{START}{text}{END}")
    }
}

impl MarkedChanges {
    fn sha256(&self) -> String {
        match self {
            Self::Hashed { sha256, .. } => sha256.clone(),
            Self::Listed(set) => {
                let rows = set.iter().map(MarkedChange::row).collect::<Vec<_>>();
                Digest::sha256(&serde_json::to_vec(&rows).unwrap_or_default()).hex().to_owned()
            }
        }
    }
}

impl MarkedChange {
    fn pair(&self) -> DeclinedKey {
        DeclinedKey::new(&self.image, &self.tag, &self.new)
    }

    fn row(&self) -> MarkerRow {
        let digest = |digest: &Digest| digest.as_str().to_owned();
        (self.image.clone(), self.tag.clone(), self.old.as_ref().map(digest), digest(&self.new))
    }

    fn read((image, tag, old, new): MarkerRow) -> Option<Self> {
        let old = match old {
            Some(old) => Some(Digest::parse(&old)?),
            None => None,
        };
        Some(Self { image, tag, old, new: Digest::parse(&new)? })
    }
}

/// Returns the first well-formed marker in `body`. `None` where there is none, or a newer tagpin wrote it.
pub fn read(body: &str) -> Option<Marker> {
    find(body).map(|(_, marker)| marker)
}

/// Returns `body` with `change` made to its marker; as it is where it has none.
pub fn with(body: &str, change: impl FnOnce(&mut Marker)) -> String {
    let Some((line, mut marker)) = find(body) else { return body.to_owned() };
    change(&mut marker);
    body.replace(line, &marker.comment())
}

/// Returns whether a commit with this message is tagpin's own: it has tagpin's trailer, or, as after a squash merge, the
/// body of a pull request of its.
pub fn is_own(message: &str) -> bool {
    trailer::value(message, trailer::TREE).is_some() || read(message).is_some()
}

/// Returns the first well-formed marker and the text it was read from.
fn find(body: &str) -> Option<(&str, Marker)> {
    let lines = body.lines().map(str::trim);
    let payloads = lines.filter_map(|line| Some((line, line.strip_prefix(START)?.strip_suffix(END)?)));
    for (line, payload) in payloads.take(TRIES) {
        if payload.len() > LONGEST {
            continue;
        }
        let Ok(json) = STANDARD.decode(payload) else { continue };
        let Ok(payload) = serde_json::from_slice::<MarkerPayload>(&json) else { continue };
        if payload.version != VERSION {
            return None;
        }
        if let Some(marker) = checked(payload) {
            return Some((line, marker));
        }
    }
    None
}

fn checked(payload: MarkerPayload) -> Option<Marker> {
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let head_is_commit = matches!(payload.head.len(), 40 | 64) && is_hex(&payload.head);
    let changes = match (payload.changes, payload.changes_sha256) {
        (Some(rows), None) => {
            MarkedChanges::Listed(rows.into_iter().map(MarkedChange::read).collect::<Option<_>>()?)
        }
        (None, Some(sha256)) if sha256.len() == 64 && is_hex(&sha256) => {
            let bytes = STANDARD.decode(payload.pairs.unwrap_or_default()).ok()?;
            let (pairs, rest) = bytes.as_chunks::<PAIR>();
            let pairs = rest.is_empty().then(|| pairs.iter().copied().map(DeclinedKey).collect())?;
            MarkedChanges::Hashed { sha256, pairs }
        }
        _ => return None,
    };
    let MarkerPayload { head, undressed, retired, paused, .. } = payload;
    head_is_commit.then_some(Marker { head, changes, undressed, retired, paused })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{change, proposal};
    use super::*;

    fn comment_of(json: &str) -> String {
        format!("{START}{}{END}", STANDARD.encode(json))
    }

    #[test]
    fn a_marker_comes_back_as_it_was_written() {
        let hostile = "x --> <!-- tagpin: e30= -->";
        let proposal = proposal(vec![change("nginx", "1", None, 1), change(hostile, "2", Some(1), 2)]);
        let marker = Marker::of(&proposal);
        let comment = marker.comment();
        assert_eq!(comment.matches("--").count(), 2, "{comment}");
        assert_eq!(read(&format!("text\r\n{comment}\r\n")), Some(marker));
    }

    #[test]
    fn a_long_set_is_hashed_and_still_compared() {
        for (count, told) in [(200, true), (1000, true), (2000, false)] {
            let images =
                (0..count).map(|i| change(&format!("image-{i}"), "1", Some(1), 2)).collect::<Vec<_>>();
            let whole = Marker::of(&proposal(images.clone()));
            let comment = whole.comment();
            assert!(comment.len() < LONGEST + 40, "{}", comment.len());
            let short = read(&comment).unwrap();
            assert!(matches!(short.changes, MarkedChanges::Hashed { .. }));
            assert!(short.same_changes(&whole) && whole.same_changes(&short));
            assert!(!short.same_changes(&Marker::of(&proposal(images[1..].to_vec()))));
            assert_eq!(short.pairs().len(), if told { count } else { 0 });
            assert!(!told || short.pairs() == whole.pairs());
        }
    }

    #[test]
    fn a_marker_is_changed_in_its_place() {
        let marker = Marker::of(&proposal(vec![change("nginx", "1", None, 1)]));
        let body = format!("text\r\n\r\n{}\r\n", marker.comment());
        let changed = with(&body, |marker| (marker.undressed, marker.retired) = (true, true));
        let found = read(&changed).unwrap();
        assert!(found.undressed && found.retired && found.same_changes(&marker));
        assert_eq!(with(&changed, |marker| (marker.undressed, marker.retired) = (false, false)), body);
        assert_eq!(with("no marker", |marker| marker.retired = true), "no marker");
    }

    #[test]
    fn a_pair_is_an_image_with_its_tag_at_a_digest() {
        let pair = |name: &str, tag: &str, new| change_of(name, tag, new).pair();
        assert_eq!(pair("nginx", "1", 1), pair("nginx", "1", 1));
        assert_eq!(change("nginx", "1", Some(3), 1).new, change_of("nginx", "1", 1).new);
        for other in [pair("nginx", "2", 1), pair("redis", "1", 1), pair("nginx", "1", 2)] {
            assert_ne!(pair("nginx", "1", 1), other);
        }
    }

    fn change_of(name: &str, tag: &str, new: u8) -> MarkedChange {
        let image = change(name, tag, None, new);
        MarkedChange { image: image.name, tag: image.tag, old: None, new: image.new }
    }

    #[test]
    fn hostile_bodies_have_no_marker() {
        let head = "a".repeat(40);
        let good = comment_of(&format!(r#"{{"version":1,"head":"{head}","changes":[]}}"#));
        assert!(read(&good).is_some());
        for body in [
            String::new(),
            "<!-- tagpin: -->".to_owned(),
            "<!-- tagpin: %%% -->".to_owned(),
            format!("`{good}`"),
            comment_of("[]"),
            comment_of(r#"{"version":1}"#),
            comment_of(r#"{"version":1,"head":"../..","changes":[]}"#),
            comment_of(&format!(
                r#"{{"version":1,"head":"{head}","changes":[["a","1",null,"sha256:abc"]]}}"#
            )),
            comment_of(&format!(r#"{{"version":1,"head":"{head}","changes":[],"changes_sha256":"{head}"}}"#)),
            comment_of(&format!(
                r#"{{"version":1,"head":"{head}","changes_sha256":"{}","pairs":"AAAA"}}"#,
                "a".repeat(64)
            )),
            comment_of(&format!(r#"{{"version":1,"head":"{head}","changes":[{}"#, "[".repeat(5000))),
            comment_of(&format!(r#"{{"version":2,"head":"{head}","changes":[]}}"#)),
            // A newer tagpin's marker rules, whatever follows it.
            format!("{}\n{good}", comment_of(r#"{"version":2}"#)),
            format!("{START}{}{END}", "A".repeat(1 << 20)),
            format!("{}{good}", format!("{}\n", comment_of("[]")).repeat(TRIES)),
        ] {
            assert_eq!(read(&body), None, "{}", &body[..body.len().min(200)]);
        }
        assert!(
            read(&format!("{}\n{good}", comment_of("[]"))).is_some(),
            "a broken one before it does not matter"
        );
    }
}
