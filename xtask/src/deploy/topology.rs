//! Who talks to whom, in one place. The code is compared with it, and so is every network that
//! `deploy/` lays: nothing may be able to talk that has nothing to say.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::Result;
use walkdir::WalkDir;

use super::{Findings, read};

/// A service and whom it calls. Who has a database has an outbox as well, which is emptied into
/// `jobs`; who takes jobs asks `jobs` for them.
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) port: u16,
    calls: &'static [&'static str],
    has_database: bool,
    /// The ports at which it reaches public addresses.
    internet: &'static [u16],
}

pub(super) const SERVICES: [Service; 6] = [
    Service {
        name: "accounts",
        port: 50051,
        calls: &["jobs"],
        has_database: true,
        internet: &[],
    },
    Service {
        name: "agents",
        port: 50052,
        calls: &["accounts", "crm", "jobs", "llm"],
        has_database: true,
        internet: &[80, 443],
    },
    Service {
        name: "crm",
        port: 50053,
        calls: &["jobs"],
        has_database: true,
        internet: &[443],
    },
    Service {
        name: "llm",
        port: 50054,
        calls: &["jobs"],
        has_database: true,
        internet: &[443],
    },
    Service {
        name: "jobs",
        port: 50055,
        calls: &[],
        has_database: true,
        internet: &[],
    },
    Service {
        name: "edge",
        port: 8080,
        calls: &["accounts", "agents", "crm", "jobs", "llm"],
        has_database: false,
        internet: &[],
    },
];

const FRONT: &str = "envoy-front";
const MESH: &str = "envoy-mesh";
const MESH_PORT: u16 = 50050;
/// Health and metrics of our pods, and of Envoy's.
const ADMIN_PORT: u16 = 9090;
const ENVOY_HEALTH_PORT: u16 = 9902;
/// They call nobody, so they ask for no names.
const STORES: [&str; 3] = ["postgres", "redis", "traces"];

/// A connection that may be opened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) port: u16,
}

impl Edge {
    pub(super) fn new(from: &str, to: &str, port: u16) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            port,
        }
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}:{}", self.from, self.to, self.port)
    }
}

/// Every connection of a mesh in which `is_there` says what there is.
pub(super) fn edges(is_there: impl Fn(&str) -> bool) -> BTreeSet<Edge> {
    let mut edges = Vec::new();
    let mut edge = |from: &str, to: &str, port| edges.push(Edge::new(from, to, port));
    edge("internet", FRONT, 8443);
    edge("internet", FRONT, 8080);
    edge("migrate", "postgres", 5432);
    edge("migrate", "dns", 53);
    edge("otel-collector", "traces", 4317);
    edge("otel-collector", "dns", 53);
    for envoy in [FRONT, MESH] {
        edge(envoy, "dns", 53);
        edge("monitoring", envoy, ENVOY_HEALTH_PORT);
    }
    for service in &SERVICES {
        let name = service.name;
        edge(
            if name == "edge" { FRONT } else { MESH },
            name,
            service.port,
        );
        if !service.calls.is_empty() {
            edge(name, MESH, MESH_PORT);
        }
        if service.has_database {
            edge(name, "postgres", 5432);
        }
        edge(name, "redis", 6379);
        edge(name, "otel-collector", 4317);
        edge(name, "dns", 53);
        edge("monitoring", name, ADMIN_PORT);
        for port in service.internet {
            edge(name, "internet", *port);
        }
    }
    edges
        .into_iter()
        .filter(|it| is_there(&it.from) && is_there(&it.to))
        .filter(|it| !STORES.contains(&it.from.as_str()))
        .collect()
}

/// Whether the table above says what the code does.
pub(super) fn compare_with_code(root: &Path) -> Result<Findings> {
    let mut findings = Findings::new();
    let ports = read(&root.join("crates/runtime/src/peers.rs"))?;
    for service in &SERVICES {
        let code = service_code(&root.join("services").join(service.name).join("src"))?;
        findings.extend(compare(service, &code));
        let port = format!("(\"{}\", {})", service.name, service.port);
        if service.name != "edge" && !ports.contains(&port) {
            findings.push(format!("crates/runtime/src/peers.rs does not say {port}"));
        }
    }
    Ok(findings)
}

fn service_code(folder: &Path) -> Result<String> {
    let mut code = String::new();
    for entry in WalkDir::new(folder).sort_by_file_name() {
        let entry = entry?;
        if entry.path().extension().is_some_and(|it| it == "rs") {
            code.push_str(&read(entry.path())?);
        }
    }
    Ok(code)
}

fn compare(service: &Service, code: &str) -> Findings {
    let mut findings = Findings::new();
    let declared: BTreeSet<_> = service.calls.iter().map(|it| (*it).to_owned()).collect();
    let found = calls(service.name, code);
    if declared != found {
        findings.push(format!(
            "the code of {} calls {found:?}, xtask/src/deploy/topology.rs says {declared:?}",
            service.name
        ));
    }
    if has_database(code) != service.has_database {
        findings.push(format!(
            "whether {} has a database: xtask/src/deploy/topology.rs says {}",
            service.name, service.has_database
        ));
    }
    findings
}

/// Names are literals in wiring code, except in edge, which calls whoever owns the method.
fn calls(service: &str, code: &str) -> BTreeSet<String> {
    let mut calls = BTreeSet::new();
    for call in code.split(".peer(").skip(1) {
        match call.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            Some((name, _)) => {
                calls.insert(name.to_owned());
            }
            None => calls.extend(SERVICES.iter().map(|it| it.name.to_owned())),
        }
    }
    if has_database(code) || code.contains(".handler(") {
        calls.insert("jobs".to_owned());
    }
    calls.remove("edge");
    calls.remove(service);
    calls
}

fn has_database(code: &str) -> bool {
    code.contains(".database(")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_there_is_connected() {
        let edges = edges(|name| ["edge", MESH, FRONT, "internet"].contains(&name));
        let edges: Vec<_> = edges.iter().map(ToString::to_string).collect();
        assert_eq!(
            edges,
            [
                "edge → envoy-mesh:50050",
                "envoy-front → edge:8080",
                "internet → envoy-front:8080",
                "internet → envoy-front:8443",
            ]
        );
    }

    #[test]
    fn the_code_tells_whom_a_service_calls() {
        let code = r#"context.database(Self::NAME); Chat { llm: context.peer("llm") }"#;
        let agents = &SERVICES[1];
        assert_eq!(
            calls("agents", code),
            ["jobs", "llm"].map(str::to_owned).into()
        );
        assert!(compare(agents, code)[0].contains("agents"));
        let more = r#"context.peer("accounts"); context.peer("crm")"#;
        assert!(compare(agents, &format!("{code}{more}")).is_empty());
    }

    #[test]
    fn a_name_that_is_computed_may_be_any() {
        assert_eq!(calls("edge", "app.peer(method.owner())").len(), 5);
        assert!(calls("jobs", ".database(NAME)").is_empty());
    }
}
