use leptos::prelude::*;

use super::key_form::KeyForm;
use super::shared::ReadOnly;
use crate::api::provider_keys::{
    self, CheckProviderKeyResponse, KeyBench, KeyBenchReason, KeyVerdict, ListProviderKeysResponse,
    ProviderKey, ProviderKeyPolicy, ProviderKeyState,
};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::session::Session;
use crate::task;
use crate::ui::{
    Badge, Button, DeleteDialog, Dialog, Empty, Glyph, IconButton, Look, Notice, RelativeTime,
    Screen, Section, Steady, Switch, Toasts, Tone,
};

/// What can be done with the keys.
#[derive(Clone, Copy)]
struct Board {
    list: Query<ListProviderKeysResponse>,
    /// A key without a name is a new one.
    editing: RwSignal<Option<ProviderKey>>,
    deleting: RwSignal<Option<ProviderKey>>,
    /// What the provider said of a key.
    checked: RwSignal<Option<CheckProviderKeyResponse>>,
    busy: RwSignal<bool>,
    toasts: Toasts,
    may_write: bool,
}

impl Board {
    /// Lays a key aside, or lets it serve again.
    fn turn(self, name: String, state: ProviderKeyState) {
        let key = ProviderKey {
            name,
            state: state.into(),
            ..ProviderKey::default()
        };
        task::spawn(async move {
            if let Err(problem) = provider_keys::update(key, &["state"]).await {
                self.toasts.problem(&problem);
            }
            self.list.reload();
        });
    }

    fn check(self, name: String) {
        let asked = provider_keys::check(name);
        self.toasts.attempt(self.busy, asked, move |answer| {
            self.checked.set(Some(answer));
            self.list.reload();
        });
    }
}

/// The tab «Provider keys».
#[component]
pub(crate) fn ProviderKeys() -> impl IntoView {
    let t = text::provider_keys();
    let board = Board {
        list: Query::once(provider_keys::all),
        editing: RwSignal::new(None),
        deleting: RwSignal::new(None),
        checked: RwSignal::new(None),
        busy: RwSignal::new(false),
        toasts: Toasts::get(),
        may_write: Session::get().may("llm.write"),
    };
    // The demo model needs no key.
    let has_provider = move || {
        let provider = |list: &ListProviderKeysResponse| !list.provider.is_empty();
        board
            .list
            .data
            .with(|list| list.as_ref().is_some_and(provider))
    };
    let cannot_add = Signal::derive(move || !board.may_write || !has_provider());
    let create = Callback::new(move |()| board.editing.set(Some(ProviderKey::default())));
    view! {
        <ReadOnly />
        <div class="row row-wrap between">
            <p class="soft grow">{t.lead}</p>
            <Button look=Look::Primary glyph=Glyph::Plus disabled=cannot_add on_press=create>
                {t.create}
            </Button>
        </div>
        <Screen query=board.list count=3 children=move |list| shelf(list, board) />
        <Section title=t.policy lead=t.policy_lead>
            <Policy may_write=board.may_write />
        </Section>
        <Editor board />
        <CheckDialog board />
        <DeleteDialog
            doomed=board.deleting
            title=t.delete_title
            words=t.delete_text
            gone=t.deleted
            delete=|key: ProviderKey| provider_keys::delete(key.name)
            on_gone=move |()| board.list.reload()
        />
    }
    .into_any()
}

fn shelf(list: ListProviderKeysResponse, board: Board) -> AnyView {
    let t = text::provider_keys();
    let is_demo = list.provider.is_empty();
    let demo = is_demo.then(|| {
        view! {
            <Notice tone=Tone::Warn>
                <strong>{t.demo}</strong>
                <p>{t.demo_text}</p>
            </Notice>
        }
    });
    if list.provider_keys.is_empty() {
        let words = if list.has_platform_key {
            t.empty_platform
        } else {
            t.empty_text
        };
        let empty = (!is_demo).then(|| view! { <Empty glyph=Glyph::Model title=t.empty words /> });
        return view! {
            {demo}
            {empty}
        }
        .into_any();
    }
    let cards = list.provider_keys.into_iter();
    let cards = cards
        .map(|key| view! { <Card key=key board /> })
        .collect_view();
    view! {
        {demo}
        <ol class="stack" aria-label=t.caption>
            {cards}
        </ol>
    }
    .into_any()
}

#[component]
fn Card(key: ProviderKey, board: Board) -> impl IntoView {
    let t = text::provider_keys();
    let (label, tone) = state_words(&key);
    let bench = key.bench.as_ref().map(bench_words);
    view! {
        <li class="card card-body stack-tight">
            <div class="row row-wrap between">
                <div class="row row-wrap">
                    <strong>{key.display_name.clone()}</strong>
                    <span class="mono muted">"…" {key.hint.clone()}</span>
                    <Badge label tone />
                </div>
                <Controls key=key.clone() board />
            </div>
            {bench.map(|words| view! { <p class="soft">{words}</p> })}
            <p class="small muted">
                {key.provider.clone()} " · " {(t.rank)(key.priority)} " · " {t.last_used} ": "
                <RelativeTime time=key.last_used_time />
            </p>
        </li>
    }
    .into_any()
}

#[component]
fn Controls(key: ProviderKey, board: Board) -> impl IntoView {
    let t = text::provider_keys();
    let is_on = key.state() == ProviderKeyState::Active;
    let (asked, turned) = (key.name.clone(), key.name.clone());
    let (opened, doomed) = (key.clone(), key);
    let turn = move |on: bool| {
        let state = if on {
            ProviderKeyState::Active
        } else {
            ProviderKeyState::Disabled
        };
        board.turn(turned.clone(), state);
    };
    view! {
        <div class="row row-wrap">
            <Switch label=t.serves value=is_on disabled=!board.may_write on_change=turn />
            <Button
                disabled=!board.may_write
                busy=board.busy
                on_press=move |()| board.check(asked.clone())
            >
                {t.check}
            </Button>
            <IconButton
                glyph=Glyph::Edit
                label=text::common().edit
                disabled=!board.may_write
                on_press=move || board.editing.set(Some(opened.clone()))
            />
            <IconButton
                glyph=Glyph::Trash
                label=text::common().delete
                disabled=!board.may_write
                on_press=move || board.deleting.set(Some(doomed.clone()))
            />
        </div>
    }
    .into_any()
}

fn state_words(key: &ProviderKey) -> (&'static str, Tone) {
    let t = text::provider_keys();
    match (key.state(), &key.bench) {
        (ProviderKeyState::Disabled, _) => (t.disabled, Tone::Neutral),
        (ProviderKeyState::Active | ProviderKeyState::Unspecified, Some(_)) => {
            (t.benched, Tone::Danger)
        }
        (ProviderKeyState::Active | ProviderKeyState::Unspecified, None) => {
            (t.active, Tone::Success)
        }
    }
}

/// Why it does not serve, and until when.
fn bench_words(bench: &KeyBench) -> String {
    let t = text::provider_keys();
    let why = match bench.reason() {
        KeyBenchReason::Unspecified => t.benched,
        KeyBenchReason::Refused => t.why_refused,
        KeyBenchReason::Unpaid => t.why_unpaid,
        KeyBenchReason::Limited => t.why_limited,
    };
    match &bench.end_time {
        Some(time) => (t.until)(why, &format::exact_time(time)),
        None => format!("{why} {}", t.until_changed),
    }
}

#[component]
fn Policy(may_write: bool) -> impl IntoView {
    let t = text::provider_keys();
    let toasts = Toasts::get();
    let query = Query::once(provider_keys::policy);
    let value = Signal::derive(move || {
        let falls_back = |policy: &ProviderKeyPolicy| policy.fallback_to_platform_key;
        query
            .data
            .with(|policy| policy.as_ref().is_some_and(falls_back))
    });
    let change = move |on: bool| {
        let policy = ProviderKeyPolicy {
            fallback_to_platform_key: on,
            update_time: None,
        };
        query.data.set(Some(policy));
        task::spawn(async move {
            match provider_keys::replace_policy(policy).await {
                Ok(policy) => {
                    query.data.set(Some(policy));
                    toasts.say(text::common().saved);
                }
                Err(problem) => {
                    toasts.problem(&problem);
                    // The switch shows what is true.
                    query.reload();
                }
            }
        });
    };
    view! {
        <Steady query count=1>
            <div class="preference">
                <Switch label=t.fall_back value disabled=!may_write on_change=change />
                <p class="field-hint">{t.fall_back_text}</p>
            </div>
        </Steady>
    }
    .into_any()
}

#[component]
fn Editor(board: Board) -> impl IntoView {
    let t = text::provider_keys();
    move || {
        board.editing.get().map(|before| {
            let title = if before.name.is_empty() {
                t.create
            } else {
                t.edit
            };
            let close = Callback::new(move |()| board.editing.set(None));
            let saved = Callback::new(move |()| {
                board.editing.set(None);
                board.toasts.say(text::common().saved);
                board.list.reload();
            });
            view! {
                <Dialog title on_close=close>
                    <KeyForm before on_saved=saved on_close=close />
                </Dialog>
            }
        })
    }
}

/// What the provider says of a key.
#[component]
fn CheckDialog(board: Board) -> impl IntoView {
    let t = text::provider_keys();
    move || {
        board.checked.get().map(|answer| {
            let close = Callback::new(move |()| board.checked.set(None));
            let name = answer.provider_key.clone().unwrap_or_default().display_name;
            view! {
                <Dialog title=(t.checked)(&name) on_close=close>
                    <CheckAnswer answer />
                    <div class="dialog-actions">
                        <Button look=Look::Primary on_press=close>
                            {text::common().close}
                        </Button>
                    </div>
                </Dialog>
            }
        })
    }
}

#[component]
fn CheckAnswer(answer: CheckProviderKeyResponse) -> impl IntoView {
    let t = text::provider_keys();
    let (words, tone) = verdict_words(answer.verdict());
    let message = (!answer.message.is_empty()).then_some(answer.message);
    let fact = |label: &'static str, value: String| {
        view! {
            <dt>{label}</dt>
            <dd class="numeric">{value}</dd>
        }
    };
    let money =
        |micro_usd: Option<i64>| micro_usd.map_or_else(|| t.not_told.to_owned(), format::micro_usd);
    view! {
        <Notice tone>
            <strong>{words}</strong>
            {message.map(|message| view! { <p class="mono">{message}</p> })}
        </Notice>
        <dl class="facts">
            {fact(t.spent, money(answer.spent_micro_usd))}
            {fact(t.limit_left, money(answer.limit_left_micro_usd))}
            {fact(t.latency, format::milliseconds(answer.latency_ms.into()))}
        </dl>
    }
    .into_any()
}

fn verdict_words(verdict: KeyVerdict) -> (&'static str, Tone) {
    let t = text::provider_keys();
    match verdict {
        KeyVerdict::Accepted => (t.accepted, Tone::Success),
        KeyVerdict::Refused => (t.why_refused, Tone::Danger),
        KeyVerdict::Unpaid => (t.why_unpaid, Tone::Danger),
        KeyVerdict::Limited => (t.why_limited, Tone::Warn),
        KeyVerdict::Unknown | KeyVerdict::Unspecified => (t.not_reached, Tone::Warn),
    }
}
