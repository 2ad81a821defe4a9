//! Reading a body, up to a limit.

#[derive(Debug)]
pub(crate) enum BodyError {
    TooLong,
    Broken(reqwest::Error),
}

/// Returns the body, which may have `limit` bytes and no more: a length that is announced is not believed.
pub(crate) async fn read(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(BodyError::TooLong);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if chunk.len() > limit - body.len() {
            return Err(BodyError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
