//! `tagpin resolve`

use std::io::Write as _;

use serde_json::json;

use super::{block_on, registry};
use crate::cli::{Format, Globals, ResolveArgs};
use crate::config::{Config, Environment};
use crate::error::Failure;
use crate::exit::Exit;
use crate::reference::Reference;
use crate::registry::{Asked, Level, Question, Resolution, ResolveError, ask};
use crate::terminal::Terminal;

/// Asks the registries what references are now.
///
/// # Errors
/// A reference is malformed, the configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &ResolveArgs,
    globals: &Globals,
    environment: &Environment,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    globals.require_network("resolve")?;
    let config = Config::load(globals.config.as_deref(), environment)?;
    let mut asked = Vec::new();
    for text in &args.references {
        let reference = Reference::parse(text).map_err(|error| {
            Failure::usage(
                format!("`{text}` is not an image reference: {error}"),
                "write `[host[:port]/]path[:tag]`, for example `ghcr.io/acme/api:1.8`",
            )
        })?;
        if reference.tag().is_none() && reference.digest().is_some() {
            return Err(Failure::usage(
                format!("`{text}` has a digest and no tag: there is nothing to look up"),
                "name the tag: `resolve` says what a tag is now",
            ));
        }
        let level = args.platform.clone().map_or(Level::Index, Level::Platform);
        let present = vec![reference.digest().cloned()];
        let question = Question::new(&reference, level);
        asked.push((text, Asked { question, reference: text.clone(), present, needed: Vec::new() }));
    }
    let registry = registry(&config)?;
    let questions: Vec<Asked> = asked.iter().map(|(_, asked)| asked.clone()).collect();
    let answers = block_on(ask(&registry, &questions, 16, |_, _| {}))?;
    let mut complete = true;
    let mut rows = Vec::new();
    for (text, asked) in asked {
        let answer = answers.get(&asked.question);
        complete &= matches!(answer, Some(Ok(_)));
        match globals.format {
            Format::Human => print_row(text, answer, terminal)?,
            Format::Json => rows.push(row(text, answer)),
        }
    }
    if globals.format == Format::Json {
        let document = json!({ "version": 1, "references": rows, "complete": complete });
        writeln!(terminal.stdout, "{document:#}")?;
    } else if globals.verbose > 0 {
        for (host, budget) in registry.budget() {
            writeln!(terminal.stderr, "{host}: {budget}")?;
        }
    }
    Ok(Exit::of(false, complete))
}

fn print_row(
    text: &str,
    answer: Option<&Result<Resolution, ResolveError>>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    match answer {
        Some(Ok(resolution)) => {
            writeln!(terminal.stdout, "{text}  {}  {}", resolution.digest, resolution.media_type)?;
            if let Some(index) = &resolution.index {
                writeln!(terminal.stdout, "  in the index {index}")?;
            }
        }
        Some(Err(error)) => writeln!(terminal.stderr, "{text}: {}: {error}", error.reason())?,
        None => writeln!(terminal.stderr, "{text}: it was not asked")?,
    }
    Ok(())
}

fn row(text: &str, answer: Option<&Result<Resolution, ResolveError>>) -> serde_json::Value {
    match answer {
        Some(Ok(resolution)) => json!({
            "image": text,
            "digest": resolution.digest,
            "index": resolution.index,
            "media_type": resolution.media_type,
            "platforms": resolution.platforms.as_ref().map(|platforms| {
                platforms.iter().map(ToString::to_string).collect::<Vec<_>>()
            }),
        }),
        Some(Err(error)) => json!({ "image": text, "reason": error.reason(), "detail": error.to_string() }),
        None => json!({ "image": text, "reason": "not-asked" }),
    }
}
