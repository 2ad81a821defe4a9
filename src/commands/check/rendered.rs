//! `check --rendered`: reads the stream and the sources, and judges the one with the other.

use std::path::Path;

use super::super::input::{self, Input};
use super::super::{given_tree, local_config, work_tree_root};
use super::{baseline, outputs};
use crate::check::baseline::Baseline;
use crate::check::rendered::{RenderedStream, SourceImages, judge};
use crate::check::{CheckContext, Checked};
use crate::commands::args::{CheckArgs, Globals};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::Variables;
use crate::manifest::inventory::Inventory;
use crate::plan::pin;
use crate::report::Report;
use crate::report::terminal::Terminal;

/// The most of a stream that is read, in bytes.
const SIZE_MAX: u64 = 512 * 1024 * 1024;

/// The longest line of a stream that is shown, in bytes: a whole list may stand on one.
const LINE_MAX: usize = 64 * 1024;

/// What reports call standard input.
const STDIN: &str = "<stdin>";

const HINT: &str =
    "give what `kustomize build`, `helm template` or `kubectl get -o yaml` prints; `-` is standard input";

/// Complains about the images of a stream that would run without a digest.
///
/// # Errors
/// The stream cannot be read, a path does not exist, the configuration or baseline is wrong, or standard output cannot be
/// written.
pub(super) fn run(
    file: &Path,
    args: &CheckArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    outputs::require(&args.output)?;
    let mut config = local_config(globals, environment, terminal)?;
    config.check.strict |= args.strict;
    let baseline = match &args.baseline {
        Some(file) if !args.write_baseline => Some(baseline::load(file)?),
        _ => None,
    };
    let sources = match args.against.as_slice() {
        [] => None,
        paths => {
            let tree = given_tree(paths)?;
            Some(pin::take_inventory(&tree, &config.settings).map_err(anyhow::Error::new)?)
        }
    };
    let split = "check one namespace or application after the other";
    let bytes = input::read(file, &Input { what: "manifests", max: SIZE_MAX, hint: HINT, split })?;
    let (name, root_path) = names(file)?;
    let stream = RenderedStream::read(&name, &root_path, &bytes, &config.settings.catalogue());
    let context = CheckContext {
        inventory: &stream.inventory,
        settings: &config.settings,
        check: &config.check,
        today: jiff::Zoned::now().date(),
        now: jiff::Timestamp::now(),
        base: None,
        is_change: false,
        baseline: baseline.as_ref(),
        online: None,
    };
    let images: Option<SourceImages<'_>> =
        sources.as_ref().map(|sources: &Inventory| SourceImages::new(sources));
    let checked = judge(&stream, images.as_ref(), &context);
    if let (true, Some(file)) = (args.write_baseline, &args.baseline) {
        baseline::save(file, &Baseline::write(&checked.findings))?;
        return Ok(Exit::of(false, report(&stream, Checked::default(), &[]).complete));
    }
    let mut report = report(&stream, checked, &bytes);
    outputs::count_images(&mut report, args);
    outputs::write(report, args, globals, environment, terminal)
}

fn report<'i>(stream: &'i RenderedStream, checked: Checked, bytes: &[u8]) -> Report<'i> {
    // It was named, and has to be understood.
    let mut report = Report::new(&stream.inventory, None, |_| true);
    report.add_findings(checked);
    report.notes.extend(stream.notes());
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if bytes.split(is_end).all(|line| line.len() <= LINE_MAX) {
        report.add_excerpts(|_| Some(bytes.to_vec()));
    }
    report
}

/// Returns the names of a stream: the one in reports, and the one below the root of the work tree.
fn names(file: &Path) -> Result<(String, String), Failure> {
    if file == Path::new("-") {
        return Ok((STDIN.to_owned(), STDIN.to_owned()));
    }
    let name = file.display().to_string();
    let root = work_tree_root(&fs_err::canonicalize(std::env::current_dir()?)?);
    // A pipe has a name to read by, such as `/dev/fd/63`, and lies nowhere.
    let full = fs_err::canonicalize(file).ok();
    let below = full.as_deref().and_then(|full| full.strip_prefix(&root).ok()?.to_str());
    let below = below.map_or_else(|| name.clone(), |below| below.replace(std::path::MAIN_SEPARATOR, "/"));
    Ok((name, below))
}
