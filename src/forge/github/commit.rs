//! A commit over the Git Data API, which GitHub signs for an App's or an Action's token: blobs where a file is not text,
//! tree, commit, then the branch.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitHub;
use super::client::Call;
use crate::forge::{Attempt, Failure, ForgeError, NewCommit, NewFile, Problem};

/// How many bytes of text one request for a tree has at most; what is beyond goes by blobs.
const TREE_MAX: usize = 4 << 20;

#[derive(Deserialize)]
struct GitObject {
    sha: String,
}

impl GitHub {
    /// Does what [`crate::forge::Forge::commit`] says. The objects that a failure leaves behind belong to no branch, and
    /// GitHub collects them.
    pub(super) async fn make_commit(&self, commit: &NewCommit) -> Result<String, ForgeError> {
        let (mut entries, mut text) = (Vec::new(), 0);
        for file in &commit.files {
            let mode = if file.executable { "100755" } else { "100644" };
            let mut entry = json!({ "path": file.path, "mode": mode, "type": "blob" });
            match str::from_utf8(&file.content) {
                Ok(content) if text + content.len() <= TREE_MAX => {
                    text += content.len();
                    entry["content"] = content.into();
                }
                _ => entry["sha"] = self.blob(file).await?.into(),
            }
            entries.push(entry);
        }
        let tree =
            self.object("/git/trees", json!({ "base_tree": commit.base_tree, "tree": entries })).await?;
        // The proof was made on this tree: GitHub must have written the same.
        if tree != commit.tree {
            let (base, made) = (self.client.base(), self.client.quote(&tree));
            let problem = Problem::Other(format!(
                "the forge at `{base}` made another tree (`{made}`) of the files than was proven (`{}`)",
                commit.tree
            ));
            return Err(ForgeError::InvalidAnswer(
                Failure::new(base, problem).advise("nothing was changed; set `commits = \"git\"` in [forge]"),
            ));
        }
        let body = json!({ "message": commit.message, "tree": tree, "parents": [commit.base] });
        let oid = self.object("/git/commits", body).await?;
        self.move_branch(commit, &oid).await?;
        Ok(oid)
    }

    async fn blob(&self, file: &NewFile) -> Result<String, ForgeError> {
        let body = json!({ "content": STANDARD.encode(&file.content), "encoding": "base64" });
        self.object("/git/blobs", body).await
    }

    /// Makes a git object and returns its id. Making it twice makes one.
    async fn object(&self, path: &str, body: Value) -> Result<String, ForgeError> {
        let call = Call { repeats: true, ..Call::new(Method::POST, self.repository_path(path), Some(body)) };
        Ok(self.send::<GitObject>(call, &Attempt::Commit).await?.sha)
    }
}
