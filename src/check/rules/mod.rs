//! One file per rule, and the list of them.

mod annotation_stale;
mod digest_gone;
mod environment_skew;
mod expired_ignore;
mod floating_base_image;
mod floating_tag;
mod gate_edited;
mod ignore_without_reason;
mod immutable_tag_moved;
mod inconsistent_digest;
mod latest_tag;
mod looks_away;
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
mod unverifiable_base_image;

use super::context::CheckContext;
use super::finding::Finding;
use super::rule::GateRule;

/// Lists an item of each rule's file, in the order of the documentation.
macro_rules! of_each_rule {
    ($item:ident) => {
        [
            &floating_tag::$item,
            &latest_tag::$item,
            &no_tag::$item,
            &floating_base_image::$item,
            &malformed_digest::$item,
            &overlay_unpins_base::$item,
            &inconsistent_digest::$item,
            &environment_skew::$item,
            &annotation_stale::$item,
            &unused_ignore::$item,
            &expired_ignore::$item,
            &ignore_without_reason::$item,
            &gate_edited::$item,
            &looks_away::$item,
            &unknown_location::$item,
            &unverifiable::$item,
            &unverifiable_base_image::$item,
            &tag_moved::$item,
            &immutable_tag_moved::$item,
            &never_this_tag::$item,
            &digest_gone::$item,
            &platform_digest::$item,
            &platform_missing::$item,
            &mirror_stale::$item,
        ]
    };
}

/// Every rule, in the order of the documentation.
pub static ALL: [&GateRule; 24] = of_each_rule!(RULE);

/// Looks for what one rule complains about.
type Find = dyn Fn(&CheckContext<'_>) -> Vec<Finding>;

/// Returns what the rules find, each at its default level.
pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
    let finds: [&Find; 24] = of_each_rule!(find);
    finds.iter().flat_map(|find| find(context)).collect()
}

/// Returns the rule with this id.
pub fn by_id(id: &str) -> Option<&'static GateRule> {
    ALL.iter().find(|rule| rule.id == id).copied()
}
