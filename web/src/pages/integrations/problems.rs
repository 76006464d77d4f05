use leptos::prelude::*;

use super::office::Office;
use crate::api::crm::{Connection, ConnectionKind, ConnectionProblem};
use crate::i18n::text;
use crate::ui::{Button, Notice, Tone};

/// What mends a problem.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mend {
    Renew,
    Repair,
    /// The choice of the way answers are sent, on the same card.
    Transport,
}

/// Each problem in words, with the button that mends it.
#[component]
pub(super) fn Problems(connection: Connection, office: Office) -> impl IntoView {
    if connection.problems.is_empty() {
        return ().into_any();
    }
    let rows = connection
        .problems
        .iter()
        .map(|problem| problem_row(problem, &connection, office))
        .collect_view();
    view! { <div class="stack-tight">{rows}</div> }.into_any()
}

fn problem_row(problem: &ConnectionProblem, connection: &Connection, office: Office) -> AnyView {
    let t = text::integrations();
    let (words, mend, tone) = known(problem);
    let is_token = connection.kind() == ConnectionKind::LongLived;
    let label = match mend {
        Mend::Renew if is_token => t.replace_token,
        Mend::Renew => t.reauthorize,
        Mend::Repair => t.repair,
        Mend::Transport => t.choose_transport,
    };
    let target = StoredValue::new(connection.clone());
    let press = Callback::new(move |()| {
        let connection = target.get_value();
        match mend {
            Mend::Renew => office.renew(&connection),
            Mend::Repair => office.repair(connection.name),
            Mend::Transport => show_transport(&connection.name),
        }
    });
    view! {
        <Notice tone>
            <div class="row row-wrap between">
                <span class="grow">{words}</span>
                <Button busy=office.busy disabled=!office.may_write on_press=press>
                    {label}
                </Button>
            </div>
        </Notice>
    }
    .into_any()
}

/// The id of the folded part of a card where the way of sending is chosen.
pub(super) fn transport_id(connection: &str) -> String {
    format!("transport-{}", connection.replace('/', "-"))
}

fn show_transport(connection: &str) {
    if let Some(details) = document().get_element_by_id(&transport_id(connection)) {
        // Opening a part of the page that is there cannot fail.
        let _ = details.set_attribute("open", "");
        details.scroll_into_view();
    }
}

fn known(problem: &ConnectionProblem) -> (String, Mend, Tone) {
    let t = text::integrations();
    let (words, mend, tone) = match problem.reason.as_str() {
        "NEEDS_REAUTH" => (t.problem_reauth, Mend::Renew, Tone::Danger),
        "DISABLED" => (t.problem_disabled, Mend::Renew, Tone::Danger),
        "ACCOUNT_MISMATCH" => (t.problem_mismatch, Mend::Renew, Tone::Danger),
        "WEBHOOK_MISSING" => (t.problem_webhook_missing, Mend::Repair, Tone::Danger),
        "WEBHOOK_DISABLED" => (t.problem_webhook_disabled, Mend::Repair, Tone::Danger),
        "NO_REPLY_TRANSPORT" => (t.problem_no_transport, Mend::Transport, Tone::Danger),
        "QUOTA_EXCEEDED" => (t.problem_quota_exceeded, Mend::Transport, Tone::Danger),
        "QUOTA_LOW" => (t.problem_quota_low, Mend::Transport, Tone::Warn),
        "SCOPE_MISSING" => (t.problem_scope, Mend::Renew, Tone::Warn),
        "TOKEN_EXPIRING" => (t.problem_token_expiring, Mend::Renew, Tone::Warn),
        "NO_EVENTS" => (t.problem_no_events, Mend::Repair, Tone::Warn),
        "KOMMO_AI_ON" => (t.problem_kommo_ai, Mend::Repair, Tone::Warn),
        _ => (problem.message.as_str(), Mend::Repair, Tone::Warn),
    };
    (words.to_owned(), mend, tone)
}
