use leptos::prelude::*;

use super::talk::Talk;
use crate::api::Problem;
use crate::api::versions::{self, AgentVersion};
use crate::i18n::text;
use crate::query::Query;
use crate::ui::{Choice, FilterSelect};

/// What answers: the draft, or a version that was published. Not to be seen while there is none.
#[component]
pub(super) fn VersionPicker(talk: Talk) -> impl IntoView {
    let agent = Memo::new(move |_| talk.present_agent());
    // Another agent has versions of its own.
    Effect::new(move |before: Option<String>| {
        let now = agent.get();
        if before.is_some_and(|before| before != now) {
            talk.version.set(String::new());
        }
        now
    });
    let query = Query::keyed(move || agent.get(), answering);
    let choices = Signal::derive(move || choices(&query.data.get().unwrap_or_default()));
    view! {
        <Show when=move || choices.with(|choices| choices.len() > 1)>
            <FilterSelect
                label=text::chat().choose_version
                value=talk.version
                choices
                on_choose=move |version| talk.version.set(version)
            />
        </Show>
    }
    .into_any()
}

/// The versions that can still answer, newest first.
async fn answering(agent: String) -> Result<Vec<AgentVersion>, Problem> {
    if agent.is_empty() {
        return Ok(Vec::new());
    }
    let page = versions::list(agent, String::new()).await?;
    let versions = page.items.into_iter();
    Ok(versions
        .filter(|version| version.live || version.restorable)
        .collect())
}

fn choices(versions: &[AgentVersion]) -> Vec<Choice> {
    let t = text::chat();
    let versions = versions.iter().map(|version| {
        let label = if version.live {
            (t.live_version)(version.number)
        } else {
            (t.version)(version.number)
        };
        Choice::new(version.name.clone(), label)
    });
    std::iter::once(Choice::new("", t.draft))
        .chain(versions)
        .collect()
}
