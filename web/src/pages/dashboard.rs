use leptos::prelude::*;
use leptos_router::components::A;

use crate::api::Problem;
use crate::api::agents::{self, Overview};
use crate::api::crm;
use crate::api::inbox::{self, ConversationFilter, InboxFilter};
use crate::api::jobs::{self, JobState};
use crate::api::live::{LiveConversations, LiveJobs};
use crate::api::models;
use crate::api::usage::{self, QueryUsageResponse, UsageGrouping};
use crate::browser;
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{Bar, BarChart, Glyph, Icon, Notice, Page, Screen, SkeletonKind, Stat, Tone};

/// True counters, what needs a person, cost by day.
#[component]
pub(crate) fn Dashboard() -> impl IntoView {
    let t = text::dashboard();
    let live = expect_context::<LiveJobs>();
    live.subscribe();
    let overview = Query::keyed(move || live.epoch.get(), |_| agents::overview());
    let usage =
        Query::once(|| usage::query(browser::days_ago(30), None, UsageGrouping::Unspecified));
    view! {
        <Page title=t.title>
            <HealthStrip />
            <Screen
                query=overview
                skeleton=SkeletonKind::Cards
                count=4
                children=move |overview: Overview| {
                    view! {
                        <NeedsYou overview=overview.clone() />
                        <Counters overview=overview.clone() />
                        <AnswersByDay overview />
                    }
                }
            />
            <Screen
                query=usage
                skeleton=SkeletonKind::Text
                count=3
                children=move |usage: QueryUsageResponse| view! { <CostByDay usage /> }
            />
        </Page>
    }
}

/// What is missing around the agents: a real model, the CRM.
#[component]
fn HealthStrip() -> impl IntoView {
    let t = text::dashboard();
    let models = Query::once(|| models::list(String::new(), String::new()));
    let connections = Query::once(crm::connections);
    let is_demo = move || {
        models
            .data
            .with(|list| list.as_ref().is_some_and(|list| list.demo))
    };
    let has_no_crm = move || {
        connections
            .data
            .with(|connections| connections.as_ref().is_some_and(Vec::is_empty))
    };
    view! {
        <Show when=is_demo>
            <Notice tone=Tone::Warn>
                <strong>{t.demo_model}</strong>
                <p>{t.demo_how}</p>
            </Notice>
        </Show>
        <Show when=has_no_crm>
            <Notice>
                <div class="row row-wrap between">
                    <div class="grow">
                        <strong>{t.crm_not_connected}</strong>
                        <p class="small soft">{t.demo_crm}</p>
                    </div>
                    <A href="/integrations" attr:class="button button-primary">
                        {t.connect_kommo}
                    </A>
                </div>
            </Notice>
        </Show>
    }
}

#[component]
fn Counters(overview: Overview) -> impl IntoView {
    let t = text::dashboard();
    let total = u64::try_from(overview.agents_total).unwrap_or_default();
    let month = overview.answers_this_month;
    view! {
        <section class="counters">
            <Stat
                label=t.answers_today
                value=format::integer(overview.answers_today)
                note=(t.yesterday)(overview.answers_yesterday)
                href="/chat"
            />
            <Stat
                label=t.answers_month
                value=format::integer(month)
                note=(t.last_month)(overview.answers_last_month)
                href="/chat"
            />
            <Stat
                label=t.agents_active
                value=format::integer(overview.agents_active.into())
                note=(t.of_total)(total)
                href="/agents?state=active"
            />
            <Stat
                label=t.knowledge_items
                value=format::integer(overview.sources_ready.into())
                note=(t.chunks)(u64::try_from(overview.chunks_total).unwrap_or_default())
                href="/knowledge"
            />
            <Stat
                label=t.prices
                value=format::integer(overview.price_items_live.into())
                note=t.prices_note
                href="/prices"
            />
            <Stat
                label=t.cost_month
                value=format::micro_usd(overview.cost_this_month_micro_usd)
                note=t.cost_note
                href="/models/usage?period=month"
            />
        </section>
    }
    .into_any()
}

/// What waits for a person in the conversations and at Kommo; 0 of what cannot be asked now.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    drafts: u64,
    conversations: u64,
    problems: u64,
}

/// Each count by itself: one that fails keeps the others.
async fn waiting() -> Result<Waiting, Problem> {
    let filter = InboxFilter {
        kind: ConversationFilter::NeedsPerson,
        ..InboxFilter::default()
    };
    let drafts = inbox::drafts(String::new(), String::new());
    let conversations = inbox::list(filter, String::new());
    let (drafts, conversations, connections) =
        futures::future::join3(drafts, conversations, crm::connections()).await;
    let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    let problems = connections.map_or(0, |all| all.iter().map(|one| one.problems.len()).sum());
    Ok(Waiting {
        drafts: drafts.map_or(0, |page| count(page.items.len())),
        conversations: conversations.map_or(0, |page| count(page.items.len())),
        problems: count(problems),
    })
}

/// What a person should look at, or the first steps of a new organization.
#[component]
fn NeedsYou(overview: Overview) -> impl IntoView {
    let t = text::dashboard();
    let live = expect_context::<LiveConversations>();
    live.subscribe();
    let asked = Query::keyed(
        move || {
            let last = live
                .last
                .get()
                .map(|one| (one.name, one.has_draft, one.controller));
            (live.epoch.get(), last)
        },
        |_| waiting(),
    );
    let dead = Query::once(|| jobs::list(vec![JobState::Dead], String::new()));
    let is_new = overview.agents_total == 0 || overview.sources_ready == 0;
    let failed_sources = u64::try_from(overview.sources_failed).unwrap_or_default();
    let unanswered = u64::try_from(overview.unanswered_30_days).unwrap_or_default();
    let dead_count = move || {
        let count = dead
            .data
            .with(|page| page.as_ref().map_or(0, |(jobs, _)| jobs.len()));
        u64::try_from(count).unwrap_or_default()
    };
    let items = move || {
        let waiting = asked.data.get().unwrap_or_default();
        [
            (waiting.problems, t.connection_problems, "/integrations"),
            (waiting.drafts, t.drafts_wait, "/conversations/drafts"),
            (
                waiting.conversations,
                t.need_person,
                "/conversations?show=needs",
            ),
            (failed_sources, t.failed_files, "/knowledge?state=failed"),
            (dead_count(), t.failed_jobs, "/jobs?show=failed"),
            (unanswered, t.unanswered, "/chat"),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, words, href)| {
            view! {
                <li>
                    <A href=href>{words(count)}</A>
                </li>
            }
        })
        .collect::<Vec<_>>()
    };
    let first_steps = is_new.then(|| view! { <FirstSteps overview /> });
    let list = move || {
        let items = items();
        // A new organization sees its first steps instead of a list with nothing on it.
        if items.is_empty() && is_new {
            return ().into_any();
        }
        let body = if items.is_empty() {
            view! { <p class="soft">{t.all_well}</p> }.into_any()
        } else {
            view! { <ul class="stack-tight">{items}</ul> }.into_any()
        };
        view! {
            <section class="card">
                <header class="card-head">
                    <h2>{t.needs_you}</h2>
                </header>
                <div class="card-body">{body}</div>
            </section>
        }
        .into_any()
    };
    view! {
        {list}
        {first_steps}
    }
    .into_any()
}

#[component]
fn FirstSteps(overview: Overview) -> impl IntoView {
    let t = text::dashboard();
    let steps = [
        (
            overview.sources_ready > 0,
            t.step_knowledge,
            "/knowledge?add=files",
        ),
        (overview.agents_total > 0, t.step_agent, "/agents?new=1"),
        (overview.answers_this_month > 0, t.step_chat, "/chat"),
    ];
    let steps = steps.map(|(done, words, href)| first_step(done, words, href));
    let connections = Query::once(crm::connections);
    let crm_step = move || {
        let connections = connections.data.get().unwrap_or_default();
        first_step(!connections.is_empty(), t.step_crm, "/integrations")
    };
    view! {
        <section class="card">
            <header class="card-head">
                <h2>{t.first_steps}</h2>
            </header>
            <ol class="card-body stack-tight">
                {steps}
                {crm_step}
            </ol>
        </section>
    }
    .into_any()
}

fn first_step(done: bool, words: &'static str, href: &'static str) -> AnyView {
    let glyph = if done { Glyph::Check } else { Glyph::Arrow };
    view! {
        <li class="row" class:muted=done>
            <Icon glyph small=true />
            <A href=href>{words}</A>
        </li>
    }
    .into_any()
}

#[component]
fn AnswersByDay(overview: Overview) -> impl IntoView {
    let t = text::dashboard();
    let bars = overview
        .answers_by_day
        .iter()
        .map(|day| bar(&day.date, day.count, format::integer(day.count)))
        .collect();
    chart_card(t.answers_by_day, bars)
}

#[component]
fn CostByDay(usage: QueryUsageResponse) -> impl IntoView {
    let t = text::dashboard();
    if usage.days.is_empty() {
        let words = t.no_calls;
        return view! {
            <section class="card">
                <header class="card-head">
                    <h2>{t.cost_by_day}</h2>
                </header>
                <p class="card-body soft">{words}</p>
            </section>
        }
        .into_any();
    }
    let bars = usage
        .days
        .iter()
        .rev()
        .map(|day| {
            let cost = day.usage.unwrap_or_default().cost_micro_usd;
            let calls = u64::try_from(day.calls).unwrap_or_default();
            let words = format!("{}, {}", format::micro_usd(cost), (t.calls)(calls));
            // A free model costs nothing: the bars then show calls.
            let is_free = usage.total.is_none_or(|total| total.cost_micro_usd == 0);
            bar(&day.date, if is_free { day.calls } else { cost }, words)
        })
        .collect();
    let is_free = usage.total.is_none_or(|total| total.cost_micro_usd == 0);
    let title = if is_free {
        t.calls_by_day
    } else {
        t.cost_by_day
    };
    chart_card(title, bars)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and micro-USD stay far below 2^53"
)]
fn bar(date: &str, value: i64, words: String) -> Bar {
    let label = date.get(8..).unwrap_or(date);
    Bar {
        value: value as f64,
        label: label.trim_start_matches('0').to_owned(),
        words: format!("{date}: {words}"),
    }
}

fn chart_card(title: &'static str, bars: Vec<Bar>) -> AnyView {
    view! {
        <section class="card">
            <header class="card-head">
                <h2>{title}</h2>
            </header>
            <div class="card-body">
                <BarChart title bars />
            </div>
        </section>
    }
    .into_any()
}
