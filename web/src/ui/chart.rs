use leptos::prelude::*;

use crate::browser::number_words;

/// One bar: its height, what stands below it, and the sentence it means.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) value: f64,
    pub(crate) label: String,
    pub(crate) words: String,
}

const WIDTH: f64 = 640.0;
/// Where bars stand.
const FLOOR: f64 = 116.0;
/// Few bars stay slim.
const WIDEST: f64 = 36.0;
/// Width of a label with some air: more bars than this allows get fewer labels.
const LABEL_WIDTH: f64 = 64.0;

/// Bars over time. Screen readers hear the title and, from each bar, its sentence. The bars take the
/// width there is; the labels below keep their size, as letters in a stretched drawing would not.
#[component]
pub(crate) fn BarChart(#[prop(into)] title: String, bars: Vec<Bar>) -> impl IntoView {
    let highest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let count = u32::try_from(bars.len().max(1)).map_or(1.0, f64::from);
    let step = WIDTH / count;
    let width = (step * 0.72).min(WIDEST);
    let every = (LABEL_WIDTH / step).ceil().max(1.0);
    let labels = bars
        .iter()
        .zip(0_u32..)
        .filter(|(_, position)| f64::from(*position) % every == 0.0)
        .map(|(bar, position)| {
            let middle = f64::from(position).mul_add(step, step / 2.0);
            let left = format!("{}%", number_words(middle / WIDTH * 100.0));
            let label = bar.label.clone();
            view! { <span class="chart-label" style:left=left>{label}</span> }
        })
        .collect_view();
    let drawn = bars
        .into_iter()
        .zip(0_u32..)
        .map(|(bar, position)| {
            let height = if highest > 0.0 {
                bar.value / highest * (FLOOR - 12.0)
            } else {
                0.0
            };
            let height = if bar.value > 0.0 {
                height.max(3.0)
            } else {
                1.5
            };
            let class = if bar.value > 0.0 {
                "chart-bar"
            } else {
                "chart-zero"
            };
            let middle = f64::from(position).mul_add(step, step / 2.0);
            view! {
                <rect
                    class=class
                    x=number_words(middle - width / 2.0)
                    y=number_words(FLOOR - height)
                    width=number_words(width)
                    height=number_words(height)
                >
                    <title>{bar.words}</title>
                </rect>
            }
        })
        .collect_view();
    view! {
        <div class="chart">
            <svg
                class="chart-bars"
                viewBox="0 0 640 117"
                preserveAspectRatio="none"
                role="img"
                aria-label=title
            >
                <line class="chart-axis" x1="0" x2="640" y1="116.5" y2="116.5"></line>
                {drawn}
            </svg>
            <div class="chart-labels" aria-hidden="true">
                {labels}
            </div>
        </div>
    }
    .into_any()
}
