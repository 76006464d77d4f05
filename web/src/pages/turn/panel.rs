use leptos::prelude::*;

use super::case::CaseButton;
use super::state::{Shown, Trace};
use super::words;
use crate::api::conversations::{Passage, PromptMessage, ProposedAction, Turn, TurnStep};
use crate::browser;
use crate::i18n::{format, text};
use crate::ui::{
    Badge, CodeBlock, CopyId, Empty, Failure, Glyph, Notice, Sheet, Skeleton, SkeletonKind, Tone,
};

/// How an answer came about, beside the thread.
#[component]
pub(crate) fn TracePanel(trace: Trace) -> impl IntoView {
    move || match trace.shown.get() {
        Shown::Nothing => {
            let t = text::trace();
            view! { <Empty glyph=Glyph::Sparkle title=t.title words=t.empty small=true /> }
                .into_any()
        }
        Shown::Running => {
            let steps = move || steps(&trace.steps.get());
            view! {
                <div class="trace" aria-live="polite">
                    <h2>{text::trace().steps}</h2>
                    {steps}
                </div>
            }
            .into_any()
        }
        Shown::Loading => view! { <Skeleton kind=SkeletonKind::Text /> }.into_any(),
        Shown::Failed(problem) => view! { <Failure problem /> }.into_any(),
        Shown::Turn(turn) => view! { <TurnView turn=*turn trace /> }.into_any(),
    }
}

/// The same as a sheet, where there is no room beside the thread.
#[component]
pub(crate) fn TraceSheet(trace: Trace) -> impl IntoView {
    /// Below this the panel is hidden by the style sheet.
    const PANEL_WIDTH: &str = "(max-width: 1179px)";
    let is_narrow = move || {
        let query = window().match_media(PANEL_WIDTH).ok().flatten();
        query.is_some_and(|query| query.matches())
    };
    move || {
        (trace.open.get() && is_narrow()).then(|| {
            view! {
                <Sheet title=text::trace().title on_close=move |()| trace.open.set(false)>
                    <TracePanel trace />
                </Sheet>
            }
        })
    }
}

#[component]
fn TurnView(turn: Turn, trace: Trace) -> impl IntoView {
    let t = text::trace();
    let (label, tone) = words::state(turn.state());
    let outcome = words::outcome_word(&turn.outcome);
    let actions = turn.actions.clone();
    let prompt = turn.prompt.clone();
    let skipped = (!turn.skip_reason.is_empty()).then(|| words::skip_words(&turn.skip_reason));
    view! {
        <div class="trace">
            <div class="row row-wrap">
                <Badge label tone />
                {(!outcome.is_empty()).then(|| view! { <span class="soft">{outcome}</span> })}
            </div>
            {skipped.map(|words| view! { <Notice>{words}</Notice> })}
            {(!turn.error_reason.is_empty()).then(|| failed(&turn))}
            {turn.lexical_only.then(|| view! { <Notice tone=Tone::Warn>{t.lexical_only}</Notice> })}
            <Numbers turn=turn.clone() />
            <CaseButton turn=turn.name.clone() />
            <h2>{t.passages}</h2>
            {passages(&turn.passages, trace)}
            {(!actions.is_empty())
                .then(|| {
                    view! {
                        <h2>{t.actions}</h2>
                        <ul class="stack-tight">
                            {actions
                                .into_iter()
                                .map(|action| view! { <Action action /> })
                                .collect_view()}
                        </ul>
                    }
                })}
            <h2>{t.steps}</h2>
            {steps(&turn.steps)}
            {(!prompt.is_empty()).then(|| view! { <Prompt prompt /> })}
            <CopyId id=turn.name />
        </div>
    }
    .into_any()
}

fn failed(turn: &Turn) -> AnyView {
    let code = tonic::Code::Unknown;
    let reason = turn.error_reason.clone();
    let problem = crate::api::Problem::from_reason(code, reason, &turn.error_message);
    view! { <Failure problem /> }.into_any()
}

/// Model, tokens, cost, time.
#[component]
fn Numbers(turn: Turn) -> impl IntoView {
    let t = text::trace();
    let tokens = format!(
        "{} / {}",
        format::integer(turn.prompt_tokens),
        format::integer(turn.completion_tokens)
    );
    let version = match turn.version_number {
        0 => t.draft.to_owned(),
        number => number.to_string(),
    };
    let facts = [
        (t.version, version),
        (t.model, turn.model),
        (t.tokens, tokens),
        (t.cost, format::micro_usd(turn.cost_micro_usd)),
        (t.total, format::milliseconds(turn.total_ms.into())),
        (
            t.first_token,
            format::milliseconds(turn.first_token_ms.into()),
        ),
    ];
    let facts = facts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(label, value)| {
            view! {
                <dt>{label}</dt>
                <dd class="numeric">{value}</dd>
            }
        })
        .collect_view();
    view! { <dl class="facts">{facts}</dl> }
}

fn steps(steps: &[TurnStep]) -> AnyView {
    let rows = steps.iter().map(step).collect_view();
    view! { <ol class="steps">{rows}</ol> }.into_any()
}

fn step(step: &TurnStep) -> AnyView {
    let (label, tone) = words::verdict(&step.verdict);
    let took = format::microseconds(step.took_micros);
    let detail = browser::pretty_json(&step.detail_json);
    let has_detail = !matches!(detail.as_str(), "" | "{}" | "null");
    let summary = view! {
        <span class="grow">{words::step_word(&step.kind)}</span>
        <span class="small muted numeric">{took}</span>
        <Badge label tone />
    };
    if has_detail {
        view! {
            <li>
                <details>
                    <summary class="step">{summary}</summary>
                    <CodeBlock content=detail />
                </details>
            </li>
        }
        .into_any()
    } else {
        view! { <li class="step">{summary}</li> }.into_any()
    }
}

fn passages(passages: &[Passage], trace: Trace) -> AnyView {
    if passages.is_empty() {
        return view! { <p class="soft">{text::trace().no_passages}</p> }.into_any();
    }
    let rows = passages
        .iter()
        .map(|passage| view! { <PassageView passage=passage.clone() trace /> })
        .collect_view();
    view! { <ol class="stack-tight">{rows}</ol> }.into_any()
}

#[component]
fn PassageView(passage: Passage, trace: Trace) -> impl IntoView {
    let number = passage.id.trim_start_matches('p').to_owned();
    let element = format!("passage-{}", passage.id);
    let page = (passage.page > 0).then(|| (text::chat().page)(passage.page));
    let is_chosen = {
        let id = passage.id.clone();
        Memo::new(move |_| trace.passage.get() == id)
    };
    let target = element.clone();
    Effect::new(move |_| {
        if is_chosen.get()
            && let Some(row) = document().get_element_by_id(&target)
        {
            row.scroll_into_view();
        }
    });
    let href = match passage.kind.as_str() {
        "price" => "/prices".to_owned(),
        "script" => "/scripts".to_owned(),
        "objection" => "/objections".to_owned(),
        _ => {
            let source = passage
                .resource
                .split("/chunks/")
                .next()
                .unwrap_or_default();
            format!("/knowledge?source={source}")
        }
    };
    view! {
        <li class="card card-body stack-tight passage-card" id=element class:is-chosen=is_chosen>
            <div class="row">
                <span class="source-mark">{number}</span>
                <a class="grow clip" href=href>
                    {passage.source_display_name}
                </a>
                <span class="small muted numeric">{page}</span>
                <span class="small muted numeric">{format::decimal(passage.score, 3)}</span>
            </div>
            {(!passage.heading_path.is_empty())
                .then(|| view! { <strong class="small">{passage.heading_path}</strong> })}
            <p class="passage small">{passage.content}</p>
        </li>
    }
}

/// What the agent would do in the CRM, or why it may not.
#[component]
fn Action(action: ProposedAction) -> impl IntoView {
    let (label, tone) = words::action_state(&action.state);
    let reason = words::action_reason(&action.reason);
    view! {
        <li class="card card-body stack-tight">
            <div class="row row-wrap">
                <strong>{words::action_word(&action.kind)}</strong>
                <Badge label tone />
            </div>
            {(!reason.is_empty()).then(|| view! { <p class="soft">{reason}</p> })}
            <CodeBlock content=browser::pretty_json(&action.detail_json) />
            {changed(&action.before_json, &action.after_json)}
        </li>
    }
}

/// What the CRM had and has.
fn changed(before: &str, after: &str) -> Option<AnyView> {
    let t = text::trace();
    let words = |json: &str| browser::pretty_json(json);
    (!after.is_empty()).then(|| {
        view! {
            <details>
                <summary class="small soft">{t.before_after}</summary>
                <CodeBlock content=format!("{}\n↓\n{}", words(before), words(after)) />
            </details>
        }
        .into_any()
    })
}

#[component]
fn Prompt(prompt: Vec<PromptMessage>) -> impl IntoView {
    let messages = prompt
        .into_iter()
        .map(|message| {
            view! {
                <h3 class="small muted">{message.role}</h3>
                <CodeBlock content=message.content />
            }
        })
        .collect_view();
    view! {
        <details>
            <summary class="step">
                <h2>{text::trace().prompt}</h2>
            </summary>
            <div class="stack-tight">{messages}</div>
        </details>
    }
}
