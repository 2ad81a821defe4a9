//! `tagpin promote`, wherever it is done.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{RequestError, RequestOutcome, Workspace, require_images, require_match};
use crate::history;
use crate::history::ledger::LedgerView;
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::plan::promote::{Promotion, PromotionRules, Soak, promote};
use crate::plan::set_digest::{Atomicity, assign};
use crate::plan::{Pinned, Reason, Verdict, pin};
use crate::policy::environment::of_path;
use crate::policy::target::Target;
use crate::policy::{Globs, Settings};
use crate::pull_request::Occasion;
use crate::pull_request::group::Group;
use crate::reference::Digest;
use crate::registry::Registry;
use crate::source::git::{Log, LogError};
use crate::source::tree::Tree;
use crate::text::count;

/// A promotion that a person asks for.
#[derive(Clone, Debug)]
pub struct Promote {
    /// The environment or path that has the digests.
    pub from: String,
    /// The one that gets them.
    pub to: String,
    /// Only these images.
    pub images: Option<Globs>,
    /// Only these digests.
    pub approved: Option<BTreeSet<Digest>>,
    /// How long a digest must have been in the source; the destination's own `soak` counts where it is longer.
    pub soak: SignedDuration,
    /// Whether the others are promoted where an image is refused.
    pub partial: bool,
}

/// What it will do.
#[derive(Clone, Debug)]
pub struct PlannedPromotion {
    inventory: Inventory,
    promotion: Promotion,
    from: Target,
    to: Target,
    partial: bool,
    /// Whether only some images were asked for.
    some: bool,
}

impl Promote {
    /// Decides what is promoted. The history is read where a digest must have been in the source for some time.
    ///
    /// # Errors
    /// What is named is nothing, the sides do not follow one another, or files and history cannot be read.
    pub fn plan<T: Tree>(
        &self,
        place: Workspace<'_, T>,
        log: impl FnOnce() -> Result<Log, LogError>,
        now: Timestamp,
    ) -> Result<PlannedPromotion, RequestError> {
        let (from, to) = (place.target(&self.from)?, place.target(&self.to)?);
        let inventory = pin::take_inventory(place.tree, place.settings)?;
        require_images(&inventory, &[&from, &to])?;
        require_match(self.images.as_ref(), &inventory, &[&from, &to])?;
        let environments = &place.settings.environments;
        // What a path belongs to says how long it waits, too.
        let homes = inventory.files.iter().filter(|file| to.has_file(&file.root_path));
        let homes = homes.filter_map(|file| of_path(environments, &file.root_path)).chain(to.environment());
        let least = homes.map(|home| home.promotion.soak).fold(self.soak, SignedDuration::max);
        let soak = if least.is_zero() {
            None
        } else {
            let is_meant = |file: &FileScan, located: &Located| from.has(file, located);
            let ages = history::ages(&log()?, place.settings, &inventory, is_meant)?;
            Some(Soak { least, now, since: history::earliest(&inventory, &ages) })
        };
        let (images, approved) = (self.images.clone(), self.approved.clone());
        let demands = PromotionRules { environments: environments.clone(), images, approved, soak };
        let promotion = promote(&inventory, &from, &to, &demands)?;
        Ok(PlannedPromotion {
            inventory,
            promotion,
            from,
            to,
            partial: self.partial,
            some: self.images.is_some(),
        })
    }

    pub(super) fn occasion(&self, place: impl Fn(&str) -> String) -> (Group, Occasion) {
        let (from, to) = (place(&self.from), place(&self.to));
        let images = self.images.as_ref().map(Globs::patterns).unwrap_or_default();
        (Group::promoted_by_hand(&from, &to, images), Occasion::Promotion { from, to })
    }
}

impl PlannedPromotion {
    pub(super) async fn carry_out<T: Tree, R: Registry>(
        self,
        tree: &T,
        settings: &Settings,
        past: &LedgerView,
        registry: &R,
    ) -> Result<RequestOutcome, RequestError> {
        let mut notes = Vec::new();
        if !self.promotion.only_in_source.is_empty() {
            let names: Vec<&str> = self.promotion.only_in_source.iter().map(String::as_str).collect();
            let from = &self.from.name;
            notes.push(format!("only `{from}` has {}: nothing was promoted of it", names.join(", ")));
        }
        notes.extend(self.promotion.nothing_in_common(&self.from, &self.to, self.some));
        let atomicity = if self.partial { Atomicity::PerImage } else { Atomicity::AllOrNothing };
        let pinned =
            assign(tree, settings, past, registry, self.inventory, self.promotion.assignments, atomicity)
                .await?;
        if pinned.verdicts.iter().any(|verdict| verdict.reason == Some(Reason::DigestGone)) {
            let from = &self.from.name;
            notes.push(format!(
                "what `{from}` declares and its registry does not have can be pulled nowhere any more: give `{from}` another digest \
                 first"
            ));
        }
        let refused = refusals(&pinned);
        if refused > 0 {
            let others = pinned.verdicts.iter().any(|verdict| verdict.change.is_some());
            let kept = pinned.verdicts.iter().any(|it| it.reason == Some(Reason::OthersRefused));
            let what = match (self.partial, others || kept) {
                (true, true) => "the others were promoted",
                (true, false) => "no other was promoted",
                (false, true) => "nothing was promoted: --partial promotes the others, --image some",
                (false, false) => "nothing was promoted",
            };
            notes.push(format!("{} refused: {what}", count(refused, "image")));
        }
        Ok(RequestOutcome { pinned, notes, complete: refused == 0, about: self.to })
    }
}

/// Returns how many images were refused, or could not be asked for.
fn refusals(pinned: &Pinned) -> usize {
    let is_refused =
        |verdict: &&Verdict| verdict.is_refused() && verdict.reason != Some(Reason::OthersRefused);
    pinned.verdicts.iter().filter(is_refused).count()
}
