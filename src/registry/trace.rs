//! What happened on the way to an answer, step by step and without secrets: `tagpin resolve -v`.

use std::cell::RefCell;

tokio::task_local! {
    static STEPS: RefCell<Vec<String>>;
}

/// Runs `work` and returns what it came to, with the steps that led there, in the order in which they were made.
///
/// Steps that another task makes for this one, such as a token that both need, are told there.
pub async fn explained<T>(work: impl Future<Output = T>) -> (T, Vec<String>) {
    STEPS
        .scope(RefCell::default(), async {
            let output = work.await;
            (output, STEPS.with(RefCell::take))
        })
        .await
}

/// Tells a step to who listens; to the log at `debug` where nobody does.
pub(crate) fn step(text: impl FnOnce() -> String) {
    if STEPS.try_with(|_| ()).is_err() {
        if tracing::enabled!(tracing::Level::DEBUG) {
            tracing::debug!("{}", text());
        }
        return;
    }
    let text = text();
    // It was there a moment ago.
    let _ = STEPS.try_with(|steps| steps.borrow_mut().push(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_question_has_its_own_steps_though_they_take_turns() {
        let work = |name: &'static str| async move {
            for i in 0..2 {
                step(|| format!("{name} {i}"));
                tokio::task::yield_now().await;
            }
            name
        };
        let (a, b) = tokio::join!(explained(work("a")), explained(work("b")));
        assert_eq!(a, ("a", vec!["a 0".to_owned(), "a 1".to_owned()]));
        assert_eq!(b, ("b", vec!["b 0".to_owned(), "b 1".to_owned()]));
        step(|| "nobody listens".to_owned());
    }
}
