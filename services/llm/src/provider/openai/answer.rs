//! The bytes of a streamed answer, read as events under the eye of a [`Watch`].

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};

use super::assembly::Assembly;
use super::watch::{Impatience, Watch};
use crate::failure::Failure;
use crate::provider::{Answer, Event, Trail};
use crate::sse::{EventTooLong, Frame, SseParser};

const DONE: &[u8] = b"[DONE]";

/// The events in `body`. Dropping them drops the connection, which cancels the call.
pub(super) fn read(
    body: BoxStream<'static, reqwest::Result<Bytes>>,
    watch: Watch,
    trail: Trail,
) -> Answer {
    let reading = Box::new(Reading {
        trail,
        body,
        watch,
        parser: SseParser::default(),
        assembly: Assembly::default(),
        failed: None,
        ended: false,
    });
    stream::try_unfold(reading, |mut reading| async move {
        Ok(reading.next().await?.map(|event| (event, reading)))
    })
    .boxed()
}

struct Reading {
    body: BoxStream<'static, reqwest::Result<Bytes>>,
    watch: Watch,
    parser: SseParser,
    assembly: Assembly,
    trail: Trail,
    /// Told after the events that came before it.
    failed: Option<Failure>,
    ended: bool,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            if let Some(event) = self.assembly.events.pop_front() {
                return Ok(Some(event));
            }
            if let Some(failure) = self.failed.take() {
                return Err(failure);
            }
            if self.ended {
                return Ok(None);
            }
            if let Err(failure) = self.read_some().await {
                self.failed = Some(failure);
                self.ended = true;
            }
        }
    }

    async fn read_some(&mut self) -> Result<(), Failure> {
        match self.watch.bound(self.body.next()).await {
            Err(impatience) => Err(self.impatient(impatience)),
            Ok(Some(Ok(bytes))) => {
                self.watch.heard();
                self.parser.push(&bytes).map_err(too_long)?;
                self.take_frames()
            }
            Ok(Some(Err(error))) => {
                tracing::debug!(error = ?error.without_url(), "the stream broke");
                Err(self.broken("disconnected", "the connection to the provider broke"))
            }
            Ok(None) => {
                self.parser.end();
                self.take_frames()?;
                if self.ended {
                    return Ok(());
                }
                Err(self.broken("no_done", "the provider's answer broke off"))
            }
        }
    }

    fn take_frames(&mut self) -> Result<(), Failure> {
        while let Some(frame) = self.parser.next_frame().map_err(too_long)? {
            match frame {
                Frame::Comment => {}
                // Some servers keep a connection alive so.
                Frame::Data(data) if data.trim_ascii().is_empty() => {}
                Frame::Data(DONE) => {
                    self.ended = true;
                    self.assembly.done()?;
                    self.release_connection();
                    return Ok(());
                }
                Frame::Data(data) => {
                    let taken = self.assembly.take(data);
                    self.trail.note_generation(self.assembly.generation());
                    taken?;
                }
            }
        }
        if self.assembly.speaking {
            self.watch.spoke();
        }
        Ok(())
    }

    /// Reads the end of the body if it is there already: only then the connection can be used
    /// again.
    fn release_connection(&mut self) {
        drop(self.body.next().now_or_never());
    }

    fn impatient(&self, impatience: Impatience) -> Failure {
        match impatience {
            Impatience::FirstContent => Failure::unavailable(
                "first_content_timeout",
                "the model did not begin to answer in time",
            ),
            Impatience::Idle => self.broken("idle_timeout", "the provider fell silent"),
            Impatience::Total => self.broken("total_timeout", "the answer took too long"),
        }
    }

    /// Before the first content nothing was cut: there was no answer.
    fn broken(&self, cause: &'static str, message: &str) -> Failure {
        if self.assembly.content {
            Failure::cut(cause, message)
        } else {
            Failure::unavailable(cause, message)
        }
    }
}

fn too_long(error: EventTooLong) -> Failure {
    Failure::cut("event_too_long", &error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::super::Patience;
    use super::*;
    use crate::failure::FailureClass;

    const STREAM: &str = concat!(
        ": OPENROUTER PROCESSING\n\n",
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"Доставка — \"}}]}\n\n",
        ": OPENROUTER PROCESSING\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"2 дня 🚚\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"cost\":1e-6}}\n\n",
        "data: [DONE]\n\n",
    );

    fn events(parts: Vec<Vec<u8>>) -> (Vec<Event>, Option<Failure>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let long = Duration::from_secs(60);
            let patience = Patience {
                connect: long,
                headers: long,
                first_content: long,
                idle: long,
            };
            let watch = Watch::new(&patience, Instant::now() + long);
            let body = stream::iter(parts.into_iter().map(|part| Ok(Bytes::from(part)))).boxed();
            let (mut events, mut failure) = (Vec::new(), None);
            let mut answer = read(body, watch, Trail::default());
            while let Some(event) = answer.next().await {
                match event {
                    Ok(event) => events.push(event),
                    Err(found) => failure = Some(found),
                }
            }
            (events, failure)
        })
    }

    #[test]
    fn an_answer_that_stops_anywhere_is_never_taken_for_a_whole_one() {
        let whole = events(vec![STREAM.into()]);
        assert_eq!((whole.0.len(), whole.1), (3, None));
        let end = STREAM.len() - "\n\n".len();
        for cut in 0..end {
            let (events, failure) = events(vec![STREAM.as_bytes()[..cut].to_vec()]);
            let failure = failure.unwrap();
            assert!(
                !events.iter().any(|event| matches!(event, Event::Finish(_))),
                "{cut}"
            );
            assert!(failure.transient, "{cut}: {failure:?}");
            let told = !events.is_empty();
            assert!(
                !told || failure.class == FailureClass::Cut,
                "{cut}: {failure:?}"
            );
        }
    }

    #[test]
    fn what_came_before_a_failure_is_told_first() {
        let text = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n\
                    data: {\"error\":{\"code\":502,\"message\":\"gone\"},\"choices\":[]}\n\n";
        let (events, failure) = events(vec![text.into()]);
        assert_eq!(events, [Event::Text("a".to_owned())]);
        assert_eq!(failure.unwrap().class, FailureClass::Unavailable);
    }

    proptest! {
        #[test]
        fn any_cut_of_the_bytes_gives_the_same_events(
            cuts in proptest::collection::vec(0..STREAM.len(), 0..12),
        ) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let parts = cuts.windows(2).map(|pair| STREAM.as_bytes()[pair[0]..pair[1]].to_vec());
            prop_assert_eq!(events(parts.collect()), events(vec![STREAM.into()]));
        }
    }
}
