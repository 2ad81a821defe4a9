//! An answer that is not to be believed.

use super::asked::{Asked, Wanted};
use super::content::ContentError;
use crate::reference::Digest;
use crate::registry::tag_ref::TagRef;

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAnswer {
    /// A status that has no place here.
    #[error("{} answered {status} for `{}`, which no registry should; is it one?", asked.answering(), asked.wanted)]
    Status {
        /// Who was asked, and for what.
        asked: Asked,
        /// The HTTP status.
        status: u16,
    },
    /// What is wanted makes no address.
    #[error("`{}` cannot be asked for `{}`: {error}", asked.host, asked.wanted)]
    Address {
        /// Who would have been asked, and for what.
        asked: Asked,
        /// Why.
        error: url::ParseError,
    },
    /// A GET is not allowed.
    #[error("`{}` does not allow a GET of `{}`", .0.host, .0.wanted)]
    GetNotAllowed(Asked),
    /// A redirect leads where tagpin does not go.
    #[error("`{}` redirects `{}` {fault}", asked.host, asked.wanted)]
    Redirect {
        /// Who was asked, and for what.
        asked: Asked,
        /// What is wrong with it.
        fault: RedirectFault,
    },
    /// The body is compressed, so that its hash is another.
    #[error("`{}` compresses `{}` though it was asked not to", .0.host, .0.wanted)]
    Compressed(Asked),
    /// The body is longer than any that is needed.
    #[error("{}", too_long(asked, *limit))]
    TooLong {
        /// Who was asked, and for what.
        asked: Asked,
        /// How many bytes are read.
        limit: usize,
    },
    /// An answer of 200 has no token.
    #[error("{0}, answered without a token")]
    NoToken(Asked),
    /// Tokens are handed out where tagpin does not go.
    #[error("`{registry}` sends tagpin for a token to `{realm}` over {scheme}, where it does not go")]
    Realm {
        /// The registry.
        registry: String,
        /// Where it sends tagpin, `host[:port]`.
        realm: String,
        /// How it would be asked.
        scheme: String,
    },
    /// The digest header cannot be read.
    #[error("`{}` answers a malformed digest for `{}`; tell its operator", .0.host, .0.wanted)]
    MalformedDigest(Asked),
    /// The body has another hash.
    #[error(
        "`{}` answers for `{}` with content that does not match its digest; nothing of it is used",
        .0.host, .0.wanted
    )]
    DigestMismatch(Asked),
    /// The body is not a manifest.
    #[error("`{}` has for `{}` {error}", asked.host, asked.wanted)]
    Content {
        /// Who was asked, and for what.
        asked: Asked,
        /// What it is.
        error: ContentError,
    },
    /// The blob is not an image config.
    #[error("`{}` has for `{}` no image config", .0.host, .0.wanted)]
    NotAConfig(Asked),
    /// A digest that the registry itself named has nothing under it.
    #[error(
        "`{}` names `{digest}` for `{}:{}` but has nothing under it (404); it may be in the middle of a push, run again \
         later",
        question.registry, question.repository, question.tag
    )]
    Missing {
        /// The tag.
        question: TagRef,
        /// What it names.
        digest: Digest,
    },
    /// The manifest of a tag lists a malformed digest.
    #[error(
        "`{}` has a malformed digest in the manifest of `{}:{}`; push the image again",
        .0.registry, .0.repository, .0.tag
    )]
    MalformedEntry(TagRef),
    /// The list of what is attached to a digest makes no sense.
    #[error("`{}` {fault} `{}@{digest}`", question.registry, question.repository)]
    Referrers {
        /// The image.
        question: TagRef,
        /// The digest.
        digest: Digest,
        /// What is wrong.
        fault: ReferrersFault,
    },
    /// An index lists nothing.
    #[error("the index is for no platform")]
    EmptyIndex,
    /// An index lists a malformed digest.
    #[error("the index has a malformed digest")]
    MalformedInIndex,
    /// An index lists another one.
    #[error("an index lists an index")]
    NestedIndex,
    /// A manifest names its config by a malformed digest.
    #[error("the manifest has a malformed digest")]
    MalformedConfigDigest,
    /// Something else came back where a manifest was asked for.
    #[error("the registry shows no manifest")]
    NoManifest,
    /// Something else came back where a config was asked for.
    #[error("the registry shows no config")]
    NoConfig,
}

/// What is wrong with a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    /// It names no host.
    #[error("to nowhere, which tagpin does not follow")]
    Nowhere,
    /// It leads from HTTPS to something else.
    #[error("away from HTTPS, which tagpin does not follow")]
    Insecure,
    /// It leads on and on.
    #[error("more than {0} times")]
    TooMany(usize),
}

/// What is wrong with a list of referrers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferrersFault {
    /// It is something else.
    #[error("answers something that is not a list of the referrers of")]
    NotAList,
    /// Its next page is another list.
    #[error("links to something else than the other referrers of")]
    ForeignLink,
    /// It has more entries than this.
    #[error("has more than the {0} things that tagpin looks into attached to")]
    TooMany(usize),
}

fn too_long(asked: &Asked, limit: usize) -> String {
    match &asked.wanted {
        Wanted::Content(wanted) => {
            format!(
                "`{}` answers more than {limit} bytes for `{wanted}`, which no manifest needs",
                asked.host
            )
        }
        Wanted::Token { .. } => format!("{asked}, answered more than {limit} bytes"),
    }
}
