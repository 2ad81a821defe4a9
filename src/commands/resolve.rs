//! `tagpin resolve`

use std::io::Write as _;

use serde_json::json;

use super::{block_on, registry};
use crate::cli::{Format, Globals, ResolveArgs};
use crate::config::{Config, Environment};
use crate::error::Failure;
use crate::exit::Exit;
use crate::reference::{Digest, Reference};
use crate::registry::{
    Answer, Answers, Asked, Behind, Content, Judged, Level, Question, Recorded, ResolveError, Wanted, ask,
};
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
        let wanted = Wanted { level, needed: Vec::new(), present: None, recorded: Recorded::Nothing };
        let question = Question::new(&reference);
        asked.push((text, Asked { question, reference: text.clone(), wanted: vec![wanted] }));
    }
    let registry = registry(&config)?;
    let questions: Vec<Asked> = asked.iter().map(|(_, asked)| asked.clone()).collect();
    let answers = block_on(ask(&registry, &questions, 16, |_, _| {}))?;
    let mut complete = true;
    let mut rows = Vec::new();
    for (text, asked) in asked {
        let told = told(&asked, &answers);
        complete &= told.is_ok();
        match globals.format {
            Format::Human => print_row(text, &told, terminal)?,
            Format::Json => rows.push(row(text, &told)),
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

/// What is said of one reference.
struct Told<'a> {
    digest: Digest,
    behind: Option<Behind>,
    answer: &'a Answer,
}

fn told<'a>(asked: &Asked, answers: &'a Answers) -> Result<Told<'a>, (&'static str, String)> {
    let failed = |error: &ResolveError| (error.reason(), error.to_string());
    let not_asked = || ("not-asked", "it was not asked".to_owned());
    let answer = answers.get(&asked.question).ok_or_else(not_asked)?.as_ref().map_err(failed)?;
    match asked.wanted.first().map(|wanted| wanted.judge(&asked.question, answer)) {
        Some(Ok(Judged::Write { digest, behind })) => Ok(Told { digest, behind, answer }),
        Some(Ok(Judged::Failed(error))) => Err(failed(&error)),
        _ => Err(not_asked()),
    }
}

fn print_row(
    text: &str,
    told: &Result<Told<'_>, (&'static str, String)>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    match told {
        Ok(Told { digest, behind, answer }) => {
            let media_type = answer.media_type(digest).unwrap_or_default();
            writeln!(terminal.stdout, "{text}  {digest}  {media_type}")?;
            if let Some(Behind { index, .. }) = behind {
                writeln!(terminal.stdout, "  in the index {index}")?;
            }
        }
        Err((reason, detail)) => writeln!(terminal.stderr, "{text}: {reason}: {detail}")?,
    }
    Ok(())
}

fn row(text: &str, told: &Result<Told<'_>, (&'static str, String)>) -> serde_json::Value {
    match told {
        Ok(Told { digest, behind, answer }) => {
            let content = answer.resolution.content.as_ref();
            let platforms = content
                .filter(|content| matches!(content, Content::Index(_)))
                .map(|content| content.platforms().iter().map(ToString::to_string).collect::<Vec<_>>());
            json!({
                "image": text,
                "digest": digest,
                "index": behind.as_ref().map(|behind| &behind.index),
                "media_type": answer.media_type(digest),
                "platforms": platforms,
            })
        }
        Err((reason, detail)) => json!({ "image": text, "reason": reason, "detail": detail }),
    }
}
