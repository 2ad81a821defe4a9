//! The arguments of `tagpin check`: types and help texts only.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::report::{Format, RENDERERS};

/// A file that gets the results in a format: `FORMAT=FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How.
    pub format: Format,
    /// Where.
    pub file: PathBuf,
}

/// Fail where an image is not pinned: the gate for CI
///
/// Offline by default: it tells whether every image has a digest, and with --online whether the digest is what the tag is
/// now. docs/rules.md says what it complains about; [check] in the configuration has levels by path and an allow-list.
#[derive(Clone, Debug, Default, Args)]
#[command(after_long_help = "\
Exit codes:
  0  nothing is wrong, but for warnings and notes
  1  an error was found
  2  wrong usage or configuration; nothing was done
  3  a file could not be read or a registry not be asked, and in the rest no error was found

Examples:
  tagpin check
  tagpin check clusters/production --format json
  tagpin check --format github --output sarif=tagpin.sarif --output junit=tagpin.xml
  tagpin check --online clusters/production
  tagpin check --changed-since origin/main          # only what the branch adds
  git diff --staged | tagpin check --diff -
  kustomize build overlays/prod | tagpin check --rendered - --against .
  tagpin check --baseline tagpin-baseline.json --write-baseline
  tagpin check --fix")]
pub struct CheckArgs {
    /// Files, directories and [[environment]]s to check [default: this directory]
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Ask the registries too: whether tags have moved, digests are gone, and platforms are missing
    ///
    /// With --changed-since and --diff, only about the images that the change adds.
    #[arg(long)]
    pub online: bool,
    /// Ask public addresses only, for images that somebody else names, as in a pull request from a fork
    ///
    /// Registries that the configuration names may be anywhere. Credentials go nowhere else than without this option.
    #[arg(long, requires = "online")]
    pub untrusted: bool,
    /// Judge directories too that a tool fetched: `node_modules`, `vendor`; what a change adds there is judged anyway
    #[arg(long)]
    pub vendored: bool,
    /// Let warnings and notes count as errors
    #[arg(long)]
    pub strict: bool,
    /// Complain only about what the files have and the git revision REV has not
    ///
    /// HEAD is compared with the merge base of REV and HEAD. Settings, ignores and the baseline are those of REV; what the
    /// change adds to them is a finding. Files that are not committed yet belong to the change.
    #[arg(long, value_name = "REV", conflicts_with = "diff")]
    pub changed_since: Option<String>,
    /// Complain only about what a patch adds, as `git diff` prints it, that led to these files; `-` reads standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub diff: Option<PathBuf>,
    /// Check what is deployed: manifests as kustomize, helm or kubectl print them; `-` reads standard input
    ///
    /// Every image that would run without a digest is a finding, whatever text made it. Ignores in comments do not count, and
    /// what cannot be understood leaves the check incomplete.
    #[arg(
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        conflicts_with_all = ["paths", "online", "changed_since", "diff", "fix"]
    )]
    pub rendered: Option<PathBuf>,
    /// Say where each image of --rendered comes from: the place in PATH with the same image, or what its object says
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, requires = "rendered")]
    pub against: Vec<PathBuf>,
    /// End with 3 where fewer than N images were looked at: a gate in an empty or wrong directory lets everything pass
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    pub expect_images: Option<usize>,
    /// Leave out the findings that FILE knows
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub baseline: Option<PathBuf>,
    /// Write the findings of now into the file of --baseline, and end with 0
    #[arg(long, requires = "baseline", conflicts_with_all = ["changed_since", "diff", "fix", "output"])]
    pub write_baseline: bool,
    /// Pin the images of the findings that `tagpin pin` can mend, then check again
    #[arg(long)]
    pub fix: bool,
    /// Write the results into FILE too, as human, json, sarif, github or junit; may be given several times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = check_output)]
    pub output: Vec<Output>,
}

fn check_output(text: &str) -> Result<Output, String> {
    let known = || RENDERERS.iter().map(|(format, _)| format.as_str()).collect::<Vec<_>>().join(", ");
    let (format, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or_else(|| "write `FORMAT=FILE`, for example `sarif=tagpin.sarif`".to_owned())?;
    let format = RENDERERS.iter().map(|(known, _)| known).find(|known| known.as_str() == format);
    let format = *format.ok_or_else(|| format!("the formats are {}", known()))?;
    Ok(Output { format, file: file.into() })
}
