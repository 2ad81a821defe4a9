//! What a command has to say about the files that it read, as rows.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use super::{Excerpt, ExcerptSource};
use crate::check::{Checked, Finding, Severity, UncheckedSite};
use crate::manifest::edit::Style;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::{Skip, State, Write};
use crate::manifest::{Located, Unread, UnreadReason, VendoredTree};
use crate::plan::{Outcome, Reason, Verdict};
use crate::policy::hold::{ActiveHolds, Hold};
use crate::reference::{Digest, Reference};
use crate::registry::verify::Proof;
use crate::registry::{Budget, SourceIndex};
use crate::text::count;

/// Everything that a command has to say about the files that it read.
#[derive(Clone, Debug, Default)]
pub struct Report<'i> {
    /// One row for each site, in the order of the files.
    pub rows: Vec<Row<'i>>,
    /// What could not be read.
    pub unread: Vec<UnreadRow<'i>>,
    /// How many files there are of each kind that may name images and that tagpin does not read.
    pub not_read: BTreeMap<&'i str, &'i [String]>,
    /// What `check` complains about, in the order of files and bytes; each may name a row.
    pub findings: Vec<Finding>,
    /// The line that each finding is about, where it is known; in the order of the findings.
    pub excerpts: Vec<Option<Excerpt>>,
    /// What no registry gave an answer about.
    pub unchecked: Vec<UncheckedSite>,
    /// How many findings were left out: because they are allowed, and because a baseline knows them.
    pub left_out: Suppressed,
    /// Whether everything could be read and resolved.
    pub complete: bool,
    /// Whether what was decided is only shown.
    pub is_dry_run: bool,
    /// Remarks that are not failures, such as annotations that could not be written.
    pub notes: Vec<String>,
    /// The directories that a tool fetched and that were left out.
    pub vendored: &'i [VendoredTree],
    /// The requests that each registry got, by its host; empty where none was asked.
    pub registries: BTreeMap<String, Budget>,
}

/// How many findings `check` left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Suppressed {
    /// The allow-list has them.
    pub allowed: usize,
    /// The baseline has them.
    pub known: usize,
    /// They were there before the change that is judged.
    pub before: usize,
}

/// One site.
#[derive(Clone, Debug)]
pub struct Row<'i> {
    /// The file, as reports name it.
    pub file: &'i str,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// Bytes from the start of the file, byte order mark included.
    pub span: Range<usize>,
    /// The document in the file, from 0.
    pub document: usize,
    /// The JSON pointer in the document.
    pub path: &'i str,
    /// The JSON pointers that lead to it through an alias or a merge key.
    pub also_at: &'i [String],
    /// The format's name.
    pub format: &'i str,
    /// The kind of the Kubernetes object.
    pub kind: Option<&'i str>,
    /// The reference as it stands in the file.
    pub image: &'i str,
    /// `floating`, `pinned` or `skipped`.
    pub state: &'static str,
    /// Why it was skipped, held or failed.
    pub reason: Option<&'static str>,
    /// What the registry or the proof said.
    pub detail: Option<String>,
    /// What `pin` did; `None` for `list` and `check`.
    pub outcome: Option<Outcome>,
    /// What `pin` wrote.
    pub new: Option<String>,
    /// The digest in that.
    pub new_digest: Option<&'i Digest>,
    /// Why it must not move, where it is on hold.
    pub hold: Option<String>,
    /// The index behind a platform's digest, and the platform.
    pub behind: Option<&'i SourceIndex>,
    /// Who vouches for what `pin` wrote, where policy demands that somebody does.
    pub proofs: Vec<&'i Proof>,
    /// What stands there.
    located: &'i Located,
    /// Where it stands now.
    placed: &'i Located,
}

/// Something that could not be read.
#[derive(Clone, Debug)]
pub struct UnreadRow<'i> {
    /// The file, as reports name it.
    pub file: &'i str,
    /// What, and why.
    pub unread: &'i Unread,
    /// Whether the report is incomplete without it.
    pub incomplete: bool,
}

impl<'i> Report<'i> {
    /// Returns the report on `inventory`; `verdicts`, where `pin` has them, are in the order of its sites.
    ///
    /// `is_named` tells whether a file was named on the command line: such a file must be readable.
    pub fn new(
        inventory: &'i Inventory,
        verdicts: Option<&'i [Verdict]>,
        is_named: impl Fn(&str) -> bool,
    ) -> Self {
        let mut verdicts = verdicts.map(|verdicts| verdicts.iter());
        let rows: Vec<Row<'i>> = inventory
            .sites()
            .map(|(file, located)| Row::new(&file.path, located, verdicts.as_mut().and_then(Iterator::next)))
            .collect();
        let files = inventory.files.iter();
        let unread = files.flat_map(|file| file.scan.unread.iter().map(move |unread| (file, unread)));
        let unread: Vec<UnreadRow<'i>> = unread
            .map(|(FileScan { path, scan, .. }, unread)| {
                // Hooks name every file of a commit, templates that are not YAML among them.
                let is_named = is_named(path) && unread.reason != UnreadReason::Template;
                let is_data = match unread.reason {
                    UnreadReason::NotYaml => is_data(path) && !scan.names_image,
                    UnreadReason::TooLarge => is_data(path),
                    _ => false,
                };
                let incomplete = is_named || (unread.reason.is_incomplete() && !is_data);
                UnreadRow { file: path, unread, incomplete }
            })
            .collect();
        let readable = unread.iter().all(|row| !row.incomplete);
        let resolved = rows.iter().all(|row| row.outcome != Some(Outcome::Failed));
        let notes = inventory.files.iter().flat_map(|file| {
            file.scan.ignores.iter().filter_map(|ignore| {
                let lacks_reason = || ignore.lacks_reason().map(|(it, advice)| (it.to_owned(), advice));
                let (message, advice) = ignore.problem().or_else(lacks_reason)?;
                Some(format!("{}:{}: {message}: {advice}", file.path, ignore.place.line))
            })
        });
        let notes = notes.collect();
        // Who pins asks for no list of what there is.
        let not_read = match verdicts {
            Some(_) => BTreeMap::new(),
            None => inventory
                .not_read_files
                .iter()
                .map(|(kind, files)| (kind.as_str(), files.as_slice()))
                .collect(),
        };
        let vendored = &inventory.vendored;
        Self { rows, unread, not_read, complete: readable && resolved, notes, vendored, ..Self::default() }
    }

    /// Adds what `check` found. What it says of ignores needs no remark beside it.
    pub fn add_findings(&mut self, checked: Checked) {
        self.notes.clear();
        let Checked { allowed, known, before, .. } = checked;
        self.left_out = Suppressed { allowed, known, before };
        self.findings = checked.findings;
    }

    /// Adds the lines that the findings are about. `read` returns the bytes of a file by the name that reports have for it.
    pub fn add_excerpts(&mut self, read: impl Fn(&str) -> Option<Vec<u8>>) {
        let mut excerpts = Vec::new();
        // They are in the order of the files.
        for findings in self.findings.chunk_by(|a, b| a.file == b.file) {
            let bytes = findings.first().and_then(|finding| read(&finding.file));
            let mut source = bytes.as_deref().and_then(ExcerptSource::new);
            excerpts.extend(findings.iter().map(|finding| source.as_mut()?.excerpt(finding.place.as_ref()?)));
        }
        self.excerpts = excerpts;
    }

    /// Moves the rows of the files that were written to where their images stand now: `sites` are those of each file, in order.
    pub fn place(&mut self, sites: &'i BTreeMap<String, Vec<Located>>) {
        for rows in self.rows.chunk_by_mut(|a, b| a.file == b.file) {
            let Some(sites) = rows.first().and_then(|row| sites.get(row.file)) else { continue };
            for (row, placed) in rows.iter_mut().zip(sites) {
                (row.line, row.column) = (placed.line, placed.column);
                row.span = placed.in_file(&placed.site.span);
                row.placed = placed;
            }
        }
    }

    /// Adds which images are on hold, and which holds have ended.
    pub fn add_holds(&mut self, holds: ActiveHolds<'_>, inventory: &Inventory) {
        for (row, (file, located)) in self.rows.iter_mut().zip(inventory.sites()) {
            let reference = located.site.reference.as_ref();
            row.hold = reference.and_then(|it| holds.on(&file.root_path, it)).map(Hold::to_string);
        }
        self.notes.extend(holds.ended());
    }

    /// Returns a remark for each hold that keeps an image here as it is.
    pub fn held(&self) -> Vec<String> {
        let mut held: BTreeMap<&str, usize> = BTreeMap::new();
        for hold in self.rows.iter().filter_map(|row| row.hold.as_deref()) {
            *held.entry(hold).or_default() += 1;
        }
        let remark = |(hold, number): (&str, usize)| format!("{} on hold: {hold}", count(number, "image"));
        held.into_iter().map(remark).collect()
    }

    /// Makes the report incomplete where something that `is_needed` names could not be read.
    pub fn require(&mut self, is_needed: impl Fn(&str) -> bool) {
        for row in &mut self.unread {
            row.incomplete |= is_needed(row.file);
            self.complete &= !row.incomplete;
        }
    }

    /// Adds what no registry gave an answer about: the report is incomplete without it.
    pub fn add_unchecked(&mut self, unchecked: Vec<UncheckedSite>) {
        self.complete &= unchecked.is_empty();
        self.unchecked = unchecked;
    }

    /// Makes what could not be read in the files that `is_known` names no reason to be incomplete.
    pub fn forgive_unread(&mut self, is_known: impl Fn(&str) -> bool) {
        for row in &mut self.unread {
            row.incomplete &= !is_known(row.file);
        }
        self.complete = self.unchecked.is_empty() && self.unread.iter().all(|row| !row.incomplete);
    }

    /// Returns how many rows have each state.
    pub fn states(&self) -> BTreeMap<&'static str, usize> {
        let mut states = BTreeMap::from([("floating", 0), ("pinned", 0), ("skipped", 0)]);
        for row in &self.rows {
            *states.entry(row.state).or_default() += 1;
        }
        states
    }

    /// Returns how many rows have each state once what `pin` did is in the files; `None` where it did nothing.
    pub fn states_after(&self) -> Option<BTreeMap<&'static str, usize>> {
        if self.rows.iter().all(|row| row.outcome.is_none()) {
            return None;
        }
        let mut states = self.states();
        for row in self.rows.iter().filter(|row| row.new.is_some() && row.state != "pinned") {
            *states.entry(row.state).or_default() -= 1;
            *states.entry("pinned").or_default() += 1;
        }
        Some(states)
    }

    /// Returns how many rows have each outcome.
    pub fn outcomes(&self) -> BTreeMap<Outcome, usize> {
        let mut outcomes = BTreeMap::new();
        for outcome in self.rows.iter().filter_map(|row| row.outcome) {
            *outcomes.entry(outcome).or_default() += 1;
        }
        outcomes
    }

    /// Returns how many findings have each level, the worst first.
    pub fn levels(&self) -> BTreeMap<Reverse<Severity>, usize> {
        let mut levels = BTreeMap::new();
        for finding in &self.findings {
            *levels.entry(Reverse(finding.level)).or_default() += 1;
        }
        levels
    }

    /// Returns whether a finding shuts the gate.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Severity::Error)
    }
}

/// Returns whether a file that cannot be read is likely no manifest: most JSON files are data or settings, some with
/// comments.
fn is_data(file: &str) -> bool {
    file.len() > 5 && file.as_bytes()[file.len() - 5..].eq_ignore_ascii_case(b".json")
}

/// Returns what keeps an image from being deployed as it is written.
fn replaced_by(located: &Located) -> Option<String> {
    let by = located.deployed.as_ref().map(|deployed| deployed.replaced_by.as_slice()).unwrap_or_default();
    let first = by.first().filter(|_| located.site.state == State::Skipped(Skip::Replaced))?;
    let more = if by.len() > 1 { format!(" and {} more", by.len() - 1) } else { String::new() };
    Some(format!("by {first}{more}"))
}

impl<'i> Row<'i> {
    fn new(file: &'i str, located: &'i Located, verdict: Option<&'i Verdict>) -> Self {
        let site = &located.site;
        let (state, reason) = match site.state {
            State::Floating => ("floating", None),
            State::Pinned => ("pinned", None),
            State::Skipped(skip) => ("skipped", Some(skip.reason())),
        };
        let new = verdict.and_then(|verdict| verdict.change.as_ref()).zip(site.reference.as_ref());
        Self {
            file,
            line: located.line,
            column: located.column,
            span: located.in_file(&site.span),
            document: site.document,
            path: &site.path,
            also_at: &site.also_at,
            format: &site.format,
            kind: site.kind.as_deref(),
            image: &site.image,
            state,
            reason: verdict.and_then(|verdict| verdict.reason).map(Reason::as_str).or(reason),
            detail: verdict.and_then(|verdict| verdict.detail.clone()).or_else(|| replaced_by(located)),
            outcome: verdict.map(|verdict| verdict.outcome),
            new: new.map(|(change, reference)| match (change.style, &site.write) {
                (Style::Digest, Some(Write::Whole { .. })) => {
                    format!("{}@{}", reference.name(), change.digest)
                }
                _ => change.applied_to(reference).to_string(),
            }),
            new_digest: new.map(|(change, _)| &change.digest),
            hold: None,
            behind: verdict.and_then(|verdict| verdict.behind.as_deref()),
            proofs: new.into_iter().flat_map(|(change, _)| &change.proofs).collect(),
            located,
            placed: located,
        }
    }

    /// Returns what it names, where that is a reference.
    pub fn reference(&self) -> Option<&'i Reference> {
        self.located.site.reference.as_ref()
    }

    /// Returns the names and spans of split fields, in bytes from the start of the file.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, Range<usize>)> {
        let fields = self.placed.site.fields.iter();
        fields.map(|(name, span)| (*name, self.placed.in_file(span)))
    }
}
