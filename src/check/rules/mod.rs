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

use super::context::CheckContext;
use super::finding::Finding;
use super::rule::GateRule;

/// Lists the rules: the constant `RULE` and the function `find` of each file.
macro_rules! rules {
    ($($file:ident),+ $(,)?) => {
        /// Every rule, in the order of the documentation.
        pub static ALL: [&GateRule; [$(stringify!($file)),+].len()] = [$(&$file::RULE),+];

        /// Returns what the rules find, each at its default level.
        pub(super) fn find(context: &CheckContext<'_>) -> Vec<Finding> {
            [$($file::find),+].iter().flat_map(|find: &fn(&CheckContext<'_>) -> Vec<Finding>| find(context)).collect()
        }
    };
}

rules![
    floating_tag,
    latest_tag,
    no_tag,
    malformed_digest,
    overlay_unpins_base,
    inconsistent_digest,
    environment_skew,
    annotation_stale,
    unused_ignore,
    expired_ignore,
    gate_edited,
    unknown_location,
    unverifiable,
    tag_moved,
    immutable_tag_moved,
    never_this_tag,
    digest_gone,
    platform_digest,
    platform_missing,
    mirror_stale,
];

/// Returns the rule with this id.
pub fn by_id(id: &str) -> Option<&'static GateRule> {
    ALL.iter().find(|rule| rule.id == id).copied()
}
