//! No tenant reaches another's things. What is asked is read from the descriptors: every RPC, every
//! field that names a thing, with the other tenant's id, one that nobody has, one of another type
//! and none; as every role and as a program; by gRPC past edge, by gRPC-web and by REST.
//!
//! Another's id must answer like one that never was, byte for byte, and no answer may hold a mark
//! or an id of the other tenant, who must find all as it was. Then the walls are taken down one at
//! a time, and each time the same probe must notice.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that meets a surprise fails, and says how much it tried"
)]

mod case;
mod doors;
mod fields;
mod filler;
mod own;
mod probe;
mod rest;
mod tenant;
mod viewer;
mod walls;
mod watch;

use std::collections::BTreeSet;

use t11_proto::method::{Auth, METHODS};
use t11_store::{Db, Engine};
use t11_tests::TestMesh;
use t11_tests::processes::ProcessMesh;

use crate::case::{cases, not_asked};
use crate::doors::{Door, Reach};
use crate::own::undecided;
use crate::probe::{Findings, Probe};
use crate::tenant::Tenant;

/// The least that counts as having tried.
const ATTEMPTS: usize = 2_000;

/// Texts of requests that name nothing. A new field must be put here, or be known as an id by its
/// comment (`things/{thing}`). Tokens of pages are signed together with the organization.
const PLAIN: &[&str] = &[
    "action",
    "alias",
    "arguments_json",
    "client_id",
    "client_secret",
    "client_texts",
    "content",
    "creator_display_name",
    "currency",
    "description",
    "display_name",
    "effective_scopes",
    "email",
    "error_message",
    "error_reason",
    "etag",
    "fallback_models",
    "fixed_language",
    "host",
    "instruction",
    "instructions",
    "keywords",
    "kind",
    "language",
    "locale",
    "mime_type",
    "model",
    "no_answer_text",
    "note",
    "order_by",
    "outside_hours_text",
    "override_reason",
    "page_token",
    "parameters_json",
    "prefix",
    "purpose",
    "query",
    "redirect_uri",
    "response_schema_json",
    "role",
    "scopes",
    "session_id",
    "sha256",
    "step",
    "text",
    "texts",
    "theme",
    "time_zone",
    "tool_call_id",
    "uri",
    "url",
    "value",
    "valid_until_date",
    "channel",
    "channels",
    "code",
    "condition",
    "default_value",
    "entity",
    "error",
    "exit_criteria",
    "goal",
    "gone",
    "hint",
    "languages",
    "phrases",
    "provider",
    "reason",
    "referer",
    "reply",
    "response",
    "secret",
    "skip_condition",
    "state",
    "technique",
    "token",
    "type",
    "variable",
    "verdict",
    "Tool.name",
    "ToolCall.id",
    "ToolCall.name",
];

/// Fields whose id decides nothing, own or not.
const DECIDES_NOTHING: &[&str] = &[
    // Names that the service gives, or that are the caller's own.
    "CreateApiKey api_key.name",
    "CreateAgent agent.name",
    "CreateCategory category.name",
    "UpdateOrganization organization.name",
    "UpdateMe user.name",
    // Kept as given, and compared with the organization's own when it is used.
    "CreateAgent agent.categories",
    "UpdateAgent agent.categories",
    "Complete agent",
    // The same.
    "CreateScript script.name",
    "CreateObjectionResponse objection_response.name",
    "CreateTrigger trigger.name",
    "CreateSequence sequence.name",
    "CreateProviderKey provider_key.name",
    "CreateEvalSuite eval_suite.name",
    "CreateEvalCase eval_case.name",
    // It stays what it was.
    "UpdateEvalSuite eval_suite.agent",
    "CreateScript script.stages.connection",
    "UpdateScript script.stages.connection",
    "CreateObjectionResponse objection_response.stages.connection",
    "UpdateObjectionResponse objection_response.stages.connection",
    "SetBudget resource",
    // A word: `crm`, `memory`, `fixed`.
    "CreateScript script.variables.source",
    "UpdateScript script.variables.source",
    // There are none without a connected account.
    "ListDrafts conversation",
    "ListEvents connection",
    // What is counted is the organization's own, by whatever name.
    "Complete budgets.scope",
    // Nothing is asked: the same as of Complete.
    "Explain completion.agent",
    "Explain completion.budgets.scope",
];

#[test]
fn every_text_of_a_request_is_an_id_or_known_to_be_none() {
    let mut unknown = BTreeSet::new();
    for case in cases() {
        if case.method.auth == Auth::Caller {
            let plain = fields::plain_fields(&case.rpc);
            unknown.extend(plain.into_iter().filter(|field| !is_plain(field)));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// Known by its name, or with that of its message.
fn is_plain(field: &str) -> bool {
    let (_, name) = field.split_once('.').unwrap();
    PLAIN.contains(&name) || PLAIN.contains(&field)
}

#[test]
fn every_rpc_is_asked_or_stands_in_the_list() {
    let asked = cases().len();
    assert_eq!(
        asked + not_asked(),
        METHODS.len(),
        "a name in the list is of no RPC"
    );
    let naming = cases().iter().filter(|case| !case.ids.is_empty()).count();
    assert!(naming >= 50, "only {naming} RPCs name things");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tenant_reaches_anothers_things() {
    let mesh = TestMesh::start().await;
    let reach = Reach::of(&mesh);
    let is_on_postgres = |db: &Db| db.engine() == Engine::Postgres;
    // Edge is the same on both databases, and on PostgreSQL asked through Envoy besides.
    let doors = if mesh.databases().values().any(is_on_postgres) {
        &[Door::Direct][..]
    } else {
        &Door::ALL
    };
    assert_clean(&probe_all(&reach, &mesh.stranger(), doors).await, doors);
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_through_envoy() {
    let Some(mesh) = ProcessMesh::start(1).await else {
        return;
    };
    let reach = Reach::behind_envoy(&mesh);
    let doors = &Door::ALL;
    assert_clean(&probe_all(&reach, &mesh.stranger(), doors).await, doors);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_is_what_decides() {
    let mesh = TestMesh::start().await;
    let reach = Reach::of(&mesh);
    let tenant = Tenant::new(&mesh.stranger(), &reach).await;
    let mut undecided = undecided(&reach, &tenant).await;
    undecided.retain(|field| !DECIDES_NOTHING.contains(&field.as_str()));
    assert!(undecided.is_empty(), "{undecided:#?}");
    mesh.stop().await;
}

/// As everybody.
async fn probe_all(reach: &Reach, stranger: &t11_tests::Client, doors: &[Door]) -> Findings {
    let victim = Tenant::new(stranger, reach).await;
    let asker = Tenant::new(stranger, reach).await;
    let others = asker.others(reach).await;
    let probe = Probe {
        reach,
        asker: &asker,
        people: std::iter::once(&asker.owner).chain(&others).collect(),
        victim: &victim,
        doors,
        service: None,
    };
    let start = std::time::Instant::now();
    let findings = probe.run().await;
    eprintln!(
        "attempts: {} {:?} in {:.0?}",
        findings.total(),
        findings.attempts,
        start.elapsed()
    );
    findings
}

fn assert_clean(findings: &Findings, doors: &[Door]) {
    let first: Vec<_> = findings.leaks.iter().take(10).collect();
    let first: Vec<_> = first.iter().map(ToString::to_string).collect();
    assert!(
        first.is_empty(),
        "{:?}\n{}",
        findings.by_rpc(),
        first.join("\n")
    );
    assert!(findings.total() >= ATTEMPTS, "{:?}", findings.attempts);
    assert_eq!(findings.attempts.len(), doors.len());
}
