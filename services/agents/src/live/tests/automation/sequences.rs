//! Sequences: when they write, and what stops them.

use chrono::{TimeDelta, TimeZone as _, Utc};
use t11_core::PageRequest;
use uuid::Uuid;

use crate::Error;
use crate::agent::{AnswerMode, Settings};
use crate::automation::{
    Act, Execution, ExecutionState, NewSequence, NewTrigger, Quiet, Sequence, Start, Step,
    TriggerKind,
};
use crate::conversation::Author;
use crate::crm_settings::WON;
use crate::jobs::apply_effect;
use crate::live::tests::QUESTION;
use crate::live::tests::rig::{PIPELINE, Rig, STAGE, at_once};
use crate::live::tests::stand_ins::{CrmPlan, ModelPlan};

const FIRST: &str = "Остались вопросы?";
const SECOND: &str = "Мы на связи, если что.";

fn says(text: &str, delay_minutes: i32) -> Step {
    Step {
        delay_minutes,
        text: text.to_owned(),
        ..Step::default()
    }
}

/// After an hour of silence a first message, a day later a second.
fn after_silence() -> NewSequence {
    NewSequence {
        display_name: "Догрев".to_owned(),
        enabled: true,
        start: Start::Silence { minutes: 60 },
        skip_condition: String::new(),
        stages: Vec::new(),
        steps: vec![says(FIRST, 0), says(SECOND, 1_440)],
        quiet: Quiet::default(),
    }
}

async fn create(rig: &Rig, new: NewSequence) -> Sequence {
    let creating = rig
        .store
        .create_sequence(&rig.scope, rig.agent, new.check().unwrap(), None);
    creating.await.unwrap()
}

async fn executions(rig: &Rig, sequence: &Sequence) -> Vec<Execution> {
    let page = PageRequest {
        size: 50,
        cursor: None,
    };
    let name = (sequence.agent_id, sequence.id);
    let page = rig.store.executions(&rig.scope, name, None, page);
    page.await.unwrap().items
}

async fn last(rig: &Rig, sequence: &Sequence) -> (ExecutionState, String) {
    let execution = executions(rig, sequence).await.remove(0);
    (execution.state, execution.stop_reason)
}

/// Time passes, and what is due is done; what is said takes its seconds.
async fn pass(rig: &mut Rig, time: TimeDelta) {
    rig.advance(time);
    rig.run_due().await;
    rig.advance(TimeDelta::seconds(20));
    rig.run_due().await;
}

/// The client writes and is answered.
async fn answered(rig: &mut Rig) {
    rig.client_writes(QUESTION).await;
    pass(rig, TimeDelta::zero()).await;
    assert_eq!(rig.said().len(), 1);
}

const HOUR: TimeDelta = TimeDelta::hours(1);

fn stopped(reason: &str) -> (ExecutionState, String) {
    (ExecutionState::Stopped, reason.to_owned())
}

/// A client was answered, and the first message of a sequence has followed.
async fn followed() -> (Rig, Sequence) {
    let mut rig = Rig::start(at_once()).await;
    let sequence = create(&rig, after_silence()).await;
    answered(&mut rig).await;
    pass(&mut rig, HOUR).await;
    assert_eq!(rig.said()[1..], [FIRST]);
    (rig, sequence)
}

#[tokio::test]
async fn silence_is_followed_in_time_and_to_the_end() {
    let mut rig = Rig::start(at_once()).await;
    let sequence = create(&rig, after_silence()).await;
    answered(&mut rig).await;
    pass(&mut rig, TimeDelta::minutes(59)).await;
    assert_eq!(rig.said().len(), 1, "not yet");
    assert!(executions(&rig, &sequence).await.is_empty());
    pass(&mut rig, TimeDelta::minutes(1)).await;
    assert_eq!(rig.said()[1..], [FIRST]);
    let running = executions(&rig, &sequence).await.remove(0);
    assert_eq!(running.state, ExecutionState::Running);
    assert_eq!(running.next_step, 1);
    let wait = running.next_time.unwrap() - rig.now();
    assert!(
        wait <= TimeDelta::days(1) && wait > TimeDelta::hours(23),
        "{wait}"
    );
    assert_eq!(running.conversation_display_name, "Мария");
    rig.run_all().await;
    assert_eq!(rig.said()[1..], [FIRST, SECOND]);
    let ended = (ExecutionState::Completed, String::new());
    assert_eq!(last(&rig, &sequence).await, ended);
    assert_eq!(
        executions(&rig, &sequence).await.len(),
        1,
        "what follows up starts nothing"
    );
    let written = rig.messages().await;
    let own = written.iter().filter(|one| one.author == Author::Agent);
    assert!(
        own.clone().all(|one| one.turn_id.is_some()),
        "each has a trace"
    );
    rig.stop().await;
}

#[tokio::test]
async fn a_reply_stops_it() {
    let (mut rig, sequence) = followed().await;
    rig.client_writes("Пока думаю, спасибо").await;
    assert_eq!(last(&rig, &sequence).await, stopped("client_replied"));
    pass(&mut rig, TimeDelta::zero()).await;
    let said = rig.said().len();
    pass(&mut rig, HOUR).await;
    // The answer to the reply is followed by a silence of its own.
    assert_eq!(rig.said()[said..], [FIRST]);
    assert!(!rig.said().contains(&SECOND.to_owned()));
    rig.stop().await;
}

#[tokio::test]
async fn a_person_stops_it_in_kommo_and_in_the_inbox() {
    for in_kommo in [true, false] {
        let (mut rig, sequence) = followed().await;
        if in_kommo {
            rig.person_writes("Здравствуйте, это Иван.").await;
        } else {
            let id = rig.conversation().await.id;
            rig.inbox.take_over(&rig.scope, id).await.unwrap();
        }
        rig.run_all().await;
        assert_eq!(rig.said().len(), 2);
        let reason = if in_kommo {
            "human_wrote"
        } else {
            "taken_over"
        };
        assert_eq!(last(&rig, &sequence).await, stopped(reason));
        rig.stop().await;
    }
}

#[tokio::test]
async fn s31_an_opt_out_stops_it_and_later_ones_are_refused() {
    let (mut rig, sequence) = followed().await;
    rig.client_writes("Больше не пишите мне").await;
    rig.run_all().await;
    let said = rig.said();
    assert_eq!(said.len(), 3, "one confirmation");
    assert_eq!(last(&rig, &sequence).await.0, ExecutionState::Stopped);
    let id = rig.conversation().await.id;
    let name = (rig.agent, sequence.id);
    let zone = chrono_tz::Europe::Moscow;
    let again = rig.store.start_sequence(&rig.scope, name, id, zone).await;
    assert!(matches!(again, Err(Error::SequenceBlocked("opted_out"))));
    rig.stop().await;
}

#[tokio::test]
async fn a_deal_that_is_won_or_has_left_stops_it() {
    let (mut rig, sequence) = followed().await;
    let won = rig.lead_event(WON);
    rig.handle(won).await;
    assert_eq!(last(&rig, &sequence).await, stopped("won"));
    rig.run_all().await;
    assert_eq!(rig.said().len(), 2);
    rig.stop().await;

    let (mut rig, sequence) = followed().await;
    let paused = rig
        .store
        .move_agent(&rig.scope, rig.agent, crate::agent::Move::Pause);
    paused.await.unwrap();
    rig.run_all().await;
    assert_eq!(rig.said().len(), 2);
    assert_eq!(last(&rig, &sequence).await, stopped("agent_off"));
    rig.stop().await;
}

#[tokio::test]
async fn it_is_not_written_at_night() {
    let mut rig = Rig::start(at_once()).await;
    let sequence = NewSequence {
        start: Start::Silence { minutes: 11 * 60 },
        quiet: Quiet {
            start_minute: 21 * 60,
            end_minute: 9 * 60,
        },
        ..after_silence()
    };
    create(&rig, sequence).await;
    answered(&mut rig).await;
    // 23:00 in Moscow.
    pass(&mut rig, TimeDelta::hours(11)).await;
    assert_eq!(rig.said().len(), 1);
    let morning = Utc.with_ymd_and_hms(2026, 11, 24, 6, 0, 0).unwrap();
    let night = morning - rig.now();
    pass(&mut rig, night - TimeDelta::minutes(1)).await;
    assert_eq!(rig.said().len(), 1);
    pass(&mut rig, TimeDelta::minutes(1)).await;
    assert_eq!(rig.said()[1..], [FIRST]);
    rig.stop().await;
}

#[tokio::test]
async fn in_draft_mode_a_person_approves_it() {
    let settings = Settings {
        answer_mode: AnswerMode::Draft,
        ..at_once()
    };
    let mut rig = Rig::start(settings).await;
    let sequence = NewSequence {
        start: Start::Manual,
        ..after_silence()
    };
    let sequence = create(&rig, sequence).await;
    rig.client_writes(QUESTION).await;
    rig.run_all().await;
    // What waits for a person is about what the client has asked.
    let answer = drafts(&rig).await.remove(0);
    let (id, scope) = (answer.conversation_id, rig.scope.clone());
    rig.inbox
        .approve(&scope, id, answer.id, None)
        .await
        .unwrap();
    rig.run_all().await;
    let started = rig
        .store
        .start_sequence(&scope, (rig.agent, sequence.id), id, chrono_tz::UTC);
    started.await.unwrap();
    rig.run_due().await;
    assert_eq!(rig.said().len(), 1);
    let draft = drafts(&rig).await.remove(0);
    assert_eq!(draft.text, FIRST);
    rig.inbox.approve(&scope, id, draft.id, None).await.unwrap();
    pass(&mut rig, TimeDelta::zero()).await;
    assert_eq!(rig.said()[1..], [FIRST]);
    rig.stop().await;
}

async fn drafts(rig: &Rig) -> Vec<crate::store::Draft> {
    let page = PageRequest {
        size: 10,
        cursor: None,
    };
    let drafts = rig.store.drafts(&rig.scope, None, page);
    drafts.await.unwrap().items
}

#[tokio::test]
async fn a_step_that_runs_twice_writes_once() {
    let (mut rig, sequence) = followed().await;
    rig.advance(TimeDelta::days(1));
    rig.collect().await;
    let job = rig.jobs[0].clone();
    rig.lease(&job).await.unwrap();
    rig.lease(&job).await.unwrap();
    rig.run_all().await;
    assert_eq!(rig.said()[1..], [FIRST, SECOND]);
    assert_eq!(last(&rig, &sequence).await.0, ExecutionState::Completed);
    rig.stop().await;
}

#[tokio::test]
async fn a_person_who_speaks_while_it_is_written_is_not_spoken_over() {
    let go = std::sync::Arc::new(tokio::sync::Notify::new());
    let mut rig = Rig::start(at_once()).await;
    let written = Step {
        instruction: "Спроси, остались ли вопросы".to_owned(),
        ..Step::default()
    };
    let sequence = NewSequence {
        steps: vec![written],
        ..after_silence()
    };
    let sequence = create(&rig, sequence).await;
    answered(&mut rig).await;
    rig.advance(HOUR);
    rig.collect().await;
    let start = rig.jobs.remove(0);
    rig.lease(&start).await.unwrap();
    rig.collect().await;
    let step = rig.jobs.remove(0);
    rig.plan_model(ModelPlan::Hold(go.clone()));
    let neighbours = rig.neighbours.clone();
    let event = rig.person_event("Здравствуйте, это Иван.");
    let (running, beside) = rig.beside(&step);
    let speaking = async {
        neighbours.reached.notified().await;
        beside.handle(event).await;
        go.notify_one();
    };
    let (ran, ()) = tokio::join!(running, speaking);
    ran.unwrap();
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    assert_eq!(last(&rig, &sequence).await, stopped("human_wrote"));
    rig.stop().await;
}

#[tokio::test]
async fn the_model_writes_by_the_instruction_unless_the_condition_holds() {
    let written = Step {
        instruction: "Спроси, остались ли вопросы".to_owned(),
        acts: vec![Act::AddTag {
            tag: "догрев".to_owned(),
            on_contact: true,
        }],
        ..Step::default()
    };
    let asking = NewSequence {
        skip_condition: "клиент уже купил".to_owned(),
        steps: vec![written.clone(), written],
        ..after_silence()
    };
    for (holds, said) in [(vec![], 2), (vec!["c1"], 1)] {
        let mut rig = Rig::start(at_once()).await;
        let sequence = create(&rig, asking.clone()).await;
        answered(&mut rig).await;
        rig.plan_model(ModelPlan::Judge(holds));
        pass(&mut rig, HOUR).await;
        assert_eq!(rig.said().len(), said);
        let prompts = rig.neighbours.prompts.lock().clone();
        assert!(prompts[1].contains("Спроси, остались ли вопросы"));
        assert!(prompts[1].contains("c1: клиент уже купил"));
        let tagged = rig.others.iter();
        let tagged = tagged.filter(|kind| *kind == apply_effect::KIND).count();
        assert_eq!(tagged, said - 1);
        if said == 1 {
            assert_eq!(last(&rig, &sequence).await, stopped("condition"));
        }
        rig.stop().await;
    }
}

#[tokio::test]
async fn the_condition_is_asked_before_fixed_words_too() {
    let asking = NewSequence {
        skip_condition: "клиент уже купил".to_owned(),
        ..after_silence()
    };
    for (holds, said) in [(vec![], 2), (vec!["c1"], 1)] {
        let mut rig = Rig::start(at_once()).await;
        create(&rig, asking.clone()).await;
        answered(&mut rig).await;
        rig.plan_model(ModelPlan::Judge(holds));
        pass(&mut rig, HOUR).await;
        assert_eq!(rig.said().len(), said);
        assert_eq!(rig.neighbours.prompts.lock().len(), 2);
        rig.stop().await;
    }
}

#[tokio::test]
async fn an_answer_that_waits_to_leave_goes_first() {
    let mut rig = Rig::start(at_once()).await;
    let sequence = NewSequence {
        start: Start::Manual,
        ..after_silence()
    };
    let sequence = create(&rig, sequence).await;
    rig.client_writes(QUESTION).await;
    let id = rig.conversation().await.id;
    let name = (rig.agent, sequence.id);
    let started = rig
        .store
        .start_sequence(&rig.scope, name, id, chrono_tz::UTC);
    let started = started.await.unwrap();
    let again = rig
        .store
        .start_sequence(&rig.scope, name, id, chrono_tz::UTC);
    assert_eq!(
        again.await.unwrap().id,
        started.id,
        "it runs once at a time"
    );
    pass(&mut rig, TimeDelta::zero()).await;
    pass(&mut rig, TimeDelta::minutes(1)).await;
    assert_eq!(rig.said().len(), 2);
    assert_eq!(rig.said()[1], FIRST);
    rig.stop().await;
}

#[tokio::test]
async fn what_cannot_be_sent_ends_it() {
    let mut rig = Rig::start(at_once()).await;
    let sequence = create(&rig, after_silence()).await;
    answered(&mut rig).await;
    rig.plan_crm(CrmPlan::Fail);
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    let failed = (ExecutionState::Failed, "send_failed".to_owned());
    assert_eq!(last(&rig, &sequence).await, failed);
    rig.stop().await;
}

#[tokio::test]
async fn a_model_that_is_away_ends_it_after_its_tries() {
    let mut rig = Rig::start(at_once()).await;
    let written = Step {
        instruction: "Спроси, остались ли вопросы".to_owned(),
        ..Step::default()
    };
    let sequence = NewSequence {
        steps: vec![written],
        ..after_silence()
    };
    let sequence = create(&rig, sequence).await;
    answered(&mut rig).await;
    for _ in 0..3 {
        rig.plan_model(ModelPlan::Fail);
    }
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    let failed = (ExecutionState::Failed, "model_away".to_owned());
    assert_eq!(last(&rig, &sequence).await, failed);
    rig.stop().await;
}

#[tokio::test]
async fn a_stage_and_a_trigger_start_it_and_a_trigger_stops_it() {
    let mut rig = Rig::start(at_once()).await;
    let by_stage = NewSequence {
        start: Start::Stage {
            pipeline_id: PIPELINE,
            stage_id: STAGE,
        },
        steps: vec![says(FIRST, 30)],
        ..after_silence()
    };
    let sequence = create(&rig, by_stage).await;
    let acts = |act: fn(Uuid) -> Act| vec![act(sequence.id)];
    let start = |sequence| Act::StartSequence { sequence };
    let stop = |sequence| Act::StopSequence { sequence };
    for (word, acts) in [("каталог", acts(start)), ("стоп", acts(stop))] {
        let trigger = NewTrigger {
            display_name: word.to_owned(),
            enabled: true,
            kind: TriggerKind::Keyword,
            keywords: vec![word.to_owned()],
            condition: String::new(),
            pipeline_id: 0,
            stage_id: 0,
            after_minutes: 0,
            acts,
            reply: String::new(),
            max_per_chat: 0,
            max_per_day: 0,
        };
        let creating = rig
            .store
            .create_trigger(&rig.scope, rig.agent, trigger, None);
        creating.await.unwrap();
    }
    rig.stage = crate::live::tests::rig::OTHER_STAGE;
    rig.client_writes(QUESTION).await;
    rig.run_all().await;
    let entered = rig.lead_event(STAGE);
    rig.handle(entered).await;
    rig.run_due().await;
    let running = executions(&rig, &sequence).await.remove(0);
    assert_eq!(running.started_by, "stage");

    rig.stage = STAGE;
    rig.client_writes("Пришлите каталог").await;
    rig.run_due().await;
    let both = executions(&rig, &sequence).await;
    let by: Vec<_> = both.iter().map(|one| one.started_by.as_str()).collect();
    assert_eq!(by.len(), 2, "{both:?}");
    assert!(by.contains(&"trigger"));
    assert_eq!(running_count(&both), 1);

    rig.client_writes("стоп").await;
    rig.run_all().await;
    let all = executions(&rig, &sequence).await;
    assert_eq!(running_count(&all), 0);
    assert!(!rig.said().contains(&FIRST.to_owned()));
    rig.stop().await;
}

fn running_count(executions: &[Execution]) -> usize {
    let running = executions.iter();
    running
        .filter(|one| one.state == ExecutionState::Running)
        .count()
}

#[tokio::test]
async fn a_person_stops_an_execution() {
    let (mut rig, sequence) = followed().await;
    let execution = executions(&rig, &sequence).await.remove(0);
    let name = (rig.agent, sequence.id, execution.id);
    for _ in 0..2 {
        let now = rig.store.stop_execution(&rig.scope, name).await.unwrap();
        assert_eq!(now.stop_reason, "stopped_by_person");
    }
    rig.run_all().await;
    assert_eq!(rig.said().len(), 2);
    rig.stop().await;
}
