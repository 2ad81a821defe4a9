//! `tagpin resolve`

use std::io::Write as _;

use serde_json::json;

use super::{print_budgets, print_json, registry, runtime};
use crate::commands::args::{Globals, ResolveArgs};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::{Config, Variables};
use crate::reference::{Digest, Reference};
use crate::registry::verify::{Demand, Evidence};
use crate::registry::{
    Assessment, DigestLevel, HttpRegistry, Judgement, ManifestContent, RecordedOrigin, Registry as _,
    Requirement, ResolveError, SourceIndex, TagAnswer, TagQuery, TagRef, Trust, ask, explained,
};
use crate::report::fold;
use crate::report::json::VERSION;
use crate::report::terminal::{Stream, Terminal};

/// Asks the registries what references are now.
///
/// # Errors
/// A reference is malformed, the configuration is wrong, or standard output cannot be written.
pub fn run(
    args: &ResolveArgs,
    globals: &Globals,
    environment: &Variables,
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
        if reference.digest().is_some() {
            return Err(Failure::usage(
                format!("`{text}` has a digest: there is nothing to look up"),
                "leave the digest out: `resolve` says what a tag is now, and `tagpin check --online` whether a digest is there",
            ));
        }
        let level = args.platform.clone().map_or(DigestLevel::Index, DigestLevel::Platform);
        let wanted =
            Requirement { level, needed: Vec::new(), present: None, recorded: RecordedOrigin::Nothing };
        let question = TagRef::new(&reference);
        asked.push((text, TagQuery { question, reference: text.clone(), wanted: vec![wanted] }));
    }
    let registry = registry(&config, Trust::Typed)?;
    let runtime = runtime()?;
    let mut rows = Vec::new();
    if globals.verbose > 0 {
        // One after the other, so that the steps can be followed.
        for (text, asked) in asked {
            // The policy for no path in particular: what it demands for all of them.
            let demands = |reference: Reference| config.settings.policy.decide("", &reference, None).demands;
            let demands = Reference::parse(text).map(demands).unwrap_or_default();
            rows.push(runtime.block_on(explain(&registry, text, asked, &demands)));
        }
    } else {
        let questions: Vec<TagQuery> = asked.iter().map(|(_, asked)| asked.clone()).collect();
        let answers = runtime.block_on(ask(&registry, &questions, AT_ONCE, |_, _| {}));
        for (text, asked) in asked {
            let answer = answers.get(&asked.question).cloned();
            let (steps, mirrors, attached) = (Vec::new(), Vec::new(), Vec::new());
            rows.push(ResolvedRow { text, asked, answer, steps, mirrors, attached });
        }
    }
    let complete = rows.iter().all(|row| row.resolved().is_ok());
    let budgets = registry.budget();
    if globals.is_json()? {
        let references: Vec<_> = rows.iter().map(ResolvedRow::json).collect();
        let document = json!({
            "version": VERSION, "references": references, "registries": budgets, "complete": complete,
        });
        print_json(&document, terminal)?;
    } else {
        for row in &rows {
            row.print(terminal)?;
        }
        if globals.verbose > 0 {
            print_budgets(&budgets, terminal)?;
        }
    }
    Ok(Exit::of(false, complete))
}

/// How many questions are under way at once.
const AT_ONCE: usize = 64;

fn say(line: &str, stream: &mut Stream) -> std::io::Result<()> {
    let line = fold::line(line, 4, stream);
    stream.write_all(line.as_bytes())
}

/// The answer about one reference.
struct ResolvedRow<'a> {
    text: &'a str,
    asked: TagQuery,
    answer: Option<Result<TagAnswer, ResolveError>>,
    /// How it came about, where that is asked for.
    steps: Vec<String>,
    /// What mirrors say, where that is asked for.
    mirrors: Vec<(String, Result<Digest, ResolveError>)>,
    /// What is attached to the digest, where policy demands something and it is asked for.
    attached: Vec<Result<Evidence, ResolveError>>,
}

/// What is said of one reference.
struct Resolved<'a> {
    digest: Digest,
    behind: Option<SourceIndex>,
    answer: &'a TagAnswer,
}

/// Asks for one reference, its mirrors beside it, and what policy demands to be attached to it.
async fn explain<'a>(
    registry: &HttpRegistry,
    text: &'a str,
    asked: TagQuery,
    demands: &[Demand],
) -> ResolvedRow<'a> {
    let questions = std::slice::from_ref(&asked);
    let (mut answers, steps) = explained(ask(registry, questions, AT_ONCE, |_, _| {})).await;
    let mirrors = registry.at_mirrors(&asked.question).await;
    let answer = answers.remove(&asked.question);
    let mut row = ResolvedRow { text, asked, answer, steps, mirrors, attached: Vec::new() };
    let Ok(Resolved { digest, behind, .. }) = row.resolved() else { return row };
    let digest = behind.map_or(digest, |behind| behind.index);
    for demand in demands {
        let (found, steps) = explained(registry.evidence(&row.asked.question, &digest, demand)).await;
        row.steps.extend(steps);
        row.attached.push(found);
    }
    row
}

/// Returns what was found attached, and what is missing, in words.
fn attached(found: &Result<Evidence, ResolveError>) -> Vec<String> {
    match found {
        Ok(Evidence { proofs, missing }) => {
            let proofs = proofs.iter().map(ToString::to_string);
            proofs.chain(missing.iter().map(|(_, text)| text.clone())).collect()
        }
        Err(error) => vec![format!("nobody can tell who signed it: {error}")],
    }
}

impl ResolvedRow<'_> {
    /// Returns the digest that is wanted, or a kebab-case reason with its explanation.
    fn resolved(&self) -> Result<Resolved<'_>, (&'static str, String)> {
        let failed = |error: &ResolveError| (error.reason(), error.to_string());
        let not_asked = || ("not-asked", "it was not asked".to_owned());
        let answer = self.answer.as_ref().ok_or_else(not_asked)?.as_ref().map_err(failed)?;
        match self.asked.wanted.first().map(|wanted| wanted.judge(&self.asked.question, answer)) {
            Some(Judgement::Done(Assessment::Write { digest, behind })) => {
                Ok(Resolved { digest, behind, answer })
            }
            Some(Judgement::Done(Assessment::Failed(error))) => Err(failed(&error)),
            _ => Err(not_asked()),
        }
    }

    fn print(&self, terminal: &mut Terminal) -> Result<(), Failure> {
        for step in &self.steps {
            say(&format!("  {step}"), &mut terminal.stderr)?;
        }
        for (mirror, answer) in &self.mirrors {
            let said = match answer {
                Ok(digest) if self.is_current(digest) => "has the same".to_owned(),
                Ok(digest) => format!("is stale: it has {digest}"),
                Err(error) => error.to_string(),
            };
            say(&format!("  asked for comparison, the mirror {mirror}: {said}"), &mut terminal.stderr)?;
        }
        for line in self.attached.iter().flat_map(attached) {
            say(&format!("  {line}"), &mut terminal.stderr)?;
        }
        let text = self.text;
        match self.resolved() {
            Ok(Resolved { digest, behind, answer }) => {
                let media_type = answer.media_type(&digest).unwrap_or_default();
                say(&format!("{text}  {digest}  {media_type}"), &mut terminal.stdout)?;
                if let Some(SourceIndex { index, .. }) = behind {
                    say(&format!("  in the index {index}"), &mut terminal.stdout)?;
                }
            }
            Err((reason, detail)) => say(&format!("{text}: {reason}: {detail}"), &mut terminal.stderr)?,
        }
        Ok(())
    }

    /// Returns whether the tag itself names this digest.
    fn is_current(&self, digest: &Digest) -> bool {
        let answer = self.answer.as_ref().and_then(|answer| answer.as_ref().ok());
        answer.is_some_and(|now| now.resolution.digest == *digest)
    }

    fn json(&self) -> serde_json::Value {
        let text = self.text;
        let mut row = match self.resolved() {
            Ok(Resolved { digest, behind, answer }) => {
                let content = answer.resolution.content.as_ref();
                let platforms = content
                    .filter(|content| matches!(content, ManifestContent::Index(_)))
                    .map(|content| content.platforms().iter().map(ToString::to_string).collect::<Vec<_>>());
                json!({
                    "image": text,
                    "digest": digest,
                    "index": behind.map(|behind| behind.index),
                    "media_type": answer.media_type(&digest),
                    "platforms": platforms,
                })
            }
            Err((reason, detail)) => json!({ "image": text, "reason": reason, "detail": detail }),
        };
        if !self.steps.is_empty() {
            row["steps"] = json!(self.steps);
            row["mirrors"] = self
                .mirrors
                .iter()
                .map(|(mirror, answer)| match answer {
                    Ok(digest) => {
                        json!({ "mirror": mirror, "digest": digest, "stale": !self.is_current(digest) })
                    }
                    Err(error) => {
                        json!({ "mirror": mirror, "reason": error.reason(), "detail": error.to_string() })
                    }
                })
                .collect();
        }
        row
    }
}
