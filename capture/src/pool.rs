//! The snapshot readers of an attempt. Dropped, they end.

use millrace_model::Failure;
use millrace_mysql::SourceOptions;
use millrace_mysql::snapshot::ChunkLimits;
use millrace_protocol::capture::Capture;
use millrace_protocol::chunk::ChunkRequest;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::reader::{Reader, Told};
use crate::seam::Seam;

struct Worker {
    requests: mpsc::Sender<ChunkRequest>,
    is_idle: bool,
    last_table: u64,
}

/// The readers.
pub(crate) struct Pool {
    workers: Vec<Worker>,
    told: mpsc::Receiver<Told>,
    _tasks: JoinSet<()>,
}

impl Pool {
    /// Starts readers; they connect at once.
    pub(crate) fn start(options: &SourceOptions, readers: usize, most: ChunkLimits, seam: Seam) -> Self {
        let (sender, told) = mpsc::channel(readers.max(1));
        let mut tasks = JoinSet::new();
        let mut workers = Vec::new();
        for number in 0..readers {
            let (requests, receiver) = mpsc::channel(1);
            let limits = seam.limits(most);
            let reader = Reader { number, options: options.clone(), limits, seam, told: sender.clone() };
            tasks.spawn(reader.run(receiver));
            workers.push(Worker { requests, is_idle: true, last_table: 0 });
        }
        Self { workers, told, _tasks: tasks }
    }

    /// Gives every idle reader work, as long as the machine has some; a reader goes on with its table if it can.
    pub(crate) fn dispatch(&mut self, capture: &mut Capture) -> Result<(), Failure> {
        while self.workers.iter().any(|worker| worker.is_idle) {
            let Some(request) = capture.next_request() else { return Ok(()) };
            let table = request.ticket.table_id;
            let idle = self.workers.iter_mut().filter(|worker| worker.is_idle);
            let Some(worker) = idle.max_by_key(|worker| worker.last_table == table) else { return Ok(()) };
            (worker.is_idle, worker.last_table) = (false, table);
            if worker.requests.try_send(request).is_err() {
                // It has ended, and said why.
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next thing that a reader tells. Nothing is lost if it is dropped. Waits for ever where there are no readers.
    pub(crate) async fn next(&mut self) -> Told {
        match self.told.recv().await {
            Some(told) => told,
            None => std::future::pending().await,
        }
    }

    /// Takes what a reader told; gives it to the machine.
    pub(crate) fn take(&mut self, capture: &mut Capture, told: Told) -> Result<(), Failure> {
        match told {
            Told::Low { ticket, low, answer } => {
                let _ = answer.send(capture.low(ticket, &low));
            }
            Told::Chunk { ticket, rows, last_key, completion, high } => {
                capture.chunk_read(ticket, rows, last_key, completion, high);
            }
            Told::WholeOpened { ticket, high } => capture.whole_opened(ticket, high),
            Told::WholeState { ticket, answer } => {
                let _ = answer.send(capture.whole_state(ticket));
            }
            Told::WholeRows { ticket, rows } => capture.whole_rows(ticket, rows),
            Told::WholeDone { ticket } => capture.whole_done(ticket),
            Told::Idle { reader } => {
                if let Some(worker) = self.workers.get_mut(reader) {
                    worker.is_idle = true;
                }
            }
            Told::Failed(failure) => return Err(failure),
        }
        Ok(())
    }
}
