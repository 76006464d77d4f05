use leptos::prelude::*;
use leptos_router::components::A;

use crate::api::Problem;
use crate::api::agents::{self, Agent, AgentState};
use crate::api::crm::{self, ConnectionState};
use crate::api::crm_settings;
use crate::i18n::text;
use crate::query::Query;
use crate::ui::{Empty, Glyph, Icon, Screen};

/// Whether everything is there that a first conversation needs.
#[derive(Clone, Debug)]
struct Checks {
    is_connected: bool,
    is_active: bool,
    has_stages: bool,
    /// Where stages are chosen.
    stages_path: String,
}

async fn check() -> Result<Checks, Problem> {
    let connections = crm::connections().await?;
    let agents = agents::all().await?;
    let active: Vec<&Agent> = agents
        .iter()
        .filter(|agent| agent.state() == AgentState::Active)
        .collect();
    let mut has_stages = false;
    for agent in &active {
        let settings = crm_settings::get(agent.name.clone()).await?;
        has_stages |= !settings.connection.is_empty() && !settings.pipelines.is_empty();
    }
    let first = active.first().copied().or_else(|| agents.first());
    Ok(Checks {
        is_connected: connections
            .iter()
            .any(|connection| connection.state() == ConnectionState::Connected),
        is_active: !active.is_empty(),
        has_stages,
        stages_path: first.map_or_else(
            || "/agents?new=1".to_owned(),
            |agent| format!("/{}/pipelines", agent.name),
        ),
    })
}

/// No conversation yet: the three things to check, each as it is now.
#[component]
pub(super) fn NoConversations() -> impl IntoView {
    let t = text::inbox();
    let query = Query::once(check);
    view! {
        <Empty glyph=Glyph::Chat title=t.empty_title words=t.empty_text small=true>
            <Screen query count=3 children=check_list />
        </Empty>
    }
    .into_any()
}

fn check_list(checks: Checks) -> AnyView {
    let t = text::inbox();
    let rows = [
        (
            checks.is_connected,
            t.check_connection,
            t.check_connection_fix,
            "/integrations".to_owned(),
        ),
        (
            checks.is_active,
            t.check_agent,
            t.check_agent_fix,
            "/agents".to_owned(),
        ),
        (
            checks.has_stages,
            t.check_stages,
            t.check_stages_fix,
            checks.stages_path,
        ),
    ];
    let rows = rows
        .into_iter()
        .map(|(is_done, what, fix, path)| {
            let (glyph, state) = if is_done {
                (Glyph::Check, t.check_done)
            } else {
                (Glyph::Alert, t.check_todo)
            };
            view! {
                <li class="row check-row" class:is-done=is_done>
                    <Icon glyph small=true />
                    <span class="visually-hidden">{state} ": "</span>
                    {if is_done {
                        view! { <span>{what}</span> }.into_any()
                    } else {
                        view! { <A href=path>{fix}</A> }.into_any()
                    }}
                </li>
            }
        })
        .collect_view();
    view! { <ul class="stack-tight checks">{rows}</ul> }.into_any()
}
