//! `deploy/compose`: as contained as on Kubernetes, and able to talk.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::image::Images;
use super::manifest::{at, items, text};
use super::settings::KnownSettings;
use super::tools::Tools;
use super::{Findings, topology};

const FILES: [&[&str]; 4] = [
    &["compose.yaml"],
    &["compose.yaml", "scale.yaml"],
    &["compose.yaml", "observability.yaml"],
    &["compose.yaml", "scale.yaml", "observability.yaml"],
];
/// The one that may be reached from other machines.
const FRONT: &str = "envoy-front";

pub(super) fn check(
    tools: &Tools,
    deploy: &Path,
    known: &KnownSettings,
    images: &mut Images,
) -> Result<Findings> {
    let mut findings = Findings::new();
    for files in FILES {
        let whole = tools.compose(&deploy.join("compose"), files)?;
        let whole = Whole::of(&whole);
        for (name, service) in whole.services() {
            images.add("compose", text(service, "/image"));
            findings.extend(whole.check_service(name, service, known));
        }
        findings.extend(whole.check_edges());
    }
    // The files share most of what can be wrong.
    findings.sort();
    findings.dedup();
    Ok(findings)
}

struct Whole<'a>(&'a Value);

impl<'a> Whole<'a> {
    fn of(value: &'a Value) -> Self {
        Self(value)
    }

    fn services(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        at(self.0, "/services").as_object().into_iter().flatten()
    }

    fn check_service(&self, name: &str, service: &Value, known: &KnownSettings) -> Findings {
        let mut findings = Findings::new();
        let mut check = |holds: bool, otherwise: &str| {
            if !holds {
                findings.push(format!("compose: {name} {otherwise}"));
            }
        };
        check(
            at(service, "/read_only") == &json!(true),
            "may write to its image",
        );
        check(
            at(service, "/cap_drop") == &json!(["ALL"]),
            "keeps capabilities",
        );
        check(at(service, "/cap_add").is_null(), "adds capabilities");
        check(at(service, "/privileged").is_null(), "is privileged");
        let keeps = json!("no-new-privileges:true");
        check(
            items(at(service, "/security_opt")).any(|it| *it == keeps),
            "may gain privileges",
        );
        let user = text(service, "/user").split(':').next().unwrap_or_default();
        check(
            user.parse().is_ok_and(|it: u32| it > 0),
            "has to run as a numbered user other than 0",
        );
        let is_open = |port: &Value| text(port, "/host_ip") != "127.0.0.1";
        let opens = items(at(service, "/ports")).any(is_open);
        check(!opens || name == FRONT, "opens a port to other machines");
        let leads_out = self.networks(name).iter().any(|it| self.leads_out(it));
        check(
            !leads_out || may_leave(name, service),
            "is in a network that leads out",
        );
        if is_ours(service) {
            let variables = at(service, "/environment")
                .as_object()
                .into_iter()
                .flatten();
            findings
                .extend(variables.filter_map(|(variable, _)| {
                    known.check(&format!("compose: {name}"), variable)
                }));
        }
        findings
    }

    /// Every connection of the topology needs a network that both are in.
    fn check_edges(&self) -> Findings {
        let is_there = |name: &str| at(self.0, "/services").get(name).is_some();
        topology::edges(is_there)
            .into_iter()
            .filter(|edge| {
                self.networks(&edge.from)
                    .is_disjoint(&self.networks(&edge.to))
            })
            .map(|edge| format!("compose: {edge} share no network"))
            .collect()
    }

    fn networks(&self, service: &str) -> BTreeSet<&'a str> {
        let networks = at(self.0, "/services")
            .get(service)
            .map_or(&Value::Null, |it| at(it, "/networks"));
        networks
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect()
    }

    fn leads_out(&self, network: &str) -> bool {
        at(self.0, "/networks")
            .get(network)
            .is_none_or(|it| at(it, "/internal") != &json!(true))
    }
}

fn is_ours(service: &Value) -> bool {
    let image = text(service, "/image");
    image.split(':').next() == Some("t11")
}

/// Who calls the internet, and who opens a port.
fn may_leave(name: &str, service: &Value) -> bool {
    let edges = topology::edges(|it| [name, "internet"].contains(&it));
    !edges.is_empty() || items(at(service, "/ports")).next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Value {
        let service = |networks: Value| {
            json!({
                "image": "t11:1", "read_only": true, "cap_drop": ["ALL"], "user": "65532:65532",
                "security_opt": ["no-new-privileges:true"], "networks": networks,
            })
        };
        json!({
            "services": {
                "llm": service(json!({"mesh": null, "outside": null})),
                "envoy-mesh": service(json!({"mesh": null})),
            },
            "networks": {"mesh": {"internal": true}, "outside": {}},
        })
    }

    fn found(pointer: &str, value: Value) -> String {
        let mut whole = good();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        whole.pointer_mut(parent).unwrap()[key] = value;
        let whole = Whole::of(&whole);
        let known = KnownSettings::default();
        let services = whole
            .services()
            .flat_map(|(name, it)| whole.check_service(name, it, &known));
        services
            .chain(whole.check_edges())
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn a_contained_service_passes() {
        assert_eq!(found("/name", json!("t11")), "");
    }

    #[test]
    fn every_other_service_is_refused() {
        for (pointer, value, expected) in [
            ("/services/llm/read_only", json!(false), "may write"),
            (
                "/services/llm/cap_drop",
                json!(["KILL"]),
                "keeps capabilities",
            ),
            (
                "/services/llm/cap_add",
                json!(["KILL"]),
                "adds capabilities",
            ),
            ("/services/llm/privileged", json!(true), "is privileged"),
            ("/services/llm/security_opt", json!([]), "gain privileges"),
            ("/services/llm/user", json!("0:0"), "numbered user"),
            ("/services/llm/user", json!("root"), "numbered user"),
            (
                "/services/llm/ports",
                json!([{"published": "1"}]),
                "opens a port",
            ),
            (
                "/services/llm/environment",
                json!({"T11_LGO": "info"}),
                "T11_LGO sets nothing",
            ),
            (
                "/services/llm/networks",
                json!({"outside": null}),
                "llm → envoy-mesh:50050 share no network",
            ),
            (
                "/services/envoy-mesh/networks",
                json!({"mesh": null, "outside": null}),
                "leads out",
            ),
            (
                "/networks/mesh",
                json!({}),
                "envoy-mesh is in a network that leads out",
            ),
        ] {
            let found = found(pointer, value);
            assert!(found.contains(expected), "{expected}:\n{found}");
        }
    }
}
