use futures::future::AbortHandle;
use futures::{StreamExt as _, pin_mut};
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::picker::{ModelPicker, Shelf};
use super::said::{Said, SaidEditor, message};
use crate::api::completions::{
    self, CompleteRequest, CompletionEvent, Finish, FinishReason, MessageRole,
};
use crate::api::{Problem, request_id};
use crate::i18n::{format, text};
use crate::session::Session;
use crate::ui::{
    Badge, Button, Checkbox, CopyId, Empty, Failure, FormErrors, Glyph, Look, Notice, NumberInput,
    TextArea, Tone,
};
use crate::{browser, task};

const TEMPERATURE: &str = "temperature";
const MAX_TOKENS: &str = "max_tokens";
const SCHEMA: &str = "response_schema_json";
const MESSAGES: &str = "messages";

/// How the answer stands.
#[derive(Clone, Default)]
enum Stage {
    #[default]
    Nothing,
    Running,
    Stopped,
    Finished(Finish),
    Failed(Problem),
}

/// What is asked, and what comes back.
#[derive(Clone, Copy)]
struct Ground {
    model: RwSignal<String>,
    system: RwSignal<String>,
    said: Said,
    temperature: RwSignal<String>,
    max_tokens: RwSignal<String>,
    schema: RwSignal<String>,
    whole: RwSignal<bool>,
    answer: RwSignal<String>,
    stage: RwSignal<Stage>,
    errors: FormErrors,
    stream: StoredValue<Option<AbortHandle>, LocalStorage>,
}

impl Ground {
    fn new() -> Self {
        let ground = Self {
            model: RwSignal::new(String::new()),
            system: RwSignal::new(String::new()),
            said: Said::new(),
            temperature: RwSignal::new(String::new()),
            max_tokens: RwSignal::new(String::new()),
            schema: RwSignal::new(String::new()),
            whole: RwSignal::new(false),
            answer: RwSignal::new(String::new()),
            stage: RwSignal::new(Stage::Nothing),
            errors: FormErrors::provide(),
            stream: StoredValue::new_local(None),
        };
        on_cleanup(move || {
            if let Some(Some(handle)) = ground.stream.try_get_value() {
                handle.abort();
            }
        });
        ground
    }

    fn is_running(self) -> bool {
        self.stage.with(|stage| matches!(stage, Stage::Running))
    }

    fn ask(self) {
        if untrack(|| self.is_running()) {
            return;
        }
        let Some(request) = self.request() else {
            return;
        };
        self.answer.set(String::new());
        self.stage.set(Stage::Running);
        let handle = task::spawn(async move {
            let stage = match self.hear(request).await {
                Ok(Some(finish)) => Stage::Finished(finish),
                Ok(None) => Stage::Failed(Problem::cut()),
                Err(problem) => {
                    self.errors.refuse(problem.clone());
                    Stage::Failed(problem)
                }
            };
            self.stage.set(stage);
        });
        self.stream.set_value(Some(handle));
    }

    /// Says what is wrong with the fields otherwise.
    fn request(self) -> Option<CompleteRequest> {
        let t = text::playground();
        self.errors.clear();
        let mut messages = self.said.now();
        let temperature = self.temperature.get_untracked();
        let max_tokens = self.max_tokens.get_untracked();
        let schema = self.schema.get_untracked();
        let heat = browser::parse_number(&temperature);
        let most = max_tokens.trim().parse::<i32>().ok();
        let rules = [
            (MESSAGES, messages.is_empty(), t.nothing_said),
            (
                TEMPERATURE,
                !temperature.trim().is_empty() && heat.is_none(),
                t.not_a_number,
            ),
            (
                MAX_TOKENS,
                !max_tokens.trim().is_empty() && most.is_none(),
                t.not_a_number,
            ),
            (
                SCHEMA,
                !schema.trim().is_empty() && !browser::is_json(&schema),
                t.not_json,
            ),
        ];
        for (field, is_broken, words) in rules {
            if is_broken {
                self.errors.reject(field, words);
            }
        }
        if rules.iter().any(|(_, is_broken, _)| *is_broken) {
            return None;
        }
        let system = self.system.get_untracked();
        if !system.trim().is_empty() {
            messages.insert(0, message(MessageRole::System, system));
        }
        Some(CompleteRequest {
            model: self.model.get_untracked(),
            messages,
            temperature: heat,
            max_tokens: most.unwrap_or_default(),
            response_schema_json: schema,
            purpose: "playground".to_owned(),
            request_id: request_id(),
            whole: self.whole.get_untracked(),
            ..CompleteRequest::default()
        })
    }

    /// Nothing when the stream ends before its last event.
    async fn hear(self, request: CompleteRequest) -> Result<Option<Finish>, Problem> {
        let events = completions::complete(request).await?;
        pin_mut!(events);
        while let Some(event) = events.next().await {
            match event? {
                CompletionEvent::TextDelta(words) => {
                    self.answer.update(|answer| answer.push_str(&words));
                }
                CompletionEvent::ToolCall(call) => {
                    let words = format!("{}({})\n", call.name, call.arguments_json);
                    self.answer.update(|answer| answer.push_str(&words));
                }
                CompletionEvent::Finish(finish) => return Ok(Some(finish)),
            }
        }
        Ok(None)
    }

    /// The call is cancelled at the provider, too.
    fn stop(self) {
        if let Some(handle) = self.stream.get_value() {
            handle.abort();
        }
        self.stage.set(Stage::Stopped);
    }

    /// The answer becomes part of what was said.
    fn go_on(self) {
        self.said.add(false, self.answer.get_untracked());
        self.said.add(true, String::new());
        self.answer.set(String::new());
        self.stage.set(Stage::Nothing);
    }
}

/// The tab «Playground»: one call of a model, as the company's own programs make it.
#[component]
pub(crate) fn Playground() -> impl IntoView {
    let t = text::playground();
    let may_ask = Session::get().may("llm.complete");
    let ground = Ground::new();
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            ground.ask();
        }
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        ground.ask();
    };
    view! {
        {(!may_ask).then(|| view! { <Notice>{t.forbidden}</Notice> })}
        <div class="playground">
            <form class="stack" on:submit=submit on:keydown=on_key novalidate=true>
                <Prompt ground />
                <div class="row row-wrap">
                    <Show
                        when=move || ground.is_running()
                        fallback=move || {
                            view! {
                                <Button
                                    look=Look::Primary
                                    submit=true
                                    glyph=Glyph::Send
                                    disabled=!may_ask
                                >
                                    {t.send}
                                </Button>
                            }
                        }
                    >
                        <Button glyph=Glyph::Stop on_press=move |()| ground.stop()>
                            {t.stop}
                        </Button>
                    </Show>
                    <span class="small muted">{t.costs}</span>
                </div>
            </form>
            <AnswerPanel ground />
        </div>
    }
    .into_any()
}

#[component]
fn Prompt(ground: Ground) -> impl IntoView {
    let t = text::playground();
    let shelf = Shelf::load();
    view! {
        <ModelPicker label=t.model value=ground.model shelf routes=true />
        <TextArea label=t.system name="system" value=ground.system hint=t.system_hint rows=2 />
        <SaidEditor said=ground.said />
        <div class="grid-2">
            <NumberInput
                label=t.temperature
                name=TEMPERATURE
                value=ground.temperature
                min=0
                max=2
                step="any"
                hint=t.temperature_hint
            />
            <NumberInput
                label=t.max_tokens
                name=MAX_TOKENS
                value=ground.max_tokens
                min=1
                max=32_768
                hint=t.max_tokens_hint
            />
        </div>
        <details>
            <summary class="small soft">{t.more}</summary>
            <div class="stack fold">
                <TextArea
                    label=t.schema
                    name=SCHEMA
                    value=ground.schema
                    hint=t.schema_hint
                    placeholder=r#"{"type":"object","properties":{"city":{"type":"string"}}}"#
                    rows=4
                />
                <Checkbox
                    label=t.whole
                    value=ground.whole
                    on_change=move |on| ground.whole.set(on)
                />
            </div>
        </details>
    }
    .into_any()
}

#[component]
fn AnswerPanel(ground: Ground) -> impl IntoView {
    let t = text::playground();
    let has_words = Memo::new(move |_| ground.answer.with(|answer| !answer.is_empty()));
    let is_empty = move || {
        let is_nothing = ground.stage.with(|stage| matches!(stage, Stage::Nothing));
        is_nothing && !has_words.get()
    };
    view! {
        <section class="card playground-answer" aria-label=t.answer>
            <header class="card-head">
                <h2>{t.answer}</h2>
                {move || ground.is_running().then(|| view! { <Badge label=t.running tone=Tone::Bot live=true /> })}
            </header>
            <div class="card-body stack" aria-live="polite" aria-busy=move || ground.is_running().to_string()>
                <Show when=is_empty>
                    <Empty glyph=Glyph::Sparkle title=t.empty words=t.empty_text small=true />
                </Show>
                <Show when=move || has_words.get()>
                    <div class="said">{ground.answer}</div>
                </Show>
                {move || outcome(ground)}
            </div>
        </section>
    }
    .into_any()
}

fn outcome(ground: Ground) -> AnyView {
    let t = text::playground();
    match ground.stage.get() {
        Stage::Nothing | Stage::Running => ().into_any(),
        Stage::Stopped => view! { <Notice tone=Tone::Warn>{t.stopped}</Notice> }.into_any(),
        Stage::Failed(problem) => {
            let refused = problem.violations.iter().map(|violation| {
                let words = format!("{}: {}", violation.field, violation.text);
                view! { <li class="small">{words}</li> }
            });
            let refused = refused.collect_view();
            view! {
                <Failure problem />
                <ul>{refused}</ul>
            }
            .into_any()
        }
        Stage::Finished(finish) => {
            let go_on = Callback::new(move |()| ground.go_on());
            view! {
                <Bill finish />
                <div class="row">
                    <Button glyph=Glyph::Plus on_press=go_on>
                        {t.go_on}
                    </Button>
                </div>
            }
            .into_any()
        }
    }
}

/// What the answer took: who served, tokens, money, time.
#[component]
fn Bill(finish: Finish) -> impl IntoView {
    let t = text::playground();
    let usage = finish.usage.unwrap_or_default();
    let (label, tone) = reason_words(finish.reason());
    let cost = format::micro_usd(usage.cost_micro_usd);
    let cost = if usage.cost_known {
        cost
    } else {
        (t.cost_guessed)(&cost)
    };
    let tokens = (t.tokens)(
        &format::integer(usage.prompt_tokens),
        &format::integer(usage.completion_tokens),
        &format::integer(usage.cached_tokens),
    );
    let time = (t.time)(
        &format::milliseconds(finish.first_token_ms.into()),
        &format::milliseconds(finish.total_ms.into()),
    );
    view! {
        <dl class="facts">
            <dt>{t.ended}</dt>
            <dd>
                <Badge label tone />
            </dd>
            <dt>{t.served_by}</dt>
            <dd>
                <CopyId id=finish.model />
                " "
                <span class="small muted">{finish.provider}</span>
            </dd>
            <dt>{t.cost}</dt>
            <dd class="numeric">
                {cost} {finish.cached.then(|| view! { <Badge label=t.from_cache tone=Tone::Info /> })}
            </dd>
            <dt>{t.tokens_title}</dt>
            <dd class="numeric">{tokens}</dd>
            <dt>{t.time_title}</dt>
            <dd class="numeric">{time}</dd>
        </dl>
    }
    .into_any()
}

fn reason_words(reason: FinishReason) -> (&'static str, Tone) {
    let t = text::playground();
    match reason {
        FinishReason::Stop | FinishReason::Unspecified => (t.reason_stop, Tone::Success),
        FinishReason::Length => (t.reason_length, Tone::Warn),
        FinishReason::ToolCalls => (t.reason_tools, Tone::Info),
        FinishReason::ContentFilter => (t.reason_filter, Tone::Danger),
    }
}
