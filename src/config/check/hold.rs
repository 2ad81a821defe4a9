//! `[[hold]]`.

use toml::Spanned;

use super::Checker;
use crate::config::raw::RawHold;
use crate::policy::hold::{Hold, Until};
use crate::reference::{Digest, is_tag};

impl Checker<'_> {
    pub(in crate::config) fn holds(&mut self, raw: &[Spanned<RawHold>]) -> Vec<Hold> {
        raw.iter().filter_map(|hold| self.hold(hold)).collect()
    }

    fn hold(&mut self, raw: &Spanned<RawHold>) -> Option<Hold> {
        let (span, raw) = (raw.span(), raw.get_ref());
        if raw.images.is_none() && raw.paths.is_none() && raw.tag.is_none() && raw.digest.is_none() {
            let hint = "name `images`, `paths`, `tag` or `digest`; `paths = [\"**\"]` holds everything";
            self.fail_hint(span, "this `[[hold]]` does not say what it is for", hint);
            return None;
        }
        let images = raw.images.as_ref().map(|images| self.globs("images", images, false));
        let paths = raw.paths.as_ref().map(|paths| self.globs("paths", paths, false));
        let tag = raw.tag.as_ref().map(|tag| {
            let found = Some(tag.get_ref().clone()).filter(|tag| is_tag(tag));
            if found.is_none() {
                self.fail_hint(
                    tag.span(),
                    format!("`{}` is not a tag", tag.get_ref()),
                    "write it without `:`",
                );
            }
            found
        });
        let digest = raw.digest.as_ref().map(|digest| {
            let found = Digest::parse(digest.get_ref());
            if found.is_none() {
                let hint = "write all of it: `sha256:` and 64 lower-case hex digits";
                self.fail_hint(digest.span(), format!("`{}` is not a digest", digest.get_ref()), hint);
            }
            found
        });
        let reason = self.filled("reason", &raw.reason);
        let by = raw.by.as_ref().map(|by| self.filled("by", by));
        let until = raw.until.as_ref().map(|until| {
            let text = until.get_ref().to_string();
            let found = Until::parse(&text);
            if found.is_none() {
                self.fail_hint(
                    until.span(),
                    format!("`until = {text}` is not a day"),
                    "write the last day on which it holds, as `until = 2026-12-31`, or a time with its offset, as \
                     `until = 2026-12-31T12:00:00Z`",
                );
            }
            found
        });
        // A part that is wrong must not make the hold wider: it is left out as a whole, and the file is refused.
        Some(Hold {
            images: whole(images)?,
            paths: whole(paths)?,
            tag: whole(tag)?,
            digest: whole(digest)?,
            reason: reason?,
            by: whole(by)?,
            until: whole(until)?,
            origin: self.origin(span),
        })
    }
}

/// Returns what is there, or nothing where it is there and wrong.
fn whole<T>(checked: Option<Option<T>>) -> Option<Option<T>> {
    match checked {
        Some(None) => None,
        Some(found) => Some(found),
        None => Some(None),
    }
}
