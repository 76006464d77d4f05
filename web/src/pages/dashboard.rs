use leptos::prelude::*;
use leptos_router::components::A;

use crate::api::agents::{self, Overview};
use crate::api::jobs::{self, JobState};
use crate::api::live::LiveJobs;
use crate::api::models::{self, QueryUsageResponse};
use crate::browser;
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{Bar, BarChart, Glyph, Icon, Notice, Page, Screen, SkeletonKind, Stat, Tone};

/// True counters, what needs a person, cost by day.
#[component]
pub(crate) fn Dashboard() -> impl IntoView {
    let t = &text().dashboard;
    let live = expect_context::<LiveJobs>();
    live.subscribe();
    let overview = Query::keyed(move || live.epoch.get(), |_| agents::overview());
    let usage = Query::once(|| models::usage(Some(browser::days_ago(30))));
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
    let t = &text().dashboard;
    let models = Query::once(|| models::list(String::new(), String::new()));
    let connections = Query::once(models::count_connections);
    let is_demo = move || {
        models
            .data
            .with(|list| list.as_ref().is_some_and(|list| list.demo))
    };
    let has_no_crm = move || connections.data.get() == Some(0);
    view! {
        <Show when=is_demo>
            <Notice tone=Tone::Warn>
                <strong>{t.demo_model}</strong>
                <p>{t.demo_how}</p>
            </Notice>
        </Show>
        <Show when=has_no_crm>
            <Notice>{t.crm_not_connected}</Notice>
        </Show>
    }
}

#[component]
fn Counters(overview: Overview) -> impl IntoView {
    let t = &text().dashboard;
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
                href="/settings/models"
            />
        </section>
    }
    .into_any()
}

/// What a person should look at, or the first steps of a new organization.
#[component]
fn NeedsYou(overview: Overview) -> impl IntoView {
    let t = &text().dashboard;
    let dead = Query::once(|| jobs::list(vec![JobState::Dead], String::new()));
    if overview.agents_total == 0 || overview.sources_ready == 0 {
        return view! { <FirstSteps overview /> }.into_any();
    }
    let failed_sources = u64::try_from(overview.sources_failed).unwrap_or_default();
    let unanswered = u64::try_from(overview.unanswered_30_days).unwrap_or_default();
    let dead_count = move || {
        let count = dead
            .data
            .with(|page| page.as_ref().map_or(0, |(jobs, _)| jobs.len()));
        u64::try_from(count).unwrap_or_default()
    };
    let items = move || {
        [
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
    view! {
        <section class="card">
            <header class="card-head">
                <h2>{t.needs_you}</h2>
            </header>
            <div class="card-body">
                {move || {
                    let items = items();
                    if items.is_empty() {
                        view! { <p class="soft">{t.all_well}</p> }.into_any()
                    } else {
                        view! { <ul class="stack-tight">{items}</ul> }.into_any()
                    }
                }}
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn FirstSteps(overview: Overview) -> impl IntoView {
    let t = &text().dashboard;
    let steps = [
        (
            overview.sources_ready > 0,
            t.step_knowledge,
            "/knowledge?add=files",
        ),
        (overview.agents_total > 0, t.step_agent, "/agents?new=1"),
        (overview.answers_this_month > 0, t.step_chat, "/chat"),
    ];
    let steps = steps
        .into_iter()
        .map(|(done, words, href)| {
            let glyph = if done { Glyph::Check } else { Glyph::Arrow };
            view! {
                <li class="row" class:muted=done>
                    <Icon glyph small=true />
                    <A href=href>{words}</A>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="card">
            <header class="card-head">
                <h2>{t.first_steps}</h2>
            </header>
            <ol class="card-body stack-tight">{steps}</ol>
        </section>
    }
    .into_any()
}

#[component]
fn AnswersByDay(overview: Overview) -> impl IntoView {
    let t = &text().dashboard;
    let bars = overview
        .answers_by_day
        .iter()
        .map(|day| bar(&day.date, day.count, format::integer(day.count)))
        .collect();
    chart_card(t.answers_by_day, bars)
}

#[component]
fn CostByDay(usage: QueryUsageResponse) -> impl IntoView {
    let t = &text().dashboard;
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
