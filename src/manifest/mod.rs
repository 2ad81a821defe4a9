//! One file: its documents, the images that they name, and how to edit them. Pure: bytes in, values out.

pub mod chart;
pub mod edit;
pub mod formats;
mod ignore;
pub mod inventory;
mod located;
mod recorded_digests;
mod scan;
pub mod site;
pub mod syntax;

pub use located::{Ignore, IgnoreUntil, Located, RecordedDigest, Scan, SourceRange, Unread, UnreadReason};
pub use scan::{is_candidate, scan, scan_whole};

/// The largest file that is read, in bytes.
pub const SIZE_MAX: u64 = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use crate::manifest::syntax::lines::Positions;

    #[test]
    fn lines_end_in_three_ways_and_columns_are_characters() {
        let text = "a\r\né: x\rb\nc";
        let positions = |offsets: &[usize]| {
            let mut lines = Positions::new(text);
            offsets.iter().map(|at| lines.position(*at)).collect::<Vec<_>>()
        };
        assert_eq!(positions(&[0, 3, 7, 9, 11]), [(1, 1), (2, 1), (2, 4), (3, 1), (4, 1)]);
        assert_eq!(positions(&[11, 7]), [(4, 1), (2, 4)]);
    }
}
