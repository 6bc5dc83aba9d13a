#![expect(clippy::unwrap_used, reason = "tests")]
//! The loop under tokio's paused clock: hours pass at once.

use std::cell::{Cell, RefCell};
use std::future::pending;

use super::*;
use crate::StageName;
use crate::context::for_tests as context;

fn minutes(since: Instant) -> u64 {
    since.elapsed().as_secs() / 60
}

#[tokio::test(start_paused = true)]
async fn each_class_is_retried_for_its_own_window() {
    for (failure, expected, message) in [
        (Failure::connection("no answer", "h"), 60, "no answer (retried for 60 minutes)"),
        (Failure::statement("deadlock", "h"), 5, "deadlock (retried for 5 minutes)"),
        (Failure::fatal("wrong password", "h"), 0, "wrong password"),
    ] {
        let (context, start, attempts) = (context(), Instant::now(), Cell::new(0_u64));
        let ended = run_stage(&context, |_| {
            attempts.set(attempts.get() + 1);
            std::future::ready(Err(failure.clone()))
        });
        let given_up = ended.await.unwrap_err();
        assert_eq!((given_up.message.as_str(), given_up.hint.as_str(), given_up.class), (message, "h", failure.class));
        assert_eq!(minutes(start), expected);
        // Waits of at least 5 s in the end: no storm.
        assert!(attempts.get() <= 10 + expected * 12, "{} attempts", attempts.get());
        assert!(attempts.get() > expected * 6, "{} attempts", attempts.get());
        assert!(context.status.is_failed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_at_the_start_is_not_waited_for() {
    let known = context();
    let context = StageContext::new(known.stage, known.task.clone(), crate::Shutdown::new());
    let attempts = Cell::new(0);
    let ended = run_stage(&context, |_| {
        attempts.set(attempts.get() + 1);
        std::future::ready(Err(Failure::connection("no answer", "look at the address")))
    });
    assert_eq!(ended.await.unwrap_err().message, "no answer");
    assert_eq!(attempts.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn progress_begins_a_new_window() {
    let (context, start, attempts) = (context(), Instant::now(), Cell::new(0_u64));
    let ended = run_stage(&context, |context: StageContext| {
        attempts.set(attempts.get() + 1);
        let number = attempts.get();
        async move {
            sleep(Duration::from_secs(120)).await;
            if number <= 30 {
                context.mark.progress();
                assert_eq!(context.status.to_json()["state"], "running");
            }
            Err(Failure::statement("lock time-out", ""))
        }
    });
    ended.await.unwrap_err();
    // Thirty windows that began anew, then one of 5 minutes with attempts of 2 minutes in it.
    assert_eq!(attempts.get(), 33);
    assert!((60..=69).contains(&minutes(start)), "{}", minutes(start));
}

#[tokio::test(start_paused = true)]
async fn classes_do_not_use_up_each_others_window() {
    let (context, attempts) = (context(), Cell::new(0_u64));
    let outcome = run_stage(&context, |_| {
        attempts.set(attempts.get() + 1);
        let number = attempts.get();
        async move {
            match number {
                1..=4 => {
                    sleep(Duration::from_secs(600)).await;
                    Err(Failure::connection("no answer", ""))
                }
                5 => Err(Failure::statement("deadlock", "")),
                _ => Ok(Outcome::Completed),
            }
        }
    });
    assert_eq!(outcome.await, Ok(Outcome::Completed));
    assert_eq!(context.status.to_json()["state"], "completed");
}

#[tokio::test(start_paused = true)]
async fn status_shows_the_retry_until_there_is_progress() {
    let (context, seen) = (context(), RefCell::new(Vec::new()));
    let outcome = run_stage(&context, |context: StageContext| {
        seen.borrow_mut().push(context.status.to_json());
        let first = seen.borrow().len() == 1;
        async move {
            if first {
                return Err(Failure::connection("no answer", "start it"));
            }
            context.mark.progress();
            Ok(Outcome::Stopped)
        }
    });
    assert_eq!(outcome.await, Ok(Outcome::Stopped));
    let seen = seen.into_inner();
    assert_eq!((&seen[0]["state"], &seen[0]["retry"]), (&"running".into(), &serde_json::Value::Null));
    assert_eq!((&seen[1]["state"], &seen[1]["retry"]["class"]), (&"retrying".into(), &"connection".into()));
    assert_eq!((&seen[1]["retry"]["failures"], &seen[1]["retry"]["window_left_seconds"]), (&1.into(), &3599.into()));
    let seconds = |field: &str| {
        let time = seen[1]["retry"][field].as_str().unwrap();
        let clock: Vec<u64> = time[11..19].split(':').map(|part| part.parse().unwrap()).collect();
        clock[0] * 3600 + clock[1] * 60 + clock[2]
    };
    assert_eq!((seconds("until") + 86_400 - seconds("since")) % 86_400 / 60, 60, "{}", seen[1]["retry"]);
    let error = &seen[1]["last_error"];
    assert_eq!(
        (&error["message"], &error["hint"], &error["class"]),
        (&"no answer".into(), &"start it".into(), &"connection".into())
    );
    let end = context.status.to_json();
    assert_eq!((&end["state"], &end["retry"]), (&"stopped".into(), &serde_json::Value::Null));
    assert_eq!(end["last_error"]["message"], "no answer");
}

#[tokio::test(start_paused = true)]
async fn stopping_ends_a_wait_at_once() {
    let (context, start) = (context(), Instant::now());
    let shutdown = context.shutdown.clone();
    let stop = async {
        sleep(Duration::from_secs(120)).await;
        shutdown.request();
        Instant::now()
    };
    let running = async {
        let outcome = run_stage(&context, |_| std::future::ready(Err(Failure::connection("no answer", "")))).await;
        (outcome, Instant::now())
    };
    let ((outcome, ended), requested) = tokio::join!(running, stop);
    assert_eq!(outcome, Ok(Outcome::Stopped));
    assert_eq!(ended, requested);
    assert_eq!(minutes(start), 2);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_does_not_stop_is_dropped() {
    let (context, start) = (context(), Instant::now());
    context.shutdown.request();
    assert_eq!(run_stage(&context, |_| pending::<Result<Outcome, Failure>>()).await, Ok(Outcome::Stopped));
    assert_eq!(start.elapsed().as_secs(), SHUTDOWN_GRACE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_failure_while_stopping_counts_as_stopped_unless_it_is_fatal() {
    for (failure, expected) in [
        (Failure::connection("broken", ""), Ok(Outcome::Stopped)),
        (Failure::statement("cancelled", ""), Ok(Outcome::Stopped)),
        (Failure::fatal("torn", ""), Err(Failure::fatal("torn", ""))),
    ] {
        let context = context();
        context.shutdown.request();
        assert_eq!(run_stage(&context, |_| std::future::ready(Err(failure.clone()))).await, expected);
    }
}

/// A process of several stages says which of them failed.
#[tokio::test]
async fn a_failure_is_of_the_stage_that_says_so() {
    for (failed, expected) in [
        (StageFailure::from(Failure::fatal("a", "b")), "apply"),
        (StageFailure::of(StageName::Transform, Failure::fatal("a", "b")), "transform"),
    ] {
        let context = context();
        let ended = run_stage(&context, |_| std::future::ready(Err::<Outcome, _>(failed.clone()))).await;
        assert_eq!(ended.unwrap_err(), Failure::fatal("a", "b"));
        assert_eq!(context.status.to_json()["last_error"]["stage"], expected);
    }
}
