//! Every way in which a server has been seen to mistreat its clients ends as it is documented, and
//! leaves nothing behind: no connection, no task, no reservation.

mod scripts;
mod upstream;

use std::time::Duration;

use t11_proto::llm::v1 as pb;
use tokio::runtime::Handle;

use self::scripts::{Outcome, Script};
use self::upstream::{Step, Upstream};
use crate::rig::{Rig, request};
use crate::routes::whole;

async fn rig(upstream: &Upstream) -> Rig {
    let rig = Rig::with(&[
        ("OPENROUTER_BASE_URL", &upstream.base_url()),
        ("T11_LLM__HEADERS_TIMEOUT_MS", "400"),
        ("T11_LLM__FIRST_CONTENT_TIMEOUT_MS", "400"),
        ("T11_LLM__IDLE_TIMEOUT_MS", "400"),
        ("T11_LLM__TOTAL_TIMEOUT_MS", "2500"),
        ("T11_LLM__BREAKER_FAILURES", "10000"),
    ])
    .await;
    rig.models(pb::ListModelsRequest::default()).await.unwrap();
    rig
}

async fn play(rig: &Rig, upstream: &Upstream, steps: &[Step], whole: bool) -> Outcome {
    upstream.play(steps);
    let asked = pb::CompleteRequest {
        whole,
        ..request("Когда доставка?")
    };
    let outcome = rig.complete(asked).await;
    let end = match &outcome.end {
        Ok(finish) => match finish.reason() {
            pb::FinishReason::Stop => "stop",
            pb::FinishReason::Length => "length",
            pb::FinishReason::ToolCalls => "tool_calls",
            pb::FinishReason::ContentFilter => "content_filter",
            pb::FinishReason::Unspecified => "no reason",
        }
        .to_owned(),
        Err(_) => outcome.reason(),
    };
    let calls = outcome.calls.into_iter();
    Outcome {
        text: outcome.text,
        calls: calls.map(|call| call.arguments_json).collect(),
        end,
        asked: upstream.asked(),
    }
}

#[tokio::test]
async fn every_script_ends_as_it_is_documented_and_leaves_nothing_behind() {
    let upstream = Upstream::start().await;
    let rig = rig(&upstream).await;
    rig.may_spend(1_000_000_000).await;
    let scripts = scripts::all();
    assert!(scripts.len() >= 60, "only {}", scripts.len());
    // What lives for good has begun to.
    play(&rig, &upstream, &scripts[0].steps, false).await;
    let tasks = settled_tasks(&upstream).await;
    let mut wrong = Vec::new();
    for Script {
        name,
        steps,
        outcome,
    } in &scripts
    {
        let found = play(&rig, &upstream, steps, false).await;
        if found != *outcome {
            wrong.push((name, short(&found), short(outcome)));
        }
    }
    assert!(wrong.is_empty(), "of {}: {wrong:#?}", scripts.len());
    nothing_is_left(&rig, &upstream, tasks).await;
    eprintln!("{} scripts ended as documented", scripts.len());
}

#[tokio::test]
async fn of_whole_answers_no_half_is_ever_seen() {
    let upstream = Upstream::start().await;
    let rig = rig(&upstream).await;
    for script in scripts::all() {
        let found = play(&rig, &upstream, &script.steps, true).await;
        let is_served = script.outcome.end.chars().all(|sign| !sign.is_uppercase());
        if is_served {
            assert_eq!(found, script.outcome, "{}", script.name);
        } else {
            assert_eq!(
                (found.text.as_str(), found.end),
                ("", script.outcome.end),
                "{}",
                script.name
            );
        }
    }
}

#[tokio::test]
async fn whoever_reads_slowly_holds_the_server_back() {
    const PIECE: usize = 64 * 1024;
    const PIECES: usize = 1_024;
    let upstream = Upstream::start().await;
    let rig = rig(&upstream).await;
    let piece = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
        "x".repeat(PIECE)
    );
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let mut steps = vec![Step::Write(head.into())];
    steps.extend((0..PIECES).map(|_| Step::Write(piece.clone().into())));
    upstream.play(&steps);
    let mut events = rig.begin(request("?")).await.unwrap();
    assert!(events.message().await.unwrap().is_some());
    let all = (PIECE * PIECES) as u64;
    let mut before = 0;
    // Until it writes no more.
    while before != upstream.written() {
        before = upstream.written();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    eprintln!("of {all} bytes {before} were written to a caller who reads none");
    assert!(before < all / 2, "{before}");
    drop(events);
    until("the connection ends", || upstream.open() == 0).await;
}

#[tokio::test]
async fn callers_who_leave_leave_nothing_behind() {
    let upstream = Upstream::start().await;
    let rig = rig(&upstream).await;
    rig.may_spend(1_000_000_000).await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    upstream.play(&[Step::Write(head.into()), Step::Hold]);
    drop(rig.begin(request("?")).await.unwrap());
    let tasks = settled_tasks(&upstream).await;
    for number in 0..50 {
        let asked = match number % 2 {
            0 => request("?"),
            _ => whole(""),
        };
        let before = upstream.asked();
        let events = rig.begin(asked).await.unwrap();
        until("it was asked", || upstream.asked() > before).await;
        drop(events);
    }
    nothing_is_left(&rig, &upstream, tasks).await;
}

/// Tasks when no call runs.
async fn settled_tasks(upstream: &Upstream) -> usize {
    until("connections end", || upstream.open() == 0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    Handle::current().metrics().num_alive_tasks()
}

async fn nothing_is_left(rig: &Rig, upstream: &Upstream, tasks: usize) {
    until("connections end", || upstream.open() == 0).await;
    let alive = || Handle::current().metrics().num_alive_tasks();
    until("tasks end", || alive() <= tasks).await;
    eprintln!("left behind: {} connections, no task", upstream.open());
    let mut reserved = rig.budgets().await[0].reserved_micro_usd;
    while reserved > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        reserved = rig.budgets().await[0].reserved_micro_usd;
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// Without megabytes.
fn short(outcome: &Outcome) -> Outcome {
    Outcome {
        text: outcome.text.chars().take(40).collect(),
        ..outcome.clone()
    }
}
