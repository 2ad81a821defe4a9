//! The pull requests of many branches in few requests: GraphQL takes a hundred questions at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::GitHub;
use super::client::PAGES;
use super::pull::Node;
use crate::forge::{Attempt, ForgeError, Problem, PullRequest};

/// How many pull requests one request asks for at most: GitHub counts what could be found, and gives up on a query that takes
/// it more than ten seconds.
const NODES: usize = 600;

/// What is asked first of each branch: as much as most have to tell.
const FIRST: [(&str, usize); 3] = [("OPEN", 2), ("CLOSED", 3), ("MERGED", 1)];

const ALL_STATES: &str = "OPEN, CLOSED, MERGED";

/// How many are asked for at once of a branch that has more to tell.
const PAGE: usize = 50;

const FOUND: &str = "fragment found on PullRequestConnection { totalCount pageInfo { hasNextPage endCursor } nodes { \
     id number url title body state isDraft isCrossRepository headRefOid baseRefName author { login } \
     labels(first: 100) { nodes { name } } autoMergeRequest { enabledAt } } }";

/// A question for some pull requests of one branch, the newest first.
struct Question<'b> {
    branch: &'b str,
    states: &'static str,
    first: usize,
    /// Where the page before ended.
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    total_count: usize,
    page_info: PageInfo,
    /// One that GitHub leaves out is an error: it may have been declined.
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

impl GitHub {
    /// Returns the pull requests from each of `branches`, the newest first: a request for a hundred of them, and more only for
    /// those whose older ones could still decide something.
    pub(super) async fn all_histories(
        &self,
        branches: &[String],
        base: &str,
    ) -> Result<BTreeMap<String, Vec<PullRequest>>, ForgeError> {
        let first = branches
            .iter()
            .flat_map(|branch| FIRST.map(|(states, first)| Question { branch, states, first, after: None }));
        let answers = self.ask(&first.collect::<Vec<_>>()).await?;
        let (mut found, mut open) = (BTreeMap::new(), Vec::new());
        for (branch, answers) in branches.iter().zip(answers.chunks(FIRST.len())) {
            if says_enough(answers, base) {
                let all: Vec<PullRequest> = answers.iter().flat_map(Connection::ours).collect();
                found.insert(branch.clone(), all);
            } else {
                open.push(Question { branch, states: ALL_STATES, first: PAGE, after: None });
            }
        }
        for _ in 0..PAGES {
            if open.is_empty() {
                for history in found.values_mut() {
                    history.sort_by_key(|pull: &PullRequest| std::cmp::Reverse(pull.number));
                }
                return Ok(found);
            }
            let answers = self.ask(&open).await?;
            let mut more = Vec::new();
            for (question, answer) in open.into_iter().zip(answers) {
                found.entry(question.branch.to_owned()).or_default().extend(answer.ours());
                if answer.page_info.has_next_page {
                    more.push(Question { after: answer.page_info.end_cursor, ..question });
                }
            }
            open = more;
        }
        Err(self.endless(open.first().map_or("", |question| question.branch), PAGE))
    }

    /// Returns the answer to each question, in few requests.
    async fn ask(&self, questions: &[Question<'_>]) -> Result<Vec<Connection>, ForgeError> {
        let mut left: Vec<&[Question<'_>]> = Vec::new();
        let most = questions.iter().map(|question| question.first).max().unwrap_or(1);
        // Three questions of each branch ask for six together.
        let width = if most == PAGE { NODES / PAGE } else { NODES / 6 * FIRST.len() };
        left.extend(questions.chunks(width).rev());
        let mut answers = Vec::with_capacity(questions.len());
        while let Some(part) = left.pop() {
            match self.ask_at_once(part).await {
                Ok(found) => answers.extend(found),
                Err(error) if part.len() > 1 && is_too_much(&error) => {
                    tracing::debug!(questions = part.len(), %error, "asks for half as much");
                    let (first, second) = part.split_at(part.len() / 2);
                    left.extend([second, first]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answers)
    }

    async fn ask_at_once(&self, questions: &[Question<'_>]) -> Result<Vec<Connection>, ForgeError> {
        let (query, variables) = self.query(questions);
        let answer = self.graphql(&query, variables, &Attempt::Find).await?;
        let mut data = answer.map_err(|error| self.refused(&Attempt::Find, error))?;
        let connections = (0..questions.len()).map(|i| data["repository"][format!("q{i}")].take());
        let connections = connections.map(serde_json::from_value).collect::<Result<Vec<Connection>, _>>();
        connections.map_err(|error| self.other_api(&error))
    }

    fn query(&self, questions: &[Question<'_>]) -> (String, Value) {
        let mut variables = Map::new();
        variables.insert("owner".to_owned(), self.owner.clone().into());
        variables.insert("name".to_owned(), self.repository.clone().into());
        let (mut declared, mut asked) = ("$owner: String!, $name: String!".to_owned(), String::new());
        for (i, Question { branch, states, first, after }) in questions.iter().enumerate() {
            let _ = write!(declared, ", $b{i}: String!, $a{i}: String");
            let _ = write!(
                asked,
                "q{i}: pullRequests(headRefName: $b{i}, states: [{states}], first: {first}, after: $a{i}, \
                 orderBy: {{field: CREATED_AT, direction: DESC}}) {{ ...found }} "
            );
            variables.insert(format!("b{i}"), (*branch).into());
            variables.insert(format!("a{i}"), after.clone().into());
        }
        let query =
            format!("query({declared}) {{ repository(owner: $owner, name: $name) {{ {asked}}} }} {FOUND}");
        (query, variables.into())
    }
}

impl Connection {
    /// Returns the pull requests of the repository itself: a fork may have a branch of the same name.
    fn ours(&self) -> impl Iterator<Item = PullRequest> + '_ {
        self.nodes.iter().filter(|node| !node.is_cross_repository).map(PullRequest::from)
    }
}

/// Returns whether what was not asked for of a branch decides nothing: older merged ones, where none that was closed is older
/// than they are.
fn says_enough(answers: &[Connection], base: &str) -> bool {
    let is_whole = |connection: &Connection| connection.nodes.len() == connection.total_count;
    let [open, closed, merged] = answers else { return false };
    let oldest_no = closed.nodes.iter().map(|node| node.number).min();
    let newest_yes = merged.nodes.first();
    let is_newest = newest_yes.is_some_and(|node| !node.is_cross_repository && node.base_ref_name == base);
    let decides_nothing =
        is_newest && oldest_no.is_none_or(|no| newest_yes.is_some_and(|yes| yes.number < no));
    is_whole(open) && is_whole(closed) && (is_whole(merged) || decides_nothing)
}

/// Returns whether GitHub may well answer a question for less.
fn is_too_much(error: &ForgeError) -> bool {
    match error {
        ForgeError::Unavailable(failure) => matches!(failure.status, Some(502 | 504)),
        ForgeError::InvalidAnswer(failure) => matches!(failure.problem, Problem::TooLarge(_)),
        ForgeError::Rejected(failure) => failure.said.to_ascii_lowercase().contains("resource limit"),
        _ => false,
    }
}
