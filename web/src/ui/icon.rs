use leptos::prelude::*;

/// The pictures of the product: outlines on a grid of 24, drawn with one stroke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glyph {
    Agent,
    Alert,
    Archive,
    Arrow,
    Back,
    Bell,
    Book,
    Check,
    ChevronDown,
    Chat,
    Close,
    Copy,
    Dashboard,
    Dots,
    Download,
    Edit,
    Eye,
    EyeOff,
    Folder,
    Info,
    Jobs,
    Language,
    Link,
    Model,
    Moon,
    Objection,
    Offline,
    Pause,
    Play,
    Plug,
    Plus,
    Price,
    Refresh,
    Script,
    Search,
    Send,
    Settings,
    SignOut,
    Sparkle,
    Stop,
    Sun,
    Trash,
    Upload,
}

impl Glyph {
    const fn path(self) -> &'static str {
        match self {
            Self::Agent => {
                "M12 3v3M7 6h10a3 3 0 0 1 3 3v7a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3V9a3 3 0 0 1 3-3ZM9 11.5v2M15 11.5v2M2 12v2M22 12v2"
            }
            Self::Alert => {
                "M12 8.5v4.5M12 16.5h.01M10.3 4 2.7 17.200A2 2 0 0 0 4.4 20h15.200a2 2 0 0 0 1.7-2.800L13.7 4a2 2 0 0 0-3.4 0Z"
            }
            Self::Archive => "M4 8v10a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2V8M3 4h18v4H3ZM10 12h4",
            Self::Arrow => "M5 12h14M13 6l6 6-6 6",
            Self::Back => "M19 12H5M11 6l-6 6 6 6",
            Self::Bell => "M6 16v-5a6 6 0 0 1 12 0v5l1.5 2h-15ZM10 20.5a2.2 2.2 0 0 0 4 0",
            Self::Book => "M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3ZM5 17a3 3 0 0 1 3-3h11M9 8h6",
            Self::Check => "m5 12.5 4.5 4.5L19 7.5",
            Self::ChevronDown => "m6 9 6 6 6-6",
            Self::Chat => {
                "M4 6a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-6l-5 4v-4H6a2 2 0 0 1-2-2ZM8.5 9h7M8.5 12h4"
            }
            Self::Close => "M6 6l12 12M18 6 6 18",
            Self::Copy => {
                "M9 9h9a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H9a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2ZM4 15V5a2 2 0 0 1 2-2h9"
            }
            Self::Dashboard => "M4 4h7v9H4ZM13 4h7v5h-7ZM13 11h7v9h-7ZM4 15h7v5H4Z",
            Self::Dots => {
                "M4.5 12a.5.5 0 1 0 1 0 .5.5 0 1 0-1 0M11.5 12a.5.5 0 1 0 1 0 .5.5 0 1 0-1 0M18.5 12a.5.5 0 1 0 1 0 .5.5 0 1 0-1 0"
            }
            Self::Download => "M12 5v11M7 11.500l5 5 5-5M5 20h14",
            Self::Edit => "M4 20h4L19 9a2.1 2.1 0 0 0-3-3L5 17ZM14 8l3 3",
            Self::Eye => {
                "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z"
            }
            Self::EyeOff => {
                "M4 4l16 16M9.9 5.800A9 9 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a16 16 0 0 1-2.7 3.4M6.5 7.5A16 16 0 0 0 2.5 12S6 18.5 12 18.5a9 9 0 0 0 4-1M10 10a3 3 0 0 0 4 4"
            }
            Self::Folder => {
                "M3 7a2 2 0 0 1 2-2h4l2 2.5h8a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2Z"
            }
            Self::Info => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5M12 8h.01",
            Self::Jobs => {
                "M4 6h10M4 12h7M4 18h7M17 10v4l2.5 1.5M17 19a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11Z"
            }
            Self::Language => {
                "M4 6h9M8.5 4v2M6 6c.5 3 2.5 5.5 5.5 7M11 6c-.5 3-3 6-7 7.5M12 20l4.200-10h.6L21 20M13.5 17h6"
            }
            Self::Link => {
                "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1"
            }
            Self::Model => {
                "M8 6h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2ZM10 10h4v4h-4ZM9.5 2.5V6M14.5 2.5V6M9.5 18v3.500M14.5 18v3.500M2.5 9.5H6M2.5 14.5H6M18 9.5h3.500M18 14.5h3.500"
            }
            Self::Moon => "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
            Self::Offline => {
                "M4 4l16 16M8.5 16a5 5 0 0 1 5-1.3M5 12.5a10 10 0 0 1 4.5-2.600M2 9a15 15 0 0 1 4-2.5M13.5 6.1A15 15 0 0 1 22 9M16 11a10 10 0 0 1 3 1.5M12 20h.01"
            }
            Self::Objection => {
                "M4 6a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-6l-5 4v-4H6a2 2 0 0 1-2-2ZM12 7v3.5M12 13h.01"
            }
            Self::Pause => "M8 5v14M16 5v14",
            Self::Play => "M7 5l12 7-12 7Z",
            Self::Plug => "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-6 6 6 6 0 0 1-6-6ZM12 17v4",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Price => {
                "M4 4h8l8.5 8.5a2 2 0 0 1 0 2.800l-5.200 5.200a2 2 0 0 1-2.800 0L4 12ZM8.5 8.5h.01"
            }
            Self::Refresh => {
                "M20 11a8 8 0 0 0-14.5-4L4 9M4 4v5h5M4 13a8 8 0 0 0 14.5 4L20 15M20 20v-5h-5"
            }
            Self::Script => "M6 3h9l4 4v14H6ZM14 3v5h5M9 12h7M9 16h5",
            Self::Search => "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20 20l-4-4",
            Self::Send => "M5 12h13M12 5.5l7 6.5-7 6.5",
            Self::Settings => {
                "M4 7h9M17 7h3M15 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM4 17h3M11 17h9M9 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z"
            }
            Self::SignOut => {
                "M14 4H7a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h7M10 12h11M17.5 8.5 21 12l-3.5 3.5"
            }
            Self::Sparkle => {
                "M12 4l1.800 5.200L19 11l-5.200 1.800L12 18l-1.800-5.200L5 11l5.200-1.800ZM19 16v4M17 18h4"
            }
            Self::Stop => "M6.5 6.5h11v11h-11Z",
            Self::Sun => {
                "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4"
            }
            Self::Trash => {
                "M5 7h14M10 4h4M7 7l1 12a1.5 1.5 0 0 0 1.5 1.5h5A1.5 1.5 0 0 0 16 19l1-12M10.5 11v5.5M13.5 11v5.5"
            }
            Self::Upload => "M12 16V5M7 9.5l5-5 5 5M5 20h14",
        }
    }
}

/// A picture beside words; screen readers hear the words only.
#[component]
pub(crate) fn Icon(glyph: Glyph, #[prop(optional)] small: bool) -> impl IntoView {
    let class = if small { "icon icon-small" } else { "icon" };
    view! {
        <svg class=class viewBox="0 0 24 24" aria-hidden="true">
            <path d=glyph.path() />
        </svg>
    }
}
