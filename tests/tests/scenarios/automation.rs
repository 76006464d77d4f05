//! What an agent does by itself in a connected account: triggers and sequences.

use std::time::Duration;

use serde_json::{Value, json};
use t11_fake_kommo::Manners;
use t11_testkit::fake_model::{FakeModel, Script};
use t11_tests::client::name;
use t11_tests::live::Live;
use t11_tests::{eventually, within};

const HAGGLING: &str = "Сделаете скидку на диван?";
const FIRST: &str = "Остались вопросы по дивану?";

async fn with_model() -> (FakeModel, Live) {
    let model = FakeModel::start().await;
    let live = Live::start(&[("OPENROUTER_BASE_URL", &model.base_url())]).await;
    (model, live)
}

/// The structured answer of a model that finds these conditions to hold.
fn says(text: &str, holds: &[&str]) -> Script {
    let holds: Vec<_> = holds
        .iter()
        .map(|id| json!({"id": id, "confidence": 0.9, "quote": "скидку"}))
        .collect();
    let answer = json!({
        "sentences": [{"text": text, "sources": []}], "actions": [], "memory": [],
        "handoff": null, "no_answer": false, "conditions": holds,
    });
    Script::stream().text(&answer.to_string()).stop()
}

/// Tasks are only those of triggers.
fn quiet() -> Value {
    json!({"create_task_on_no_answer": false})
}

/// An agent that may move deals from the stage of newcomers to the next.
async fn mover(live: &Live) -> (String, i64, Vec<i64>) {
    let (pipeline, stages) = live.account().stages();
    let crm = json!({
        "pipelines": [{"pipeline_id": pipeline, "all_stages": true}], "all_channels": true,
        "stage_moves": [{
            "pipeline_id": pipeline, "from_stage_id": stages[1], "to_stage_id": stages[2],
            "mode": "STAGE_MOVE_MODE_AUTO",
        }],
    });
    let agent = live.agent_in(quiet(), crm).await;
    (agent, pipeline, stages)
}

async fn trigger(live: &Live, agent: &str, mut more: Value) -> Value {
    let mut trigger = json!({
        "display_name": "Правило", "enabled": true, "kind": "TRIGGER_KIND_KEYWORD",
        "keywords": ["скидка"],
        "actions": [{"kind": "AUTOMATION_ACTION_KIND_CREATE_TASK", "text": "Перезвонить"}],
    });
    let fields = more.as_object_mut().unwrap();
    trigger.as_object_mut().unwrap().append(fields);
    let path = format!("/api/{agent}/triggers");
    live.owner.post(&path, trigger).await.ok()
}

async fn sequence(live: &Live, agent: &str, mut more: Value) -> Value {
    let mut sequence = json!({
        "display_name": "Догрев", "enabled": true, "start": "SEQUENCE_START_MANUAL",
        "steps": [{"text": FIRST}, {"text": "Мы на связи.", "delay_minutes": 60}],
    });
    let fields = more.as_object_mut().unwrap();
    sequence.as_object_mut().unwrap().append(fields);
    let path = format!("/api/{agent}/sequences");
    live.owner.post(&path, sequence).await.ok()
}

async fn hits(live: &Live, trigger: &Value) -> Vec<Value> {
    let path = format!("/api/{}/hits", name(trigger));
    let hits = live.owner.get(&path).await.ok();
    hits["hits"].as_array().cloned().unwrap_or_default()
}

async fn executions(live: &Live, sequence: &Value) -> Vec<Value> {
    let path = format!("/api/{}/executions", name(sequence));
    let list = live.owner.get(&path).await.ok();
    list["executions"].as_array().cloned().unwrap_or_default()
}

async fn stopped(live: &Live, sequence: &Value) -> Value {
    eventually("the sequence stops", || async {
        let execution = executions(live, sequence).await.remove(0);
        (execution["state"] != "EXECUTION_STATE_RUNNING").then_some(execution)
    })
    .await
}

/// A lead that was answered and then followed up.
async fn followed(live: &Live) -> (i64, i64, Value) {
    let agent = live.agent(json!({})).await;
    let sequence = sequence(live, &agent, json!({})).await;
    let lead = live.newcomer("Здравствуйте, интересует диван");
    live.answers(lead.talk_id, 1).await;
    live.settled().await;
    let start = format!("/api/{}:start", name(&sequence));
    let of = json!({"conversation": name(&live.conversation().await)});
    let started = live.owner.post(&start, of.clone()).await.ok();
    let again = live.owner.post(&start, of).await.ok();
    assert_eq!(started["name"], again["name"], "it runs once at a time");
    let said = live.answers(lead.talk_id, 2).await;
    assert_eq!(said[1].text, FIRST);
    live.settled().await;
    let running = executions(live, &sequence).await;
    assert_eq!(running.len(), 1);
    assert_eq!(running[0]["next_step"], 1, "{running:#?}");
    (lead.talk_id, lead.lead_id.unwrap(), sequence)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_makes_a_task_and_moves_the_deal_once_though_its_event_comes_twice() {
    let live = Live::start(&[]).await;
    live.account().set_webhook_manners(Manners {
        duplicates: 2,
        ..Manners::default()
    });
    let (agent, pipeline, stages) = mover(&live).await;
    let actions = json!({"actions": [
        {"kind": "AUTOMATION_ACTION_KIND_CREATE_TASK", "text": "Перезвонить"},
        {
            "kind": "AUTOMATION_ACTION_KIND_MOVE_STAGE",
            "pipeline_id": pipeline, "stage_id": stages[2],
        },
        {"kind": "AUTOMATION_ACTION_KIND_ADD_TAG", "text": "скидка"},
        {"kind": "AUTOMATION_ACTION_KIND_ADD_NOTE", "text": "Торгуется", "on_contact": true},
        // No rule allows it.
        {
            "kind": "AUTOMATION_ACTION_KIND_RUN_SALESBOT", "bot_id": 999_999,
        },
    ]});
    let trigger = trigger(&live, &agent, actions).await;
    let lead = live.newcomer(HAGGLING);
    live.answers(lead.talk_id, 1).await;
    live.settled().await;
    let card = live.account().lead(lead.lead_id.unwrap()).unwrap();
    assert_eq!(card.status_id, stages[2], "{card:?}");
    assert_eq!(card.tags, ["скидка"]);
    assert_eq!(live.account().tasks_of(card.id).len(), 1);
    assert!(
        live.account()
            .notes_of(card.id)
            .iter()
            .all(|note| note.text != "Торгуется")
    );
    assert_eq!(live.said(lead.talk_id).len(), 1);
    let hits = hits(&live, &trigger).await;
    assert_eq!(hits.len(), 1, "{hits:#?}");
    assert_eq!(hits[0]["outcome"], "fired");
    assert_eq!(hits[0]["evidence"], "скидка");
    let done: Vec<_> = hits[0]["actions"].as_array().unwrap().iter().collect();
    let states: Vec<_> = done.iter().map(|action| &action["state"]).collect();
    assert_eq!(
        states,
        ["done", "done", "done", "done", "refused"],
        "{done:#?}"
    );
    assert_eq!(done[4]["reason"], "no_rule_allows");
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_a_chat_holds_and_is_noted() {
    let live = Live::start(&[]).await;
    let agent = live.agent(quiet()).await;
    let trigger = trigger(
        &live,
        &agent,
        json!({"max_per_chat": 1, "reply": "Скидок нет."}),
    )
    .await;
    let lead = live.newcomer(HAGGLING);
    let said = live.answers(lead.talk_id, 1).await;
    assert_eq!(said[0].text, "Скидок нет.");
    live.settled().await;
    live.account()
        .client_writes(lead.talk_id, "А скидка точно не положена?");
    live.answers(lead.talk_id, 2).await;
    live.settled().await;
    assert_eq!(live.account().tasks_of(lead.lead_id.unwrap()).len(), 1);
    let outcomes: Vec<_> = hits(&live, &trigger).await;
    let outcomes: Vec<_> = outcomes.iter().map(|hit| &hit["outcome"]).collect();
    assert_eq!(outcomes, ["limit_chat", "fired"]);
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_in_words_is_judged_with_the_answer_and_tried_on_a_text() {
    let (model, live) = with_model().await;
    let (agent, pipeline, stages) = mover(&live).await;
    let condition = json!({
        "kind": "TRIGGER_KIND_CONDITION", "condition": "клиент просит скидку",
        "actions": [{
            "kind": "AUTOMATION_ACTION_KIND_MOVE_STAGE",
            "pipeline_id": pipeline, "stage_id": stages[2],
        }],
    });
    let condition = trigger(&live, &agent, condition).await;
    let word = trigger(&live, &agent, json!({"keywords": ["гарантия"]})).await;

    model.script(says("", &["c1"]));
    let path = format!("/api/{agent}/triggers:try");
    let tried = live.owner.post(&path, json!({"text": HAGGLING})).await.ok();
    let trials = tried["trials"].as_array().unwrap();
    assert_eq!(trials[0]["trigger"], condition["name"]);
    assert_eq!(trials[0]["fires"], true, "{trials:#?}");
    assert_eq!(trials[0]["evidence"], "скидку");
    assert_eq!(trials[1]["trigger"], word["name"]);
    assert_eq!(trials[1]["reason"], "no_match");
    assert!(hits(&live, &condition).await.is_empty(), "nothing is done");

    model.script(says("Понял вас, посмотрим варианты.", &["c1"]));
    let lead = live.newcomer(HAGGLING);
    live.answers(lead.talk_id, 1).await;
    live.settled().await;
    assert_eq!(model.completions().len(), 2, "one to try, one to answer");
    let card = live.account().lead(lead.lead_id.unwrap()).unwrap();
    assert_eq!(card.status_id, stages[2], "{card:?}");
    assert_eq!(hits(&live, &condition).await.len(), 1);
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_writes_in_kommo_stops_a_sequence() {
    let live = Live::start(&[]).await;
    let (talk, _, sequence) = followed(&live).await;
    let manager = live.account().users()[1];
    live.account()
        .person_writes(talk, manager, "Здравствуйте, это Иван.");
    let execution = stopped(&live, &sequence).await;
    assert_eq!(execution["stop_reason"], "human_wrote", "{execution:#}");
    live.settled().await;
    let start = format!("/api/{}:start", name(&sequence));
    let of = json!({"conversation": name(&live.conversation().await)});
    let refused = live.owner.post(&start, of).await;
    assert_eq!(refused.reason(), "SEQUENCE_BLOCKED");
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_and_a_won_deal_stop_a_sequence() {
    let live = Live::start(&[]).await;
    let (talk, lead, sequence) = followed(&live).await;
    live.account()
        .client_writes(talk, "Да, сколько идёт доставка?");
    let execution = stopped(&live, &sequence).await;
    assert_eq!(execution["stop_reason"], "client_replied", "{execution:#}");
    live.settled().await;

    let start = format!("/api/{}:start", name(&sequence));
    let of = json!({"conversation": name(&live.conversation().await)});
    live.owner.post(&start, of).await.ok();
    live.settled().await;
    let manager = live.account().users()[1];
    let won = 142;
    assert!(
        live.account()
            .move_stage_by_person(lead, None, won, manager)
    );
    let execution = stopped(&live, &sequence).await;
    assert_eq!(execution["stop_reason"], "won", "{execution:#}");
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s31_an_opt_out_word_stops_a_sequence_and_later_ones_are_refused() {
    let live = Live::start(&[]).await;
    let (talk, _, sequence) = followed(&live).await;
    live.account().client_writes(talk, "Больше не пишите мне");
    live.answers(talk, 3).await;
    live.settled().await;
    let execution = stopped(&live, &sequence).await;
    assert_eq!(execution["state"], "EXECUTION_STATE_STOPPED");
    let start = format!("/api/{}:start", name(&sequence));
    let of = json!({"conversation": name(&live.conversation().await)});
    let refused = live.owner.post(&start, of).await;
    assert_eq!(refused.reason(), "SEQUENCE_BLOCKED");
    assert_eq!(
        live.said(talk).len(),
        3,
        "one confirmation and nothing after"
    );
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_who_is_silent_is_written_to_after_the_delay() {
    let live = Live::start(&[]).await;
    let agent = live.agent(json!({})).await;
    let silence = json!({"start": "SEQUENCE_START_SILENCE", "silence_minutes": 1});
    let sequence = sequence(&live, &agent, silence).await;
    let lead = live.newcomer("Здравствуйте, интересует диван");
    live.answers(lead.talk_id, 1).await;
    live.settled().await;
    assert!(executions(&live, &sequence).await.is_empty(), "not yet");
    let patience = Duration::from_secs(150);
    let said = within(patience, "the sequence writes", || async {
        let said = live.said(lead.talk_id);
        (said.len() == 2).then_some(said)
    });
    assert_eq!(said.await[1].text, FIRST);
    let execution = executions(&live, &sequence).await.remove(0);
    assert_eq!(execution["started_by"], "silence");
    let stop = format!("/api/{}:stop", name(&execution));
    let stopped = live.owner.post(&stop, json!({})).await.ok();
    assert_eq!(stopped["stop_reason"], "stopped_by_person");
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_waits_out_the_night_of_the_organization() {
    let live = Live::start(&[]).await;
    let agent = live.agent(json!({})).await;
    let zone = json!({"time_zone": "Europe/Moscow"});
    live.owner
        .patch("/api/account/organization", zone)
        .await
        .ok();
    let path = format!("/api/{agent}/sequences:preview");
    let asked = json!({
        "delay_minutes": [0, 600], "start_time": "2026-11-23T10:00:00Z",
        "quiet_start_minute": 1260, "quiet_end_minute": 540,
    });
    eventually("the zone is known", || async {
        let preview = live.owner.post(&path, asked.clone()).await.ok();
        (preview["time_zone"] == "Europe/Moscow").then(|| {
            let times = &preview["step_times"];
            // 13:00 in Moscow, then 23:00, which is quiet until 9:00.
            assert_eq!(
                *times,
                json!(["2026-11-23T10:00:00Z", "2026-11-24T06:00:00Z"])
            );
        })
    })
    .await;
    live.stop().await;
}
