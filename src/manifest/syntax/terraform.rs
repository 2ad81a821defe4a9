//! Terraform and OpenTofu: HCL in files of their own, and Terragrunt's, which say what a module gets.

use super::definition::{Syntax, TemplateSigns, has_extension};
use super::hcl;
use super::language::Language;
use crate::manifest::unread::UnreadReason;

pub(super) static SYNTAX: Syntax = Syntax {
    matches: |path| has_extension(path, &["tf", "tofu", "tfvars"]) || hcl::is_of_terraform(path),
    is_in: |bytes| {
        hcl::opens_block(bytes, &BLOCKS)
            || hcl::opens_block(bytes, &["include", "inputs"])
            || hcl::starts_with_attribute(bytes)
    },
    format: Some("terraform"),
    parse: |text| hcl::read(text, Language::Terraform),
    parse_chunks: None,
    compare: hcl::compare,
    has_trailing_comments: true,
    may_be_binary: false,
    malformed: UnreadReason::NotHcl,
    // What is rendered before Terraform reads it.
    template: TemplateSigns::OnLine(&["{{", "{%", "<%"]),
};

/// The blocks that a file may consist of (Terraform language, "Configuration Syntax").
pub(in crate::manifest) const BLOCKS: [&str; 13] = [
    "check",
    "data",
    "ephemeral",
    "import",
    "locals",
    "module",
    "moved",
    "output",
    "provider",
    "removed",
    "resource",
    "terraform",
    "variable",
];
