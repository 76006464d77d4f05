use leptos::prelude::*;

use super::state::Inbox;
use super::words::{content_word, delivery_reason, delivery_words};
use crate::api::conversations::{Author, ChatMessage};
use crate::i18n::{format, text};
use crate::pages::turn::sentences;
use crate::ui::{Avatar, Badge, Button, Glyph, Look};

/// One message: who, when, what, and how it was delivered.
#[component]
pub(super) fn Message(message: ChatMessage, inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    let author = message.author();
    let (role, is_ours) = match author {
        Author::Client | Author::Unspecified => (t.client, false),
        Author::Agent => (t.bot, true),
        Author::Human => (t.person, true),
        Author::System => (t.system, false),
    };
    let is_bot = author == Author::Agent;
    let who = if message.author_display_name.is_empty() || is_bot {
        role.to_owned()
    } else {
        message.author_display_name.clone()
    };
    let time = message.create_time;
    let clock = time.as_ref().map(format::clock_time);
    let exact = time.as_ref().map(format::exact_time);
    let turn = message.turn.clone();
    let has_turn = is_bot && !turn.is_empty();
    let show = Callback::new({
        let turn = turn.clone();
        move |()| inbox.show_turn(turn.clone())
    });
    let delivery = delivery(&message);
    view! {
        <li class="message" class:from-bot=is_bot class:ours=is_ours>
            <div class="row small muted">
                <Avatar name=who.clone() bot=is_bot />
                <strong>{who}</strong>
                <time class="numeric" title=exact>
                    {clock}
                </time>
            </div>
            <div class="bubble">{body(message, inbox)}</div>
            <div class="row row-wrap small muted">
                {delivery}
                {has_turn
                    .then(|| {
                        view! {
                            <Button look=Look::Ghost glyph=Glyph::Sparkle on_press=show>
                                {t.show_trace}
                            </Button>
                        }
                    })}
            </div>
        </li>
    }
    .into_any()
}

fn body(message: ChatMessage, inbox: Inbox) -> AnyView {
    if !message.sentences.is_empty() {
        let turn = StoredValue::new(message.turn);
        return sentences(&message.sentences, inbox.trace, turn);
    }
    let kind = content_word(&message.content_type);
    view! {
        {kind.map(|kind| view! { <p class="small muted">{kind}</p> })}
        <p class="said">{message.content}</p>
    }
    .into_any()
}

fn delivery(message: &ChatMessage) -> Option<AnyView> {
    let (label, tone) = delivery_words(&message.delivery)?;
    let reason = delivery_reason(&message.delivery_reason);
    let reason = (!reason.is_empty()).then(|| view! { <span>{reason}</span> });
    Some(view! { <Badge label tone /> {reason} }.into_any())
}
