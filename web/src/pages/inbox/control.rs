use leptos::prelude::*;

use super::state::Inbox;
use crate::api::inbox::{Controller, Conversation};
use crate::i18n::{format, text};
use crate::session::Session;
use crate::ui::{Badge, Button, Look, Tone};

/// Who has the word, and the way to take it or to give it back.
#[component]
pub(super) fn ControlBar(inbox: Inbox) -> impl IntoView {
    let open = move || inbox.open.data.get().flatten();
    // Drawn anew only when the word changes hands, so that the button keeps the focus.
    let control = Memo::new(move |_| {
        open().map(|open| (open.controller, open.controller_user, open.resume_time))
    });
    move || {
        let (controller, user, resume) = control.get()?;
        let conversation = Conversation {
            controller,
            controller_user: user,
            resume_time: resume,
            ..Conversation::default()
        };
        Some(view! { <Bar conversation inbox /> })
    }
}

#[component]
fn Bar(conversation: Conversation, inbox: Inbox) -> impl IntoView {
    let t = text::inbox();
    let is_human = conversation.controller() == Controller::Human;
    let me = Session::get().me().user.unwrap_or_default().name;
    let is_me =
        !conversation.controller_user.is_empty() && me.ends_with(&conversation.controller_user);
    let (label, tone) = match (is_human, is_me) {
        (true, true) => (t.you_have_it, Tone::Info),
        (true, false) => (t.person_has_it, Tone::Warn),
        (false, _) => (t.bot_has_it, Tone::Bot),
    };
    let note = is_human.then(|| match &conversation.resume_time {
        Some(time) => (t.agent_returns)(format::relative_time(time)),
        None => t.by_hand_only.to_owned(),
    });
    let button = if is_human {
        view! {
            <Button
                busy=inbox.busy
                disabled=!inbox.may_write
                on_press=move |()| inbox.hand_back()
            >
                {t.hand_back}
            </Button>
        }
    } else {
        view! {
            <Button
                look=Look::Primary
                busy=inbox.busy
                disabled=!inbox.may_write
                on_press=move |()| inbox.take_over()
            >
                {t.take_over}
            </Button>
        }
    };
    view! {
        <div class="control-bar" role="status">
            <div class="grow row row-wrap">
                <Badge label tone />
                <span class="small muted">{note}</span>
            </div>
            {button}
        </div>
    }
    .into_any()
}
