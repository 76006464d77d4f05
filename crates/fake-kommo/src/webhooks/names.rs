//! The names a subscription may ask for.

const CARD_ACTIONS: [&str; 6] = ["add", "update", "delete", "restore", "responsible", "note"];

const OTHERS: [&str; 18] = [
    "status_lead",
    "add_customer",
    "update_customer",
    "delete_customer",
    "responsible_customer",
    "note_customer",
    "add_task",
    "update_task",
    "delete_task",
    "responsible_task",
    "add_talk",
    "update_talk",
    "add_message",
    "add_outgoing_message",
    "add_unsorted",
    "update_unsorted",
    "delete_unsorted",
    "add_chat_template_review",
];

pub(super) fn is_known(name: &str) -> bool {
    let is_card_name = name.split_once('_').is_some_and(|(action, kind)| {
        CARD_ACTIONS.contains(&action) && matches!(kind, "lead" | "contact" | "company")
    });
    is_card_name || OTHERS.contains(&name)
}
