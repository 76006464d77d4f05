//! Parts that scripts and responses share.

use leptos::prelude::*;

use crate::api::agents::{self, Agent};
use crate::api::playbook::{PlayState, StageRef};
use crate::i18n::text;
use crate::query::Query;
use crate::ui::{Badge, Choice, Glyph, IconButton, RadioOption, Tone};

pub(super) const SCRIPT_TYPES: [&str; 7] = [
    "greeting",
    "qualification",
    "presentation",
    "objection_handling",
    "closing",
    "follow_up",
    "handoff",
];
pub(super) const OBJECTION_TYPES: [&str; 10] = [
    "price",
    "timing",
    "need",
    "competitor",
    "trust",
    "authority",
    "delivery",
    "guarantee",
    "spam_fear",
    "other",
];

/// The word for a type of either.
pub(super) fn type_word(kind: &str) -> String {
    let t = text::plays();
    let word = match kind {
        "greeting" => t.greeting,
        "qualification" => t.qualification,
        "presentation" => t.presentation,
        "objection_handling" => t.objection_handling,
        "closing" => t.closing,
        "follow_up" => t.follow_up,
        "handoff" => t.handoff,
        "price" => t.price,
        "timing" => t.timing,
        "need" => t.need,
        "competitor" => t.competitor,
        "trust" => t.trust,
        "authority" => t.authority,
        "delivery" => t.delivery,
        "guarantee" => t.guarantee,
        "spam_fear" => t.spam_fear,
        "other" => t.other,
        unknown => unknown,
    };
    word.to_owned()
}

pub(super) fn type_choices(kinds: &[&'static str]) -> Vec<Choice> {
    kinds
        .iter()
        .map(|kind| Choice::new(*kind, type_word(kind)))
        .collect()
}

/// The same with a first line that narrows to nothing.
pub(super) fn type_filter(kinds: &[&'static str]) -> Vec<Choice> {
    let all = format!("{}: {}", text::plays().kind, text::common().all);
    let mut choices = type_choices(kinds);
    choices.insert(0, Choice::new("", all));
    choices
}

/// Agents, after a first line for all of them.
pub(super) fn agent_choices(agents: Query<Vec<Agent>>, first: String) -> Signal<Vec<Choice>> {
    Signal::derive(move || {
        let known = agents.data.get().unwrap_or_default();
        let known = known
            .into_iter()
            .map(|agent| Choice::new(agent.name, agent.display_name));
        std::iter::once(Choice::new("", first.clone()))
            .chain(known)
            .collect()
    })
}

pub(super) fn all_agents() -> Query<Vec<Agent>> {
    Query::once(agents::all)
}

#[component]
pub(super) fn StateBadge(state: PlayState) -> impl IntoView {
    let t = text::plays();
    let (label, tone) = match state {
        PlayState::Unspecified | PlayState::Draft => (t.state_draft, Tone::Neutral),
        PlayState::Published => (t.state_published, Tone::Success),
        PlayState::Archived => (t.state_archived, Tone::Neutral),
    };
    view! { <Badge label tone /> }
}

pub(super) fn state_options() -> Vec<RadioOption> {
    let t = text::plays();
    [
        (PlayState::Draft, t.state_draft, t.state_draft_text),
        (
            PlayState::Published,
            t.state_published,
            t.state_published_text,
        ),
        (PlayState::Archived, t.state_archived, t.state_archived_text),
    ]
    .into_iter()
    .map(|(state, label, text)| RadioOption {
        value: state.into(),
        label,
        text,
    })
    .collect()
}

/// The state a form begins with: a new one is used at once.
pub(super) fn first_state(state: PlayState, is_new: bool) -> i32 {
    match state {
        PlayState::Unspecified if is_new => PlayState::Published.into(),
        PlayState::Unspecified => PlayState::Draft.into(),
        state => state.into(),
    }
}

/// Where it applies, in a few words.
pub(super) fn place_words(agents: &[Agent], agent: &str, stages: &[StageRef]) -> String {
    let t = text::plays();
    let found = agents.iter().find(|one| one.name == agent);
    let agent = found.map_or(t.every_agent, |agent| agent.display_name.as_str());
    let stages = match u64::try_from(stages.len()).unwrap_or_default() {
        0 => t.every_stage.to_owned(),
        count => (t.stage_count)(count),
    };
    format!("{agent} · {stages}")
}

#[component]
pub(super) fn DeleteButton(may_write: bool, on_press: impl Fn() + 'static) -> impl IntoView {
    may_write.then(|| {
        view! { <IconButton glyph=Glyph::Trash label=text::common().delete on_press /> }
    })
}
