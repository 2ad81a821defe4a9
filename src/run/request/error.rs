//! Why a request cannot be done.

use crate::config::edit_holds::HoldFileError;
use crate::history::known_good::KnownGoodError;
use crate::plan::promote::PromoteError;
use crate::policy::target::TargetError;
use crate::source::git::LogError;
use crate::source::tree::TreeError;
use crate::text::quoted;

/// How many images a hint names as they are to be written.
const NAMED: usize = 4;

/// Why a request cannot be done at all.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// What was named is nothing.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Nothing can be promoted there.
    #[error(transparent)]
    Promote(#[from] PromoteError),
    /// `--image` is for nothing: it is likely spelled wrong, and to do nothing would look like success.
    #[error("no image of {targets} is {images}")]
    NoMatch {
        /// What was named.
        targets: String,
        /// The globs.
        images: String,
    },
    /// No image is meant.
    #[error("`{0}` has no image that is meant")]
    NoImage(String),
    /// Several images are meant where it has to be one.
    #[error("`{name}` has several images: {}", .images.join(", "))]
    SeveralImages {
        /// What was named.
        name: String,
        /// The images.
        images: Vec<String>,
    },
    /// The list of known good digests.
    #[error(transparent)]
    KnownGood(#[from] KnownGoodError),
    /// The file with the holds.
    #[error(transparent)]
    Hold(#[from] HoldFileError),
    /// The files.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The git history.
    #[error(transparent)]
    History(#[from] LogError),
    /// One of the repository's own files.
    #[error("`{0}`: {1}")]
    File(String, std::io::Error),
}

impl RequestError {
    /// Returns what to do about it, where it is something that the person can ask for in another way.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Target(_) => {
                "name an [[environment]] of the configuration, a file, a directory, or PATH#KIND/NAME"
            }
            Self::Promote(_) => "docs/change-control.md says how environments follow one another",
            Self::NoMatch { .. } => {
                "--image takes globs of names without tag and digest; `tagpin list` has them"
            }
            Self::NoImage(_) => "`tagpin list` has every image and where it stands",
            Self::SeveralImages { name, images } => {
                let choices = match images.as_slice() {
                    few if few.len() <= NAMED => {
                        quoted(few.iter().map(|image| format!("--image {image}")), " or ")
                    }
                    _ => "one of them with `--image`".to_owned(),
                };
                let object = if name.contains('#') { "" } else { ", or name an object as PATH#KIND/NAME" };
                return Some(format!("add {choices}{object}"));
            }
            Self::KnownGood(_) => crate::history::known_good::NOT_A_LIST,
            Self::Hold(_) => "docs/change-control.md shows how a `[[hold]]` is written",
            Self::History(LogError::Revision(_)) => {
                "history is what git has: commit first, or name another --base"
            }
            Self::Tree(_) | Self::History(_) | Self::File(..) => return None,
        };
        Some(hint.to_owned())
    }
}
