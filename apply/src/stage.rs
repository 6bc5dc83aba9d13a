//! The loop of the stage: messages in, transactions out; partitions come and go.

use std::time::Duration;

use millrace_adbpg::{Connection, TaskIdentity};
use millrace_eventlog::{LogOptions, Membership, MembershipEvent, TopicNames, read_first_tables};
use millrace_model::Failure;
use millrace_protocol::cut::{Progress, Standing, Work, Write};
use millrace_service::{Outcome, StageContext};
use millrace_task::Phase;

use crate::barrier::{Gate, stand};
use crate::feed::Feed;
use crate::loaded::{Finished, finish_tables};
use crate::options::destination_options;
use crate::others::Others;
use crate::quarantine::{Guard, ensure_none_held};
use crate::session::{Arrival, ensure_destination, ensure_tables_fit, wait_for_task};
use crate::tally::Tally;
use crate::write::{Interruption, Interrupts, Terms, Written, carry_out, from_row};

/// How often a closed barrier, loaded tables and the end of other applies are looked at.
const POLL: Duration = Duration::from_millis(100);

/// Runs one attempt of the stage: until the task is complete, the process is told to stop, or something fails.
pub async fn run(context: StageContext) -> Result<Outcome, Failure> {
    let options = LogOptions::of_task(&context.task)?;
    let names = TopicNames::of(context.task.name.as_str());
    let mut connection = Connection::connect(&destination_options(&context.task.destination)).await?;
    let Some(checkpoint) = wait_for_task(&context, &options, &names).await? else { return Ok(Outcome::Stopped) };
    let task = TaskIdentity { id: checkpoint.task_id, name: context.task.name.to_string() };
    let arrival = ensure_destination(&mut connection, &task).await?;
    let feed = Feed::open(&options, &names, context.task.fingerprint(), &task.id)?;
    if arrival == Arrival::First && !context.task.phases.contains(Phase::Schema) {
        let tables = async { Ok::<_, Failure>(read_first_tables(&options, &names).await?.unwrap_or_default()) };
        context.status.set("waiting_for", "transform to say what the tables become");
        let schemas = tokio::select! {
            () = context.shutdown.requested() => return Ok(Outcome::Stopped),
            schemas = async { feed.first_schemas(&tables.await?).await } => schemas?,
        };
        ensure_tables_fit(&connection, &schemas).await?;
        context.status.set("waiting_for", "");
    }
    connection.register_task(&task).await?;
    let mut membership = Membership::join(&options, &names.apply_group(), &names.transformed)?;
    let mut stage = Stage {
        partitions: options.partitions,
        guard: Guard::new(&context),
        context,
        connection,
        feed,
        task,
        tally: Tally::default(),
        others: Others::None,
        unfinished_tables: true,
    };
    let outcome = stage.work(&mut membership).await?;
    membership.released();
    membership.leave().await;
    Ok(outcome)
}

struct Stage {
    context: StageContext,
    connection: Connection,
    feed: Feed,
    task: TaskIdentity,
    partitions: u32,
    tally: Tally,
    guard: Guard,
    /// The applies of the partitions that this one does not own.
    others: Others,
    /// Whether tables may be loaded without their indexes.
    unfinished_tables: bool,
}

/// Whether the loop goes on.
enum Turn {
    /// Wait for messages.
    Wait,
    /// Look again after a little while.
    Poll,
    /// The task is complete.
    Done,
}

impl Stage {
    async fn work(&mut self, membership: &mut Membership) -> Result<Outcome, Failure> {
        let shutdown = self.context.shutdown.clone();
        self.unfinished_tables = true;
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut turn = Turn::Wait;
        loop {
            tokio::select! {
                biased;
                () = shutdown.requested() => return Ok(Outcome::Stopped),
                event = membership.next() => self.member(event?, membership).await?,
                collected = self.feed.collect() => collected?,
                _ = poll.tick(), if matches!(turn, Turn::Poll) => {}
            }
            turn = self.turn(membership).await?;
            if matches!(turn, Turn::Done) {
                return Ok(Outcome::Completed);
            }
        }
    }

    /// Does all that can be done now.
    async fn turn(&mut self, membership: &mut Membership) -> Result<Turn, Failure> {
        loop {
            if self.others.are_awaited(&self.connection, &self.task.id).await? {
                return Ok(Turn::Poll);
            }
            match self.feed.next_work() {
                Work::Write(write) => self.write(write, membership).await?,
                Work::Barrier(standing) => {
                    if self.barrier(&standing).await? == Gate::Closed {
                        return Ok(Turn::Poll);
                    }
                }
                Work::Ended => return self.end().await,
                Work::Idle => {
                    self.finish_loaded().await?;
                    return Ok(Turn::Wait);
                }
            }
        }
    }

    async fn write(&mut self, write: Write, membership: &mut Membership) -> Result<(), Failure> {
        let (task_id, existing) = (self.task.id.as_str(), self.context.task.existing_tables);
        let mut terms = Terms { task_id, existing, guard: &mut self.guard };
        let mut interrupts = Interrupts { membership, shutdown: &self.context.shutdown };
        let (connection, feed) = (&mut self.connection, &mut self.feed);
        match carry_out(connection, feed, &mut interrupts, &mut terms, write).await? {
            Written::Undone | Written::Interrupted(Interruption::Stop) => {
                self.restart(self.feed.owned().to_vec()).await
            }
            Written::Interrupted(Interruption::Member(event)) => self.member(event, membership).await,
            Written::Committed { progress, content, watermark } => {
                self.unfinished_tables |= content.loaded > 0;
                self.feed.show(&progress);
                self.tally.committed(&self.context, &progress, content.changes, watermark);
                self.guard.show(&self.context);
                self.prune().await
            }
        }
    }

    async fn prune(&mut self) -> Result<(), Failure> {
        if self.tally.commits_since_prune() {
            self.connection.prune_progress(&self.task.id).await?;
        }
        Ok(())
    }

    async fn barrier(&mut self, standing: &Standing) -> Result<Gate, Failure> {
        let gate = {
            let existing = self.context.task.existing_tables;
            stand(&mut self.connection, &mut self.feed, &self.task.id, self.partitions, standing, existing).await?
        };
        if gate == Gate::Open {
            self.connection.forget_tables();
            self.feed.cuts.pass(standing.barrier.watermark.ordinal);
            self.context.mark.progress();
        }
        Ok(gate)
    }

    async fn finish_loaded(&mut self) -> Result<(), Failure> {
        if !self.unfinished_tables {
            return Ok(());
        }
        let finished = finish_tables(&mut self.connection, &mut self.feed, &self.task.id, self.partitions).await?;
        self.unfinished_tables = finished == Finished::NotAll;
        Ok(())
    }

    /// The owned partitions have ended; the task is complete when all have.
    async fn end(&mut self) -> Result<Turn, Failure> {
        let progress = self.connection.read_progress(&self.task.id).await?;
        if progress.iter().filter(|row| row.ended).count() < self.partitions as usize {
            return Ok(Turn::Poll);
        }
        self.unfinished_tables = true;
        self.finish_loaded().await?;
        ensure_none_held(&self.connection, &self.task.id).await?;
        Ok(Turn::Done)
    }

    async fn member(&mut self, event: MembershipEvent, membership: &Membership) -> Result<(), Failure> {
        let mut owned = self.feed.owned().to_vec();
        match event {
            MembershipEvent::Assigned(partitions) => {
                owned.extend(partitions);
                owned.sort_unstable();
                owned.dedup();
                self.connection.take_over(&self.task.id, &owned).await?;
                self.restart(owned).await?;
            }
            MembershipEvent::Revoked(partitions) => {
                owned.retain(|partition| !partitions.contains(partition));
                self.restart(owned).await?;
                // Otherwise the next owner would end this session, which goes on with the other partitions.
                self.connection.hand_over(&self.task.id, &partitions).await?;
                membership.released();
            }
            MembershipEvent::Lost(partitions) => {
                owned.retain(|partition| !partitions.contains(partition));
                self.restart(owned).await?;
            }
        }
        Ok(())
    }

    /// Begins anew from the progress in the destination.
    async fn restart(&mut self, owned: Vec<u32>) -> Result<(), Failure> {
        let rows = self.connection.read_progress(&self.task.id).await?;
        let progress: Vec<Progress> = rows.iter().map(from_row).collect();
        self.guard.read(&self.connection, &self.task.id).await?;
        self.guard.show(&self.context);
        self.feed.restart(&owned, &progress);
        self.others = Others::of(&owned, self.partitions);
        self.unfinished_tables = true;
        self.tally.restart(&self.context, &owned, &progress);
        Ok(())
    }
}
