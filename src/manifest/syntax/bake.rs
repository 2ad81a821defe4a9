//! Bake files: HCL that says what Buildx builds.

use super::definition::{Syntax, TemplateSigns, has_extension};
use super::hcl;
use super::language::Language;
use crate::manifest::unread::UnreadReason;

pub(super) static SYNTAX: Syntax = Syntax {
    matches: |path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        has_extension(path, &["hcl"]) && name.to_ascii_lowercase().contains("bake")
    },
    is_in: |bytes| hcl::opens_block(bytes, &["group", "target", "variable", "function"]),
    format: Some("bake"),
    parse: |text| hcl::read(text, Language::Bake),
    parse_chunks: None,
    compare: hcl::compare,
    has_trailing_comments: true,
    may_be_binary: false,
    malformed: UnreadReason::NotHcl,
    template: TemplateSigns::OnLine(&["{{"]),
};
