//! Fields that both tabs have.

use leptos::prelude::*;

use crate::api::automation::Sequence;
use crate::api::crm::{self, CrmUser, LossReason};
use crate::i18n::text;
use crate::pages::agents::deals::form::CrmForm;
use crate::pages::agents::deals::inputs::Number;
use crate::query::Query;
use crate::ui::{Choice, FilterSelect, FormErrors, Notice, Tone};

/// What the rows choose from.
#[derive(Clone, Copy)]
pub(super) struct Shelf {
    pub(super) crm: CrmForm,
    pub(super) users: Query<Vec<CrmUser>>,
    pub(super) reasons: Query<Vec<LossReason>>,
    pub(super) sequences: Query<Vec<Sequence>>,
}

impl Shelf {
    /// Of the agent `parent`.
    pub(super) fn new(crm: CrmForm, sequences: Query<Vec<Sequence>>) -> Self {
        let connection = Memo::new(move |_| crm.connection());
        Self {
            crm,
            users: Query::keyed(move || connection.get(), users_of),
            reasons: Query::keyed(move || connection.get(), reasons_of),
            sequences,
        }
    }

    pub(super) fn stages(self) -> Vec<Choice> {
        stages_of(self.crm)
    }
}

/// Every stage of the account, `pipeline/stage`.
pub(in crate::pages::agents) fn stages_of(crm: CrmForm) -> Vec<Choice> {
    let Some(account) = crm.account() else {
        return Vec::new();
    };
    let pipelines = account.pipelines.into_iter().filter(|one| !one.gone);
    let stages = pipelines.flat_map(|pipeline| {
        let stages = pipeline.stages.into_iter().filter(|stage| !stage.gone);
        stages.map(move |stage| {
            let label = format!("{} · {}", pipeline.display_name, stage.display_name);
            Choice::new(place_value(pipeline.pipeline_id, stage.stage_id), label)
        })
    });
    stages.collect()
}

async fn users_of(connection: String) -> Result<Vec<CrmUser>, crate::api::Problem> {
    if connection.is_empty() {
        return Ok(Vec::new());
    }
    crm::users(connection).await
}

async fn reasons_of(connection: String) -> Result<Vec<LossReason>, crate::api::Problem> {
    if connection.is_empty() {
        return Ok(Vec::new());
    }
    crm::loss_reasons(connection).await
}

/// Empty for no stage.
pub(in crate::pages::agents) fn place_value(pipeline_id: i64, stage_id: i64) -> String {
    if stage_id == 0 {
        return String::new();
    }
    format!("{pipeline_id}/{stage_id}")
}

pub(in crate::pages::agents) fn place_of(value: &str) -> (i64, i64) {
    let ids = value.split_once('/');
    let ids = ids.and_then(|(pipeline, stage)| Some((pipeline.parse().ok()?, stage.parse().ok()?)));
    ids.unwrap_or_default()
}

/// One of a list with its label above; what is chosen and no longer there stays visible.
#[component]
pub(in crate::pages::agents) fn Pick(
    label: &'static str,
    first: &'static str,
    #[prop(into)] value: Signal<String>,
    choices: impl Fn() -> Vec<Choice> + Send + Sync + 'static,
    on_choose: impl Fn(String) + 'static,
) -> impl IntoView {
    let choices = Signal::derive(move || {
        let mut choices = choices();
        choices.insert(0, Choice::new("", first));
        let chosen = value.get();
        if !choices.iter().any(|choice| choice.value == chosen) {
            let label = format!("{} ({chosen})", text::deals().gone);
            choices.push(Choice::new(chosen, label));
        }
        choices
    });
    view! {
        <div class="field">
            <span class="field-label" aria-hidden="true">
                {label}
            </span>
            <FilterSelect label value choices on_choose />
        </div>
    }
    .into_any()
}

/// Minutes as people say them: an amount and its unit.
#[component]
pub(super) fn Span(
    label: &'static str,
    before: i32,
    #[prop(optional)] hint: &'static str,
    write: impl Fn(i32) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let t = text::automation();
    let (first_amount, first_unit) = split(before);
    let amount = RwSignal::new(first_amount);
    let unit = RwSignal::new(first_unit.to_string());
    let tell = move || {
        let unit = unit.get_untracked().parse::<i32>().unwrap_or(1);
        write(amount.get_untracked().saturating_mul(unit).min(LONGEST));
    };
    let units = vec![
        Choice::new("1", t.minutes),
        Choice::new("60", t.hours),
        Choice::new("1440", t.days),
    ];
    view! {
        <div class="row row-wrap">
            <Number
                label
                before=first_amount
                min=0
                max=LONGEST
                hint
                write=move |number| {
                    amount.set(number);
                    tell();
                }
            />
            <FilterSelect
                label=t.unit
                value=unit
                choices=units
                on_choose=move |chosen| {
                    unit.set(chosen);
                    tell();
                }
            />
        </div>
    }
    .into_any()
}

/// A year in minutes.
const LONGEST: i32 = 525_600;

fn split(minutes: i32) -> (i32, i32) {
    let unit = [1440, 60]
        .into_iter()
        .find(|unit| minutes > 0 && minutes % unit == 0);
    let unit = unit.unwrap_or(1);
    (minutes / unit, unit)
}

/// What the server refused of rows that have no names of their own.
#[component]
pub(in crate::pages::agents) fn RefusedRows(prefixes: &'static [&'static str]) -> impl IntoView {
    let errors = use_context::<FormErrors>();
    move || {
        let problem = errors.and_then(FormErrors::problem)?;
        let is_row = |field: &str| prefixes.iter().any(|prefix| field.starts_with(prefix));
        let refused = problem.violations.into_iter();
        let refused = refused
            .filter(|violation| is_row(&violation.field))
            .map(|violation| {
                view! {
                    <li>
                        <span class="mono small">{violation.field}</span>
                        ": "
                        {violation.text}
                    </li>
                }
            })
            .collect::<Vec<_>>();
        (!refused.is_empty()).then(|| {
            view! {
                <Notice tone=Tone::Danger>
                    <strong>{text::automation().refused_title}</strong>
                    <ul>{refused}</ul>
                </Notice>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_said_in_the_largest_unit_that_fits() {
        for (minutes, said) in [
            (0, (0, 1)),
            (90, (90, 1)),
            (120, (2, 60)),
            (2880, (2, 1440)),
        ] {
            assert_eq!(split(minutes), said);
        }
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        assert_eq!(place_of(&place_value(700, 7001)), (700, 7001));
        assert_eq!(place_of(&place_value(700, 0)), (0, 0));
    }
}
