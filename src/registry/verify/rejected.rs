//! Why something that is attached to a digest is not what is demanded.

/// Why something that is attached is not what is demanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is not what it says it is.
    #[error("{0}")]
    Malformed(String),
    /// It is about something else.
    #[error("it is about `{0}`, another digest")]
    OtherDigest(String),
    /// None of the keys made it.
    #[error("none of the keys has made it")]
    OtherKey,
    /// The signed text is not an in-toto statement.
    #[error("it signs a `{0}`, which is not an in-toto statement")]
    PayloadType(String),
    /// It is about something that nobody asked for.
    #[error("its type is `{0}`")]
    PredicateType(String),
    /// Its manifest belongs to something else.
    #[error("its manifest says that it belongs to {0}, not to the digest")]
    OtherSubject(String),
    /// It is longer than tagpin reads.
    #[error("it has {0} bytes, more than tagpin reads")]
    TooLong(u64),
    /// It cannot be verified with a key.
    #[error("it is a signature of a kind that tagpin does not verify")]
    NotVerifiable,
}
