//! The log: lines for people on a terminal, a JSON object a line otherwise, on standard error. Lines are gathered and
//! written by a thread of their own, so that a slow reader of the log never holds up a request.

use crate::config::LogFormat;
use crate::system::SystemClock;
use keyward_auth::outside::Clock;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// How long a line may wait for others to be written with it.
const GATHERED: Duration = Duration::from_millis(10);
/// How much may wait to be written; beyond it lines are lost, and counted.
const MOST_WAITING: usize = 8 * 1024 * 1024;

/// How large a buffer stays between batches.
const MOST_KEPT: usize = 1024 * 1024;

/// Starts the log of this process; dropped, it writes what still waits.
pub fn start(level: &str, format: LogFormat) -> Lines {
    let lines = Lines::to(io::stderr());
    let filter: Targets = level.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let is_pretty = match format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let sink = lines.sink.clone();
    let pretty = is_pretty.then(|| {
        let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        tracing_subscriber::fmt::layer().compact().with_ansi(color).with_writer(move || sink.clone())
    });
    let json = (!is_pretty).then(|| JsonLayer(lines.sink.clone()));
    // A second start in one process (tests) keeps the first log.
    let _ = tracing_subscriber::registry().with(filter).with(pretty).with(json).try_init();
    lines
}

/// The lines that wait, and the thread that writes them.
pub struct Lines {
    sink: Sink,
    writer: Option<JoinHandle<()>>,
}

#[derive(Clone)]
pub struct Sink(Arc<Waiting>);

struct Waiting {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    lost: u64,
    is_closed: bool,
}

impl Lines {
    pub fn to(mut out: impl Write + Send + 'static) -> Self {
        let waiting = Arc::new(Waiting { state: Mutex::default(), arrived: Condvar::new() });
        let sink = Sink(waiting.clone());
        let writer =
            std::thread::Builder::new().name("log".into()).spawn(move || waiting.write_to(&mut out)).ok();
        Self { sink, writer }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.sink.0.lock().is_closed = true;
        self.sink.0.arrived.notify_all();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.bytes.len() + line.len() > MOST_WAITING {
            state.lost += 1;
            return;
        }
        let was_empty = state.bytes.is_empty();
        state.bytes.extend_from_slice(line);
        drop(state);
        if was_empty {
            self.arrived.notify_one();
        }
    }

    fn write_to(&self, out: &mut impl Write) {
        let mut batch = Vec::new();
        loop {
            let state = self.lock();
            let state = self
                .arrived
                .wait_while(state, |s| s.bytes.is_empty() && !s.is_closed)
                .unwrap_or_else(PoisonError::into_inner);
            // Nobody signals a buffer that is not empty: this is a pause, in which more lines gather.
            let (mut state, _) = self
                .arrived
                .wait_timeout_while(state, GATHERED, |s| !s.is_closed)
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut batch, &mut state.bytes);
            let (lost, is_closed) = (std::mem::take(&mut state.lost), state.is_closed);
            drop(state);
            if lost > 0 {
                let note = format!("{{\"level\":\"WARN\",\"message\":\"log lines lost\",\"lost\":{lost}}}\n");
                let _ = out.write_all(note.as_bytes());
            }
            // A log that cannot be written must not stop the service.
            let _ = out.write_all(&batch).and_then(|()| out.flush());
            if is_closed && batch.is_empty() {
                return;
            }
            batch.clear();
            // Both buffers take turns; what a burst has made large is given back.
            batch.shrink_to(MOST_KEPT);
        }
    }
}

impl Write for Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One JSON object a line: time, level, target, message, and the event's own fields.
struct JsonLayer(Sink);

/// A line in the making. Written straight into its bytes: there is one for every request.
struct Line(Vec<u8>);

impl Line {
    fn text(&mut self, name: &str, value: &str) {
        self.value(name, value);
    }

    fn value(&mut self, name: &str, value: impl Serialize) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        // Neither a name nor a value can fail to be written into memory.
        let _ = serde_json::to_writer(&mut self.0, name);
        self.0.push(b':');
        let _ = serde_json::to_writer(&mut self.0, &value);
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }
}

impl<S: Subscriber> Layer<S> for JsonLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let meta = event.metadata();
        let mut line = Line(Vec::with_capacity(384));
        line.text("time", &SystemClock.now().to_string());
        line.text("level", meta.level().as_str());
        line.text("target", meta.target());
        event.record(&mut line);
        line.0.extend_from_slice(b"}\n");
        self.0.0.add(&line.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_event_is_one_line_of_json_and_the_last_ones_are_written_at_the_end() {
        let out = Shared::default();
        let lines = Lines::to(out.clone());
        let subscriber = tracing_subscriber::registry().with(JsonLayer(lines.sink.clone()));
        tracing::subscriber::with_default(subscriber, || {
            for i in 0..1000_u64 {
                tracing::info!(number = i, text = "a \"quoted\"\nline", "message");
            }
        });
        drop(lines);
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        let parsed: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(parsed.len(), 1000);
        assert_eq!(parsed[999]["number"], 999);
        assert_eq!(parsed[0]["message"], "message");
    }
}
