use leptos::prelude::*;

use super::form::CrmForm;
use super::inputs::{Gone, Number};
use crate::api::crm::{Account, Channel};
use crate::i18n::text;
use crate::pages::inbox::words::channel_word;
use crate::ui::{Checkbox, Notice, RelativeTime, Section, Switch, Tone};

/// The channels where the agent answers.
#[component]
pub(super) fn Channels(account: Option<Account>, form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let known = StoredValue::new(account.map(|account| account.channels).unwrap_or_default());
    let all = Memo::new(move |_| form.edited.with(|edited| edited.all_channels));
    let none = move || {
        form.edited
            .with(|edited| !edited.all_channels && edited.channels.is_empty())
    };
    let turn = move |on| {
        form.edited.update(|edited| {
            edited.all_channels = on;
            if on {
                edited.channels.clear();
            }
        });
    };
    view! {
        <Section title=t.channels lead=t.channels_lead>
            <Switch label=t.all_channels value=all on_change=turn />
            <Show when=move || !all.get()>{channel_boxes(known.get_value(), form)}</Show>
            <Show when=none>
                <Notice tone=Tone::Warn>{t.channels_choose}</Notice>
            </Show>
        </Section>
    }
    .into_any()
}

/// Those that messages have come from, and those that are chosen though none has.
fn channel_boxes(known: Vec<Channel>, form: CrmForm) -> AnyView {
    let t = text::deals();
    let chosen = form.edited.with_untracked(|edited| edited.channels.clone());
    let mut rows: Vec<(String, String, Option<Channel>)> = Vec::new();
    for channel in known {
        if !rows.iter().any(|(word, ..)| *word == channel.channel) {
            let label = channel_word(&channel.channel);
            rows.push((channel.channel.clone(), label, Some(channel)));
        }
    }
    for word in chosen {
        if !rows.iter().any(|(known, ..)| *known == word) {
            rows.push((word.clone(), channel_word(&word), None));
        }
    }
    if rows.is_empty() {
        return view! { <Notice>{t.channels_none}</Notice> }.into_any();
    }
    rows.into_iter()
        .map(|(word, label, channel)| view! { <ChannelBox word label channel form /> })
        .collect_view()
        .into_any()
}

#[component]
fn ChannelBox(
    word: String,
    label: String,
    channel: Option<Channel>,
    form: CrmForm,
) -> impl IntoView {
    let is_chosen = Signal::derive({
        let word = word.clone();
        move || form.edited.with(|edited| edited.channels.contains(&word))
    });
    let choose = move |on: bool| {
        form.edited.update(|edited| {
            edited.channels.retain(|other| *other != word);
            if on {
                edited.channels.push(word.clone());
            }
        });
    };
    let seen = match channel {
        Some(channel) => view! {
            <span class="small muted">
                <RelativeTime time=channel.last_message_time />
            </span>
        }
        .into_any(),
        None => view! { <Gone /> }.into_any(),
    };
    view! {
        <div class="row row-wrap">
            <Checkbox label value=is_chosen on_change=choose />
            {seen}
        </div>
    }
}

/// When the agent has the word again after a person wrote.
#[component]
pub(super) fn People(form: CrmForm) -> impl IntoView {
    let t = text::deals();
    let before = form
        .edited
        .with_untracked(|edited| edited.resume_after_hours);
    view! {
        <Section title=t.people lead=t.people_lead>
            <Number
                label=t.resume_hours
                before
                min=0
                max=720
                hint=t.resume_hint
                write=move |hours| form.edited.update(|edited| edited.resume_after_hours = hours)
            />
        </Section>
    }
    .into_any()
}
