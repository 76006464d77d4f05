use crate::i18n::text;
use crate::ui::Glyph;

/// A screen that can be gone to.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) href: &'static str,
    pub(super) label: &'static str,
    /// A word that fits under a picture on a phone.
    pub(super) short: &'static str,
    pub(super) glyph: Glyph,
    /// The heading above it in the rail, when it begins a group.
    pub(super) group: Option<&'static str>,
}

const fn place(href: &'static str, label: &'static str, glyph: Glyph) -> Place {
    Place {
        href,
        label,
        short: label,
        glyph,
        group: None,
    }
}

/// Every screen of the rail, in its order.
pub(super) fn all() -> Vec<Place> {
    let t = text::shell();
    vec![
        place("/", t.dashboard, Glyph::Dashboard),
        place("/conversations", t.conversations, Glyph::Chat),
        place("/agents", t.agents, Glyph::Agent),
        Place {
            short: t.chat_short,
            ..place("/chat", t.chat, Glyph::Sparkle)
        },
        Place {
            group: Some(t.sales),
            ..place("/knowledge", t.knowledge, Glyph::Book)
        },
        place("/scripts", t.scripts, Glyph::Script),
        place("/objections", t.objections, Glyph::Objection),
        place("/prices", t.prices, Glyph::Price),
        Place {
            group: Some(t.work),
            ..place("/integrations", t.integrations, Glyph::Plug)
        },
        place("/models", t.models, Glyph::Model),
        place("/jobs", t.jobs, Glyph::Jobs),
        place("/settings", t.settings, Glyph::Settings),
    ]
}
