//! What the registry says a tag is now.

mod api;
mod auth;
mod cache;
mod client;
mod confirm;
mod describe;
mod endpoint;
mod error;
mod http;
pub mod image;
mod judge;
mod limits;
mod question;
pub mod registries_conf;
mod resolve_all;
mod rule;
mod settings;
mod source_index;
mod tag_answer;
mod tag_ref;
mod trace;
pub mod verify;

pub use api::Registry;
pub use auth::{CredentialPaths, Credentials, HELPER_TIMEOUT};
pub use cache::Memo;
pub use client::HttpRegistry;
pub use confirm::{DigestCheck, Unconfirmed, confirm};
pub use describe::{Description, describe};
pub use error::{
    Asked, ConnectionFault, ContentError, CredentialError, Denied, HelperError, InvalidAnswer, LoginAdvice,
    NoSuchPlatform, NotAllowed, Outage, RateLimit, RedirectFault, ReferrersFault, RefusedAddress,
    ResolveError, SettingsError, Wanted,
};
pub use http::budget::{Answered, Budget};
pub use http::ssrf::Trust;
pub use image::config::ImageConfig;
pub use image::manifest::{ManifestContent, PlatformManifest};
pub use judge::{Assessment, Judgement, Requirement};
pub use limits::Limits;
pub use question::{DigestLevel, MirrorComparison, Probe, Probed, Resolution};
pub use resolve_all::{Answers, TagQuery, ask};
pub use rule::{Mirror, PullFromMirror, RegistryRule, TlsFiles, TokenEnv};
pub use settings::ClientSettings;
pub use source_index::{RecordedOrigin, SourceIndex};
pub use tag_answer::TagAnswer;
pub use tag_ref::TagRef;
pub use trace::explained;
