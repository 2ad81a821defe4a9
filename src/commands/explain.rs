//! `tagpin explain`

use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;

use super::{local_config, print_json, seen_from, whole_tree};
use crate::commands::args::{ExplainArgs, Globals};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::history::ledger::LedgerView;
use crate::manifest::examine::examine;
use crate::manifest::formats::missing_entry::MissingEntry;
use crate::manifest::inventory::{FileScan, Inventory, take_with_readings};
use crate::manifest::site::{Site, Skip, State};
use crate::manifest::{Located, SIZE_MAX, VendoredTrees, is_judged, is_read_unjudged};
use crate::plan::missing_entries::unknown_images;
use crate::plan::{Rules, explain};
use crate::report::explain::{self as report, Explained, ExplainedImage};
use crate::report::terminal::Terminal;
use crate::text::count;

const HINT: &str = "write FILE, FILE:LINE or FILE:LINE:COLUMN, for example `clusters/api.yaml:19`";

/// What to do about an image of an unknown place for which there is no entry.
const UNSAID: &str =
    "no `[[location]]` makes it known: write its digest by hand, or the comment `tagpin: ignore`";

/// Says what stands at a place, who reads it, what becomes of it and why. Offline.
///
/// # Errors
/// There is no such file, the configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &ExplainArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let config = local_config(globals, environment, terminal)?;
    let place = AskedPlace::parse(&args.place)?;
    let (tree, root) = whole_tree()?;
    let here = std::env::current_dir()?;
    let relative = Path::new(&place.file).strip_prefix(&here).ok().and_then(Path::to_str);
    let root_path = root_path(&seen_from(&root)?, relative.unwrap_or(&place.file))?;
    let bytes = read(Path::new(&place.file))?;
    let lines_there = bytes.split(|byte| *byte == b'\n').count() - usize::from(bytes.ends_with(b"\n"));
    if let Some(line) = place.line.filter(|line| *line > lines_there) {
        let message = format!("there is no line {line}: `{}` has {}", place.file, count(lines_there, "line"));
        return Err(Failure::usage(message, HINT));
    }
    // Beside an image its line is meant.
    let in_line = AskedPlace { column: None, ..place.clone() };
    let asked = |path: &str, located: &Located| path == root_path && in_line.has(located, &bytes);
    let catalogue = config.settings.catalogue();
    let wanted = |path: &str| config.settings.policy.reads(path);
    let vendored =
        if config.settings.policy.vendored { VendoredTrees::Read } else { VendoredTrees::LeaveOut };
    let (inventory, mut readings) =
        take_with_readings(&tree, &catalogue, wanted, vendored, asked).map_err(anyhow::Error::new)?;
    let file = inventory.files.iter().find(|file| file.root_path == root_path);
    let at = |place: &AskedPlace| -> Vec<&Located> {
        let sites = file.into_iter().flat_map(|file| &file.scan.sites);
        sites.filter(|it| place.has(it, &bytes)).collect()
    };
    let sites = Some(at(&place)).filter(|sites| !sites.is_empty()).unwrap_or_else(|| at(&in_line));
    let asked: Vec<&Site> = sites.iter().map(|it| &it.site).collect();
    let lines = place.line.map_or(0..=0, |line| line..=line);
    let examined = examine(&root_path, &bytes, &catalogue, &asked, lines);
    let is_unknown = sites.iter().any(|it| it.site.state == State::Skipped(Skip::UnknownLocation));
    let unknown = unknown_images(&tree, file.filter(|_| is_unknown), &config.settings);
    let unknown = unknown.map_err(anyhow::Error::new)?;
    let images = sites.iter().zip(examined.known_by).filter_map(|(it, known_by)| {
        let readings = readings.remove(&(root_path.clone(), it.site.span.start)).unwrap_or_default();
        let missing = unknown.iter().find(|image| image.located.site.span == it.site.span);
        let location = missing.and_then(|image| image.entry.as_ref().ok()).map(MissingEntry::toml);
        Some(image(file?, it, &config, KnownOfImage { known_by, readings, location }))
    });
    let is_there = |line: usize| place.line.is_none_or(|asked| asked == line);
    let explained = Explained {
        file: place.file.clone(),
        line: place.line,
        not_read: not_read(&config, &inventory, &root_path, &bytes),
        images: images.collect(),
        values: if sites.is_empty() { examined.values } else { Vec::new() },
        unread: file.map(|file| file.scan.unread.iter().collect()).unwrap_or_default(),
        looks_away: looks_away(&inventory, &root_path, is_there),
        complete: file
            .is_none_or(|file| !file.scan.unread.iter().any(|unread| unread.reason.is_incomplete())),
    };
    if globals.is_json()? {
        print_json(&report::json(&explained), terminal)?;
    } else {
        let text = report::human(&explained, &terminal.stdout);
        terminal.stdout.write_all(text.as_bytes())?;
    }
    Ok(Exit::of(false, explained.complete))
}

/// What is known of an image beside what policy says.
struct KnownOfImage {
    known_by: Option<crate::manifest::examine::CatalogueEntry>,
    readings: Vec<crate::manifest::deploy::Reading>,
    location: Option<String>,
}

fn image<'i>(
    file: &FileScan,
    located: &'i Located,
    config: &Config,
    said: KnownOfImage,
) -> ExplainedImage<'i> {
    let past = LedgerView::default();
    let settings = &config.settings;
    let rules = Rules { holds: settings.holds.at(Timestamp::now()), ..Rules::new(settings, &past) };
    let mut explanation = explain(file, settings, rules, located);
    let is_ignored = located.site.state == State::Skipped(Skip::Ignored);
    // The nearest above it, or one for the whole file.
    let ignores = file.scan.ignores.iter().filter(|ignore| is_ignored && ignore.used);
    let before = ignores.clone().map(|ignore| ignore.place.line).filter(|line| *line <= located.line).max();
    let ignored_on = before.or_else(|| ignores.map(|ignore| ignore.place.line).min());
    let KnownOfImage { known_by, readings, location } = said;
    if located.site.state == State::Skipped(Skip::UnknownLocation) && location.is_none() {
        explanation.advice = Some(UNSAID);
    }
    ExplainedImage { located, known_by, readings, explanation, ignored_on, location }
}

/// Returns where tagpin looks away in a file, at the lines that are asked about.
fn looks_away<'i>(
    inventory: &'i Inventory,
    root_path: &str,
    is_there: impl Fn(usize) -> bool,
) -> Vec<&'i crate::manifest::LookAway> {
    let files = inventory.files.iter().filter(|file| file.root_path == root_path);
    let found = files.flat_map(|file| &file.scan.looks_away);
    found.filter(|found| found.spot.as_ref().is_none_or(|spot| is_there(spot.place.line))).collect()
}

/// Returns why a file is not read at all, if so.
fn not_read(config: &Config, inventory: &Inventory, root_path: &str, bytes: &[u8]) -> Option<String> {
    if !config.settings.policy.reads(root_path) {
        return Some("`include` and `exclude` of [policy] leave this file out".to_owned());
    }
    let is_above = |above: &str| root_path.strip_prefix(above).is_some_and(|below| below.starts_with('/'));
    let is_known = inventory.files.iter().any(|file| file.root_path == root_path);
    if let Some(vendored) = inventory.vendored.iter().find(|it| is_above(&it.path)).filter(|_| !is_known) {
        return Some(format!(
            "a tool fetched the directory `{}`; `vendored = true` in [policy] lets it in",
            vendored.path
        ));
    }
    if !is_judged(root_path) && !is_read_unjudged(root_path) {
        return Some(
            "tagpin does not read files with this name, unless a kustomization names them".to_owned(),
        );
    }
    let is_large = bytes.len() as u64 > SIZE_MAX;
    is_large.then(|| format!("it is larger than the {SIZE_MAX} bytes that tagpin reads"))
}

/// A place that is asked about.
#[derive(Clone)]
struct AskedPlace {
    file: String,
    line: Option<usize>,
    column: Option<usize>,
}

impl AskedPlace {
    fn parse(text: &str) -> Result<Self, Failure> {
        // A colon is a letter like any other in the name of a file that is there.
        let mut numbers = Vec::new();
        let mut rest = text;
        while !Path::new(rest).is_file() {
            let number =
                |(before, number): (&'_ str, &str)| Some((before.len(), number.parse::<usize>().ok()?));
            match rest.rsplit_once(':').and_then(number) {
                Some((length, number)) if number > 0 && numbers.len() < 2 => {
                    numbers.insert(0, number);
                    rest = &rest[..length];
                }
                _ if Path::new(rest).is_dir() => {
                    return Err(Failure::usage(format!("`{rest}` is a directory"), HINT));
                }
                _ => {
                    let named = rest.rsplit_once(':').filter(|(file, _)| Path::new(file).is_file());
                    let message = match named {
                        Some((_, line)) => format!("`{line}` is not the number of a line, from 1"),
                        None => format!("there is no file `{rest}`"),
                    };
                    return Err(Failure::usage(message, HINT));
                }
            }
        }
        let mut numbers = numbers.into_iter();
        Ok(Self { file: rest.to_owned(), line: numbers.next(), column: numbers.next() })
    }

    /// Returns whether an image stands there: its main scalar, or one of its fields on the line.
    fn has(&self, located: &Located, bytes: &[u8]) -> bool {
        let Some(line) = self.line else { return true };
        let line_of = |at: usize| 1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count();
        let mut fields = located.site.fields.values().map(|span| line_of(located.in_file(span).start));
        if self.column.is_none() && fields.any(|field| field == line) {
            return true;
        }
        let is_in_line = (located.line..=located.end_line).contains(&line);
        let is_in_column = |column: usize| {
            (line > located.line || column >= located.column)
                && (line < located.end_line || column <= located.end_column)
        };
        is_in_line && self.column.is_none_or(is_in_column)
    }
}

/// Returns the path below the repository's root of a file that is seen from a directory in it.
fn root_path(directory: &str, file: &str) -> Result<String, Failure> {
    let mut segments: Vec<&str> = directory.split('/').filter(|segment| !segment.is_empty()).collect();
    for segment in file.split('/') {
        match segment {
            "" | "." => {}
            ".." if segments.pop().is_none() => {
                let message = format!("`{file}` is not in the repository around this directory");
                return Err(Failure::usage(message, "start tagpin in the repository of the file"));
            }
            ".." => {}
            name => segments.push(name),
        }
    }
    Ok(segments.join("/"))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs_err::read(file).map_err(|error| Failure::usage(error.to_string(), HINT))
}
