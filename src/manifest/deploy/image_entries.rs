//! The `images` of a kustomization, applied to one image as kustomize does it (`api/filters/imagetag`).

use std::rc::Rc;

use crate::manifest::formats::ImageEntry;

/// What has become of an image on its way through kustomizations.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Passage {
    /// Its name, where that is not its own any more.
    pub(super) name: Option<Rc<str>>,
    pub(super) tag: Tag,
    pub(super) digest: DigestFrom,
}

/// Where a tag comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tag {
    #[default]
    Own,
    Suffixed(Rc<str>),
    Given(Rc<str>),
    None,
}

/// Where a digest comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DigestFrom {
    /// The place of the image: the one that it has, or the one that it gets.
    #[default]
    Own,
    Given,
    None,
}

impl Passage {
    /// Returns whether tag and digest are those of the image's place.
    pub(super) fn keeps_digest(&self) -> bool {
        self.tag == Tag::Own && self.digest == DigestFrom::Own
    }

    /// Returns what `entry` makes of an image that is called `own` at its place; `None` where it is about another.
    ///
    /// A new tag or digest takes the place of both; a suffix takes the digest away.
    pub(super) fn through(&self, entry: &ImageEntry, own: &str) -> Option<Self> {
        if self.name.as_deref().unwrap_or(own) != entry.name {
            return None;
        }
        let name = entry.new_name.as_deref().map(Rc::from).or_else(|| self.name.clone());
        let (tag, digest) = match (&entry.new_tag, &entry.digest, &entry.tag_suffix) {
            (Some(tag), Some(_), _) => (Tag::Given(tag.as_str().into()), DigestFrom::Given),
            (Some(tag), None, _) if tag.contains('@') => (Tag::Given(tag.as_str().into()), DigestFrom::Given),
            (Some(tag), None, _) => (Tag::Given(tag.as_str().into()), DigestFrom::None),
            (None, Some(_), _) => (Tag::None, DigestFrom::Given),
            (None, None, Some(suffix)) => (self.suffixed(suffix), DigestFrom::None),
            (None, None, None) => (self.tag.clone(), self.digest),
        };
        Some(Self { name, tag, digest })
    }

    fn suffixed(&self, suffix: &str) -> Tag {
        match &self.tag {
            Tag::Own | Tag::None => Tag::Suffixed(suffix.into()),
            Tag::Suffixed(before) => Tag::Suffixed(format!("{before}{suffix}").into()),
            Tag::Given(tag) => Tag::Given(format!("{tag}{suffix}").into()),
        }
    }

    /// Returns what comes out, without digest, of an image that is called `own` and has `tag` at its place.
    pub(super) fn image(&self, own: &str, tag: Option<&str>) -> String {
        let name = self.name.as_deref().unwrap_or(own);
        let own_tag = tag.unwrap_or_default();
        match &self.tag {
            Tag::Own | Tag::None if own_tag.is_empty() => name.to_owned(),
            Tag::Own => format!("{name}:{own_tag}"),
            Tag::Suffixed(suffix) => format!("{name}:{own_tag}{suffix}"),
            Tag::Given(tag) => format!("{name}:{tag}"),
            Tag::None => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, [new_name, new_tag, digest, tag_suffix]: [&str; 4]) -> ImageEntry {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ImageEntry {
            name: name.to_owned(),
            new_name: given(new_name),
            new_tag: given(new_tag),
            digest: given(digest),
            tag_suffix: given(tag_suffix),
            start: 0,
        }
    }

    #[test]
    fn an_entry_does_what_kustomize_does() {
        for (fields, image, digest) in [
            (["", "", "", ""], "redis:8", DigestFrom::Own),
            (["corp/redis", "", "", ""], "corp/redis:8", DigestFrom::Own),
            (["", "9", "", ""], "redis:9", DigestFrom::None),
            (["", "9", "sha256:a", ""], "redis:9", DigestFrom::Given),
            (["", "9@sha256:a", "", ""], "redis:9@sha256:a", DigestFrom::Given),
            (["", "", "sha256:a", ""], "redis", DigestFrom::Given),
            (["", "", "", "-alpine"], "redis:8-alpine", DigestFrom::None),
            (["", "9", "", "-alpine"], "redis:9", DigestFrom::None),
        ] {
            let out = Passage::default().through(&entry("redis", fields), "redis").unwrap();
            assert_eq!((out.image("redis", Some("8")), out.digest), (image.to_owned(), digest), "{fields:?}");
        }
    }

    #[test]
    fn an_entry_is_about_the_name_that_the_image_has_by_then() {
        let renamed =
            Passage::default().through(&entry("redis", ["corp/redis", "", "", ""]), "redis").unwrap();
        assert_eq!(renamed.through(&entry("redis", ["", "9", "", ""]), "redis"), None);
        let out = renamed.through(&entry("corp/redis", ["", "9", "", ""]), "redis").unwrap();
        assert_eq!(out.image("redis", Some("8")), "corp/redis:9");
        assert_eq!(Passage::default().through(&entry("docker.io/redis", ["x", "", "", ""]), "redis"), None);
    }
}
