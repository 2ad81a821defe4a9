//! Promotions that nobody has to begin: an environment whose `promote` is `pull-request` gets what the one before has.

use std::collections::BTreeMap;

use super::clone::FetchedClone;
use crate::history::ledger::LedgerView;
use crate::history::{self, Since};
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::plan::promote::{Promotion, PromotionRules, Soak, promote};
use crate::plan::set_digest::{Assignment, Atomicity, assign};
use crate::plan::{Outcome, Pinned, pin};
use crate::policy::Settings;
use crate::policy::environment::Environment;
use crate::policy::target::Target;
use crate::pull_request::marker;
use crate::reference::{Digest, Image};
use crate::registry::Registry;
use crate::run::{RunContext, RunError};
use crate::source::tree::CommitTree;

/// How many commits of the base branch are looked through for how long a digest has been there.
const DEPTH: u16 = 1000;

/// An environment that images are promoted into, and where from.
struct PromotionStep {
    from: Target,
    to: Target,
    environment: Environment,
}

/// Returns the environments that this run promotes images into, in their order.
fn steps(settings: &Settings) -> impl Iterator<Item = PromotionStep> + '_ {
    settings.environments.iter().filter_map(|environment| {
        let from = environment.promoted_from()?;
        let from = settings.environments.iter().find(|other| other.name == from)?;
        let environment = environment.clone();
        Some(PromotionStep { from: Target::of(from), to: Target::of(&environment), environment })
    })
}

/// Returns whether some environment differs from the one that it gets its images from.
pub(crate) fn is_due(inventory: &Inventory, settings: &Settings) -> bool {
    steps(settings).any(|step| match promote(inventory, &step.from, &step.to, &PromotionRules::default()) {
        Ok(promotion) => {
            pinned_only(inventory, promotion).iter().any(|assignment| *assignment != Assignment::Keep)
        }
        Err(_) => true,
    })
}

/// Leaves what has no digest yet to the tag: a promotion is about images that are pinned. What only one side has is left.
fn pinned_only(inventory: &Inventory, promotion: Promotion) -> Vec<Assignment> {
    let sites = inventory.sites().zip(promotion.assignments).enumerate();
    let assignment = sites.map(|(index, ((_, located), assignment))| match assignment {
        Assignment::Decided(verdict) if verdict.outcome == Outcome::Skipped => Assignment::Keep,
        Assignment::Set(_) if !promotion.differences.contains_key(&index) => Assignment::Keep,
        assignment if located.site.digest().is_some() => assignment,
        _ => Assignment::Keep,
    });
    assignment.collect()
}

/// Adds to `pinned` what is to be promoted, and returns what cannot be. The files are edited anew where there is something.
///
/// # Errors
/// The tree or the history cannot be read.
pub(crate) async fn add<R: Registry>(
    context: &RunContext<'_, R>,
    settings: &Settings,
    past: &LedgerView,
    cloned: &FetchedClone,
    tree: &CommitTree,
    mut pinned: Pinned,
) -> Result<(Pinned, Vec<String>), RunError> {
    let mut problems = Vec::new();
    let mut verdicts = pinned.verdicts.clone();
    for PromotionStep { from, to, environment } in steps(settings) {
        let mut demands = PromotionRules::default();
        let soak = environment.promotion.soak;
        if !soak.is_zero() {
            let since = since_when(cloned, settings, &pinned.inventory, &from).await?;
            demands.soak = Some(Soak { least: soak, now: context.now, since });
        }
        let promotion = match promote(&pinned.inventory, &from, &to, &demands) {
            Ok(promotion) => promotion,
            Err(error) => {
                problems.push(format!("nothing was promoted into `{}`: {error}", environment.name));
                continue;
            }
        };
        let assignments = pinned_only(&pinned.inventory, promotion);
        let wanted: Vec<usize> = assignments
            .iter()
            .enumerate()
            .filter(|(_, assignment)| **assignment != Assignment::Keep)
            .map(|(index, _)| index)
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let atomicity =
            if environment.promotion.partial { Atomicity::PerImage } else { Atomicity::AllOrNothing };
        let inventory = Inventory::clone(&pinned.inventory);
        let promoted =
            assign(tree, settings, past, context.registry, inventory, assignments, atomicity).await?;
        for index in wanted {
            verdicts[index] = promoted.verdicts[index].clone();
        }
    }
    if verdicts != pinned.verdicts {
        let sightings = std::mem::take(&mut pinned.sightings);
        let mended = std::mem::take(&mut pinned.mended);
        pinned = pin::edit_again(tree, settings, pinned.inventory, verdicts, mended);
        pinned.sightings = sightings;
    }
    Ok((pinned, problems))
}

/// Returns since when each digest of `from` is there, by the history of the base branch.
async fn since_when(
    cloned: &FetchedClone,
    settings: &Settings,
    inventory: &Inventory,
    from: &Target,
) -> Result<BTreeMap<(Image, Digest), Since>, RunError> {
    let (settings, inventory, from) = (settings.clone(), inventory.clone(), from.clone());
    let (branch, base) = (cloned.base_branch.clone(), cloned.base);
    let read = cloned.git.with(move |git| {
        let log = git.history(&branch, base, DEPTH, marker::is_own)?;
        let is_meant = |file: &FileScan, located: &Located| from.has(file, located);
        let ages = history::ages(&log, &settings, &inventory, is_meant)?;
        Ok(history::earliest(&inventory, &ages))
    });
    read.await
}
