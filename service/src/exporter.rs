//! Metrics of the process in Prometheus' text form
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>). Everybody records with the macros of `metrics`;
//! every series carries the labels `task` and `environment`.

use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use millrace_model::Failure;
use millrace_task::Task;

/// Bounds of histograms whose name ends in `_seconds`.
const SECONDS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0];

/// How often recorded samples are folded into their histograms.
const UPKEEP: Duration = Duration::from_secs(5);

/// Renders the metrics; clones share them.
#[derive(Clone)]
pub struct Exporter {
    handle: PrometheusHandle,
}

impl Exporter {
    /// Makes this the recorder of the process. Needs a tokio runtime.
    ///
    /// # Errors
    /// The process has a recorder already.
    pub fn install(task: &Task) -> Result<Self, Failure> {
        let refused = |error: &dyn std::fmt::Display| Failure::fatal(format!("cannot set up metrics: {error}"), "");
        let mut builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .map_err(|error| refused(&error))?
            .add_global_label("task", task.name.as_str());
        if let Some(environment) = &task.environment {
            builder = builder.add_global_label("environment", environment.as_str());
        }
        let exporter = Self { handle: builder.install_recorder().map_err(|error| refused(&error))? };
        tokio::spawn(upkeep(exporter.handle.clone()));
        describe();
        Ok(exporter)
    }

    /// One that records nothing by itself, for tests of what renders it.
    #[cfg(test)]
    pub(crate) fn detached() -> (metrics_exporter_prometheus::PrometheusRecorder, Self) {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        (recorder, Self { handle })
    }

    /// All metrics as text.
    pub fn render(&self) -> String {
        self.handle.render()
    }
}

async fn upkeep(handle: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}

/// Failures that were retried, by stage and class.
pub(crate) const RETRIES: &str = "millrace_retries_total";

fn describe() {
    metrics::describe_counter!(RETRIES, "Failures that were retried, by stage and class.");
}
