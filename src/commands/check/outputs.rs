//! What `check` found, on standard output and in the files of `--output`: each in one format, all with the same findings.

use std::io::Write as _;
use std::path::Path;

use super::super::{print_next_step, print_remarks, work_tree_root};
use crate::atomic_file;
use crate::commands::args::{CheckArgs, Format, Globals, Output};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::Variables;
use crate::report::terminal::{Stream, Terminal};
use crate::report::{Report, github, human, next_step, renderer, sarif, totals};
use crate::source::tree::{Resolved, resolve};
use crate::text::{count, printable};

/// Refuses files that cannot be written, before anything is done.
///
/// # Errors
/// Two outputs have one file, a directory does not exist, or something else is in the place of a file: usage errors.
pub(super) fn require(outputs: &[Output]) -> Result<(), Failure> {
    for (index, Output { file, .. }) in outputs.iter().enumerate() {
        let shown = file.display();
        if outputs[..index].iter().any(|other| other.file == *file) {
            let hint = "give each output a file of its own";
            return Err(Failure::usage(format!("two outputs have the file `{shown}`"), hint));
        }
        let directory = file.parent().filter(|directory| *directory != Path::new(""));
        if !directory.is_none_or(Path::is_dir) {
            let message = format!("the directory of the output `{shown}` does not exist");
            return Err(Failure::usage(message, "create it first"));
        }
        require_file("output", file)?;
    }
    Ok(())
}

/// Refuses to write a file where a link of the repository leads; `what` says what it is for.
///
/// # Errors
/// There is such a link on the way, or something that is not a file in its place: usage errors.
pub(super) fn require_file(what: &str, file: &Path) -> Result<(), Failure> {
    let shown = file.display();
    if leads_through_a_link(file)? {
        let message =
            format!("the way to the {what} `{shown}` leads through a symbolic link of the repository");
        return Err(Failure::usage(
            message,
            "name a directory of the repository itself, or one outside of it",
        ));
    }
    if fs_err::symlink_metadata(file).is_ok_and(|metadata| !metadata.is_file()) {
        let message = format!("the {what} `{shown}` is not a regular file");
        return Err(Failure::usage(message, "name a file that is not there, or that may be replaced"));
    }
    Ok(())
}

/// Returns whether a link that the repository has decides where `file` is: a change could have added it.
fn leads_through_a_link(file: &Path) -> Result<bool, Failure> {
    let here = fs_err::canonicalize(std::env::current_dir()?)?;
    let root = work_tree_root(&here);
    let Resolved::Inside(below) = resolve(&root, &here.join(file)) else { return Ok(false) };
    let directories = Path::new(&below).parent().into_iter().flat_map(Path::ancestors);
    Ok(directories
        .map(|directory| root.join(directory))
        .any(|directory| directory != root && directory.is_symlink()))
}

/// Says where nothing was looked at, and lets the report be incomplete where more was expected.
pub(super) fn count_images(report: &mut Report<'_>, args: &CheckArgs) {
    let found = report.rows.len();
    if let Some(expected) = args.expect_images.filter(|expected| found < *expected) {
        report.notes.push(format!(
            "{} found, and at least {expected} expected: is this the right directory?",
            count(found, "image")
        ));
        report.complete = false;
    } else if found == 0 {
        report.notes.push(
            "nothing was judged: there is no image in what was read; `--expect-images` lets that fail"
                .to_owned(),
        );
    }
}

/// Prints the report, writes it into the files, and returns how the command ends.
///
/// # Errors
/// Standard output cannot be written. A file that cannot be written is said, and leaves the command incomplete.
pub(super) fn write(
    mut report: Report<'_>,
    args: &CheckArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let formats = || args.output.iter().map(|output| output.format).chain([globals.format]);
    if formats().any(|format| format == Format::Sarif) {
        report.notes.extend(sarif_limits(&report));
    }
    let summary = environment.github_step_summary.as_deref();
    if formats().any(|format| format == Format::Github) && summary.is_none() {
        let left = github::not_annotated(&report);
        let more = format!("{} more than GitHub shows, and no GITHUB_STEP_SUMMARY", count(left, "finding"));
        report.notes.extend((left > 0).then_some(more));
    }
    let bytes = render(&report, globals.format, &terminal.stdout)?;
    terminal.stdout.write_all(&bytes)?;
    print_remarks(&report, globals, terminal)?;
    let step = next_step::after_check(&report).filter(|_| !args.fix && !globals.offline);
    print_next_step(step, globals, terminal)?;
    let mut written = true;
    for Output { format, file } in &args.output {
        let plain = Stream::plain(std::io::sink());
        let mut bytes = render(&report, *format, &plain)?;
        if *format == Format::Human {
            bytes.extend(human::remarks(&report, &plain, false).into_bytes());
            bytes.extend(totals(&report, &plain).into_bytes());
        }
        written &= told(file, atomic_file::put(file, &bytes), terminal)?;
    }
    if let (Some(file), true) = (summary, formats().any(|format| format == Format::Github)) {
        written &= told(file, append(file, &report), terminal)?;
    }
    Ok(Exit::of(report.has_errors(), report.complete && written))
}

fn render(report: &Report<'_>, format: Format, stream: &Stream) -> Result<Vec<u8>, Failure> {
    let renderer = renderer(format).ok_or_else(|| {
        let message = format!("findings have no format `{}`", format.as_str());
        Failure::usage(message, "`tagpin check --help` has those that there are")
    })?;
    Ok(renderer(report, stream)?)
}

/// Adds to the summary of the step what fits behind what the step has said already.
fn append(file: &Path, report: &Report<'_>) -> std::io::Result<()> {
    let mut options = fs_err::OpenOptions::new();
    let mut file = options.append(true).create(true).open(file)?;
    let there = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    file.write_all(github::summary(report, github::SUMMARY_MAX.saturating_sub(there)).as_bytes())
}

fn told(file: &Path, written: std::io::Result<()>, terminal: &mut Terminal) -> Result<bool, Failure> {
    let Err(error) = written else { return Ok(true) };
    let message = format!("error: cannot write `{}`: {error}", file.display());
    writeln!(terminal.stderr, "{}", printable(&message))?;
    Ok(false)
}

/// Says what GitHub leaves out of a large SARIF file.
fn sarif_limits(report: &Report<'_>) -> Option<String> {
    let (all, max, shown) = (report.findings.len(), sarif::RESULTS_MAX, sarif::RESULTS_SHOWN);
    if all > max {
        Some(format!("GitHub takes {max} results and shows {shown}: {} are left out of the SARIF", all - max))
    } else {
        (all > shown)
            .then(|| format!("GitHub shows {shown} of the {all} results, those of the highest level"))
    }
}
