//! Puts source, log, destination and actors together, and lets chance decide who acts next and what goes wrong.

use std::collections::BTreeMap;

use millrace_protocol::cut::Progress;

use crate::apply_actor::ApplyActor;
use crate::auditor::Auditor;
use crate::capture_actor::{CaptureActor, Phase};
use crate::destination::Destination;
use crate::distributed;
use crate::faults::{Broken, Settings};
use crate::log::Log;
use crate::random::Random;
use crate::source::Source;
use crate::transform_actor::TransformActor;
use crate::workload;

/// What a step of an actor came to.
pub(crate) enum Outcome {
    Worked,
    Idle,
    /// The stage stops for good.
    Failed(String),
}

/// How often something rare happened: what never happens is not tested.
#[derive(Debug, Default, Clone)]
pub(crate) struct Coverage(pub(crate) BTreeMap<&'static str, u64>);

impl Coverage {
    pub(crate) fn saw(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

/// Everything but the actors.
pub(crate) struct Shared {
    pub(crate) random: Random,
    pub(crate) settings: Settings,
    pub(crate) broken: Option<Broken>,
    pub(crate) source: Source,
    pub(crate) log: Log,
    pub(crate) destination: Destination,
    pub(crate) auditor: Auditor,
    pub(crate) lost_replies: usize,
    pub(crate) idles: usize,
    /// Which transform, and which apply, each partition belongs to.
    pub(crate) transform_owners: Vec<usize>,
    pub(crate) apply_owners: Vec<usize>,
    /// What broken rules go by: where transform had read to, and some progress that an apply once made.
    pub(crate) transform_offsets: BTreeMap<u32, (u64, usize)>,
    pub(crate) group_offsets: BTreeMap<u32, Progress>,
    pub(crate) coverage: Coverage,
    pub(crate) tracing: bool,
}

macro_rules! trace {
    ($shared:expr, $($message:tt)*) => {
        if $shared.tracing {
            eprintln!($($message)*);
        }
    };
}
pub(crate) use trace;

impl Shared {
    pub(crate) fn breaks(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    pub(crate) fn partitions_of(&self, owners: &[usize], id: usize) -> Vec<u32> {
        (0..owners.len()).filter(|&partition| owners[partition] == id).map(|partition| partition as u32).collect()
    }
}

struct World {
    shared: Shared,
    captures: Vec<CaptureActor>,
    transforms: Vec<TransformActor>,
    applies: Vec<ApplyActor>,
    ids: usize,
    torn: bool,
    ended: bool,
}

/// What a run came to, where it was right.
#[derive(Debug, Default, Clone)]
pub(crate) struct Summary {
    pub(crate) ticks: u64,
    /// Commits whose state was found in the source.
    pub(crate) cuts: u64,
    pub(crate) coverage: Coverage,
}

impl Summary {
    pub(crate) fn add(&mut self, other: Summary) {
        self.ticks += other.ticks;
        self.cuts += other.cuts;
        for (what, count) in other.coverage.0 {
            *self.coverage.0.entry(what).or_default() += count;
        }
    }
}

/// Runs one seed to its end; an error says what was wrong.
pub(crate) fn run(
    seed: u64,
    adjust: &dyn Fn(&mut Settings),
    broken: Option<Broken>,
    tracing: bool,
) -> Result<Summary, String> {
    let mut random = Random::new(seed);
    let mut settings = Settings::random(&mut random);
    adjust(&mut settings);
    let mut world = World::new(random, settings, broken, tracing);
    trace!(world.shared, "{:?}", world.shared.settings);
    match world.go() {
        Err(message) if world.torn && broken.is_none() && message.contains("messages are missing") => {
            Ok(Summary::default())
        }
        Err(message) => Err(message),
        Ok(_) if world.torn => Err("the log is torn, and nobody noticed".into()),
        Ok(ticks) => {
            let (cuts, coverage) = (world.shared.auditor.cuts, world.shared.coverage);
            Ok(Summary { ticks, cuts, coverage })
        }
    }
}

impl World {
    fn new(mut random: Random, settings: Settings, broken: Option<Broken>, tracing: bool) -> Self {
        let mut source = Source::new(settings.naming, settings.filter);
        workload::prepare(&mut source, &settings, &mut random);
        let mut log = Log::new(settings.partitions);
        log.fencing = broken != Some(Broken::FencingAbsent);
        let mut destination = Destination::default();
        destination.race_ignored = broken == Some(Broken::RaceIgnored);
        let owners = vec![0; settings.partitions as usize];
        let shared = Shared {
            random,
            broken,
            source,
            log,
            destination,
            auditor: Auditor::new(settings.partitions, settings.filter),
            lost_replies: settings.lost_replies,
            idles: 20,
            transform_owners: owners.clone(),
            apply_owners: owners,
            transform_offsets: BTreeMap::new(),
            group_offsets: BTreeMap::new(),
            coverage: Coverage::default(),
            tracing,
            settings,
        };
        let mut world = Self {
            captures: vec![CaptureActor::new(0)],
            transforms: (0..shared.settings.transforms).map(TransformActor::new).collect(),
            applies: (0..shared.settings.applies).map(ApplyActor::new).collect(),
            ids: 100,
            torn: false,
            ended: false,
            shared,
        };
        world.move_transforms();
        world.move_applies();
        world
    }

    /// Runs until everything has come to rest, and has the result audited.
    fn go(&mut self) -> Result<u64, String> {
        let mut left = self.shared.settings.transactions;
        let mut after = 300;
        let mut ticks = 0;
        while left > 0 || after > 0 {
            // Without a full load the destination has what came after the beginning alone.
            let begun = self.shared.settings.full || self.shared.auditor.has_begun();
            if left > 0 && begun && self.shared.random.chance(30) {
                let Shared { source, settings, random, .. } = &mut self.shared;
                workload::commit(source, settings, random);
                left -= 1;
            } else if left == 0 {
                after -= 1;
            }
            if self.shared.random.chance(self.shared.settings.faults) {
                self.fault();
            }
            self.tick()?;
            ticks += 1;
        }
        let Shared { source, random, .. } = &mut self.shared;
        distributed::end_all(source, random);
        self.shared.lost_replies = 0;
        self.shared.idles = 3;
        self.shared.settings.speeds = [1, 2, 2];
        self.shared.settings.slow_partition = None;
        self.shared.settings.early_arrivals = 0;
        self.shared.settings.visibility = 800;
        for _ in 0..200_000 {
            self.tick()?;
            ticks += 1;
            if ticks % 16 == 0 && self.is_done() {
                let Shared { auditor, source, log, destination, .. } = &mut self.shared;
                auditor.finish(source, log, destination);
                return auditor.failure.take().map_or(Ok(ticks), Err);
            }
        }
        Err(format!("it does not come to rest: {:?}", self.unrest()))
    }

    /// One step of somebody.
    fn tick(&mut self) -> Result<(), String> {
        let [capture, transform, apply] = self.shared.settings.speeds;
        let all = capture + transform + apply;
        let outcome = match self.shared.random.below(all + all.div_ceil(12)) {
            who if who < capture => self.capture(),
            who if who < capture + transform => {
                let i = self.shared.random.below(self.transforms.len());
                self.transforms[i].tick(&mut self.shared)
            }
            who if who < all => {
                let i = self.shared.random.below(self.applies.len());
                self.applies[i].tick(&mut self.shared)
            }
            _ => self.environment(),
        };
        self.transforms.retain(|transform| !transform.gone);
        self.applies.retain(|apply| !apply.gone);
        self.observe();
        if let Outcome::Failed(message) = outcome {
            return Err(message);
        }
        self.shared.auditor.failure.take().map_or(Ok(()), Err)
    }

    fn environment(&mut self) -> Outcome {
        let Shared { source, log, destination, random, settings, .. } = &mut self.shared;
        if random.chance(settings.visibility) {
            workload::show(source, settings, random);
        }
        for _ in 0..4 {
            let which = random.below(8);
            log.mark(which);
            let topic = random.below(log.topics());
            log.show(topic);
        }
        if random.chance(200) {
            log.deliver_late_commit();
            destination.settle(random);
            if !log.late.is_empty() {
                let i = random.below(log.late.len());
                let (partition, queue) = &mut log.late[i];
                if let Some(batch) = queue.pop_front() {
                    log.transformed[*partition as usize].push(batch);
                } else {
                    log.late.swap_remove(i);
                }
            }
        }
        Outcome::Worked
    }

    fn capture(&mut self) -> Outcome {
        self.captures.retain(|capture| capture.phase != Phase::Gone);
        if self.captures.is_empty() {
            if self.ended {
                return Outcome::Idle;
            }
            self.ids += 1;
            self.captures.push(CaptureActor::new(self.ids));
        }
        let i = self.shared.random.below(self.captures.len());
        let outcome = self.captures[i].tick(&mut self.shared);
        self.ended |= self.captures[i].has_found_end;
        outcome
    }

    fn observe(&mut self) {
        let Shared { auditor, log, destination, source, random, settings, .. } = &mut self.shared;
        for number in std::mem::take(&mut log.decided) {
            auditor.see_captured(log, number);
            if random.chance(settings.torn) {
                self.torn |= log.tear(number, random);
            }
        }
        if !destination.commits.is_empty() || !destination.violations.is_empty() {
            auditor.see_commits(destination, source);
        }
    }

    fn is_done(&self) -> bool {
        self.unrest().is_empty()
    }

    /// What still has something to do.
    fn unrest(&self) -> Vec<&'static str> {
        let shared = &self.shared;
        let arrived = |p: u32| shared.destination.progress(p).sequence == shared.auditor.captured(p as usize);
        let rest = [
            ("source", shared.source.invisible().is_empty()),
            ("capture", self.captures.iter().all(|capture| capture.is_idle(shared))),
            ("captures", !self.captures.is_empty() || self.ended),
            ("log", shared.log.is_settled()),
            ("transform", self.transforms.iter().all(|transform| transform.is_idle(shared))),
            ("destination", shared.destination.is_settled()),
            ("apply", (0..shared.settings.partitions).all(arrived)),
        ];
        rest.into_iter().filter(|(_, rests)| !rests).map(|(name, _)| name).collect()
    }

    // ---- what goes wrong

    fn fault(&mut self) {
        let zombies = self.captures.len() + self.transforms.len() + self.applies.len() > 14;
        let kind = self.shared.random.below(9);
        trace!(self.shared, "fault {kind}");
        match kind {
            0 => {
                if let Some(capture) = self.captures.last_mut() {
                    capture.restart();
                }
            }
            1 if !zombies => {
                self.ids += 1;
                self.captures.push(CaptureActor::new(self.ids));
            }
            2 => {
                let i = self.shared.random.below(self.transforms.len());
                self.transforms[i].kill(&mut self.shared);
            }
            3 if !zombies => {
                let i = self.shared.random.below(self.transforms.len());
                if self.transforms[i].unaware.is_none() {
                    self.transforms[i].unaware = Some(self.shared.random.between(1, 80));
                    self.ids += 1;
                    self.transforms.push(TransformActor::new(self.ids));
                    self.move_transforms();
                }
            }
            4 => {
                let i = self.shared.random.below(self.applies.len());
                self.applies[i].kill(&mut self.shared);
            }
            5 if !zombies => {
                let i = self.shared.random.below(self.applies.len());
                if self.applies[i].unaware.is_none() {
                    self.applies[i].unaware = Some(self.shared.random.between(1, 80));
                    self.ids += 1;
                    self.applies.push(ApplyActor::new(self.ids));
                    self.move_applies();
                }
            }
            6 => self.move_transforms(),
            7 => self.move_applies(),
            8 => self.shared.destination.end_idle(&mut self.shared.random),
            _ => {}
        }
    }

    /// Gives each partition to one of those that know what they own.
    fn move_transforms(&mut self) {
        let there: Vec<usize> = self.transforms.iter().filter(|t| t.unaware.is_none()).map(|t| t.id).collect();
        for owner in &mut self.shared.transform_owners {
            *owner = self.shared.random.pick(&there).unwrap_or(*owner);
        }
    }

    fn move_applies(&mut self) {
        let there: Vec<usize> = self.applies.iter().filter(|a| a.unaware.is_none()).map(|a| a.id).collect();
        for owner in &mut self.shared.apply_owners {
            *owner = self.shared.random.pick(&there).unwrap_or(*owner);
        }
    }
}
