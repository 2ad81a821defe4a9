//! Registries that are slow, busy or broken: the right digest or a truthful failure, in bounded time and with few requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tagpin::registry::{
    Assessment, ClientSettings, HttpRegistry, Judgement, Limits, Mirror, PullFromMirror, RegistryRule,
    TagQuery, TagRef, ask,
};

use crate::support::asking::{PLATFORMS, asked, configured, limits, question, settings};
use crate::support::registry::{Faults, Registry};

/// Puts `number` images into the registry; returns the questions, and what the answers are.
fn images(registry: &Registry, number: usize, present: bool) -> (Vec<TagQuery>, BTreeMap<TagRef, String>) {
    let mut all = (Vec::new(), BTreeMap::new());
    for i in 0..number {
        let repository = format!("acme/app-{}", i % 100);
        let tag = (i / 100).to_string();
        let digest = registry.put_index(&repository, &tag, PLATFORMS, &format!("{i}"));
        let question = question(registry, &format!("{repository}:{tag}"));
        let now = if present { vec![Some(digest.as_str())] } else { vec![None] };
        all.0.push(asked(&question, &now, &[]));
        all.1.insert(question, digest);
    }
    all
}

fn client(change: impl FnOnce(&mut Limits)) -> HttpRegistry {
    let mut limits = limits();
    change(&mut limits);
    HttpRegistry::new(ClientSettings { limits, ..settings() }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_references_under_faults_none_gets_a_wrong_digest() {
    let registry = Registry::start().await;
    let (all, right) = images(&registry, 1000, false);
    for seed in [1, 2] {
        registry.set(|mood| {
            mood.faults = Some(Faults {
                seed,
                too_many: 0.1,
                internal: 0.05,
                dropped: 0.05,
                truncated: 0.02,
                wrong: 0.02,
                hang: 0.01,
            });
        });
        let client = client(|limits| {
            (limits.read, limits.request) = (Duration::from_millis(250), Duration::from_millis(500));
        });
        let start = Instant::now();
        let answers = ask(&client, &all, 256, |_, _| {}).await;
        let elapsed = start.elapsed();
        assert_eq!(answers.len(), 1000, "each has an answer");
        let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
        for asked in &all {
            let question = &asked.question;
            let judge = |answer| asked.wanted[0].judge(question, answer);
            match answers[question].as_ref().map(judge) {
                // What is to be written was confirmed.
                Ok(Judgement::Done(Assessment::Write { digest, .. })) => {
                    assert_eq!(digest.as_str(), right[question]);
                }
                Ok(Judgement::Done(Assessment::Failed(error))) => {
                    *failed.entry(error.reason()).or_default() += 1;
                }
                Err(error) => *failed.entry(error.reason()).or_default() += 1,
                other => panic!("{other:?}"),
            }
        }
        let known = ["unavailable", "rate-limited", "invalid-answer"];
        assert!(failed.keys().all(|reason| known.contains(reason)), "{failed:?}");
        assert!(failed.values().sum::<usize>() <= 1, "999 of 1000 get an answer: {failed:?}");
        assert!(elapsed < Duration::from_secs(60), "{elapsed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_run_asks_twice_and_the_daily_run_once_and_neither_reads_a_body() {
    let registry = Registry::start().await;
    for (present, by_digest) in [(false, 300), (true, 0)] {
        let (all, right) = images(&registry, 300, present);
        // The same image at several places.
        let all = [all.clone(), all].concat();
        registry.forget_requests();
        let client = client(|_| {});
        let answers = ask(&client, &all, 256, |_, _| {}).await;
        assert!(
            answers
                .iter()
                .all(|(question, answer)| answer.as_ref().unwrap().resolution.digest.as_str()
                    == right[question])
        );
        let mut paths: BTreeMap<String, usize> = BTreeMap::new();
        for request in registry.requests() {
            assert_eq!((request.method.as_str(), request.status), ("HEAD", 200));
            *paths.entry(request.path).or_default() += 1;
        }
        assert!(paths.values().all(|times| *times == 1), "nothing is asked twice");
        let (digests, tags): (Vec<&String>, Vec<&String>) =
            paths.keys().partition(|path| path.contains("sha256:"));
        assert_eq!((tags.len(), digests.len()), (300, by_digest));
    }
}

#[tokio::test]
async fn a_refusal_now_and_then_holds_up_nobody_else() {
    let registry = Registry::start().await;
    let (all, _) = images(&registry, 12, true);
    registry.set(|mood| {
        mood.latency = Duration::from_millis(20);
        mood.failures = vec![(429, Some(1))];
    });
    let client = client(|limits| limits.at_once = 3);
    assert!(ask(&client, &all, 256, |_, _| {}).await.values().all(Result::is_ok));
    let log = registry.requests();
    let refused = log.iter().find(|request| request.status == 429).unwrap();
    let (last, others) = log.split_last().unwrap();
    assert_eq!((&last.path, log.len()), (&refused.path, 13), "the one that was refused comes last: {log:?}");
    let pause = Duration::from_secs(1);
    assert!(last.at - refused.at >= pause, "it waited as long as it was told");
    assert!(others.iter().all(|request| request.at - refused.at < pause), "{log:?}");
}

#[tokio::test]
async fn a_registry_that_refuses_one_after_the_other_gets_its_pause_from_all_who_ask() {
    let registry = Registry::start().await;
    let (all, _) = images(&registry, 12, true);
    registry.set(|mood| {
        mood.latency = Duration::from_millis(20);
        mood.failures = vec![(429, Some(1)); 6];
    });
    let client = client(|limits| limits.at_once = 3);
    assert!(ask(&client, &all, 256, |_, _| {}).await.values().all(Result::is_ok));
    let log = registry.requests();
    let refused = log.iter().filter(|request| request.status == 429).map(|request| request.at).max().unwrap();
    // What was under way already is not called back.
    let quiet = refused + Duration::from_millis(200)..refused + Duration::from_millis(950);
    let disturbing = log.iter().filter(|request| quiet.contains(&request.at)).count();
    assert_eq!((disturbing, log.len()), (0, 18), "{log:?}");
}

#[tokio::test]
async fn a_wrong_answer_is_asked_for_again_over_a_connection_of_its_own() {
    let registry = Registry::start().await;
    let (all, right) = images(&registry, 60, false);
    let faults = Faults { seed: 5, wrong: 0.1, internal: 0.1, ..Faults::default() };
    registry.set(|mood| mood.faults = Some(faults));
    for (question, answer) in ask(&client(|limits| limits.at_once = 1), &all, 256, |_, _| {}).await {
        assert_eq!(answer.unwrap().resolution.digest.as_str(), right[&question]);
    }
    let log = registry.requests();
    let (mut wrong, mut shared) = (BTreeSet::new(), BTreeSet::new());
    for (at, request) in log.iter().enumerate() {
        // Each image has a repository of its own. What was answered, and is asked for again, was answered wrong.
        let repository = request.path.split("/manifests/").next().unwrap();
        let before = &log[..at];
        if before.iter().any(|before| (&before.path, before.status) == (&request.path, 200)) {
            wrong.insert(repository);
        }
        if wrong.contains(repository) {
            assert!(before.iter().all(|before| before.from != request.from), "{request:?} of {log:#?}");
        } else {
            shared.insert(request.from);
        }
    }
    assert!(wrong.len() > 5 && log.iter().filter(|request| request.status == 500).count() > 5, "{wrong:?}");
    assert!(shared.len() < 5, "what failed in another way goes over the one that is open: {shared:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_never_comes_costs_one_request_and_not_the_run() {
    let registry = Registry::start().await;
    let (all, right) = images(&registry, 300, true);
    // What is asked beside it may fail at once.
    let faults = Faults { seed: 3, hang: 0.03, internal: 0.3, ..Faults::default() };
    registry.set(|mood| mood.faults = Some(faults));
    let start = Instant::now();
    let answers = ask(&client(|_| {}), &all, 256, |_, _| {}).await;
    assert!(start.elapsed() < Duration::from_secs(12), "less than one of them takes to be given up");
    for (question, answer) in &answers {
        assert_eq!(answer.as_ref().unwrap().resolution.digest.as_str(), right[question]);
    }
    let log = registry.requests();
    let hung = log.iter().filter(|request| request.status == 0).count();
    let failed = log.iter().filter(|request| request.status == 500).count();
    assert!(hung > 4 && log.len() <= 300 + failed + hung + 15, "{hung} and {failed} of {}", log.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_answers_that_never_come_do_not_hold_up_a_question_either() {
    let registry = Registry::start().await;
    let (all, right) = images(&registry, 1, true);
    let faults = |seed| Faults { seed, hang: 0.5, ..Faults::default() };
    let first_three = |seed| {
        let mut faults = faults(seed);
        [(); 3].map(|()| faults.draw().is_some())
    };
    let seed = (0..).find(|seed| first_three(*seed) == [true, true, false]).unwrap();
    registry.set(|mood| mood.faults = Some(faults(seed)));
    // Late is what takes longer than a quarter of this.
    let client =
        client(|limits| (limits.read, limits.request) = (Duration::from_secs(4), Duration::from_secs(9)));
    let answers = ask(&client, &all, 256, |_, _| {}).await;
    assert!(
        answers
            .iter()
            .all(|(question, answer)| answer.as_ref().unwrap().resolution.digest.as_str() == right[question])
    );
    assert_eq!(registry.requests().len(), 3, "none of them failed: the third was asked beside them");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_that_never_comes_is_late_as_soon_as_others_have_told_what_is_usual() {
    let registry = Registry::start().await;
    let (all, _) = images(&registry, 40, true);
    let faults = |seed| Faults { seed, hang: 0.02, ..Faults::default() };
    let second_of_all = |seed: &u64| {
        let mut faults = faults(*seed);
        (0..60).all(|number| faults.draw().is_some() == (number == 1))
    };
    let seed = (0..).find(second_of_all).unwrap();
    registry.set(|mood| mood.faults = Some(faults(seed)));
    // Late is what takes longer than a quarter of this, until the registry has shown what it takes.
    let client = client(|limits| {
        limits.at_once = 2;
        (limits.read, limits.request) = (Duration::from_secs(20), Duration::from_secs(30));
    });
    let start = Instant::now();
    assert!(ask(&client, &all, 256, |_, _| {}).await.values().all(Result::is_ok));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(registry.requests().len(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_slow_is_not_asked_twice_for_it() {
    let registry = Registry::start().await;
    let (all, _) = images(&registry, 60, true);
    registry.set(|mood| mood.latency = Duration::from_millis(700));
    // Late is what takes longer than a quarter of this, until the registry has shown what it takes.
    let client = client(|limits| limits.read = Duration::from_secs(2));
    assert!(ask(&client, &all, 256, |_, _| {}).await.values().all(Result::is_ok));
    let requests = registry.requests().len();
    assert!(requests <= 60 + 8, "{requests} requests");
}

#[tokio::test]
async fn a_registry_that_is_down_costs_little_and_the_others_go_on() {
    let (down, well) = (Registry::start().await, Registry::start().await);
    for (status, reason, words) in
        [(503, "unavailable", "registry unavailable"), (429, "rate-limited", "asked for fewer requests")]
    {
        down.set(|mood| mood.always = Some(status));
        down.forget_requests();
        let (mut all, _) = images(&down, 300, false);
        let (more, right) = images(&well, 50, false);
        all.extend(more);
        let client = client(|_| {});
        let answers = ask(&client, &all, 256, |_, _| {}).await;
        let mut told = 0;
        for (question, answer) in &answers {
            match right.get(question) {
                Some(digest) => assert_eq!(answer.as_ref().unwrap().resolution.digest.as_str(), digest),
                None => {
                    let error = answer.as_ref().unwrap_err();
                    assert_eq!(error.reason(), reason, "{error}");
                    told += usize::from(error.to_string().contains(words));
                }
            }
        }
        assert!(told > 280, "{told} were not asked for");
        let requests = down.requests();
        assert!(requests.len() <= 30, "{} requests", requests.len());
        assert!(requests.iter().all(|request| request.method == "HEAD"), "no GET follows a refusal");
    }
}

#[tokio::test]
async fn a_mirror_that_is_down_costs_as_little() {
    let (down, well) = (Registry::start().await, Registry::start().await);
    down.set(|mood| mood.always = Some(503));
    let (all, right) = images(&well, 300, true);
    let mirror = Mirror { location: down.host(), insecure: false, pull: PullFromMirror::All };
    let rules = vec![RegistryRule { mirrors: vec![mirror], ..configured(&well.host()) }];
    let client = HttpRegistry::new(ClientSettings { rules, ..settings() }).unwrap();
    for (question, answer) in ask(&client, &all, 256, |_, _| {}).await {
        assert_eq!(answer.unwrap().resolution.digest.as_str(), right[&question]);
    }
    let requests = (down.requests().len(), well.requests().len());
    assert!(requests.0 <= 30 && requests.1 == 300, "{requests:?}");
}

#[tokio::test]
async fn each_registry_has_the_concurrency_that_is_configured_for_it() {
    let (narrow, wide) = (Registry::start().await, Registry::start().await);
    let (mut all, _) = images(&narrow, 12, true);
    all.extend(images(&wide, 12, true).0);
    for registry in [&narrow, &wide] {
        registry.set(|mood| mood.latency = Duration::from_millis(50));
    }
    let rule = |registry: &Registry, number| RegistryRule {
        concurrency: Some(number),
        ..configured(&registry.host())
    };
    let rules = vec![rule(&narrow, 2), rule(&wide, 12)];
    let client = HttpRegistry::new(ClientSettings { rules, ..settings() }).unwrap();
    let start = Instant::now();
    assert!(ask(&client, &all, 256, |_, _| {}).await.values().all(Result::is_ok));
    let took = |registry: &Registry| {
        registry.requests().iter().map(|request| request.at.saturating_duration_since(start)).max().unwrap()
    };
    let (narrow, wide) = (took(&narrow), took(&wide));
    // Six rounds of two, and one first request alone with all others behind it.
    assert!(narrow >= Duration::from_millis(250), "{narrow:?}");
    assert!(wide < narrow.min(Duration::from_millis(250)), "{wide:?}");
}
