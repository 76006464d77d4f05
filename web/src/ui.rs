//! The kit: controls and displays without a word of business in them, one a file.

mod avatar;
mod badge;
mod button;
mod chart;
mod check;
mod chip;
mod code;
mod confirm;
mod copy_id;
mod dialog;
mod drop_zone;
mod empty;
mod failure;
mod field;
mod icon;
mod input;
mod load_more;
mod menu;
mod meter;
mod notice;
mod page;
mod palette;
mod progress;
mod relative_time;
mod select;
mod sheet;
mod skeleton;
mod stat;
mod switch;
mod table;
mod tabs;
mod textarea;
mod toast;
mod tree;

pub(crate) use avatar::Avatar;
pub(crate) use badge::{Badge, Tone};
pub(crate) use button::{Button, IconButton, Look};
pub(crate) use chart::{Bar, BarChart};
pub(crate) use check::{Checkbox, RadioChoice, RadioOption};
pub(crate) use chip::Chip;
pub(crate) use code::{CodeBlock, Markdown};
pub(crate) use confirm::{Confirm, ConfirmDelete, DeleteDialog};
pub(crate) use copy_id::CopyId;
pub(crate) use dialog::Dialog;
pub(crate) use drop_zone::DropZone;
pub(crate) use empty::Empty;
pub(crate) use failure::{Failure, FormFailure};
pub(crate) use field::{Field, FormErrors};
pub(crate) use icon::{Glyph, Icon};
pub(crate) use input::{InputKind, NumberInput, SearchInput, TextInput};
pub(crate) use load_more::{LoadMore, NextPage};
pub(crate) use menu::{Menu, MenuItem};
pub(crate) use meter::Meter;
pub(crate) use notice::Notice;
pub(crate) use page::{Page, Screen, Section, Steady};
pub(crate) use palette::{Command, Palette};
pub(crate) use progress::Progress;
pub(crate) use relative_time::RelativeTime;
pub(crate) use select::{Choice, FilterSelect, Select};
pub(crate) use sheet::Sheet;
pub(crate) use skeleton::{Skeleton, SkeletonKind};
pub(crate) use stat::Stat;
pub(crate) use switch::Switch;
pub(crate) use table::{Table, TableRow};
pub(crate) use tabs::{Tab, Tabs};
pub(crate) use textarea::TextArea;
pub(crate) use toast::{ToastHost, Toasts};
pub(crate) use tree::{Tree, TreeNode};

use std::sync::atomic::{AtomicU32, Ordering};

/// An id for an element that a label or a description refers to.
pub(crate) fn next_id(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
