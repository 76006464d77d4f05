use leptos::prelude::*;

use super::office::Office;
use super::problems::transport_id;
use crate::api::crm::{self, Connection, ReplyTransport, UpdateConnectionRequest};
use crate::i18n::text;
use crate::task;
use crate::ui::{Button, Choice, FormErrors, FormFailure, Look, Notice, NumberInput, Select, Tone};

/// Calls a second when none were chosen.
const USUAL_PACE: i32 = 4;
const WAYS: [ReplyTransport; 6] = [
    ReplyTransport::Auto,
    ReplyTransport::Talk,
    ReplyTransport::Salesbot,
    ReplyTransport::FieldBot,
    ReplyTransport::Amojo,
    ReplyTransport::Note,
];

/// How answers reach the client; folded, since the best way is chosen by itself.
#[component]
pub(super) fn Transport(connection: Connection, office: Office) -> impl IntoView {
    let t = text::integrations();
    let id = transport_id(&connection.name);
    let now = word(connection.effective_reply_transport());
    view! {
        <details id=id>
            <summary class="soft">{t.transport} " · " {t.transport_now} " " {now}</summary>
            <div class="fold">
                <TransportForm connection office />
            </div>
        </details>
    }
    .into_any()
}

fn word(way: ReplyTransport) -> &'static str {
    let t = text::integrations();
    match way {
        ReplyTransport::Auto | ReplyTransport::Unspecified => t.transport_auto,
        ReplyTransport::Talk => t.transport_talk,
        ReplyTransport::Salesbot => t.transport_salesbot,
        ReplyTransport::FieldBot => t.transport_field_bot,
        ReplyTransport::Amojo => t.transport_amojo,
        ReplyTransport::Note => t.transport_note,
    }
}

/// An id or a count as people see it: nothing for none.
fn shown(number: i64) -> String {
    if number == 0 {
        String::new()
    } else {
        number.to_string()
    }
}

#[component]
fn TransportForm(connection: Connection, office: Office) -> impl IntoView {
    let t = text::integrations();
    let errors = FormErrors::provide();
    let present = match connection.reply_transport() {
        ReplyTransport::Unspecified => ReplyTransport::Auto,
        chosen => chosen,
    };
    let way = RwSignal::new(i32::from(present).to_string());
    let field = RwSignal::new(shown(connection.reply_field_id));
    let bot = RwSignal::new(shown(connection.reply_bot_id));
    let pace = match connection.calls_per_second {
        0 => USUAL_PACE,
        chosen => chosen,
    };
    let pace = RwSignal::new(pace.to_string());
    let busy = RwSignal::new(false);
    let name = connection.name;
    let choices: Vec<Choice> = WAYS
        .into_iter()
        .map(|way| Choice::new(i32::from(way).to_string(), word(way)))
        .collect();
    let is = move |wanted: ReplyTransport| way.get() == i32::from(wanted).to_string();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        errors.clear();
        let number = |typed: RwSignal<String>| typed.get_untracked().trim().parse::<i64>().ok();
        let request = UpdateConnectionRequest {
            name: name.clone(),
            reply_transport: way.get_untracked().parse().ok(),
            reply_field_id: number(field),
            reply_bot_id: number(bot),
            calls_per_second: number(pace)
                .filter(|calls| *calls > 0)
                .and_then(|calls| calls.try_into().ok()),
        };
        busy.set(true);
        task::spawn(async move {
            let answer = crm::update(request).await;
            busy.set(false);
            match answer {
                Ok(connection) => {
                    office.toasts.say(text::common().saved);
                    office.take(connection);
                }
                Err(problem) => errors.refuse(problem),
            }
        });
    };
    view! {
        <form class="stack narrow-form" on:submit=submit novalidate=true>
            <FormFailure />
            <Select label=t.transport name="reply_transport" value=way choices />
            <Show when=move || is(ReplyTransport::Note)>
                <Notice tone=Tone::Warn>{t.transport_note_hint}</Notice>
            </Show>
            <Show when=move || is(ReplyTransport::FieldBot)>
                <div class="grid-2">
                    <NumberInput label=t.reply_field name="reply_field_id" value=field min=0 />
                    <NumberInput label=t.reply_bot name="reply_bot_id" value=bot min=0 />
                </div>
            </Show>
            <NumberInput
                label=t.calls_per_second
                name="calls_per_second"
                value=pace
                min=1
                max=7
            />
            <div class="row">
                <Button look=Look::Primary submit=true busy disabled=!office.may_write>
                    {text::common().save}
                </Button>
            </div>
        </form>
    }
    .into_any()
}
