use leptos::prelude::*;

use super::health::HealthView;
use super::picker::{ModelPicker, Shelf};
use super::shared::scope_words;
use crate::api::Problem;
use crate::api::agents::{self, Agent};
use crate::api::completions::{CompleteRequest, Message, MessageRole, Tool};
use crate::api::routes::{self, BudgetLeft, CacheVerdict, Candidate, Exclusion, ExplainResponse};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::session::Session;
use crate::task;
use crate::ui::{
    Badge, Button, Checkbox, Failure, Look, Notice, NumberInput, Table, TextArea, Tone,
};

const USUAL_TOKENS: &str = "1024";

/// What a call would do now, without making it.
#[component]
pub(super) fn Explain(shelf: Shelf, model: RwSignal<String>) -> impl IntoView {
    let t = text::routes();
    let may_ask = Session::get().may("llm.complete");
    let prompt = RwSignal::new(String::new());
    let max_tokens = RwSignal::new(USUAL_TOKENS.to_owned());
    let (is_exact, wants_json, has_tools) = (
        RwSignal::new(true),
        RwSignal::new(false),
        RwSignal::new(false),
    );
    let busy = RwSignal::new(false);
    let answer = RwSignal::new(None::<Result<ExplainResponse, Problem>>);
    let agents = Query::once(agents::all);
    let ask = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let request = CompleteRequest {
            model: model.get_untracked(),
            messages: vec![said(prompt.get_untracked())],
            temperature: is_exact.get_untracked().then_some(0.0),
            max_tokens: max_tokens
                .get_untracked()
                .trim()
                .parse()
                .unwrap_or_default(),
            response_schema_json: schema(wants_json.get_untracked()),
            tools: tools(has_tools.get_untracked()),
            ..CompleteRequest::default()
        };
        busy.set(true);
        task::spawn(async move {
            let explained = routes::explain(request).await;
            busy.set(false);
            answer.set(Some(explained));
        });
    };
    let checkbox = |label: &'static str, value: RwSignal<bool>| {
        view! { <Checkbox label value on_change=move |on| value.set(on) /> }
    };
    view! {
        <section class="card" id="explain">
            <header class="card-head">
                <h2>{t.explain_title}</h2>
            </header>
            <form class="card-body stack" on:submit=ask novalidate=true>
                <p class="soft">{t.explain_lead}</p>
                {(!may_ask).then(|| view! { <Notice>{t.explain_forbidden}</Notice> })}
                <div class="grid-2">
                    <ModelPicker label=t.model_or_route value=model shelf routes=true />
                    <NumberInput
                        label=t.max_tokens
                        name="max_tokens"
                        value=max_tokens
                        min=1
                        max=32_768
                    />
                </div>
                <TextArea
                    label=t.prompt
                    name="messages[0].content"
                    value=prompt
                    placeholder=t.prompt_placeholder
                    rows=3
                />
                <div class="row row-wrap">
                    {checkbox(t.temperature_0, is_exact)} {checkbox(t.wants_json, wants_json)}
                    {checkbox(t.has_tools, has_tools)}
                </div>
                <div class="row">
                    <Button look=Look::Plain submit=true busy disabled=!may_ask>
                        {t.explain}
                    </Button>
                </div>
                <div class="stack" aria-live="polite">
                    {move || {
                        answer
                            .get()
                            .map(|answer| match answer {
                                Ok(answer) => {
                                    let agents = agents.data.get().unwrap_or_default();
                                    view! { <Explanation answer agents shelf /> }.into_any()
                                }
                                Err(problem) => view! { <Failure problem /> }.into_any(),
                            })
                    }}
                </div>
            </form>
        </section>
    }
    .into_any()
}

/// A question without words still has its form.
fn said(content: String) -> Message {
    let content = if content.is_empty() {
        text::routes().prompt_placeholder.to_owned()
    } else {
        content
    };
    Message {
        role: MessageRole::User.into(),
        content,
        ..Message::default()
    }
}

fn schema(is_wanted: bool) -> String {
    if is_wanted {
        r#"{"type":"object"}"#.to_owned()
    } else {
        String::new()
    }
}

/// Any tool will do: models are judged by whether there is one.
fn tools(has_tools: bool) -> Vec<Tool> {
    let tool = Tool {
        name: "look_up".to_owned(),
        description: "Looks something up.".to_owned(),
        parameters_json: r#"{"type":"object"}"#.to_owned(),
    };
    has_tools.then_some(tool).into_iter().collect()
}

#[component]
fn Explanation(answer: ExplainResponse, agents: Vec<Agent>, shelf: Shelf) -> impl IntoView {
    let t = text::routes();
    let (verdict, tone) = verdict_words(answer.cache());
    let way = match shelf.alias(&answer.route) {
        Some(alias) => (t.by_route)(&alias),
        None => t.by_model.to_owned(),
    };
    let key = if answer.provider_key.is_empty() {
        t.platform_key
    } else {
        t.own_key
    };
    let columns = vec![t.model, t.verdict, t.worst_cost, t.health];
    let candidates = answer.candidates.into_iter();
    let rows = candidates.map(candidate_row).collect_view();
    let budgets = answer.budgets;
    view! {
        <dl class="facts">
            <dt>{t.way}</dt>
            <dd>{way}</dd>
            <dt>{t.prompt_tokens}</dt>
            <dd class="numeric">{(t.about)(&format::integer(answer.prompt_tokens))}</dd>
            <dt>{t.cache_verdict}</dt>
            <dd>
                <Badge label=verdict tone />
            </dd>
            <dt>{t.with_key}</dt>
            <dd>{key}</dd>
        </dl>
        {answer
            .keys_exhausted
            .then(|| view! { <Notice tone=Tone::Danger>{t.keys_exhausted}</Notice> })}
        <Table caption=t.candidates columns>
            {rows}
        </Table>
        <BudgetsLeft budgets agents />
    }
    .into_any()
}

fn verdict_words(verdict: CacheVerdict) -> (&'static str, Tone) {
    let t = text::routes();
    match verdict {
        CacheVerdict::Unspecified => (t.cache_off, Tone::Neutral),
        CacheVerdict::Hit => (t.cache_hit, Tone::Success),
        CacheVerdict::Miss => (t.cache_miss, Tone::Info),
        CacheVerdict::NotDeterministic => (t.cache_temperature, Tone::Warn),
        CacheVerdict::Tools => (t.cache_tools, Tone::Warn),
    }
}

fn candidate_row(candidate: Candidate) -> AnyView {
    let t = text::routes();
    let (label, tone) = exclusion_words(candidate.exclusion());
    let cost = format::micro_usd(candidate.worst_cost_micro_usd);
    let cost = if candidate.price_known {
        cost
    } else {
        (t.price_unknown)(&cost)
    };
    let health = candidate
        .health
        .map(|health| view! { <HealthView health /> });
    view! {
        <tr>
            <td class="mono">{candidate.model}</td>
            <td>
                <Badge label tone />
            </td>
            <td class="numeric" data-label=t.worst_cost>
                {cost}
            </td>
            <td>
                <div class="row row-wrap">{health}</div>
            </td>
        </tr>
    }
    .into_any()
}

fn exclusion_words(exclusion: Exclusion) -> (&'static str, Tone) {
    let t = text::routes();
    match exclusion {
        Exclusion::Unspecified => (t.asked, Tone::Success),
        Exclusion::ContextTooShort => (t.too_short, Tone::Neutral),
        Exclusion::NoTools => (t.no_tools, Tone::Neutral),
        Exclusion::NoJsonSchema => (t.no_json, Tone::Neutral),
        Exclusion::BreakerOpen => (t.is_broken, Tone::Danger),
        Exclusion::Budget => (t.too_dear, Tone::Warn),
    }
}

/// What the call would be paid from.
#[component]
fn BudgetsLeft(budgets: Vec<BudgetLeft>, agents: Vec<Agent>) -> impl IntoView {
    let t = text::routes();
    if budgets.is_empty() {
        return view! { <p class="soft">{t.no_budgets}</p> }.into_any();
    }
    let rows = budgets
        .into_iter()
        .map(|budget| {
            let left = format::micro_usd(budget.left_micro_usd);
            let cap = format::micro_usd(budget.cap_micro_usd);
            view! {
                <tr>
                    <td>{scope_words(&agents, &budget.scope)}</td>
                    <td class="numeric" data-label=t.left>
                        {left}
                    </td>
                    <td class="numeric" data-label=t.of_cap>
                        {cap}
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Table caption=t.budgets_left columns=vec![t.budgets_left, t.left, t.of_cap]>
            {rows}
        </Table>
    }
    .into_any()
}
