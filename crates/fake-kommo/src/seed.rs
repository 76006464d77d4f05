//! What accounts hold when they are made.

mod school;

use std::collections::BTreeMap;

use chrono::{Offset as _, Utc};

use crate::account::{Account, Ids};
use crate::cards::Kind;
use crate::custom_fields::FieldType;
use crate::loss_reasons::LossReason;
use crate::options::Template;
use crate::pipelines::Pipeline;
use crate::users::User;

/// A new account at this address.
pub(crate) fn account(template: Template, index: usize, base: String, now_millis: i64) -> Account {
    let mut account = empty(index, base, now_millis);
    if let Template::School(_) = template {
        // It lives as long as its process, and what is connected to it longer: nothing that comes
        // after a restart may bear an id of before.
        account.ids = Ids::new(index, now_millis / 1000);
    }
    add_coded_fields(&mut account);
    match template {
        Template::Acme => acme(&mut account),
        Template::School(language) => school::fill(&mut account, language),
    }
    account
}

fn empty(index: usize, base: String, now_millis: i64) -> Account {
    let number = i64::try_from(index).unwrap_or_default();
    Account {
        id: 30_000_001 + number,
        name: String::new(),
        subdomain: String::new(),
        base,
        amojo_id: format!("bbbbbbbb-0000-4000-8000-{:012x}", number + 2),
        country: "US",
        currency: "USD",
        currency_symbol: "$",
        timezone: Utc.fix(),
        timezone_name: "UTC",
        created_at: now_millis / 1000 - 90 * 86_400,
        ids: Ids::new(index, 0),
        users: Vec::new(),
        pipelines: Vec::new(),
        fields: Vec::new(),
        tags: Vec::new(),
        loss_reasons: Vec::new(),
        sources: Vec::new(),
        cards: BTreeMap::new(),
        links: Vec::new(),
        tasks: BTreeMap::new(),
        notes: BTreeMap::new(),
        unsorted: Vec::new(),
        events: Vec::new(),
        talks: Default::default(),
        bots: Default::default(),
        webhooks: Default::default(),
        channels: Vec::new(),
        files: Default::default(),
        quirks: Default::default(),
        parcels: Vec::new(),
        now_millis,
    }
}

/// Fields that every account has.
fn add_coded_fields(account: &mut Account) {
    for kind in [Kind::Contact, Kind::Company] {
        account.add_coded_field(
            kind,
            "Phone",
            "PHONE",
            &["WORK", "WORKDD", "MOB", "HOME", "OTHER"],
        );
        account.add_coded_field(kind, "Email", "EMAIL", &["WORK", "PRIV", "OTHER"]);
    }
    for code in ["UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN"] {
        account.add_coded_field(Kind::Lead, &code.to_lowercase(), code, &[]);
    }
}

/// An account of tests.
fn acme(account: &mut Account) {
    account.name = "Acme".to_owned();
    // Further accounts are called otherwise.
    account.subdomain = match account.id {
        30_000_001 => "acme".to_owned(),
        id => format!("acme-{id}"),
    };
    add_user(account, "Admin", true, "en");
    add_user(account, "Ivan", false, "en");
    let stages = [("First contact", "#99ccff"), ("Offer made", "#ffff99")];
    add_pipeline(account, "Sales", &stages);
    account.add_field(Kind::Lead, "Budget", FieldType::Numeric, &[]);
    account.add_field(Kind::Lead, "Start date", FieldType::Date, &[]);
    account.add_field(Kind::Lead, "AI reply", FieldType::Textarea, &[]);
    account.add_field(
        Kind::Lead,
        "AI mode",
        FieldType::Select,
        &["Active", "Human", "Paused"],
    );
    account.add_field(
        Kind::Lead,
        "Format",
        FieldType::Radiobutton,
        &["Online", "Office"],
    );
    account.add_field(
        Kind::Lead,
        "Wishes",
        FieldType::Multiselect,
        &["Evening", "Weekend"],
    );
    account.add_field(Kind::Lead, "Agreed", FieldType::Checkbox, &[]);
    add_loss_reasons(account, &["Too expensive", "Chose another"]);
}

fn add_user(account: &mut Account, name: &str, is_admin: bool, lang: &'static str) -> i64 {
    let id = account.ids.next("user");
    account.users.push(User {
        id,
        name: name.to_owned(),
        email: format!("user{id}@example.com"),
        lang,
        is_admin,
        amojo_id: account.ids.next_uuid(),
    });
    id
}

/// A pipeline whose first messages make leads at once.
fn add_pipeline(account: &mut Account, name: &str, stages: &[(&str, &str)]) {
    let mut pipeline = Pipeline::new(account, name, stages);
    pipeline.is_unsorted_on = false;
    account.pipelines.push(pipeline);
}

fn add_loss_reasons(account: &mut Account, names: &[&str]) {
    for name in names {
        let id = account.ids.next("loss_reason");
        account.loss_reasons.push(LossReason {
            id,
            name: (*name).to_owned(),
        });
    }
}
