use std::cell::Cell;

use serde_json::value::RawValue;
use tokio::sync::Notify;
use uuid::Uuid;

use super::*;
use crate::provider::Tool;
use crate::route::Target;

const HOUR: Duration = Duration::from_secs(3_600);
const KEY: CacheKey = [1; 32];

fn answers() -> Answers {
    Answers::new(Cache::new("test", 1_000_000, None))
}

fn answered(text: &str, reason: FinishReason) -> Landed {
    Landed::Answered(Arc::new(KeptAnswer {
        text: text.to_owned(),
        reason,
        model: "a/b".to_owned(),
    }))
}

fn text(landed: &Landed) -> &str {
    match landed {
        Landed::Answered(answer) => &answer.text,
        Landed::Failed(_) | Landed::OfItsOwn => "",
    }
}

#[tokio::test]
async fn all_who_ask_at_once_share_one_call() {
    let (answers, calls, go) = (answers(), Cell::new(0), Notify::new());
    let ask = || {
        answers.fly(KEY, HOUR, async {
            calls.set(calls.get() + 1);
            go.notified().await;
            answered("yes", FinishReason::Stop)
        })
    };
    let (one, other, ()) = tokio::join!(ask(), ask(), async { go.notify_one() });
    assert_eq!([text(&one), text(&other)], ["yes", "yes"]);
    assert_eq!(calls.get(), 1);
    assert_eq!(answers.flights.lock().len(), 0);
    assert_eq!(answers.kept(&KEY).await.unwrap().text, "yes");
}

#[tokio::test]
async fn who_leaves_lets_the_next_one_call() {
    let answers = answers();
    let never = answers.fly(KEY, HOUR, std::future::pending());
    let mut never = Box::pin(never);
    assert!(futures::poll!(&mut never).is_pending());
    let next = answers.fly(KEY, HOUR, async { answered("yes", FinishReason::Stop) });
    let mut next = Box::pin(next);
    assert!(futures::poll!(&mut next).is_pending());
    drop(never);
    assert_eq!(text(&next.await), "yes");
    assert_eq!(answers.flights.lock().len(), 0);
}

#[tokio::test]
async fn only_an_answer_that_ended_by_itself_is_kept() {
    let answers = answers();
    let cut = answers.fly(KEY, HOUR, async { answered("ye", FinishReason::Length) });
    assert_eq!(text(&cut.await), "ye");
    let failure = Failure::unavailable("http_503", "");
    let failed = answers.fly(KEY, HOUR, async { Landed::Failed(failure) });
    assert!(matches!(failed.await, Landed::Failed(_)));
    assert_eq!(answers.kept(&KEY).await, None);
}

fn prompt() -> Prompt {
    Prompt {
        messages: vec![Message {
            role: Role::User,
            content: "?".to_owned(),
            tool_call_id: String::new(),
            tool_calls: Vec::new(),
            prompt_cache: None,
        }],
        temperature: Some(0.0),
        max_tokens: 10,
        response_schema: None,
        tools: Vec::new(),
        session_id: "conversations/1".to_owned(),
        user: "u".to_owned(),
    }
}

fn way(model: &str) -> Way {
    Way {
        route: None,
        targets: Arc::new([Target::of(model.to_owned())]),
        hedge_delay: Duration::ZERO,
        cache_time: Duration::ZERO,
    }
}

#[test]
fn equal_is_who_asks_whom_and_what() {
    let org = |number| OrgId(Uuid::from_u128(number));
    let key = |prompt: &Prompt| super::key(org(1), &way("a/b"), prompt);
    let same = Prompt {
        session_id: "conversations/2".to_owned(),
        ..prompt()
    };
    assert_eq!(key(&prompt()), key(&same));
    let mut other = prompt();
    other.messages[0].content = "!".to_owned();
    let longer = Prompt {
        max_tokens: 11,
        ..prompt()
    };
    let shaped = Prompt {
        response_schema: Some(RawValue::from_string("{}".to_owned()).unwrap()),
        ..prompt()
    };
    let differ = [
        key(&prompt()),
        key(&other),
        key(&longer),
        key(&shaped),
        super::key(org(2), &way("a/b"), &prompt()),
        super::key(org(1), &way("a/c"), &prompt()),
    ];
    let all: std::collections::HashSet<_> = differ.iter().collect();
    assert_eq!(all.len(), differ.len());
}

#[test]
fn only_what_is_the_same_each_time_is_kept() {
    let warm = |temperature| Prompt {
        temperature,
        ..prompt()
    };
    assert_eq!(may_keep(&prompt()), Verdict::Miss);
    assert_eq!(may_keep(&warm(Some(0.1))), Verdict::NotDeterministic);
    assert_eq!(may_keep(&warm(None)), Verdict::NotDeterministic);
    let tool = Tool {
        name: "find".to_owned(),
        description: String::new(),
        parameters: RawValue::from_string("{}".to_owned()).unwrap(),
    };
    let with_tool = Prompt {
        tools: vec![tool],
        ..prompt()
    };
    assert_eq!(may_keep(&with_tool), Verdict::Tools);
}
