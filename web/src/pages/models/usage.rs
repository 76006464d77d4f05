use futures::future::try_join;
use leptos::prelude::*;

use super::period::{Period, now};
use super::usage_table::{Lines, Names, UsageTable};
use crate::api::Problem;
use crate::api::agents;
use crate::api::provider_keys;
use crate::api::usage::{self, QueryUsageResponse, UsageForecast, UsageGrouping};
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{Bar, BarChart, Chip, Choice, Empty, FilterSelect, Glyph, Notice, Screen, Tone};
use crate::url_state::url_state;

/// What the rows of the table are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum By {
    #[default]
    Day,
    Agent,
    Model,
    /// The organization's own at the provider.
    Key,
}

impl By {
    const ALL: [Self; 4] = [Self::Day, Self::Agent, Self::Model, Self::Key];

    /// The word in the address; empty for the usual one.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Day => "",
            Self::Agent => "agent",
            Self::Model => "model",
            Self::Key => "key",
        }
    }

    fn from_word(word: &str) -> Self {
        let named = Self::ALL.into_iter().find(|by| by.word() == word);
        named.unwrap_or_default()
    }

    fn grouping(self) -> UsageGrouping {
        match self {
            Self::Day => UsageGrouping::Unspecified,
            Self::Agent => UsageGrouping::Agent,
            Self::Model => UsageGrouping::Model,
            Self::Key => UsageGrouping::Key,
        }
    }

    fn choice(self) -> &'static str {
        let t = text::usage();
        match self {
            Self::Day => t.by_day,
            Self::Agent => t.by_agent,
            Self::Model => t.by_model,
            Self::Key => t.by_key,
        }
    }

    pub(super) fn label(self) -> &'static str {
        let t = text::usage();
        match self {
            Self::Day => t.day,
            Self::Agent => t.agent,
            Self::Model => t.model,
            Self::Key => t.key,
        }
    }
}

/// A period and as long a part of the one before.
#[derive(Clone)]
pub(super) struct Report {
    pub(super) period: Period,
    pub(super) by: By,
    pub(super) days: Vec<String>,
    pub(super) present: QueryUsageResponse,
    before: QueryUsageResponse,
}

async fn report(period: Period, by: By) -> Result<Report, Problem> {
    let now = now();
    let (span, earlier) = (period.span(now), period.before(now));
    // Without an end: the server's clock decides what is over.
    let present = usage::query(span.start_time(), None, by.grouping());
    let before = usage::query(
        earlier.start_time(),
        Some(earlier.end_time()),
        UsageGrouping::Unspecified,
    );
    let (present, before) = try_join(present, before).await?;
    Ok(Report {
        period,
        by,
        days: span.days(),
        present,
        before,
    })
}

/// The tab «Usage & cost».
#[component]
pub(crate) fn Usage() -> impl IntoView {
    let t = text::usage();
    let (period, set_period) = url_state("period");
    let (by, set_by) = url_state("by");
    let chosen = move || Period::from_word(&period.get());
    let report = Query::keyed(
        move || (chosen(), By::from_word(&by.get())),
        |(period, by)| report(period, by),
    );
    let names = Names {
        agents: Query::once(agents::all),
        keys: Query::once(provider_keys::all),
    };
    let chips = Period::ALL
        .into_iter()
        .map(|one| {
            let pressed = Signal::derive(move || chosen() == one);
            let choose = move || set_period(one.word().to_owned());
            view! { <Chip label=period_word(one) pressed on_press=choose /> }
        })
        .collect_view();
    let choices: Vec<Choice> = By::ALL
        .into_iter()
        .map(|by| Choice::new(by.word(), by.choice()))
        .collect();
    view! {
        <div class="filters">
            <div class="chips" role="group" aria-label=t.period>
                {chips}
            </div>
            <FilterSelect label=t.rows value=by choices on_choose=set_by />
        </div>
        <Screen query=report children=move |report| sheet(report, names) />
    }
    .into_any()
}

fn period_word(period: Period) -> &'static str {
    let t = text::usage();
    match period {
        Period::Today => t.today,
        Period::Week => t.week,
        Period::ThirtyDays => t.thirty_days,
        Period::Month => t.month,
    }
}

fn sheet(report: Report, names: Names) -> AnyView {
    let t = text::usage();
    if report.present.total_calls == 0 && report.before.total_calls == 0 {
        return view! { <Empty glyph=Glyph::Price title=t.empty words=t.empty_text /> }.into_any();
    }
    let is_guessed = report.present.total.is_some_and(|total| !total.cost_known);
    let shown = report.clone();
    let table = move || {
        let lines = Lines::new(&shown, names);
        view! { <UsageTable lines /> }
    };
    view! {
        <Totals report=report.clone() />
        {report.present.forecast.map(forecast)}
        {is_guessed.then(|| view! { <Notice tone=Tone::Warn>{t.cost_guessed}</Notice> })}
        {(report.days.len() > 1).then(|| chart(&report))}
        {table}
    }
    .into_any()
}

#[component]
fn Totals(report: Report) -> impl IntoView {
    let t = text::usage();
    let present = report.present.total.unwrap_or_default();
    let before = report.before.total.unwrap_or_default();
    let (calls, calls_before) = (report.present.total_calls, report.before.total_calls);
    let figure =
        |label: &'static str, value: String, note: String| view! { <Figure label value note /> };
    let counted = |label: &'static str, now: i64, before: i64| {
        let note = (t.before)(&format::integer(before), &change(now, before));
        figure(label, format::integer(now), note)
    };
    let cost_note = (t.before)(
        &format::micro_usd(before.cost_micro_usd),
        &change(present.cost_micro_usd, before.cost_micro_usd),
    );
    let cached = share(present.cached_tokens, present.prompt_tokens);
    view! {
        <section class="figures" aria-label=t.totals>
            {figure(t.cost, format::micro_usd(present.cost_micro_usd), cost_note)}
            {counted(t.calls, calls, calls_before)}
            {counted(t.tokens_in, present.prompt_tokens, before.prompt_tokens)}
            {counted(t.tokens_out, present.completion_tokens, before.completion_tokens)}
            {figure(
                t.cached,
                format::integer(present.cached_tokens),
                (t.of_input)(&format::percent(cached)),
            )}
            {figure(
                t.from_cache,
                format::integer(report.present.total_cached_calls),
                t.from_cache_note.to_owned(),
            )}
        </section>
        <p class="small muted">{compared_with(report.period)}</p>
    }
    .into_any()
}

/// What the month will have cost, and how that is known.
fn forecast(forecast: UsageForecast) -> AnyView {
    let t = text::usage();
    let month_end = format::micro_usd(forecast.month_end_micro_usd);
    let so_far = format::micro_usd(forecast.month_micro_usd);
    let daily = format::micro_usd(forecast.daily_micro_usd);
    let days = u64::try_from(forecast.days).unwrap_or_default();
    view! {
        <Notice>
            <strong>{(t.forecast)(&month_end)}</strong>
            <p class="soft">{(t.forecast_how)(&so_far, &daily, days)}</p>
        </Notice>
    }
    .into_any()
}

#[component]
fn Figure(label: &'static str, value: String, note: String) -> impl IntoView {
    view! {
        <div class="stat">
            <span class="stat-label">{label}</span>
            <span class="stat-value">{value}</span>
            <span class="stat-note">{note}</span>
        </div>
    }
}

fn compared_with(period: Period) -> &'static str {
    let t = text::usage();
    match period {
        Period::Today => t.with_yesterday,
        Period::Week => t.with_week,
        Period::ThirtyDays => t.with_thirty_days,
        Period::Month => t.with_month,
    }
}

/// `+12 %`; a dash when there is nothing to compare with.
fn change(now: i64, before: i64) -> String {
    if before == 0 {
        return "–".to_owned();
    }
    let sign = if now > before { "+" } else { "" };
    format!("{sign}{}", format::percent(share(now - before, before)))
}

/// Zero of nothing.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(super) fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}

/// Cost by day; calls when the models are free.
fn chart(report: &Report) -> AnyView {
    let t = text::usage();
    let total = report.present.total.unwrap_or_default();
    let is_free = total.cost_micro_usd == 0;
    let bars = report
        .days
        .iter()
        .map(|date| {
            let mut found = report.present.days.iter();
            let day = found.find(|day| day.date == *date);
            let calls = day.map_or(0, |day| day.calls);
            let usage = day.and_then(|day| day.usage).unwrap_or_default();
            let cost = usage.cost_micro_usd;
            bar(date, if is_free { calls } else { cost }, calls, cost)
        })
        .collect();
    let title = if is_free {
        t.calls_by_day
    } else {
        t.cost_by_day
    };
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

#[expect(clippy::cast_precision_loss, reason = "micro-USD stay far below 2^53")]
fn bar(date: &str, value: i64, calls: i64, cost: i64) -> Bar {
    let t = text::usage();
    let label = date.get(8..).unwrap_or(date).trim_start_matches('0');
    let calls = u64::try_from(calls).unwrap_or_default();
    Bar {
        value: value as f64,
        label: label.to_owned(),
        words: (t.day_words)(&format::utc_day(date), &format::micro_usd(cost), calls),
    }
}
