//! `tagpin promote`

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::pin::{Done, finish};
use super::{block_on, image_globs, local_config, log, registry, require_match, target, whole_tree};
use crate::assign::{Aim, Refusal, assign};
use crate::cli::{Format, Globals, PromoteArgs};
use crate::config::{Config, Environment};
use crate::error::Failure;
use crate::exit::Exit;
use crate::history;
use crate::hold::ON_HOLD;
use crate::inventory::{FileScan, Inventory};
use crate::manifest::Located;
use crate::pin::{self, Pinned};
use crate::plan::{Outcome, Verdict};
use crate::promote::{self, Demands, Promotion, Soak};
use crate::reference::Digest;
use crate::registry::Trust;
use crate::report::json::VERSION;
use crate::report::{Report, count};
use crate::target::Target;
use crate::terminal::{Terminal, printable};
use crate::tree::Tree as _;

/// Takes the digests of one environment over into another, or tells whether they are the same.
///
/// # Errors
/// FROM or TO is nothing, the configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &PromoteArgs,
    globals: &Globals,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    if !args.check {
        globals.require_network("promote")?;
    }
    let config = local_config(globals, environment, terminal)?;
    let (tree, root) = whole_tree()?;
    let from = target(&args.from, &config, &tree, &root)?;
    let to = target(&args.to, &config, &tree, &root)?;
    let inventory = pin::take_inventory(&tree, &config).map_err(anyhow::Error::new)?;
    let images = image_globs(&args.image)?;
    require_match(images.as_ref(), &inventory, &[&from, &to])?;
    let demands = Demands {
        images,
        approved: args.approved.as_deref().map(approved).transpose()?,
        soak: soak(args, &config, &inventory, &from, &root)?,
    };
    let promotion = promote::promote(&inventory, &from, &to, &demands).map_err(|error| {
        Failure::usage(error.to_string(), "docs/change-control.md says how environments follow one another")
    })?;
    if args.check {
        let report = Report::new(&inventory, None, |path| tree.is_named(path));
        if let Some(note) = nothing_in_common(&promotion, args, &from, &to) {
            writeln!(terminal.stderr, "note: {}", printable(&note))?;
        }
        return check(&inventory, &promotion, &report, globals, terminal);
    }
    let registry = registry(&config, Trust::Scanned)?;
    let mut notes = Vec::new();
    if !promotion.only_in_source.is_empty() {
        let names: Vec<&str> = promotion.only_in_source.iter().map(String::as_str).collect();
        notes.push(format!("only `{}` has {}: nothing was promoted of it", from.name, names.join(", ")));
    }
    notes.extend(nothing_in_common(&promotion, args, &from, &to));
    let refusal = if args.partial { Refusal::StopsOne } else { Refusal::StopsAll };
    let pinned = block_on(assign(&tree, &config, &registry, inventory, promotion.aims, refusal))?;
    let mut pinned = pinned.map_err(anyhow::Error::new)?;
    pinned.keep(|file| to.has_file(&file.root_path));
    let refused = refusals(&pinned);
    if refused > 0 {
        let what = if args.partial {
            "the others were promoted"
        } else {
            "nothing was promoted: --partial promotes the others, --image some"
        };
        notes.push(format!("{} refused: {what}", count(refused, "image")));
    }
    let done =
        Done { tree: &tree, config: &config, notes, complete: refused == 0, budget: registry.budget() };
    finish(pinned, done, args.dry_run, globals, terminal)
}

/// Returns the remark that a promotion has nothing to do, which a name that is spelled wrong may be behind.
fn nothing_in_common(
    promotion: &Promotion,
    args: &PromoteArgs,
    from: &Target,
    to: &Target,
) -> Option<String> {
    let is_empty = promotion.aims.iter().all(|aim| match aim {
        Aim::Leave => true,
        Aim::Decided(verdict) => verdict.outcome == Outcome::Skipped,
        Aim::Set(_) => false,
    });
    let named = if args.image.is_empty() { "" } else { " that --image names" };
    is_empty.then(|| format!("`{}` and `{}` have no image in common{named}", from.name, to.name))
}

/// Returns how many images were refused, or could not be asked for.
fn refusals(pinned: &Pinned) -> usize {
    let is_refused = |verdict: &&Verdict| {
        let held = verdict.outcome == Outcome::Held;
        let by_others = verdict.reason == Some(crate::assign::OTHERS_REFUSED);
        (held && verdict.reason != Some(ON_HOLD) && !by_others) || verdict.outcome == Outcome::Failed
    };
    pinned.verdicts.iter().filter(is_refused).count()
}

/// Returns every digest that a change ticket names.
fn approved(path: &Path) -> Result<BTreeSet<Digest>, Failure> {
    let hint = "--approved takes a text that names each approved digest in full, `sha256:…`";
    let text = fs_err::read_to_string(path).map_err(|error| Failure::usage(error.to_string(), hint))?;
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != ':');
    let digests: BTreeSet<Digest> = words.filter_map(Digest::parse).collect();
    if digests.is_empty() {
        return Err(Failure::usage(format!("`{}` names no digest", path.display()), hint));
    }
    Ok(digests)
}

fn soak(
    args: &PromoteArgs,
    config: &Config,
    inventory: &Inventory,
    from: &Target,
    root: &Path,
) -> Result<Option<Soak>, Failure> {
    let Some(least) = args.soak else { return Ok(None) };
    let is_meant = |file: &FileScan, located: &Located| from.has(file, located);
    let log = log(root, &args.base)?;
    let ages = history::ages(&log, config, inventory, is_meant).map_err(anyhow::Error::new)?;
    let since = history::earliest(inventory, &ages);
    Ok(Some(Soak { least, now: Timestamp::now(), since }))
}

/// Tells where TO differs from FROM.
fn check(
    inventory: &Inventory,
    promotion: &Promotion,
    report: &Report<'_>,
    globals: &Globals,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let mut rows = Vec::new();
    let mut unclear = 0;
    for (index, ((file, located), aim)) in inventory.sites().zip(&promotion.aims).enumerate() {
        let (wanted, verdict) = (
            promotion.differences.get(&index),
            match aim {
                Aim::Decided(verdict) if verdict.outcome == Outcome::Held => Some(verdict),
                _ => None,
            },
        );
        if wanted.is_none() && verdict.is_none() {
            continue;
        }
        unclear += usize::from(verdict.is_some());
        let (reason, detail) = (verdict.and_then(|it| it.reason), verdict.and_then(|it| it.detail.as_ref()));
        let image = &located.site.image;
        if globals.format == Format::Json {
            rows.push(json!({
                "file": file.path, "line": located.line, "column": located.column, "image": image,
                "wanted": wanted.map(ToString::to_string), "reason": reason.unwrap_or("differs"), "detail": detail,
            }));
            continue;
        }
        let place = format!("{}:{}:{}", file.path, located.line, located.column);
        let line = match (wanted, detail) {
            (Some(wanted), _) => format!("{place}: differs: `{image}` should be `{wanted}`"),
            (None, detail) => {
                format!(
                    "{place}: {}: `{image}`: {}",
                    reason.unwrap_or_default(),
                    detail.map_or("", String::as_str)
                )
            }
        };
        writeln!(terminal.stdout, "{}", printable(&line))?;
    }
    let differences = promotion.differences.len();
    // What is not clear in FROM cannot be compared.
    let complete = report.complete && unclear == 0;
    if globals.format == Format::Json {
        let document = json!({
            "version": VERSION, "differences": rows, "only_in_source": promotion.only_in_source, "complete": complete,
        });
        writeln!(terminal.stdout, "{document:#}")?;
    } else if !globals.quiet {
        writeln!(terminal.stderr, "{}, {unclear} that cannot be compared", count(differences, "difference"))?;
    }
    Ok(Exit::of(differences > 0, complete))
}
