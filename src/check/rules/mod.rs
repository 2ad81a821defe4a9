//! One file per rule, and the list of them.

mod annotation_stale;
mod digest_gone;
mod environment_skew;
mod expired_ignore;
mod floating_tag;
mod gate_edited;
mod immutable_tag_moved;
mod inconsistent_digest;
mod latest_tag;
mod malformed_digest;
mod mirror_stale;
mod never_this_tag;
mod no_tag;
mod overlay_unpins_base;
mod platform_digest;
mod platform_missing;
mod tag_moved;
mod unknown_location;
mod unused_ignore;
mod unverifiable;

use super::GateRule;

/// Every rule, in the order of the documentation.
pub static ALL: [&GateRule; 20] = [
    &floating_tag::RULE,
    &latest_tag::RULE,
    &no_tag::RULE,
    &malformed_digest::RULE,
    &overlay_unpins_base::RULE,
    &inconsistent_digest::RULE,
    &environment_skew::RULE,
    &annotation_stale::RULE,
    &unused_ignore::RULE,
    &expired_ignore::RULE,
    &gate_edited::RULE,
    &unknown_location::RULE,
    &unverifiable::RULE,
    &tag_moved::RULE,
    &immutable_tag_moved::RULE,
    &never_this_tag::RULE,
    &digest_gone::RULE,
    &platform_digest::RULE,
    &platform_missing::RULE,
    &mirror_stale::RULE,
];

/// Returns the rule with this id.
pub fn by_id(id: &str) -> Option<&'static GateRule> {
    ALL.iter().find(|rule| rule.id == id).copied()
}
