//! An agent answers the leads of a connected account: what leads and people see of it. The wording
//! of cases is that of the acceptance scenarios.

use serde_json::{Value, json};
use t11_fake_kommo::FakeKommoOptions;
use t11_testkit::fake_model::{FakeModel, Script};
use t11_tests::client::name;
use t11_tests::eventually;
use t11_tests::live::{Live, teach};

const ARTICLE: &str = "# Доставка\n\nДоставка по городу бесплатная и занимает 2 дня.\n\n\
    # Гарантия\n\nГарантия на диваны 24 месяца.";
const QUESTION: &str = "Какая гарантия на диваны?";

/// The structured answer of a model that says this.
fn says(text: &str, actions: Value) -> Script {
    let answer = json!({
        "sentences": [{"text": text, "sources": []}], "actions": actions, "memory": [],
        "handoff": null, "no_answer": false,
    });
    Script::stream().text(&answer.to_string()).stop()
}

/// What a model proposes: its schema asks for every detail, whatever the kind needs.
fn action(kind: &str, given: Value) -> Value {
    let mut detail = json!({"text": "", "name": "", "value": "", "confidence": 0, "due_hours": 0});
    for (name, value) in given.as_object().unwrap() {
        detail[name] = value.clone();
    }
    json!({"kind": kind, "detail": detail})
}

async fn with_model() -> (FakeModel, Live) {
    let model = FakeModel::start().await;
    let live = Live::start(&[("OPENROUTER_BASE_URL", &model.base_url())]).await;
    (model, live)
}

#[tokio::test(flavor = "multi_thread")]
async fn s01_a_lead_that_writes_is_answered_exactly_once() {
    let live = Live::start(&[]).await;
    teach(&live.owner, ARTICLE).await;
    live.agent(json!({})).await;
    let lead = live.newcomer(QUESTION);

    let said = live.answers(lead.talk_id, 1).await;
    assert!(said[0].text.contains("24 месяца"), "{said:?}");
    assert_eq!(live.verdict("message").await, "answered");
    live.settled().await;
    assert_eq!(live.said(lead.talk_id).len(), 1);

    let conversation = name(&live.conversation().await);
    let path = format!("/api/{conversation}/messages");
    let messages = live.owner.get(&path).await.ok()["messages"].clone();
    let turn = messages[1]["turn"].as_str().unwrap().to_owned();
    let turn = live.owner.get(&format!("/api/{turn}")).await.ok();
    assert_eq!(turn["state"], "TURN_STATE_SENT", "{turn:#}");
    assert_eq!(turn["steps"].as_array().unwrap().len(), 15, "{turn:#}");
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s02_on_a_stage_that_is_not_selected_nothing_is_sent() {
    let live = Live::start(&[]).await;
    let (pipeline, stages) = live.account().stages();
    // The newcomer's lead comes to the stage behind the incoming ones; the agent works on the next.
    let crm = json!({
        "pipelines": [{"pipeline_id": pipeline, "stages": [{"stage_id": stages[2]}]}],
        "all_channels": true,
    });
    live.agent_in(json!({}), crm).await;
    let lead = live.newcomer(QUESTION);
    assert_eq!(live.verdict("message").await, "stage_off");
    live.settled().await;
    assert_eq!(live.said(lead.talk_id), []);
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_three_messages_within_the_window_get_one_answer_to_all() {
    let (model, live) = with_model().await;
    live.agent(json!({"quiet_window_seconds": 2})).await;
    let lead = live.newcomer("Здравствуйте!");
    for text in ["Есть угловые диваны?", "И сколько идёт доставка?"]
    {
        live.account().client_writes(lead.talk_id, text);
    }
    live.answers(lead.talk_id, 1).await;
    live.settled().await;
    assert_eq!(live.said(lead.talk_id).len(), 1);
    let asked = model.completions();
    assert_eq!(asked.len(), 1, "one turn");
    let prompt = asked[0]["messages"].to_string();
    for text in ["угловые диваны", "идёт доставка"] {
        assert!(prompt.contains(text), "{text}");
    }
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_after_a_manager_has_replied_the_agent_is_silent() {
    let live = Live::start(&[]).await;
    teach(&live.owner, ARTICLE).await;
    live.agent(json!({})).await;
    let lead = live.newcomer(QUESTION);
    live.answers(lead.talk_id, 1).await;

    let manager = live.account().users()[1];
    live.account()
        .person_writes(lead.talk_id, manager, "Я на связи, отвечу сам.");
    let conversation = live
        .conversation_when("a person has the word", |conversation| {
            conversation["controller"] == "CONTROLLER_HUMAN"
        })
        .await;
    assert_eq!(conversation["handoff_reason"], "human_wrote");
    live.account()
        .client_writes(lead.talk_id, "А доставка сколько идёт?");
    eventually("the event has a verdict", || async {
        (live.verdict("message").await == "human").then_some(())
    })
    .await;
    live.settled().await;
    assert_eq!(
        live.said(lead.talk_id).len(),
        2,
        "the agent's and the manager's"
    );
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_who_asks_for_a_person_gets_one_without_a_model() {
    let (model, live) = with_model().await;
    live.agent(json!({})).await;
    let lead = live.newcomer("позовите человека");
    live.answers(lead.talk_id, 1).await;
    let tasks = eventually("the task is made", || async {
        let tasks = live.account().tasks_of(lead.lead_id.unwrap());
        (!tasks.is_empty()).then_some(tasks)
    })
    .await;
    live.settled().await;
    assert_eq!(tasks.len(), 1);
    assert_eq!(live.said(lead.talk_id).len(), 1);
    assert!(model.completions().is_empty());
    let conversation = live.conversation().await;
    assert_eq!(conversation["controller"], "CONTROLLER_HUMAN");
    assert_eq!(conversation["handoff_reason"], "human_requested");
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s13_an_invented_price_never_reaches_the_lead() {
    let (model, live) = with_model().await;
    live.agent(json!({"create_task_on_no_answer": true})).await;
    for _ in 0..4 {
        model.script(says("Угловой диван стоит 19 990 рублей.", json!([])));
    }
    let lead = live.newcomer("Сколько стоит угловой диван?");
    let said = live.answers(lead.talk_id, 1).await;
    assert!(!said[0].text.contains("19"), "{said:?}");
    eventually("the task is made", || async {
        let tasks = live.account().tasks_of(lead.lead_id.unwrap());
        (tasks.len() == 1).then_some(())
    })
    .await;
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s30_thanks_after_an_answer_need_none() {
    let live = Live::start(&[]).await;
    teach(&live.owner, ARTICLE).await;
    live.agent(json!({})).await;
    let lead = live.newcomer(QUESTION);
    live.answers(lead.talk_id, 1).await;
    live.account().client_writes(lead.talk_id, "ок 👍");
    eventually("the event has a verdict", || async {
        (live.verdict("message").await == "small_talk_ack").then_some(())
    })
    .await;
    live.settled().await;
    assert_eq!(live.said(lead.talk_id).len(), 1);
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s31_who_opts_out_hears_it_once_and_nothing_after() {
    let live = Live::start(&[]).await;
    live.agent(json!({})).await;
    let lead = live.newcomer("Больше не пишите мне");
    live.answers(lead.talk_id, 1).await;
    live.account().client_writes(lead.talk_id, QUESTION);
    eventually("the event has a verdict", || async {
        (live.verdict("message").await == "opted_out").then_some(())
    })
    .await;
    live.settled().await;
    assert_eq!(live.said(lead.talk_id).len(), 1);
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s39_a_webhook_of_one_account_concerns_its_own_agents_only() {
    let options = FakeKommoOptions {
        accounts: vec![t11_fake_kommo::Template::Acme; 2],
        ..FakeKommoOptions::default().unlimited()
    };
    let live = Live::with(options, &[]).await;
    teach(&live.owner, ARTICLE).await;
    live.agent(json!({})).await;
    // Nobody has connected the second account: what happens there is nobody's here.
    let accounts = live.kommo.accounts();
    accounts[1].newcomer(&t11_fake_kommo::Newcomer::default(), QUESTION);
    let lead = live.newcomer(QUESTION);
    live.answers(lead.talk_id, 1).await;
    live.settled().await;
    let events = live.owner.get("/api/crm/events?entity=message").await.ok();
    assert_eq!(events["events"].as_array().unwrap().len(), 1, "{events:#}");
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s44_a_draft_waits_for_a_person_and_expires_when_one_answers_first() {
    let live = Live::start(&[]).await;
    teach(&live.owner, ARTICLE).await;
    live.agent(json!({"answer_mode": "ANSWER_MODE_DRAFT"}))
        .await;
    let lead = live.newcomer(QUESTION);
    let draft = waiting_draft(&live).await;
    assert!(draft["text"].as_str().unwrap().contains("24 месяца"));
    assert_eq!(live.said(lead.talk_id), []);

    let approve = format!("/api/{}:approve", name(&draft));
    live.owner.post(&approve, json!({})).await.ok();
    let said = live.answers(lead.talk_id, 1).await;
    assert!(said[0].text.contains("24 месяца"), "{said:?}");
    let again = live.owner.post(&approve, json!({})).await;
    assert_eq!(again.reason(), "DRAFT_STATE");

    live.account()
        .client_writes(lead.talk_id, "А сколько идёт доставка?");
    let draft = waiting_draft(&live).await;
    let manager = live.account().users()[1];
    live.account()
        .person_writes(lead.talk_id, manager, "Два дня.");
    let path = format!("/api/{}", name(&draft));
    eventually("the draft expires", || async {
        let now = live.owner.get(&path).await.ok();
        (now["state"] == "DRAFT_STATE_EXPIRED").then_some(())
    })
    .await;
    let late = live.owner.post(&format!("{path}:approve"), json!({})).await;
    assert_eq!(late.reason(), "DRAFT_STATE");
    live.settled().await;
    assert_eq!(live.said(lead.talk_id).len(), 2);
    live.stop().await;
}

async fn waiting_draft(live: &Live) -> Value {
    eventually("a draft waits", || async {
        let drafts = live.owner.get("/api/conversations/-/drafts").await.ok();
        drafts["drafts"].get(0).cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_agent_does_in_the_crm_is_done_once_and_within_its_rules() {
    let (model, live) = with_model().await;
    let (pipeline, stages) = live.account().stages();
    let budget = live.account().field("Budget").unwrap();
    let crm = json!({
        "pipelines": [{"pipeline_id": pipeline, "all_stages": true}], "all_channels": true,
        "write_fields": [{"entity": "leads", "field_id": budget}],
        "stage_moves": [{
            "pipeline_id": pipeline, "from_stage_id": stages[1], "to_stage_id": stages[2],
            "mode": "STAGE_MOVE_MODE_AUTO",
        }],
    });
    live.agent_in(json!({}), crm).await;
    let actions = json!([
        action("set_field", json!({"name": "Budget", "value": "50000"})),
        action(
            "move_stage",
            json!({"name": "Offer made", "confidence": 0.9})
        ),
        action("add_note", json!({"text": "Клиент выбирает угловой диван"})),
    ]);
    model.script(says("Понял вас, подберу варианты.", actions));
    let lead = live.newcomer("Бюджет 50000, нужен угловой диван");
    live.answers(lead.talk_id, 1).await;
    live.settled().await;
    let card = live.account().lead(lead.lead_id.unwrap()).unwrap();
    assert_eq!(card.status_id, stages[2], "{card:?}");
    assert_eq!(card.fields[&budget], json!("50000"), "{card:?}");
    let notes = live.account().notes_of(card.id);
    let ours = notes
        .iter()
        .filter(|note| note.text.contains("угловой диван"));
    assert_eq!(ours.count(), 1, "{notes:?}");
    live.stop().await;
}

/// Kommo waits 2 seconds for its webhooks to be taken, whatever an answer takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_thinks_keeps_no_webhook_waiting() {
    const LEADS: usize = 50;
    let (model, live) = with_model().await;
    for _ in 0..LEADS {
        model.script(Script::mute());
    }
    live.agent(json!({})).await;
    live.kommo.set_parallel_deliveries(8);
    let before = live.kommo.deliveries().len();
    for _ in 0..LEADS {
        live.newcomer(QUESTION);
    }
    live.kommo.settle().await;
    let deliveries = live.kommo.deliveries().split_off(before);
    assert!(deliveries.len() >= LEADS, "{}", deliveries.len());
    let refused = deliveries.iter().filter(|one| one.status / 100 != 2);
    assert_eq!(refused.count(), 0);
    eventually("the model is asked", || async {
        (!model.completions().is_empty()).then_some(())
    })
    .await;
    live.stop().await;
}
