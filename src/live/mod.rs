//! What runs against what is declared: `tagpin live`. Pure, but for [`indexes`] and [`ask_tags`], which ask the registry.
//!
//! The identity of an image is its digest. A node may pull an index and name it, or name the manifest that it took from
//! it: both are the same image, and only the registry can tell.

mod compare;
mod declared;
pub mod describe;
mod indexes;
pub mod pods;
mod runtimes;
mod tags;

pub use compare::{Comparison, Fit, Indexes, LiveImage, LiveStatus, RunningDigest, compare};
pub use declared::{DeclaredPlace, Name, declared};
pub use indexes::indexes;
use pods::{Container, PodsError};
use serde_json::Value;
pub use tags::ask_tags;

/// Returns the containers that `bytes` list: what `kubectl` prints, or one of the runtimes and schedulers that [`runtimes`]
/// knows.
///
/// # Errors
/// It is none of them. Where it may be meant as a list of pods, the error is what is wrong with it as that.
pub fn running(bytes: &[u8]) -> Result<Vec<Container>, PodsError> {
    pods::parse(bytes).or_else(|error| runtimes::parse(bytes).ok_or_else(|| reason(bytes, error)))
}

fn reason(bytes: &[u8], of_pods: PodsError) -> PodsError {
    if bytes.trim_ascii().is_empty() {
        return PodsError::Empty;
    }
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    if let Some(error) = values.find_map(Result::err).filter(serde_json::Error::is_eof) {
        return PodsError::CutOff(error.line());
    }
    match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Array(items)) if items.is_empty() => PodsError::Empty,
        Ok(value) if !value["kind"].is_string() => PodsError::Unknown,
        Ok(_) | Err(_) => of_pods,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lists_nothing_that_runs_says_what_is_wrong_with_it() {
        for (text, message) in [
            ("", "the list is empty"),
            (" []\n", "the list is empty"),
            ("{}", "it is not what `kubectl get pods -o json`, `docker inspect`"),
            ("[{}]", "it is not what `kubectl get pods -o json`, `docker inspect`"),
            ("3", "`nomad alloc status` prints"),
            ("{\"kind\": \"Deployment\"}", "it has the kind `Deployment`"),
            ("{\"kind\": \"List\",\n \"items\": [{", "it ends in the middle, on line 2"),
            ("[{\"Id\": \"1\"}]\n[{\"Id\"", "it ends in the middle, on line 2"),
            ("kind: List", "it is not what kubectl prints: expected value at line 1"),
        ] {
            let error = running(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(message) && !error.contains("struct"), "{text}: {error}");
        }
    }
}
