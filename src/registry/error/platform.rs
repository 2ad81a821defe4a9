//! A platform that an image is not for.

use std::fmt;

use crate::platform::Platform;
use crate::registry::tag_ref::TagRef;
use crate::text::quoted;

/// How many of an index's platforms a message names.
const NAMED: usize = 24;

/// The tag is for other platforms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchPlatform {
    /// The tag.
    pub question: TagRef,
    /// The platform that is wanted.
    pub wanted: Platform,
    /// The platforms that there are.
    pub has: Vec<Platform>,
}

impl fmt::Display for NoSuchPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { question: TagRef { registry, repository, tag }, wanted, has } = self;
        write!(f, "`{registry}` has no manifest for `{wanted}` in `{repository}:{tag}`, which ")?;
        if has.is_empty() {
            return f.write_str("names none");
        }
        write!(f, "has {}", quoted(has.iter().take(NAMED), ", "))?;
        match has.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
