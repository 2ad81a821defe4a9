//! A tree of one file in memory, for the readers of trees.

use tagpin::source::tree::{EntryKind, Tree, TreeEntry, TreeError};

pub struct OneFile<'b> {
    pub path: &'b str,
    pub bytes: &'b [u8],
}

impl Tree for OneFile<'_> {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let size = self.bytes.len() as u64;
        Ok(vec![TreeEntry { path: self.path.to_owned(), size, kind: EntryKind::File }])
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        match (path == self.path, self.bytes.len() as u64) {
            (true, size) if size <= limit => Ok(self.bytes.to_vec()),
            (true, size) => Err(TreeError::TooLarge { path: path.to_owned(), size, limit }),
            (false, _) => Err(TreeError::NotFound { path: path.to_owned() }),
        }
    }
}
