//! The hidden marker: what a pull request proposes, for the next run to read.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Proposal;
use crate::reference::Digest;

const START: &str = "<!-- tagpin: ";
const END: &str = " -->";

/// What this tagpin writes and reads. Another number means a layout that it does not know.
const VERSION: u64 = 1;

/// The longest payload that is written or read, in characters of base64: a quarter of what GitHub takes for a body.
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
    pub changes: Changes,
}

/// The set of changes in a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Every change.
    Listed(BTreeSet<Change>),
    /// The sha256 of the set, as hex, where the set is too long for a body.
    Hashed(String),
}

/// One image that changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
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
struct Payload {
    version: u64,
    #[serde(default)]
    head: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes: Option<Vec<Row>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes_sha256: Option<String>,
}

/// Image, tag, old and new digest: an array, because a body has little room.
type Row = (String, String, Option<String>, String);

impl Marker {
    /// Returns the marker of `proposal`, with every change listed.
    pub fn of(proposal: &Proposal) -> Self {
        let changes = proposal.images.iter().map(|image| Change {
            image: image.name.clone(),
            tag: image.tag.clone(),
            old: image.old.clone(),
            new: image.new.clone(),
        });
        Self { head: proposal.head.clone(), changes: Changes::Listed(changes.collect()) }
    }

    /// Tells whether both propose the same changes, also where one of them only has the hash of the set.
    pub fn same_changes(&self, other: &Self) -> bool {
        match (&self.changes, &other.changes) {
            (Changes::Listed(a), Changes::Listed(b)) => a == b,
            (a, b) => a.sha256() == b.sha256(),
        }
    }

    /// Returns the marker as one line of Markdown that GitHub does not show.
    pub(super) fn comment(&self) -> String {
        let payload = |changes: &Changes| {
            let mut payload = Payload { version: VERSION, head: self.head.clone(), ..Payload::default() };
            match changes {
                Changes::Listed(set) => payload.changes = Some(set.iter().map(Change::row).collect()),
                Changes::Hashed(hash) => payload.changes_sha256 = Some(hash.clone()),
            }
            STANDARD.encode(serde_json::to_vec(&payload).unwrap_or_default())
        };
        let mut text = payload(&self.changes);
        if text.len() > LONGEST {
            text = payload(&Changes::Hashed(self.changes.sha256()));
        }
        format!("{START}{text}{END}")
    }
}

impl Changes {
    fn sha256(&self) -> String {
        match self {
            Self::Hashed(hash) => hash.clone(),
            Self::Listed(set) => {
                let rows = set.iter().map(Change::row).collect::<Vec<_>>();
                Digest::sha256(&serde_json::to_vec(&rows).unwrap_or_default()).hex().to_owned()
            }
        }
    }
}

impl Change {
    fn row(&self) -> Row {
        let digest = |digest: &Digest| digest.as_str().to_owned();
        (self.image.clone(), self.tag.clone(), self.old.as_ref().map(digest), digest(&self.new))
    }

    fn read((image, tag, old, new): Row) -> Option<Self> {
        let old = match old {
            Some(old) => Some(Digest::parse(&old)?),
            None => None,
        };
        Some(Self { image, tag, old, new: Digest::parse(&new)? })
    }
}

/// Returns the first well-formed marker in `body`. `None` where there is none, or a newer tagpin wrote it.
pub fn read(body: &str) -> Option<Marker> {
    let payloads = body.lines().filter_map(|line| line.trim().strip_prefix(START)?.strip_suffix(END));
    for payload in payloads.take(TRIES) {
        if payload.len() > LONGEST {
            continue;
        }
        let Ok(json) = STANDARD.decode(payload) else { continue };
        let Ok(payload) = serde_json::from_slice::<Payload>(&json) else { continue };
        if payload.version != VERSION {
            return None;
        }
        if let Some(marker) = checked(payload) {
            return Some(marker);
        }
    }
    None
}

fn checked(payload: Payload) -> Option<Marker> {
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let head_is_commit = matches!(payload.head.len(), 40 | 64) && is_hex(&payload.head);
    let changes = match (payload.changes, payload.changes_sha256) {
        (Some(rows), None) => Changes::Listed(rows.into_iter().map(Change::read).collect::<Option<_>>()?),
        (None, Some(hash)) if hash.len() == 64 && is_hex(&hash) => Changes::Hashed(hash),
        _ => return None,
    };
    head_is_commit.then_some(Marker { head: payload.head, changes })
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
        let images = (0..200).map(|i| change(&format!("image-{i}"), "1", Some(1), 2)).collect::<Vec<_>>();
        let whole = Marker::of(&proposal(images.clone()));
        let comment = whole.comment();
        assert!(comment.len() < 400, "{}", comment.len());
        let short = read(&comment).unwrap();
        assert!(matches!(short.changes, Changes::Hashed(_)));
        assert!(short.same_changes(&whole) && whole.same_changes(&short));
        assert!(!short.same_changes(&Marker::of(&proposal(images[1..].to_vec()))));
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
