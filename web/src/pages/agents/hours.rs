use leptos::prelude::*;

use super::form::AgentForm;
use crate::api::agents::WorkingInterval;
use crate::i18n::text;
use crate::ui::{Glyph, IconButton};

const MINUTES_A_DAY: i32 = 24 * 60;
/// What a new interval starts as: 9:00–18:00.
const USUAL_START: i32 = 9 * 60;
const USUAL_END: i32 = 18 * 60;

/// The working hours of each weekday.
#[component]
pub(super) fn Schedule(form: AgentForm) -> impl IntoView {
    let t = text::editor();
    let days = [
        t.monday,
        t.tuesday,
        t.wednesday,
        t.thursday,
        t.friday,
        t.saturday,
        t.sunday,
    ];
    view! {
        <div class="stack-tight">
            {(1..)
                .zip(days)
                .map(|(weekday, label)| view! { <Weekday weekday label form /> })
                .collect_view()}
        </div>
        <p class="field-hint">{t.hours_zone}</p>
    }
    .into_any()
}

#[component]
fn Weekday(weekday: i32, label: &'static str, form: AgentForm) -> impl IntoView {
    let t = text::editor();
    let add = move || {
        form.schedule.update(|schedule| {
            schedule.push(WorkingInterval {
                weekday,
                start_minute: USUAL_START,
                end_minute: USUAL_END,
            });
        });
    };
    // Places in the schedule: intervals have no names.
    let places = Memo::new(move |_| {
        form.schedule.with(|schedule| {
            let of_day = schedule.iter().enumerate();
            let of_day = of_day.filter(|(_, interval)| interval.weekday == weekday);
            of_day.map(|(place, _)| place).collect::<Vec<_>>()
        })
    });
    view! {
        <div class="row row-wrap weekday">
            <span class="weekday-name">{label}</span>
            <div class="row row-wrap grow">
                {move || {
                    places
                        .get()
                        .into_iter()
                        .map(|place| view! { <Interval place form /> })
                        .collect_view()
                }}
            </div>
            <IconButton
                glyph=Glyph::Plus
                label=format!("{label}: {}", t.add_interval)
                on_press=add
            />
        </div>
    }
}

#[component]
fn Interval(place: usize, form: AgentForm) -> impl IntoView {
    let t = text::editor();
    let (start, end) = form
        .schedule
        .with_untracked(|schedule| {
            schedule
                .get(place)
                .map(|interval| (interval.start_minute, interval.end_minute))
        })
        .unwrap_or((USUAL_START, USUAL_END));
    let change = move |change: fn(&mut WorkingInterval, i32), minute: i32| {
        form.schedule.update(|schedule| {
            if let Some(interval) = schedule.get_mut(place) {
                change(interval, minute);
            }
        });
    };
    let remove = move || {
        form.schedule.update(|schedule| {
            if place < schedule.len() {
                schedule.remove(place);
            }
        });
    };
    view! {
        <span class="row interval">
            <ClockInput
                label=t.hours_from
                minute=start
                on_change=move |minute| change(|interval, minute| interval.start_minute = minute, minute)
            />
            "–"
            <ClockInput
                label=t.hours_to
                minute=end
                on_change=move |minute| {
                    // Midnight at the end of an interval is the end of the day.
                    let minute = if minute == 0 { MINUTES_A_DAY } else { minute };
                    change(|interval, minute| interval.end_minute = minute, minute);
                }
            />
            <IconButton glyph=Glyph::Close label=t.remove_fallback on_press=remove />
        </span>
    }
}

#[component]
pub(super) fn ClockInput(
    label: &'static str,
    minute: i32,
    on_change: impl Fn(i32) + 'static,
) -> impl IntoView {
    let shown = minute % MINUTES_A_DAY;
    view! {
        <input
            class="input clock"
            type="time"
            aria-label=label
            value=format!("{:02}:{:02}", shown / 60, shown % 60)
            on:change=move |event| {
                if let Some(minute) = minute_of(&event_target_value(&event)) {
                    on_change(minute);
                }
            }
        />
    }
}

fn minute_of(clock: &str) -> Option<i32> {
    let (hours, minutes) = clock.split_once(':')?;
    Some(hours.parse::<i32>().ok()? * 60 + minutes.get(..2)?.parse::<i32>().ok()?)
}
