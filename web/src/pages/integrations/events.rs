use leptos::prelude::*;

use super::event_sheet::EventSheet;
use crate::api::crm::{self, Connection};
use crate::api::events::{self, Event, EventFilter, EventState};
use crate::i18n::text;
use crate::pages::turn::words::known_skip;
use crate::query::{Page, Paged, Query};
use crate::ui::{
    Badge, Button, Choice, Empty, FilterSelect, Glyph, IconButton, Look, NextPage, RelativeTime,
    Screen, Table, TableRow, Tone,
};
use crate::url_state::url_state;

const STATES: [(&str, EventState); 5] = [
    ("received", EventState::Received),
    ("dispatched", EventState::Dispatched),
    ("done", EventState::Done),
    ("failed", EventState::Failed),
    ("quarantined", EventState::Quarantined),
];
/// The kinds that people look for; others are shown under their own names.
const ENTITIES: [&str; 4] = ["message", "outgoing_message", "leads", "talk"];
/// The verdicts that people look for.
const VERDICTS: [&str; 12] = [
    "answered",
    "draft",
    "handed_off",
    "send_failed",
    "human",
    "stage_off",
    "no_agent",
    "outside_hours",
    "small_talk_ack",
    "opted_out",
    "ignored",
    "duplicate",
];

/// What Kommo told of, and what became of each thing.
#[component]
pub(crate) fn Events() -> impl IntoView {
    let t = text::events();
    let (state, set_state) = url_state("state");
    let (entity, set_entity) = url_state("entity");
    let (verdict, set_verdict) = url_state("verdict");
    let (account, set_account) = url_state("account");
    let (shown, set_shown) = url_state("event");
    let filter = move || EventFilter {
        connection: account.get(),
        state: state_of(&state.get()),
        verdict: verdict.get(),
        entity: entity.get(),
    };
    let log = Paged::keyed(filter, events::list);
    let is_filtered = move || filter() != EventFilter::default();
    let reset = Callback::new(move |()| {
        set_state(String::new());
        set_entity(String::new());
        set_verdict(String::new());
        set_account(String::new());
    });
    let open = Callback::new(set_shown);
    view! {
        <div class="filters">
            <FilterSelect
                label=t.filter_state
                value=state
                choices=choices(t.filter_state, STATES.map(|(slug, state)| (slug, state_word(state).0)))
                on_choose=set_state
            />
            <FilterSelect
                label=t.filter_entity
                value=entity
                choices=choices(t.filter_entity, ENTITIES.map(|entity| (entity, entity_word(entity))))
                on_choose=set_entity
            />
            <FilterSelect
                label=t.filter_verdict
                value=verdict
                choices=choices(t.filter_verdict, VERDICTS.map(|word| (word, verdict_word(word))))
                on_choose=set_verdict
            />
            <AccountFilter value=account on_choose=set_account />
            <Show when=is_filtered>
                <Button look=Look::Ghost on_press=reset>
                    {text::common().reset}
                </Button>
            </Show>
            <IconButton
                glyph=Glyph::Refresh
                label=text::common().retry
                on_press=move || log.query.reload()
            />
        </div>
        <Screen
            query=log.query
            children=move |page| event_table(page, is_filtered(), open)
        />
        <NextPage more=log.more />
        <EventSheet name=shown log on_close=move |()| set_shown(String::new()) />
    }
    .into_any()
}

fn state_of(slug: &str) -> Option<EventState> {
    let found = STATES.into_iter().find(|(known, _)| *known == slug);
    found.map(|(_, state)| state)
}

fn choices<const N: usize, L: Into<String>>(
    label: &'static str,
    known: [(&'static str, L); N],
) -> Vec<Choice> {
    let all = Choice::new("", format!("{label}: {}", text::common().all));
    let known = known
        .into_iter()
        .map(|(value, label)| Choice::new(value, label));
    std::iter::once(all).chain(known).collect()
}

/// Only where there are several accounts.
#[component]
fn AccountFilter(
    value: Signal<String>,
    on_choose: impl Fn(String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let t = text::events();
    let accounts = Query::once(crm::connections);
    move || {
        let accounts: Vec<Connection> = accounts.data.get().unwrap_or_default();
        (accounts.len() > 1).then(|| {
            let all = Choice::new("", format!("{}: {}", t.filter_account, text::common().all));
            let known = accounts
                .into_iter()
                .map(|account| Choice::new(account.name, account.host));
            let choices: Vec<Choice> = std::iter::once(all).chain(known).collect();
            view! { <FilterSelect label=t.filter_account value choices on_choose /> }
        })
    }
}

fn event_table(page: Page<Event>, is_filtered: bool, open: Callback<String>) -> AnyView {
    let t = text::events();
    let events = page.items;
    if events.is_empty() && is_filtered {
        let t = text::common();
        return view! {
            <Empty glyph=Glyph::Search title=t.nothing_found words=t.change_filters />
        }
        .into_any();
    }
    if events.is_empty() {
        return view! { <Empty glyph=Glyph::Jobs title=t.empty_title words=t.empty_text /> }
            .into_any();
    }
    let columns = vec![t.event, t.verdict, text::common().status, t.received];
    let rows = events
        .into_iter()
        .map(|event| event_row(event, open))
        .collect_view();
    view! {
        <Table caption=t.caption columns>
            {rows}
        </Table>
    }
    .into_any()
}

fn event_row(event: Event, open: Callback<String>) -> impl IntoView {
    let (label, tone) = state_word(event.state());
    let name = event.name.clone();
    view! {
        <TableRow on_open=move |()| open.run(name.clone())>
            <td>
                <strong>{entity_word(&event.entity)}</strong>
                <div class="small muted">{action_word(&event.action)}</div>
            </td>
            <td data-label=text::events().verdict>{what_became(&event)}</td>
            <td>
                <Badge label tone />
            </td>
            <td>
                <RelativeTime time=event.receive_time />
            </td>
        </TableRow>
    }
}

/// The verdict in words; of a failed event what went wrong.
pub(super) fn what_became(event: &Event) -> String {
    if event.state() == EventState::Failed {
        return if event.error_message.is_empty() {
            event.error_reason.clone()
        } else {
            event.error_message.clone()
        };
    }
    verdict_word(&event.verdict)
}

pub(super) fn verdict_word(verdict: &str) -> String {
    let t = text::events();
    let known = match verdict {
        "" => Some(t.no_verdict),
        "answered" => Some(t.verdict_answered),
        "draft" => Some(t.verdict_draft),
        "duplicate" => Some(t.verdict_duplicate),
        "ignored" => Some(t.verdict_ignored),
        "noted" | "talk_changed" | "lead_changed" => Some(t.verdict_noted),
        "own" => Some(t.verdict_own),
        "human_wrote" => Some(t.verdict_human_wrote),
        "other_bot" => Some(t.verdict_other_bot),
        "talk_closed" => Some(t.verdict_talk_closed),
        "handed_off" => Some(t.verdict_handed_off),
        "failed" => Some(t.verdict_failed),
        other => known_skip(other),
    };
    known.map_or_else(|| verdict.to_owned(), ToOwned::to_owned)
}

pub(super) fn state_word(state: EventState) -> (&'static str, Tone) {
    let t = text::events();
    match state {
        EventState::Unspecified | EventState::Received => (t.state_received, Tone::Neutral),
        EventState::Dispatched => (t.state_dispatched, Tone::Info),
        EventState::Done => (t.state_done, Tone::Success),
        EventState::Failed => (t.state_failed, Tone::Danger),
        EventState::Quarantined => (t.state_quarantined, Tone::Warn),
    }
}

pub(super) fn entity_word(entity: &str) -> String {
    let t = text::events();
    let word = match entity {
        "message" => t.entity_message,
        "outgoing_message" => t.entity_outgoing,
        "leads" | "lead" => t.entity_leads,
        "contacts" | "contact" => t.entity_contacts,
        "talk" => t.entity_talk,
        "task" => t.entity_task,
        "note" => t.entity_note,
        "unsorted" => t.entity_unsorted,
        other => other,
    };
    word.to_owned()
}

pub(super) fn action_word(action: &str) -> String {
    let t = text::events();
    let word = match action {
        "add" => t.action_add,
        "update" => t.action_update,
        "delete" => t.action_delete,
        "status" => t.action_status,
        "responsible" => t.action_responsible,
        "restore" => t.action_restore,
        other => other,
    };
    word.to_owned()
}
