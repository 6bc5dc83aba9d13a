//! Steps are transactions; a writer that is not the newest is refused; state comes back.

use std::collections::BTreeMap;

use bytes::Bytes;
use millrace_eventlog::{ClaimId, LogError, ReadEvent, StartAt, StepWriter};

use crate::lab::{event, messages, noise, text, up_to_end, with_topics};

#[test]
fn a_step_is_visible_as_a_whole_or_not_at_all() {
    with_topics("whole", 2, |lab| async move {
        let mut step = lab.open().await.writer.begin().unwrap();
        step.send(0, b"a").await.unwrap();
        step.send(1, b"b").await.unwrap();
        lab.await_open_transaction().await;
        let reader = lab.captured_reader();
        reader.assign(0, StartAt::Offset(0));
        assert_eq!(event(&reader).await, Ok(ReadEvent::EndOfPartition { partition: 0, next_offset: 0 }));
        reader.assign(1, StartAt::Offset(0));
        let writer = step.commit().await.unwrap();
        let mut seen: Vec<_> = messages(&reader, 2).await.iter().map(|m| (m.partition, text(m))).collect();
        seen.sort();
        assert_eq!(seen, [(0, "a".to_owned()), (1, "b".to_owned())]);
        // The writer goes on.
        let mut step = writer.begin().unwrap();
        step.send(1, b"c").await.unwrap();
        step.commit().await.unwrap();
        assert_eq!(text(&messages(&reader, 1).await[0]), "c");
    });
}

#[test]
fn an_aborted_step_is_never_visible() {
    with_topics("aborted", 1, |lab| async move {
        let mut step = lab.open().await.writer.begin().unwrap();
        step.send(0, b"never").await.unwrap();
        step.send_state(b"c0", b"never").await.unwrap();
        lab.await_open_transaction().await;
        step.abort().await.unwrap();
        let opened = lab.open().await;
        assert_eq!(opened.state, BTreeMap::new());
        let mut step = opened.writer.begin().unwrap();
        step.send(0, b"once").await.unwrap();
        step.commit().await.unwrap();
        let reader = lab.captured_reader();
        reader.assign(0, StartAt::Offset(0));
        assert_eq!(text(&messages(&reader, 1).await[0]), "once");
    });
}

#[test]
fn a_second_writer_fences_the_first() {
    with_topics("fenced", 1, |lab| async move {
        let first = lab.open().await.writer;
        let idle = lab.open().await.writer;
        let claim = ClaimId::random();
        let second = StepWriter::open(&lab.options, &lab.names, claim).await.unwrap().writer;
        for late in [first, idle] {
            let mut step = late.begin().unwrap();
            let sent = step.send(0, b"zombie").await;
            let error = match sent {
                Ok(()) => step.commit().await.err().unwrap(),
                Err(error) => error,
            };
            assert_eq!(error, LogError::Fenced { transactional_id: lab.names.capture() });
        }
        assert_eq!(StepWriter::newest_claim(&lab.options, &lab.names).await, Ok(Some(claim)));
        let mut step = second.begin().unwrap();
        step.send(0, b"owner").await.unwrap();
        step.commit().await.unwrap();
        let reader = lab.captured_reader();
        reader.assign(0, StartAt::Offset(0));
        assert_eq!(up_to_end(&reader).await, ["owner"]);
    });
}

#[test]
fn a_writer_fenced_in_an_open_step_cannot_commit_it() {
    with_topics("fenced-open", 1, |lab| async move {
        let mut step = lab.open().await.writer.begin().unwrap();
        step.send(0, b"zombie").await.unwrap();
        lab.await_open_transaction().await;
        let second = lab.open().await.writer;
        assert_eq!(step.commit().await.err(), Some(LogError::Fenced { transactional_id: lab.names.capture() }));
        let mut step = second.begin().unwrap();
        step.send(0, b"owner").await.unwrap();
        step.commit().await.unwrap();
        let reader = lab.captured_reader();
        reader.assign(0, StartAt::Offset(0));
        assert_eq!(up_to_end(&reader).await, ["owner"]);
    });
}

#[test]
fn state_comes_back_after_many_steps() {
    with_topics("state", 1, |lab| async move {
        let opened = lab.open().await;
        assert!(opened.state.is_empty());
        let mut writer = opened.writer;
        let mut expected = BTreeMap::new();
        for number in 0..150_u32 {
            let mut step = writer.begin().unwrap();
            step.send(0, b"row").await.unwrap();
            for key in ["checkpoint".to_owned(), format!("table/{}", number % 7)] {
                step.send_state(key.as_bytes(), number.to_string().as_bytes()).await.unwrap();
                expected.insert(key.into_bytes(), Bytes::from(number.to_string()));
            }
            writer = step.commit().await.unwrap();
        }
        let mut step = writer.begin().unwrap();
        step.send_state(b"table/3", b"").await.unwrap();
        expected.remove(b"table/3".as_slice());
        assert_eq!(step.send_state(b"claim", b"x").await, Err(LogError::ReservedKey { key: "claim".into() }));
        step.commit().await.unwrap();
        assert_eq!(lab.open().await.state, expected);
    });
}

#[test]
fn what_a_killed_writer_left_open_is_settled_by_the_next() {
    with_topics("killed", 1, |lab| async move {
        let mut step = lab.open().await.writer.begin().unwrap();
        step.send(0, b"torn").await.unwrap();
        step.send_state(b"checkpoint", b"torn").await.unwrap();
        lab.await_open_transaction().await;
        drop(step);
        let opened = lab.open().await;
        assert!(opened.state.is_empty());
        let mut step = opened.writer.begin().unwrap();
        step.send(0, b"whole").await.unwrap();
        step.commit().await.unwrap();
        let reader = lab.captured_reader();
        reader.assign(0, StartAt::Offset(0));
        assert_eq!(text(&messages(&reader, 1).await[0]), "whole");
        let ends = lab.broker().await.ends(&lab.names.captured).await.unwrap()[0];
        assert_eq!(ends.last_stable, ends.end);
    });
}

#[test]
fn a_step_with_a_message_too_large_is_not_committed() {
    with_topics("large", 1, |lab| async move {
        let mut step = lab.open().await.writer.begin().unwrap();
        step.send(0, b"small").await.unwrap();
        let too_large = LogError::MessageTooLarge { topic: lab.names.captured.clone() };
        assert_eq!(step.send(0, &noise(5 << 20)).await, Err(too_large.clone()));
        assert_eq!(step.commit().await.err(), Some(too_large));
        lab.open().await;
        let reader = lab.captured_reader();
        reader.assign(0, StartAt::Offset(0));
        assert!(up_to_end(&reader).await.is_empty());
    });
}
