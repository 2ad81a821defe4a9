//! One file per rule, and the list of them.

mod floating_tag;
mod latest_tag;
mod malformed_digest;
mod no_tag;
mod unused_ignore;

use super::Rule;

/// Every rule, in the order of the documentation.
pub static ALL: [&Rule; 5] =
    [&floating_tag::RULE, &latest_tag::RULE, &no_tag::RULE, &malformed_digest::RULE, &unused_ignore::RULE];

/// Returns the rule with this id.
pub fn by_id(id: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.id == id).copied()
}
