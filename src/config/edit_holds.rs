//! `[[hold]]` entries in the text of a repository's file: added and removed with everything else as it is. Pure.

use std::path::Path;

use toml_edit::{Array, ArrayOfTables, Datetime, DocumentMut, Item, Table, Value, value};

use crate::config::{Config, ConfigError};
use crate::policy::hold::{Hold, NewHold};
use crate::reference::Digest;

/// Why a file is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoldEditError {
    /// It is not TOML.
    #[error("not TOML: {0}")]
    NotToml(String),
    /// `hold = [{…}]`, or something else that has no place for another `[[hold]]`.
    #[error("its `hold` is not written as `[[hold]]`: edit it by hand")]
    Inline,
    /// What is read would not be written back byte for byte.
    #[error("it is written in a way that cannot be edited byte for byte: edit it by hand")]
    Unusual,
    /// There is no hold with this number.
    #[error("there is no hold {0}")]
    NoSuchHold(usize),
}

/// Why a repository's file does not get a hold.
#[derive(Debug, thiserror::Error)]
pub enum HoldFileError {
    /// It cannot be edited.
    #[error("`{0}`: {1}")]
    Edit(String, HoldEditError),
    /// It is wrong already, or the hold is.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// Returns the text `before` of the repository's own `file` with `hold` in it, once. `base` is where its relative paths start.
///
/// # Errors
/// The file cannot be edited, or what the hold says is refused.
pub(crate) fn with_hold(
    file: &str,
    base: &Path,
    before: &str,
    hold: &NewHold,
) -> Result<String, HoldFileError> {
    let after = add(before, hold).map_err(|error| HoldFileError::Edit(file.to_owned(), error))?;
    // It is the last one; where it stands makes no difference.
    let Some(added) = holds_of(file, base, &after)?.pop() else { return Ok(before.to_owned()) };
    let mut there = holds_of(file, base, before)?.into_iter();
    let is_there = there.any(|old| Hold { origin: added.origin.clone(), ..old } == added);
    Ok(if is_there { before.to_owned() } else { after })
}

/// Returns the holds in the repository's own `file` with this `text`. `base` is where its relative paths start.
///
/// # Errors
/// The file is wrong.
pub(crate) fn holds_of(file: &str, base: &Path, text: &str) -> Result<Vec<Hold>, ConfigError> {
    Ok(Config::parse(file, base, text.as_bytes())?.settings.holds.all.into_iter().collect())
}

/// Returns `text` with a `[[hold]]` behind the ones that it has.
///
/// # Errors
/// The text cannot be edited safely.
pub(crate) fn add(text: &str, hold: &NewHold) -> Result<String, HoldEditError> {
    edit(text, |document| {
        let holds = document.entry("hold").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        let holds = holds.as_array_of_tables_mut().ok_or(HoldEditError::Inline)?;
        holds.push(table(hold));
        Ok(())
    })
}

/// Returns `text` without the holds at `indices`, from 0; a comment right above one goes with it.
///
/// # Errors
/// There is no such hold, or the text cannot be edited safely.
pub(crate) fn remove(text: &str, indices: &[usize]) -> Result<String, HoldEditError> {
    edit(text, |document| {
        let holds =
            document.get_mut("hold").map(|holds| holds.as_array_of_tables_mut().ok_or(HoldEditError::Inline));
        let count = holds.as_ref().map_or(0, |holds| holds.as_ref().map_or(0, |holds| holds.len()));
        if let Some(index) = indices.iter().find(|index| **index >= count) {
            return Err(HoldEditError::NoSuchHold(index + 1));
        }
        let Some(holds) = holds.transpose()? else { return Ok(()) };
        let mut index = 0;
        holds.retain(|_| {
            index += 1;
            !indices.contains(&(index - 1))
        });
        if holds.is_empty() {
            document.remove("hold");
        }
        Ok(())
    })
}

/// Edits `text`, whose line ends and byte order mark stay: toml_edit writes LF alone, and no mark.
fn edit(
    text: &str,
    change: impl FnOnce(&mut DocumentMut) -> Result<(), HoldEditError>,
) -> Result<String, HoldEditError> {
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let crlf = body.contains("\r\n");
    let unified = body.replace("\r\n", "\n");
    let restored = |text: String| if crlf { text.replace('\n', "\r\n") } else { text };
    let mut document: DocumentMut = unified
        .parse()
        .map_err(|error: toml_edit::TomlError| HoldEditError::NotToml(error.message().to_owned()))?;
    // Mixed line ends, for example: what would not survive is not touched.
    if restored(document.to_string()) != body {
        return Err(HoldEditError::Unusual);
    }
    change(&mut document)?;
    Ok(format!("{mark}{}", restored(document.to_string())))
}

fn table(hold: &NewHold) -> Table {
    let list = |texts: &[String]| value(texts.iter().collect::<Array>());
    let mut table = Table::new();
    // A line between this entry and what stands before it.
    table.decor_mut().set_prefix("\n");
    if !hold.images.is_empty() {
        table.insert("images", list(&hold.images));
    }
    if !hold.paths.is_empty() {
        table.insert("paths", list(&hold.paths));
    }
    let texts = [("tag", hold.tag.as_deref()), ("digest", hold.digest.as_ref().map(Digest::as_str))];
    let more = [("reason", Some(hold.reason.as_str())), ("by", hold.by.as_deref())];
    for (key, text) in texts.into_iter().chain(more) {
        if let Some(text) = text {
            table.insert(key, value(text));
        }
    }
    if let Some(until) = hold.until.and_then(|until| until.to_string().parse::<Datetime>().ok()) {
        table.insert("until", Item::Value(Value::from(until)));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::hold::Until;

    const FILE: &str = "\
# what is ours
[policy]
exclude = [ 'examples/**' ] # not deployed

# the release of may
[[hold]]
tag='1' # odd   spacing
reason = \"x\"

[check]
strict = true
";

    fn hold() -> NewHold {
        NewHold {
            images: vec!["ghcr.io/acme/api".to_owned()],
            paths: vec!["production/**".to_owned()],
            reason: "crashes with \"OOM\"".to_owned(),
            by: Some("Ana".to_owned()),
            until: Until::parse("2026-12-31"),
            ..NewHold::default()
        }
    }

    #[test]
    fn a_hold_is_added_and_removed_and_nothing_else_changes() {
        let added = add(FILE, &hold()).unwrap();
        let entry = "\n[[hold]]\nimages = [\"ghcr.io/acme/api\"]\npaths = [\"production/**\"]\n\
                     reason = 'crashes with \"OOM\"'\nby = \"Ana\"\nuntil = 2026-12-31\n";
        assert!(added.contains(entry), "{added}");
        assert_eq!(added.replacen(entry, "", 1), FILE, "every other byte is as it was");
        assert_eq!(remove(&added, &[1]).unwrap(), FILE);
        let without = remove(FILE, &[0]).unwrap();
        assert_eq!(
            without,
            FILE.replace("\n# the release of may\n[[hold]]\ntag='1' # odd   spacing\nreason = \"x\"\n", "")
        );
        assert_eq!(remove(FILE, &[1]), Err(HoldEditError::NoSuchHold(2)));
        assert_eq!(remove("", &[0]), Err(HoldEditError::NoSuchHold(1)));
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_stay() {
        let windows = format!("\u{feff}{}", FILE.replace('\n', "\r\n"));
        let added = add(&windows, &hold()).unwrap();
        assert!(added.starts_with('\u{feff}') && !added.replace("\r\n", "").contains('\n'));
        assert_eq!(remove(&added, &[1]).unwrap(), windows);
        assert_eq!(add("", &hold()).unwrap().trim_start().lines().next(), Some("[[hold]]"));
    }

    #[test]
    fn what_cannot_be_edited_is_left_alone() {
        assert_eq!(add("hold = [{ reason = 'x', tag = '1' }]\n", &hold()), Err(HoldEditError::Inline));
        assert_eq!(add("a = 1\r\nb = 2\n", &hold()), Err(HoldEditError::Unusual));
        assert!(matches!(add("a = [", &hold()), Err(HoldEditError::NotToml(_))));
    }
}
