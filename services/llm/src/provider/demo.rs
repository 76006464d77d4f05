//! The model without a model: answers by quoting the passages it is given. It lets a newcomer see
//! the whole product at work before any key is set, and says what it is.

mod passages;
mod reply;
mod shape;
mod units;
mod words;

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use super::{
    Answer, Attempt, Charge, EmbeddingBatch, Embeddings, Event, Finish, FinishReason, Provider,
    Tokens,
};
use crate::catalog::Model;
use crate::failure::{Failure, FailureClass};
use crate::money::{NanoUsd, TokenPrice};
use crate::provider_key::KeyReport;
use crate::usage::estimate_tokens;

pub(crate) const NAME: &str = "demo";
/// The only model there is.
pub(crate) const MODEL: &str = "demo/quote";

/// Quotes passages, a word at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demo {
    /// Between two words, so that a page shows an answer being written.
    pub(crate) word_delay: Duration,
}

#[async_trait]
impl Provider for Demo {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn complete(&self, attempt: &Attempt<'_>) -> Result<Answer, Failure> {
        let prompt = attempt.prompt;
        if attempt.model != MODEL {
            return Err(Failure::model_unknown(attempt.model));
        }
        let reply = reply::reply(&prompt.messages);
        let text = match &prompt.response_schema {
            Some(schema) => shape::shaped(&reply, schema),
            None => reply.text(),
        };
        let prompt_tokens = prompt
            .messages
            .iter()
            .map(|message| estimate_tokens(&message.content));
        Ok(spoken(
            &text,
            prompt_tokens.sum(),
            i64::from(prompt.max_tokens),
            self.word_delay,
        ))
    }

    async fn charged(
        &self,
        _: &str,
        _: Option<&SecretString>,
        _: Instant,
    ) -> Result<Option<Charge>, Failure> {
        Ok(None)
    }

    fn tells_charges(&self) -> bool {
        false
    }

    async fn embed(&self, _: &EmbeddingBatch<'_>, _: Instant) -> Result<Embeddings, Failure> {
        let message = "the demo model makes no vectors";
        Err(Failure::new(FailureClass::ModelUnknown, "demo", message))
    }

    async fn check_key(&self, _: &SecretString, _: Instant) -> Result<KeyReport, Failure> {
        let message = "the demo model takes no keys";
        Err(Failure::new(FailureClass::Refused, "demo", message))
    }

    async fn models(&self, _: Instant) -> Result<Vec<Model>, Failure> {
        Ok(vec![Model {
            id: MODEL.to_owned(),
            display_name: "Demo: quotes your materials".to_owned(),
            context_tokens: 0,
            prompt_price: Some(TokenPrice(0)),
            completion_price: Some(TokenPrice(0)),
            supports_json_schema: true,
            supports_tools: false,
            supports_images: false,
        }])
    }
}

/// `text` word by word, then the finish.
fn spoken(text: &str, prompt_tokens: i64, max_tokens: i64, delay: Duration) -> Answer {
    let (mut words, mut spent, mut reason) = (VecDeque::new(), 0, FinishReason::Stop);
    for word in text.split_inclusive(char::is_whitespace) {
        let tokens = estimate_tokens(word);
        if spent + tokens > max_tokens {
            reason = FinishReason::Length;
            break;
        }
        spent += tokens;
        words.push_back(Event::Text(word.to_owned()));
    }
    words.push_back(Event::Finish(Finish {
        reason,
        model: MODEL.to_owned(),
        tokens: Some(Tokens {
            prompt: prompt_tokens,
            completion: spent,
            cached: 0,
        }),
        cost: Some(NanoUsd(0)),
        generation: String::new(),
    }));
    stream::unfold(
        (words, Duration::ZERO),
        move |(mut words, wait)| async move {
            let word = words.pop_front()?;
            sleep(wait).await;
            Some((Ok(word), (words, delay)))
        },
    )
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn collect(text: &str, max_tokens: i64) -> (String, FinishReason) {
        let mut answer = spoken(text, 1, max_tokens, Duration::from_millis(20));
        let mut said = String::new();
        loop {
            match answer.next().await.unwrap().unwrap() {
                Event::Text(text) => said.push_str(&text),
                Event::Finish(finish) => return (said, finish.reason),
                Event::ToolCall(call) => panic!("{call:?}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn words_add_up_to_the_text() {
        let text = "Цена дивана —\n45 000 ₽.";
        assert_eq!(
            collect(text, 1_000).await,
            (text.to_owned(), FinishReason::Stop)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_is_kept() {
        let (said, reason) = collect("one two three four five six", 3).await;
        assert_eq!((said.as_str(), reason), ("one two ", FinishReason::Length));
    }
}
