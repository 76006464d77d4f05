//! Rules for Rust sources: what each room of a service may name (ARCHITECTURE.md).

use super::{Finding, Rule, Source};

/// Longer files hold more than one thing.
const LONGEST_FILE: usize = 600;

const TOO_LONG: Rule = Rule {
    why: "a file is one room; longer ones hold two",
    mend: "split it by what it is about, not by size",
};

const SKIPPED: Rule = Rule {
    why: "a test that does not run protects nothing, code that is not written does nothing",
    mend: "make it run, or delete it",
};

const MODULE_FILE: Rule = Rule {
    why: "files are found by their names, and ten tabs called mod.rs have none",
    mend: "use `room.rs` beside `room/`",
};

const DOMAIN: Rule = Rule {
    why: "rules of the domain outlive transports and databases, and are tested without them",
    mend: "name it in grpc, store or clients and hand domain types in",
};

const STATUS: Rule = Rule {
    why: "errors meet the wire in one place, so that each has its reason and details",
    mend: "return an error that implements `Fault`; t11-grpc makes the status",
};

const QUERY: Rule = Rule {
    why: "every query starts from an organization's scope, which is seen to only in store",
    mend: "add a function to the service's store that takes the `OrgScope`",
};

/// Rooms of a service that know the wire or the database, by the first part of their path in `src`.
const WIRE_ROOMS: [&str; 2] = ["grpc", "clients"];
const WIRING: [&str; 4] = ["lib", "main", "config", "jobs"];

const WIRE_WORDS: [&str; 4] = ["tonic", "prost", "prost_types", "t11_proto"];
const SQL_WORDS: [&str; 3] = ["sea_orm", "sqlx", "sea_orm_migration"];

const STATUS_MAKERS: [&str; 19] = [
    "aborted",
    "already_exists",
    "cancelled",
    "data_loss",
    "deadline_exceeded",
    "failed_precondition",
    "from_error",
    "internal",
    "invalid_argument",
    "new",
    "not_found",
    "out_of_range",
    "permission_denied",
    "resource_exhausted",
    "unauthenticated",
    "unavailable",
    "unimplemented",
    "unknown",
    "with_details",
];

const QUERIES: [&str; 5] = [
    "Entity::find",
    "Entity::insert",
    "Entity::update",
    "Entity::delete",
    "Entity::load",
];

/// Written in halves, so that this file does not find itself.
const SKIPS: [&str; 3] = [
    concat!("#[ign", "ore"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let length = source.text.lines().count();
    if length > LONGEST_FILE {
        let what = format!("{length} lines, over {LONGEST_FILE}");
        findings.push(source.finding(LONGEST_FILE, what, TOO_LONG));
    }
    if source.path.ends_with("/mod.rs") {
        findings.push(source.finding(1, "a file named mod.rs", MODULE_FILE));
    }
    let place = Place::of(&source.path);
    let mut is_test = place.is_test;
    for (index, line) in source.text.lines().enumerate() {
        let code = without_comment(line);
        is_test |= code.trim_start().starts_with("#[cfg(test)]") && opens_module(source, index);
        for skip in SKIPS.iter().filter(|skip| code.contains(**skip)) {
            findings.push(source.finding(index + 1, format!("`{skip}`"), SKIPPED));
        }
        if !is_test {
            findings.extend(
                place
                    .check(code)
                    .map(|(what, rule)| source.finding(index + 1, what, rule)),
            );
        }
    }
    findings
}

/// What a file may name, by where it lies.
#[derive(Debug, PartialEq)]
struct Place {
    is_test: bool,
    may_name_wire: bool,
    may_name_sql: bool,
    may_make_status: bool,
    may_query: bool,
}

impl Place {
    fn of(path: &str) -> Self {
        let free = Self {
            is_test: is_test_path(path),
            may_name_wire: true,
            may_name_sql: true,
            may_make_status: path.starts_with("crates/grpc/"),
            may_query: true,
        };
        let Some((service, file)) = path
            .strip_prefix("services/")
            .and_then(|path| path.split_once("/src/"))
            .filter(|(service, _)| *service != "t11")
        else {
            return free;
        };
        let room = file.split(['/', '.']).next().unwrap_or_default();
        let is_store = room.starts_with("store");
        // Edge turns one wire into another: all its rooms know it.
        let is_wire = service == "edge" || WIRE_ROOMS.iter().any(|name| room.starts_with(name));
        let is_wiring = WIRING.contains(&room);
        Self {
            may_name_wire: is_wire || is_wiring || is_store,
            may_name_sql: is_store,
            may_query: is_store,
            ..free
        }
    }

    fn check(&self, code: &str) -> Option<(String, Rule)> {
        let wire = WIRE_WORDS
            .iter()
            .find(|word| !self.may_name_wire && names_crate(code, word));
        let sql = SQL_WORDS
            .iter()
            .find(|word| !self.may_name_sql && names_crate(code, word));
        if let Some(word) = wire.or(sql) {
            return Some((format!("a domain file names `{word}`"), DOMAIN));
        }
        if let Some(maker) = STATUS_MAKERS
            .iter()
            .find(|maker| !self.may_make_status && code.contains(&format!("Status::{maker}(")))
            .filter(|_| !code.contains("StatusCode::"))
        {
            return Some((format!("`Status::{maker}`"), STATUS));
        }
        let query = QUERIES
            .iter()
            .find(|query| !self.may_query && code.contains(**query));
        query.map(|query| (format!("`{query}` outside store"), QUERY))
    }
}

fn is_test_path(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.any(|part| matches!(part, "tests" | "benches" | "tests.rs" | "testkit"))
}

/// Whether the `#[cfg(test)]` on this line stands before a module written out, which by habit is
/// the last thing of a file.
fn opens_module(source: &Source, attribute: usize) -> bool {
    let after = source
        .text
        .lines()
        .skip(attribute)
        .take(4)
        .map(str::trim_start);
    after
        .clone()
        .any(|line| line.contains("mod ") && line.ends_with('{'))
}

/// Whether `code` has `krate::` as a path of its own.
fn names_crate(code: &str, krate: &str) -> bool {
    code.match_indices(krate).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = &code[start + krate.len()..];
        let is_start =
            before.is_none_or(|before| !before.is_alphanumeric() && !"_:.".contains(before));
        is_start
            && (after.starts_with("::") || (code.trim_start().starts_with("use ") && after == ";"))
    })
}

fn without_comment(line: &str) -> &str {
    match line.find("//") {
        // Not a comment in a URL.
        Some(start) if !line[..start].ends_with(':') => &line[..start],
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<Rule> {
        check(&source(path, text))
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }

    #[test]
    fn a_domain_file_names_neither_wire_nor_database() {
        for line in [
            "use tonic::Request;",
            "    let x = t11_proto::agents::v1::Agent {};",
            "use sea_orm::Set;",
        ] {
            assert_eq!(
                rules("services/agents/src/agent.rs", line),
                [DOMAIN],
                "{line}"
            );
            assert!(
                rules("services/agents/src/store/agents.rs", line).is_empty(),
                "{line}"
            );
        }
        assert!(rules("services/agents/src/grpc/agents.rs", "use tonic::Request;").is_empty());
        assert_eq!(
            rules("services/agents/src/grpc/agents.rs", "use sea_orm::Set;"),
            [DOMAIN]
        );
        assert!(
            rules(
                "services/agents/src/agent.rs",
                "// tonic::Request is not for here"
            )
            .is_empty()
        );
        assert!(rules("services/agents/src/agent.rs", "let x = my_tonic::y();").is_empty());
    }

    #[test]
    fn edge_knows_the_wire_but_no_database() {
        assert!(rules("services/edge/src/rest.rs", "use tonic::Request;").is_empty());
        assert_eq!(
            rules("services/edge/src/rest.rs", "use sqlx::query;"),
            [DOMAIN]
        );
    }

    #[test]
    fn a_status_is_made_in_one_place() {
        let line = "return Err(Status::internal(\"no\"));";
        assert_eq!(rules("services/agents/src/grpc/agents.rs", line), [STATUS]);
        assert!(rules("crates/grpc/src/status.rs", line).is_empty());
        assert!(rules("services/agents/tests/it/main.rs", line).is_empty());
    }

    #[test]
    fn queries_are_written_in_store() {
        let line = "agent::Entity::find().all(&tx)";
        assert_eq!(rules("services/agents/src/grpc/agents.rs", line), [QUERY]);
        assert!(rules("services/agents/src/store/agents.rs", line).is_empty());
    }

    #[test]
    fn tests_at_the_end_of_a_file_are_free() {
        let text = "use t11_core::World;\n#[cfg(test)]\nmod tests {\n    use tonic::Request;\n}\n";
        assert!(rules("services/agents/src/agent.rs", text).is_empty());
        let text = "#[cfg(test)]\nmod tests;\nuse tonic::Request;\n";
        assert_eq!(rules("services/agents/src/agent.rs", text), [DOMAIN]);
    }

    #[test]
    fn long_files_and_skipped_tests_are_found() {
        assert_eq!(
            rules("crates/core/src/a.rs", &"\n".repeat(LONGEST_FILE + 1)),
            [TOO_LONG]
        );
        assert!(rules("crates/core/src/a.rs", &"\n".repeat(LONGEST_FILE)).is_empty());
        assert_eq!(
            rules("crates/core/src/a.rs", &format!("{}]", SKIPS[0])),
            [SKIPPED]
        );
        assert_eq!(rules("crates/core/src/a/mod.rs", ""), [MODULE_FILE]);
    }
}
