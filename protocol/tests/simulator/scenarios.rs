//! A scenario for each rule that an actor keeps: with the rule everything is right, without it the auditor finds out.

use crate::attempt;
use crate::faults::{Broken, Settings};
use crate::tables::Kind;

/// Seeds in which the right system must be right.
const RIGHT: u64 = 60;

/// Seeds in one of which the broken system must be found out.
const BROKEN: u64 = 3000;

/// The system with the rule is right in every seed; the one without it is found out, by this symptom, in one of many.
fn needs(rule: Broken, symptom: &str, adjust: impl Fn(&mut Settings)) {
    for seed in 1..=RIGHT {
        if let Err(message) = attempt(seed, &adjust, None) {
            panic!("with the rule, seed {seed}: {message}");
        }
    }
    let fails = |seed| attempt(seed, &adjust, Some(rule)).err().filter(|message| message.contains(symptom));
    match (1..=BROKEN).find_map(|seed| fails(seed).map(|message| (seed, message))) {
        Some((seed, message)) => eprintln!("without the rule {rule:?}, seed {seed}: {message}"),
        None => panic!("nobody noticed in {BROKEN} seeds that the rule is broken: {rule:?}"),
    }
}

fn lively(settings: &mut Settings) {
    settings.faults = 20;
    settings.lost_replies = 100;
    settings.incremental = true;
    settings.full = true;
    settings.transactions = 40;
    settings.initial_transactions = 12;
}

fn keyless(settings: &mut Settings) {
    lively(settings);
    settings.kinds = vec![Kind::Keyless];
}

fn one_apply(settings: &mut Settings) {
    lively(settings);
    settings.applies = 1;
    settings.partitions = settings.partitions.max(2);
    settings.initial_transactions = 0;
}

fn many_applies(settings: &mut Settings) {
    lively(settings);
    settings.applies = 3;
    settings.partitions = 4;
}

fn slow_visibility(settings: &mut Settings) {
    lively(settings);
    settings.visibility = 20;
    settings.chunk_rows = 3;
}

#[test]
fn low_must_cover_what_was_streamed() {
    needs(Broken::TooEarlyIgnored, "goes back", slow_visibility);
}

#[test]
fn high_is_read_after_the_rows() {
    // A row too many shows as a row too many, as one that cannot be deleted, or as a state that the source never had.
    needs(Broken::HighReadFirst, "", keyless);
}

#[test]
fn lost_commit_reply_is_settled_by_the_claim() {
    needs(Broken::StateReadWithoutClaim, "goes back to sequence", lively);
}

#[test]
fn lost_commit_reply_does_not_mean_committed() {
    needs(Broken::CommitAssumed, "messages are missing", lively);
}

#[test]
fn lost_commit_reply_does_not_mean_aborted() {
    needs(Broken::StepRepeated, "goes back to sequence", lively);
}

#[test]
fn producer_is_not_used_after_an_error() {
    needs(Broken::ProducerReused, "goes back to sequence", lively);
}

#[test]
fn fenced_capture_writes_nothing() {
    needs(Broken::FencingAbsent, "goes back to sequence", lively);
}

#[test]
fn stream_waits_while_a_whole_table_is_published() {
    needs(Broken::StreamDoesNotWait, "differs", |settings| {
        keyless(settings);
        settings.initial_transactions = 40;
        settings.transactions = 80;
        settings.step_bytes = 200;
    });
}

#[test]
fn whole_table_is_read_in_one_snapshot() {
    needs(Broken::WholeReadInPieces, "differs", keyless);
}

#[test]
fn checkpoint_says_how_much_of_a_transaction_is_out() {
    needs(Broken::PartialForgotten, "images", |settings| {
        lively(settings);
        settings.step_bytes = 200;
        settings.huge = 60;
    });
}

#[test]
fn rows_of_what_is_prepared_are_read_again() {
    needs(Broken::PreparedForgotten, "images", |settings| {
        lively(settings);
        settings.distributed = 300;
    });
}

#[test]
fn gap_in_captured_stops() {
    needs(Broken::GapIgnored, "differs", |settings| {
        lively(settings);
        settings.torn = 20;
    });
}

#[test]
fn transform_resumes_from_its_output() {
    needs(Broken::TransformResumesFromItsInput, "messages are missing", lively);
}

#[test]
fn range_covers_dropped_rows() {
    needs(Broken::RangesWithoutDroppedRows, "messages are missing", |settings| {
        lively(settings);
        settings.filter = true;
    });
}

#[test]
fn captured_is_read_committed() {
    needs(Broken::UncommittedRead, "goes back to sequence", lively);
}

#[test]
fn unknown_schema_is_waited_for() {
    needs(Broken::UnknownSchemaStops, "unknown schema", lively);
}

#[test]
fn gap_in_transformed_stops() {
    needs(Broken::OutputWithGaps, "messages are missing", lively);
}

fn in_parts(settings: &mut Settings) {
    lively(settings);
    settings.parts = 500;
    settings.transforms = 3;
    settings.faults = 40;
}

#[test]
fn parts_are_joined_within_one_writer() {
    needs(Broken::PartsOfWritersMixed, "joined of the wrong parts", in_parts);
}

#[test]
fn stored_offset_does_not_pass_an_unfinished_message() {
    needs(Broken::OffsetBeyondFirstPart, "messages are missing", in_parts);
}

#[test]
fn message_is_covered_by_its_last_part() {
    needs(Broken::FirstPartCovers, "messages are missing", in_parts);
}

#[test]
fn zombie_apply_loses_the_progress_race() {
    needs(Broken::RaceIgnored, "goes back to version", lively);
}

#[test]
fn progress_is_committed_with_the_data() {
    needs(Broken::ProgressApart, "differs", keyless);
}

#[test]
fn apply_resumes_from_the_destination() {
    needs(Broken::OffsetsOfItsOwn, "differs", lively);
}

#[test]
fn arrival_of_a_partition_that_moved_back_does_not_count() {
    needs(Broken::ArrivalUnchecked, "", |settings| {
        many_applies(settings);
        settings.ddl = true;
        settings.early_arrivals = 200;
    });
}

#[test]
fn barrier_is_executed_once() {
    needs(Broken::JournalUnread, "", |settings| {
        many_applies(settings);
        settings.ddl = true;
    });
}

#[test]
fn barrier_waits_for_all_partitions() {
    needs(Broken::BarrierNotAwaited, "", |settings| {
        many_applies(settings);
        settings.ddl = true;
    });
}

fn altered(settings: &mut Settings) {
    lively(settings);
    settings.ddl = true;
    settings.initial_transactions = 40;
    settings.chunk_rows = 1;
    settings.visibility = 800;
}

#[test]
fn no_step_ends_within_a_change_of_a_table() {
    needs(Broken::StepWithinChange, "is not of the table's shape", altered);
}

#[test]
fn rows_after_a_change_of_the_table_wait_for_it() {
    needs(Broken::BarrierNotAwaited, "is not of the table's shape", |settings| {
        many_applies(settings);
        settings.ddl = true;
    });
}

#[test]
fn a_change_of_a_table_is_executed_once() {
    needs(Broken::JournalUnread, "is altered twice", |settings| {
        many_applies(settings);
        settings.ddl = true;
    });
}

#[test]
fn cut_never_splits_a_transaction() {
    needs(Broken::CutPerPartition, "never had", one_apply);
}

#[test]
fn first_cut_is_above_all_progress() {
    needs(Broken::FloorTooLow, "never had", |settings| {
        one_apply(settings);
        settings.applies = 2;
        settings.partitions = 2;
    });
}

#[test]
fn write_ahead_is_committed_at_its_cut() {
    needs(Broken::WriteAheadCommitted, "never had", |settings| {
        one_apply(settings);
        settings.byte_limit = 300;
    });
}

#[test]
fn write_ahead_is_rolled_back_when_partitions_move() {
    needs(Broken::WriteAheadKept, "applied or compacted", |settings| {
        keyless(settings);
        settings.applies = 2;
        settings.partitions = 2;
        settings.byte_limit = 300;
        settings.huge = 60;
    });
}
