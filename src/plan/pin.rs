//! From a tree to proven edits: what `tagpin pin` and `tagpin run` have in common.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::foresee::AtItsWord;
use super::{FileEdit, Pinned};
use crate::history::ledger::{LedgerView, TagObservation};
use crate::manifest::edit::annotations::AnnotationPlan;
use crate::manifest::edit::{EditError, EditedFile, SiteEdit};
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::inventory::Inventory;
use crate::manifest::site::Skip;
use crate::manifest::{Located, SIZE_MAX, VendoredTrees, edit, inventory};
use crate::plan::verify::verify;
use crate::plan::{self, Change, Outcome, Reason, Rules, Verdict};
use crate::policy::Settings;
use crate::registry::{Answers, Registry, ask};
use crate::source::tree::{Tree, TreeError};

/// How many questions are under way at once, over all registries.
const AT_ONCE: usize = 256;

/// Returns the images in `tree` that `settings` let it read, without those in directories that a tool fetched.
///
/// # Errors
/// The tree itself cannot be read.
pub fn take_inventory<T: Tree>(tree: &T, settings: &Settings) -> Result<Inventory, TreeError> {
    let reads = |path: &str| settings.policy.reads(path);
    let vendored = if settings.policy.vendored { VendoredTrees::Read } else { VendoredTrees::LeaveOut };
    inventory::take(tree, &settings.catalogue(), reads, vendored)
}

/// Resolves every image in `tree` and edits the files in memory. Nothing is written.
///
/// # Errors
/// The tree itself cannot be read. What goes wrong with one file or image is in its verdict.
pub async fn pin<T: Tree, R: Registry>(
    tree: &T,
    settings: &Settings,
    past: &LedgerView,
    registry: &R,
    progress: impl Fn(usize, usize),
) -> Result<Pinned, TreeError> {
    let inventory = take_inventory(tree, settings)?;
    pin_some(tree, settings, past, registry, inventory, |_| true, progress).await
}

/// Does what [`pin`] does, but confirms no digest that `hold` takes out again: it gets what would change, and holds what is not
/// wanted. Each tag is asked for twice, of which a [`Memo`](crate::registry::Memo) makes one request.
///
/// # Errors
/// Those of [`pin`].
pub async fn pin_unless<T: Tree, R: Registry>(
    tree: &T,
    settings: &Settings,
    past: &LedgerView,
    registry: &R,
    progress: impl Fn(usize, usize),
    hold: impl AsyncFnOnce(Pinned) -> Pinned,
) -> Result<Pinned, TreeError> {
    let inventory = take_inventory(tree, settings)?;
    let (verdicts, mut answers) = foresee(settings, past, registry, &inventory, progress).await;
    let mut foreseen = Pinned { inventory: inventory.into(), verdicts, ..Pinned::default() };
    let changes = |verdicts: &[Verdict]| verdicts.iter().any(|verdict| verdict.change.is_some());
    if changes(&foreseen.verdicts) {
        foreseen = hold(foreseen).await;
    }
    let Pinned { inventory, mut verdicts, .. } = foreseen;
    if changes(&verdicts) {
        let wanted = |index: usize| verdicts.get(index).is_some_and(|verdict| verdict.change.is_some());
        let (confirmed, more) = decide(settings, past, registry, &inventory, wanted, |_, _| {}).await;
        let foreseen = verdicts.iter_mut().zip(confirmed).filter(|(verdict, _)| verdict.change.is_some());
        foreseen.for_each(|(verdict, confirmed)| *verdict = confirmed);
        answers.extend(more);
    }
    finish(tree, settings, registry, inventory, verdicts, &answers).await
}

/// Does what [`pin`] does for the sites of `inventory` whose index in [`Inventory::sites`] is `wanted`: the others are
/// unchanged where they are pinned, and skipped where they are not.
///
/// # Errors
/// Those of [`pin`].
pub async fn pin_some<T: Tree, R: Registry>(
    tree: &T,
    settings: &Settings,
    past: &LedgerView,
    registry: &R,
    inventory: Inventory,
    wanted: impl Fn(usize) -> bool,
    progress: impl Fn(usize, usize),
) -> Result<Pinned, TreeError> {
    let (verdicts, answers) = decide(settings, past, registry, &inventory, wanted, progress).await;
    finish(tree, settings, registry, inventory.into(), verdicts, &answers).await
}

/// Returns what changes in the files of `tree` by `verdicts`, once what policy demands is attached to the new digests.
async fn finish<T: Tree, R: Registry>(
    tree: &T,
    settings: &Settings,
    registry: &R,
    inventory: Arc<Inventory>,
    mut verdicts: Vec<Verdict>,
    answers: &Answers,
) -> Result<Pinned, TreeError> {
    verify(registry, &settings.policy, &inventory, &mut verdicts).await;
    let (files, notes) =
        tree.budget().compute(|| edit_all(tree, settings, &inventory, &mut verdicts, Mend::Everywhere))?;
    Ok(Pinned {
        inventory,
        verdicts,
        files,
        notes,
        sightings: TagObservation::all(answers),
        ..Pinned::default()
    })
}

/// Returns the verdict on every site that there would be if registries had whatever they say that a tag is, and what they
/// answered. Where nothing changes, the verdicts are right; nothing may be written by the others.
pub async fn foresee<R: Registry>(
    settings: &Settings,
    past: &LedgerView,
    registry: &R,
    inventory: &Inventory,
    progress: impl Fn(usize, usize),
) -> (Vec<Verdict>, Answers) {
    decide(settings, past, &AtItsWord(registry), inventory, |_| true, progress).await
}

/// Returns the verdict on every site, as [`pin_some`] has it but for what policy demands to be attached to a new digest, and
/// what the registries answered.
pub async fn decide<R: Registry>(
    settings: &Settings,
    past: &LedgerView,
    registry: &R,
    inventory: &Inventory,
    wanted: impl Fn(usize) -> bool,
    progress: impl Fn(usize, usize),
) -> (Vec<Verdict>, Answers) {
    let asked = only(inventory, &wanted);
    let rules = Rules::new(settings, past);
    let questions = plan::questions(&asked, rules);
    let answers = ask(registry, &questions, AT_ONCE, progress).await;
    let now_known = past.with(&TagObservation::all(&answers));
    let rules = Rules { past: &now_known, ..rules };
    // By the whole inventory: what is not asked about says something of what is.
    let mut verdicts = plan::decide(inventory, rules, &answers);
    for (index, ((file, located), verdict)) in inventory.sites().zip(&mut verdicts).enumerate() {
        if !wanted(index) {
            *verdict = plan::left_alone(file, rules, located);
        }
    }
    (verdicts, answers)
}

/// Returns the inventory with the sites that are not wanted skipped.
fn only<'i>(inventory: &'i Inventory, wanted: impl Fn(usize) -> bool) -> Cow<'i, Inventory> {
    if (0..inventory.sites().count()).all(&wanted) {
        return Cow::Borrowed(inventory);
    }
    let mut asked = inventory.clone();
    let sites = asked.files.iter_mut().flat_map(|file| &mut file.scan.sites);
    for (_, located) in sites.enumerate().filter(|(index, _)| !wanted(*index)) {
        located.site.skip(Skip::Ignored);
    }
    Cow::Owned(asked)
}

/// Edits the files of `tree` in memory as other `verdicts` on the same sites say, of which some changes were taken out.
pub fn edit_again<T: Tree>(
    tree: &T,
    settings: &Settings,
    inventory: Arc<Inventory>,
    mut verdicts: Vec<Verdict>,
    mended: BTreeSet<String>,
) -> Pinned {
    let (files, notes) = edit(tree, settings, &inventory, &mut verdicts, &mended);
    Pinned { inventory, verdicts, files, notes, mended, ..Pinned::default() }
}

/// In which files annotations are mended that are not true any more.
#[derive(Clone, Copy, Debug)]
enum Mend<'m> {
    Everywhere,
    /// Where any image changes: in those that do, and in these.
    Along(&'m BTreeSet<String>),
}

/// Edits the files of the sites whose verdict has a change, in memory; a site that cannot be edited learns why. With any of
/// them, annotations are mended in the files that are to be `mended` too. Returns the files, and remarks.
pub(crate) fn edit<T: Tree>(
    tree: &T,
    settings: &Settings,
    inventory: &Inventory,
    verdicts: &mut [Verdict],
    mended: &BTreeSet<String>,
) -> (Vec<FileEdit>, Vec<String>) {
    edit_all(tree, settings, inventory, verdicts, Mend::Along(mended))
}

fn edit_all<T: Tree>(
    tree: &T,
    settings: &Settings,
    inventory: &Inventory,
    verdicts: &mut [Verdict],
    mend: Mend<'_>,
) -> (Vec<FileEdit>, Vec<String>) {
    let patches = inventory.patches();
    let (recording, catalogue) = (&settings.annotations, settings.catalogue());
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    let is_change = verdicts.iter().any(|verdict| verdict.change.is_some());
    let mut rest = verdicts;
    for file in &inventory.files {
        let (mine, others) = rest.split_at_mut(file.scan.sites.len());
        rest = others;
        let is_patch = patches.contains(file.root_path.as_str());
        let mends = !is_patch && recording.is_to_be_mended(&file.scan);
        let changes = mine.iter().any(|verdict| verdict.change.is_some());
        let is_mended = match mend {
            Mend::Everywhere => mends,
            Mend::Along(paths) => mends && is_change && paths.contains(&file.path),
        };
        if !(changes || is_mended) {
            continue;
        }
        let before = match tree.read(&file.path, SIZE_MAX) {
            Ok(before) => before,
            Err(error) => {
                for verdict in mine.iter_mut().filter(|verdict| verdict.change.is_some()) {
                    *verdict = Verdict::because(Outcome::Failed, Reason::Unreadable, Some(error.to_string()));
                }
                continue;
            }
        };
        let annotations = AnnotationPlan {
            keys: recording.all_keys(),
            enabled: recording.enabled,
            remove: recording.remove,
            mends,
            is_patch,
        };
        let sites = &file.scan.sites;
        let edited =
            edit_file(&file.scan.read_as(&file.root_path), &before, &catalogue, sites, mine, &annotations);
        if let Some(EditedFile { after, spans, notes: remarks }) = edited {
            notes.extend(remarks.into_iter().map(|remark| format!("{}: {remark}", file.path)));
            files.push(FileEdit { path: file.path.clone(), before, after, spans });
        }
    }
    (files, notes)
}

/// Edits the file at `path` as the `verdicts` on its `sites` say, in memory; the verdict on a site that cannot be edited
/// becomes why. Returns `None` where nothing changes.
pub fn edit_file(
    path: &str,
    before: &[u8],
    catalogue: &Catalogue,
    sites: &[Located],
    verdicts: &mut [Verdict],
    annotations: &AnnotationPlan<'_>,
) -> Option<EditedFile> {
    let edits = verdicts.iter().map(site_edit).collect();
    let (edited, done) = edit::edit(path, before, catalogue, sites, edits, annotations);
    for (verdict, done) in verdicts.iter_mut().zip(done) {
        if let Err(error) = done {
            let outcome = match error {
                EditError::Unsafe(_) => Outcome::Held,
                EditError::FileChanged | EditError::NotUtf8 | EditError::Unproven(_) => Outcome::Failed,
            };
            *verdict = Verdict::because(outcome, (&error).into(), Some(error.to_string()));
        }
    }
    edited
}

/// Returns what a verdict asks for at its site.
fn site_edit(verdict: &Verdict) -> SiteEdit {
    let index = verdict.behind.as_ref().map(ToString::to_string);
    match &verdict.change {
        Some(Change { digest, tag, style, .. }) => {
            SiteEdit::Write { digest: digest.clone(), tag: tag.clone(), style: *style, index }
        }
        None if verdict.outcome == Outcome::Unchanged => SiteEdit::Keep { index },
        None => SiteEdit::Leave,
    }
}
