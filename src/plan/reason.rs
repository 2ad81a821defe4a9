//! Why a verdict is what it is: the closed list of reasons.

use std::fmt;

use crate::history::ledger::DelayReason;
use crate::manifest::edit::EditError;
use crate::manifest::edit::splice::SpliceError;
use crate::manifest::site::Skip;
use crate::registry::ResolveError;

/// Why a verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The site is not one that tagpin resolves.
    Skip(Skip),
    /// The place cannot be edited safely.
    Unsafe(SpliceError),
    /// The digest or the tag is not known for long enough.
    Delay(DelayReason),
    /// The registry has no such repository or tag, or hides it.
    NotFound,
    /// The registry wants other credentials.
    Unauthorized,
    /// The registry asks for fewer requests.
    RateLimited,
    /// The registry is down, too slow, or cannot be reached.
    Unavailable,
    /// The registry's answer is not to be believed.
    InvalidAnswer,
    /// The index lacks a platform that policy demands.
    NoSuchPlatform,
    /// tagpin does not ask there.
    NotAllowed,
    /// What the tag names cannot be pinned.
    UnsupportedMediaType,
    /// Nobody asked about the tag.
    NotAsked,
    /// The command was not about this image.
    NotSelected,
    /// A hold forbids it.
    OnHold,
    /// The chart may use the tag in other places than images.
    ChartUnknown,
    /// A kustomization gives the image another name, whose registry has another digest.
    ReplacedIn,
    /// Policy leaves images alone that are split into fields.
    SplitFields,
    /// The tag moved, and is the same on every platform that is needed.
    PlatformsEqual,
    /// The digest is one platform's manifest, and the tag is an index.
    PlatformDigest,
    /// The tag has moved and never should.
    ImmutableTagMoved,
    /// The digests come from another environment.
    ByPromotion,
    /// A signature or attestation that policy demands is not there.
    Unsigned,
    /// A person took this digest back.
    Reverted,
    /// The registry does not have the digest.
    DigestGone,
    /// The digest lacks a platform that is demanded.
    PlatformMissing,
    /// Another image is refused, and all or none are written.
    OthersRefused,
    /// The source of a promotion does not have the image.
    OnlyInDestination,
    /// The source has the image without a digest.
    SourceNotPinned,
    /// There is more than one digest or tag to choose from.
    Ambiguous,
    /// The environment takes no images of this registry.
    RegistryNotAllowed,
    /// The digest is not among those that were approved.
    NotApproved,
    /// The digest has not been in the source for long enough.
    NotSoaked,
    /// No commit has the image.
    NoHistory,
    /// No other digest was declared before.
    NoEarlierDigest,
    /// The image was not declared at that time.
    NotDeclaredThen,
    /// The image had no digest at that time.
    NotPinnedThen,
    /// The digest was never declared here.
    NeverDeclared,
    /// Nothing is known to be good.
    NoKnownGood,
    /// A person closed the pull request with this digest.
    Declined,
    /// No more pull requests may be opened.
    PullRequestLimit,
    /// The token may not change workflows.
    WorkflowPermission,
    /// A label on the pull request halts tagpin.
    Stopped,
    /// A person's commit is on the branch.
    LeftAlone,
    /// The branch could not be pushed, or what was declined is not known.
    NotProposed,
    /// The file cannot be read.
    Unreadable,
    /// The file changed while tagpin read it.
    FileChanged,
    /// The edit could not be proven.
    NotProven,
    /// The file could not be written.
    NotWritten,
}

impl Reason {
    /// Returns the kebab-case word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Skip(skip) => skip.reason(),
            Self::Unsafe(error) => error.reason(),
            Self::Delay(delay) => delay.as_str(),
            Self::NotFound => "not-found",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate-limited",
            Self::Unavailable => "unavailable",
            Self::InvalidAnswer => "invalid-answer",
            Self::NoSuchPlatform => "no-such-platform",
            Self::NotAllowed => "not-allowed",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::NotAsked => "not-asked",
            Self::NotSelected => "not-selected",
            Self::OnHold => "on-hold",
            Self::ChartUnknown => "chart-unknown",
            Self::ReplacedIn => "replaced-in",
            Self::SplitFields => "split-fields",
            Self::PlatformsEqual => "platforms-equal",
            Self::PlatformDigest => "platform-digest",
            Self::ImmutableTagMoved => "immutable-tag-moved",
            Self::ByPromotion => "by-promotion",
            Self::Unsigned => "unsigned",
            Self::Reverted => "reverted",
            Self::DigestGone => "digest-gone",
            Self::PlatformMissing => "platform-missing",
            Self::OthersRefused => "others-refused",
            Self::OnlyInDestination => "only-in-destination",
            Self::SourceNotPinned => "source-not-pinned",
            Self::Ambiguous => "ambiguous",
            Self::RegistryNotAllowed => "registry-not-allowed",
            Self::NotApproved => "not-approved",
            Self::NotSoaked => "not-soaked",
            Self::NoHistory => "no-history",
            Self::NoEarlierDigest => "no-earlier-digest",
            Self::NotDeclaredThen => "not-declared-then",
            Self::NotPinnedThen => "not-pinned-then",
            Self::NeverDeclared => "never-declared",
            Self::NoKnownGood => "no-known-good",
            Self::Declined => "declined",
            Self::PullRequestLimit => "pull-request-limit",
            Self::WorkflowPermission => "workflow-permission",
            Self::Stopped => "stopped",
            Self::LeftAlone => "left-alone",
            Self::NotProposed => "not-proposed",
            Self::Unreadable => "unreadable",
            Self::FileChanged => "file-changed",
            Self::NotProven => "not-proven",
            Self::NotWritten => "not-written",
        }
    }
}

impl Reason {
    /// Those that are about a branch or a pull request as a whole: they are the same for all images there.
    pub const OF_BRANCH: [Self; 5] =
        [Self::Declined, Self::PullRequestLimit, Self::Stopped, Self::LeftAlone, Self::NotProposed];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&ResolveError> for Reason {
    fn from(error: &ResolveError) -> Self {
        match error {
            ResolveError::NotFound(_) => Self::NotFound,
            ResolveError::Unauthorized(_) => Self::Unauthorized,
            ResolveError::RateLimited(_) => Self::RateLimited,
            ResolveError::Unavailable(_) => Self::Unavailable,
            ResolveError::InvalidAnswer(_) => Self::InvalidAnswer,
            ResolveError::NoSuchPlatform(_) => Self::NoSuchPlatform,
            ResolveError::NotAllowed(_) => Self::NotAllowed,
            ResolveError::UnsupportedMediaType(..) => Self::UnsupportedMediaType,
        }
    }
}

impl From<&EditError> for Reason {
    fn from(error: &EditError) -> Self {
        match error {
            EditError::FileChanged | EditError::NotUtf8 => Self::FileChanged,
            EditError::Unsafe(error) => Self::Unsafe(*error),
            EditError::Unproven(_) => Self::NotProven,
        }
    }
}
