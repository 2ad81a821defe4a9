//! Who reads an image, and what comes out.

use serde::Serialize;

/// Who reads an image, and what comes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reading {
    /// A kustomization that nothing else builds on.
    Kustomization {
        /// The files of the kustomizations on the way, that one last.
        through: Vec<String>,
        /// What comes out, without digest.
        image: String,
        /// Where the digest that comes out is from: `own`, `given` by an entry or patch, or `none` at all.
        digest: &'static str,
    },
    /// A chart.
    Chart {
        /// The file that says so, or the chart's directory.
        by: String,
        /// What it is called there; `None` where its values stand beside its templates.
        chart: Option<String>,
        /// Where the image stands in its values.
        values: String,
        /// Whether anything is known of what it does with it: `templates` of the tree, `table` of known charts, or `unknown`.
        known: &'static str,
        /// The templates that read it.
        templates: Vec<String>,
        /// What is known of its digest and tag, in words.
        says: Vec<String>,
    },
    /// A build that makes it.
    Build {
        /// The file that says so.
        by: String,
    },
}
