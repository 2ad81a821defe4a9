//! Why a body cannot be pinned.

/// Why a body is not a manifest that can be pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Docker's first schema.
    #[error("a schema 1 manifest, whose digest cannot be pinned; push the image again with a current tool")]
    Schema1,
    /// It is something else than a container image.
    #[error("no container image; leave it out with an ignore")]
    NotAnImage,
    /// It is not the JSON of a manifest.
    #[error("a body that is not a manifest: line {line}, column {column}")]
    Json {
        /// The line where reading stopped, from 1.
        line: usize,
        /// The column there, from 1.
        column: usize,
    },
    /// It has the fields of an index and those of a manifest.
    #[error("a body that is not a manifest: it is both an index and a manifest")]
    Ambiguous,
    /// Its media type is another than its fields have.
    #[error("a body that is not a manifest: its media type and its fields contradict each other")]
    Contradiction,
}
