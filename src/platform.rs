//! Platforms, compared after containerd's normalisation.

use std::fmt;

/// An operating system, an architecture and a variant, normalised: `arm64` is `arm64/v8`, `amd64` is `amd64/v1`,
/// `arm` is `arm/v7` (containerd `platforms.Normalize`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Platform {
    os: String,
    architecture: String,
    /// Empty where the architecture has no default variant and none is given.
    variant: String,
}

impl Platform {
    /// Returns the normalised platform of an image index entry.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let os = match os.to_ascii_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            other => other.to_owned(),
        };
        let variant = variant.unwrap_or_default().to_ascii_lowercase();
        let (architecture, variant) = match (architecture.to_ascii_lowercase().as_str(), variant.as_str()) {
            ("aarch64" | "arm64", "" | "8" | "v8") => ("arm64".to_owned(), "v8".to_owned()),
            ("aarch64", other) => ("arm64".to_owned(), other.to_owned()),
            ("x86_64" | "x86-64" | "amd64", "" | "v1") => ("amd64".to_owned(), "v1".to_owned()),
            ("x86_64" | "x86-64", other) => ("amd64".to_owned(), other.to_owned()),
            ("i386" | "386", _) => ("386".to_owned(), String::new()),
            ("armhf", _) => ("arm".to_owned(), "v7".to_owned()),
            ("armel", _) => ("arm".to_owned(), "v6".to_owned()),
            ("arm", "" | "7") => ("arm".to_owned(), "v7".to_owned()),
            ("arm", number @ ("5" | "6" | "8")) => ("arm".to_owned(), format!("v{number}")),
            (architecture, variant) => (architecture.to_owned(), variant.to_owned()),
        };
        Self { os, architecture, variant }
    }

    /// Parses `os/architecture[/variant]`; `None` where it is not that.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (os, architecture, variant) = (parts.next()?, parts.next()?, parts.next());
        let word = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        let well_formed =
            word(os) && word(architecture) && variant.is_none_or(word) && parts.next().is_none();
        well_formed.then(|| Self::new(os, architecture, variant))
    }

    /// Returns whether this is a real platform: attestation entries say `unknown/unknown`.
    pub fn is_known(&self) -> bool {
        self.os != "unknown" && self.architecture != "unknown"
    }
}

impl fmt::Display for Platform {
    /// Writes the short form: the default variant of an architecture is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match (self.architecture.as_str(), self.variant.as_str()) {
            (_, "") | ("arm64", "v8") | ("amd64", "v1") => Ok(()),
            (_, variant) => write!(f, "/{variant}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_compared_after_normalisation() {
        for (a, b) in [
            ("linux/arm64", "linux/arm64/v8"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/amd64", "linux/amd64/v1"),
            ("linux/x86_64", "Linux/AMD64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/armhf", "linux/arm/7"),
        ] {
            assert_eq!(Platform::parse(a), Platform::parse(b), "{a} {b}");
        }
        for (a, b) in [
            ("linux/arm/v6", "linux/arm/v7"),
            ("linux/amd64/v3", "linux/amd64"),
            ("linux/arm64", "windows/arm64"),
        ] {
            assert_ne!(Platform::parse(a), Platform::parse(b), "{a} {b}");
        }
    }

    #[test]
    fn what_is_not_a_platform_is_refused() {
        for text in ["", "linux", "linux/", "linux/a/b/c", "linux /amd64", "/amd64"] {
            assert_eq!(Platform::parse(text), None, "{text}");
        }
        assert!(!Platform::new("unknown", "unknown", None).is_known());
    }
}
