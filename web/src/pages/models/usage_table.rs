//! The rows of a report, on the page and as a file.

use leptos::prelude::*;

use super::shared::resource_words;
use super::usage::{By, Report, share};
use crate::api::agents::Agent;
use crate::api::provider_keys::ListProviderKeysResponse;
use crate::api::usage::Usage;
use crate::browser;
use crate::csv;
use crate::i18n::{format, text};
use crate::query::Query;
use crate::ui::{Button, Empty, Glyph, Meter, Table, Tone};

/// What people call the things that calls are summed by.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub(super) agents: Query<Vec<Agent>>,
    pub(super) keys: Query<ListProviderKeysResponse>,
}

impl Names {
    fn of(self, by: By, key: &str) -> String {
        match by {
            By::Agent => resource_words(&self.agents.data.get().unwrap_or_default(), key),
            By::Key if key.is_empty() => text::usage().platform_key.to_owned(),
            By::Key => self.key_words(key),
            By::Day | By::Model => key.to_owned(),
        }
    }

    /// A key that was deleted keeps its identifier.
    fn key_words(self, name: &str) -> String {
        let known = self.keys.data.get().unwrap_or_default().provider_keys;
        let found = known.into_iter().find(|key| key.name == name);
        found.map_or_else(
            || name.to_owned(),
            |key| format!("{} …{}", key.display_name, key.hint),
        )
    }
}

/// A day, an agent, a model or a key.
#[derive(Clone)]
struct Line {
    key: String,
    label: String,
    calls: i64,
    failed: i64,
    usage: Usage,
}

#[derive(Clone)]
pub(super) struct Lines {
    by: By,
    lines: Vec<Line>,
    total: Usage,
    total_calls: i64,
    file_name: String,
}

impl Lines {
    pub(super) fn new(report: &Report, names: Names) -> Self {
        let by = report.by;
        let lines = match by {
            By::Day => days(report),
            By::Agent | By::Model | By::Key => groups(report, names),
        };
        let ends = (report.days.first(), report.days.last());
        let span = match ends {
            (Some(first), Some(last)) if first != last => format!("{first}-{last}"),
            (Some(day), _) => day.clone(),
            (None, _) => String::new(),
        };
        let what = if by == By::Day { "day" } else { by.word() };
        Self {
            by,
            lines,
            total: report.present.total.unwrap_or_default(),
            total_calls: report.present.total_calls,
            file_name: format!("model-usage-by-{what}-{span}.csv"),
        }
    }

    /// By cost; by calls when the models are free.
    fn share_of(&self, line: &Line) -> f64 {
        if self.total.cost_micro_usd == 0 {
            share(line.calls, self.total_calls)
        } else {
            share(line.usage.cost_micro_usd, self.total.cost_micro_usd)
        }
    }

    fn csv(&self) -> String {
        let what = if self.by == By::Day {
            "day"
        } else {
            self.by.word()
        };
        let mut file = format!(
            "{what},name,calls,failed_calls,prompt_tokens,completion_tokens,cached_tokens,cost_usd\n"
        );
        for line in &self.lines {
            let names = [csv::cell(&line.key), csv::cell(&line.label)].join(",");
            let usage = &line.usage;
            file.push_str(&format!(
                "{names},{},{},{},{},{},{}\n",
                line.calls,
                line.failed,
                usage.prompt_tokens,
                usage.completion_tokens,
                usage.cached_tokens,
                super::money::usd_words(usage.cost_micro_usd),
            ));
        }
        file
    }
}

fn days(report: &Report) -> Vec<Line> {
    let days = report.present.days.iter();
    days.map(|day| Line {
        key: day.date.clone(),
        label: format::utc_day(&day.date),
        calls: day.calls,
        failed: day.failed_calls,
        usage: day.usage.unwrap_or_default(),
    })
    .collect()
}

fn groups(report: &Report, names: Names) -> Vec<Line> {
    let groups = report.present.groups.iter();
    groups
        .map(|group| Line {
            key: group.key.clone(),
            label: names.of(report.by, &group.key),
            calls: group.calls,
            failed: group.failed_calls,
            usage: group.usage.unwrap_or_default(),
        })
        .collect()
}

#[component]
pub(super) fn UsageTable(lines: Lines) -> impl IntoView {
    let t = text::usage();
    if lines.lines.is_empty() {
        return view! { <Empty glyph=Glyph::Price title=t.empty words=t.empty_text /> }.into_any();
    }
    let columns = vec![
        lines.by.label(),
        t.calls,
        t.failed,
        t.tokens_in,
        t.tokens_out,
        t.cached,
        t.cost,
        t.share,
    ];
    let rows = lines.lines.iter();
    let rows = rows
        .map(|line| row(line, lines.share_of(line)))
        .collect_view();
    let save = Callback::new(move |()| {
        // A browser that keeps no files says so itself.
        let _ = browser::download(&lines.file_name, "text/csv", &lines.csv());
    });
    view! {
        <div class="row row-wrap between">
            <h2>{t.rows_title}</h2>
            <Button glyph=Glyph::Download on_press=save>
                {t.export}
            </Button>
        </div>
        <Table caption=t.rows_title columns>
            {rows}
        </Table>
        <p class="small muted">{t.utc}</p>
    }
    .into_any()
}

fn row(line: &Line, share: f64) -> AnyView {
    let t = text::usage();
    let usage = &line.usage;
    let cost = format::micro_usd(usage.cost_micro_usd);
    let cost = if usage.cost_known {
        cost
    } else {
        format!("≈ {cost}")
    };
    let percent = format::percent(share);
    view! {
        <tr>
            <td>
                <strong>{line.label.clone()}</strong>
            </td>
            <td class="numeric" data-label=t.calls>
                {format::integer(line.calls)}
            </td>
            <td class="numeric" data-label=t.failed>
                {format::integer(line.failed)}
            </td>
            <td class="numeric" data-label=t.tokens_in>
                {format::integer(usage.prompt_tokens)}
            </td>
            <td class="numeric" data-label=t.tokens_out>
                {format::integer(usage.completion_tokens)}
            </td>
            <td class="numeric" data-label=t.cached>
                {format::integer(usage.cached_tokens)}
            </td>
            <td class="numeric nowrap" data-label=t.cost>
                {cost}
            </td>
            <td class="share">
                <Meter label=t.share share tone=Tone::Neutral />
                <span class="small muted numeric">{percent}</span>
            </td>
        </tr>
    }
    .into_any()
}
