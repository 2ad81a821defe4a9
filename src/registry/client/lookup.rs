//! One look-up at one place: HEAD where that is enough, GET and hash where it is not.

use super::http_client::HttpClient;
use super::request::{HttpAnswer, Request, RequestKind};
use crate::reference::Digest;
use crate::registry::error::{ContentError, InvalidAnswer, ResolveError};
use crate::registry::image::config::ImageConfig;
use crate::registry::image::manifest::{self, Manifest, ManifestContent, MediaKind};
use crate::registry::question::{Probe, Probed, Resolution};

/// A manifest or index whose body was read, and whose hash is `digest`.
struct Body {
    digest: Digest,
    manifest: Manifest,
}

impl HttpClient {
    /// Returns what a tag is: a HEAD, unless it is to be `read` or HEAD does not say it.
    pub(super) async fn resolve_at(
        &self,
        request: Request<'_>,
        read: bool,
    ) -> Result<Resolution, ResolveError> {
        if !read
            && let Some(answer) = self.head(request).await?
            && let Some(digest) = header(request, &answer)?
        {
            let media_type = answer.content_type.as_deref().unwrap_or_default();
            match manifest::kind(media_type) {
                MediaKind::Index | MediaKind::Image => {
                    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_owned();
                    return Ok(Resolution { digest, media_type, content: None });
                }
                MediaKind::Schema1 => {
                    return Err(ResolveError::content(request.asked(), ContentError::Schema1));
                }
                // The body says what it is.
                MediaKind::Other => {}
            }
        }
        let Body { digest, manifest: Manifest { media_type, content } } = self.body(request).await?;
        Ok(Resolution { digest, media_type, content: Some(content) })
    }

    pub(super) async fn look_at(&self, request: Request<'_>, look: &Probe) -> Result<Probed, ResolveError> {
        match look {
            Probe::Head(digest) => {
                let Some(answer) = self.head(request).await? else {
                    return Ok(Probed::MediaType(self.body(request).await?.manifest.media_type));
                };
                match header(request, &answer)? {
                    Some(named) if named == *digest => {
                        Ok(Probed::MediaType(answer.content_type.unwrap_or_default()))
                    }
                    Some(named) if named.algorithm() == digest.algorithm() => {
                        Err(InvalidAnswer::DigestMismatch(request.asked()).into())
                    }
                    // Anything may answer 200: what does not name the digest has to show what it has.
                    _ => Ok(Probed::MediaType(self.body(request).await?.manifest.media_type)),
                }
            }
            Probe::Body(_) => Ok(Probed::Content(self.body(request).await?.manifest.content)),
            Probe::Config(_) => {
                let answer = self.content(Request { kind: RequestKind::Blob, ..request }).await?;
                Ok(Probed::Platform(manifest::config_platform(&answer.body)))
            }
            Probe::Details(_) => {
                let request = Request { kind: RequestKind::Blob, ..request };
                let answer = self.content(request).await?;
                let config = ImageConfig::parse(&answer.body);
                let config = config.ok_or_else(|| InvalidAnswer::NotAConfig(request.asked()))?;
                Ok(Probed::Config(Box::new(config)))
            }
        }
    }

    /// Reads what a tag or a digest names. Its hash, the digest header and the digest that was asked for must agree, where
    /// they are there; a list of referrers has no digest.
    pub(super) async fn content(&self, request: Request<'_>) -> Result<HttpAnswer, ResolveError> {
        let answer = self.get(request).await?;
        if request.kind == RequestKind::Referrers {
            return Ok(answer);
        }
        let asked = Digest::parse(request.reference);
        let named = header(request, &answer)?;
        if asked.iter().chain(&named).any(|digest| digest.same_algorithm(&answer.body) != *digest) {
            return Err(InvalidAnswer::DigestMismatch(request.asked()).into());
        }
        Ok(answer)
    }

    async fn body(&self, request: Request<'_>) -> Result<Body, ResolveError> {
        let answer = self.content(request).await?;
        let digest = Digest::parse(request.reference).or(header(request, &answer)?);
        let digest = digest.unwrap_or_else(|| Digest::sha256(&answer.body));
        let manifest = manifest::parse(&answer.body, answer.content_type.as_deref())
            .map_err(|error| ResolveError::content(request.asked(), error))?;
        if let (Some(store), ManifestContent::Index(_)) = (&self.indexes, &manifest.content) {
            store.keep(&digest, &answer.body);
        }
        Ok(Body { digest, manifest })
    }
}

fn header(request: Request<'_>, answer: &HttpAnswer) -> Result<Option<Digest>, ResolveError> {
    let Some(text) = &answer.digest else { return Ok(None) };
    Digest::parse(text).map(Some).ok_or_else(|| InvalidAnswer::MalformedDigest(request.asked()).into())
}
