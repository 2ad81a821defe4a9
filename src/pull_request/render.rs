//! A whole pull request as text.

use super::body::body;
use super::body_template::Template;
use super::proposal::Proposal;
use super::title::title;
use crate::forge::Capabilities;

/// Returns title and body for `proposal`: the same text for the same proposal, at any time.
///
/// The body ends with the hidden [`Marker`](super::Marker) and stays below what every forge takes: it is told with fewer details first, then
/// cut at a row, and says so.
pub fn render(proposal: &Proposal) -> (String, String) {
    render_with(proposal, None)
}

/// Does what [`render`] does, the body by the user's template where there is one.
pub fn render_with(proposal: &Proposal, template: Option<&Template>) -> (String, String) {
    (title(proposal, None), body(proposal, template, &Capabilities::NONE))
}
