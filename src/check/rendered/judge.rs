//! What is wrong with the images of a stream.

use super::origin::{RenderedOrigin, SourceImages};
use super::stream::RenderedStream;
use crate::check::context::CheckContext;
use crate::check::finding::{Finding, Fix, sites};
use crate::check::judge::{Checked, graded, leave_out_known};
use crate::check::rule::Severity;
use crate::check::rules;
use crate::manifest::site::{Skip, State};

/// The rules that say the same of an image that runs as of one in a file.
const RULES: [&str; 5] = ["floating-tag", "latest-tag", "no-tag", "malformed-digest", "unknown-location"];

/// Returns what is wrong with the images of a stream, at the levels that the configuration sets, and where each comes
/// from: looked for in `sources` where there are some. `context` is that of the stream's inventory.
pub fn judge(
    stream: &RenderedStream,
    sources: Option<&SourceImages<'_>>,
    context: &CheckContext<'_>,
) -> Checked {
    let found = rules::find(context).into_iter().filter(|finding| RULES.contains(&finding.rule.id));
    let mut findings: Vec<Finding> = found.chain(unknown(context)).collect();
    let all: Vec<_> = context.inventory.sites().map(|(_, located)| &located.site).collect();
    for finding in &mut findings {
        let Some(site) = finding.reference.and_then(|reference| all.get(reference)) else { continue };
        let object = stream.object_of(site);
        let mut origin = RenderedOrigin::new(object, site);
        if let Some(sources) = sources {
            sources.find(site, object, &mut origin);
        }
        finding.message = format!("{}; {}", finding.message, origin.told());
        // The same image in another object is another finding.
        finding.subject = format!("{} in {}", finding.subject, origin.runs_in);
        if finding.rule.fixable {
            finding.fix = Some(fix(&origin));
        }
        finding.rendered = Some(Box::new(origin));
    }
    let mut checked = Checked { findings: graded(findings, context), ..Checked::default() };
    leave_out_known(&mut checked, context);
    checked
}

fn fix(origin: &RenderedOrigin) -> Fix {
    let advice = match origin.sources.first() {
        Some(source) if origin.is_fixable => return Fix::Pin { file: source.file.clone() },
        Some(_) if !origin.lost_digest => "tagpin leaves it alone there: look at the comments beside it",
        Some(_) => {
            "see what takes the digest away: `newTag`, a patch, or a chart that does not read its field"
        }
        None if origin.is_searched => {
            "give the image a digest where this is rendered: `images` of the kustomization, or values of the chart"
        }
        None => "`--against DIRECTORY` with the sources says where it comes from",
    };
    Fix::Advice(advice.to_owned())
}

/// Returns the images that the stream does not name: an error, because nobody fills them in any more.
fn unknown(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(rule) = rules::by_id("unverifiable") else { return Vec::new() };
    let found = sites(context.inventory).filter_map(|site| {
        let it = &site.located.site;
        let (State::Skipped(skip), _) = it.runs() else { return None };
        let why = match skip {
            Skip::Variable => "has a variable in it",
            Skip::Template => "has a template in it",
            Skip::Placeholder => "has a placeholder in it",
            _ if it.state == State::Skipped(Skip::EmbeddedText) => {
                "stands in a text that cannot be read byte by byte"
            }
            Skip::TagElsewhere if &*it.format != "kustomize" => "has its tag elsewhere",
            Skip::NotAReference => "is not an image reference",
            Skip::Empty => "is empty, and filled in by something else",
            Skip::Unpullable => "is not an image of a registry",
            _ => return None,
        };
        let advice = "fill it in where this is rendered, with a digest";
        let message = format!("`{}` {why}: nobody can say what runs", it.image);
        Some(Finding { level: Severity::Error, ..Finding::at_site(rule, &site, message).advice(advice) })
    });
    found.collect()
}
