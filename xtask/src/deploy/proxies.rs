//! Envoy's own files: they listen where the pods say, and send where the topology says.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Findings;
use super::manifest::{Manifest, Pods, all_pods, at, items, text, yaml};
use super::topology::{self, Edge};

const LOOPBACK: &str = "127.0.0.1";

pub(super) fn check(manifests: &[Manifest]) -> Result<Findings> {
    let mut findings = Findings::new();
    for (proxy, file) in [("envoy-front", "front.yaml"), ("envoy-mesh", "mesh.yaml")] {
        let settings = settings(manifests, file);
        let settings = settings.with_context(|| format!("no settings map holds {file}"))?;
        let settings = yaml(settings)?
            .into_iter()
            .next()
            .context("Envoy's settings")?;
        let pods = all_pods(manifests).find(|it| it.name() == proxy);
        let pods = pods.with_context(|| format!("there are no pods of {proxy}"))?;
        findings.extend(
            compare(&settings, &pods)
                .into_iter()
                .map(|it| format!("{file}: {it}")),
        );
    }
    Ok(findings)
}

/// What the pods are given as this file.
fn settings<'a>(manifests: &'a [Manifest], file: &str) -> Option<&'a str> {
    let maps = manifests.iter().filter(|it| it.kind() == "ConfigMap");
    let mut files = maps.filter_map(|it| it.at("/data").get(file)?.as_str());
    files.next()
}

fn compare(settings: &Value, pods: &Pods<'_>) -> Findings {
    let mut findings = Findings::new();
    let listens = listens_at(settings);
    let said: BTreeSet<_> = pods
        .ports()
        .filter_map(|it| at(it, "/containerPort").as_u64())
        .collect();
    if listens != said {
        findings.push(format!(
            "listens at {listens:?}, and the container says {said:?}"
        ));
    }
    let sends = sends_to(pods.name(), settings);
    let declared = topology::edges(|_| true);
    let declared = declared
        .into_iter()
        .filter(|it| it.from == pods.name() && it.to != "dns");
    let declared: BTreeSet<_> = declared.collect();
    let different = sends.symmetric_difference(&declared);
    findings.extend(
        different.map(|it| format!("{it}: in Envoy's file or in the topology, and not in both")),
    );
    findings
}

fn listens_at(settings: &Value) -> BTreeSet<u64> {
    items(at(settings, "/static_resources/listeners"))
        .map(|it| at(it, "/address/socket_address"))
        .filter(|it| text(it, "/address") != LOOPBACK)
        .filter_map(|it| at(it, "/port_value").as_u64())
        .collect()
}

fn sends_to(proxy: &str, settings: &Value) -> BTreeSet<Edge> {
    items(at(settings, "/static_resources/clusters"))
        .flat_map(|it| items(at(it, "/load_assignment/endpoints")))
        .flat_map(|it| items(at(it, "/lb_endpoints")))
        .map(|it| at(it, "/endpoint/address/socket_address"))
        .filter(|it| text(it, "/address") != LOOPBACK)
        .filter_map(|it| {
            let port = u16::try_from(at(it, "/port_value").as_u64()?).ok()?;
            Some(Edge::new(proxy, text(it, "/address"), port))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::manifest::parse;
    use super::*;

    const FRONT: &str = "
static_resources:
  listeners:
  - address: {socket_address: {address: 0.0.0.0, port_value: 8443}}
  - address: {socket_address: {address: 127.0.0.1, port_value: 9901}}
  clusters:
  - load_assignment: {endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: edge, port_value: 8080}}}}]}]}
  - load_assignment: {endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}}]}]}
";

    fn found(from: &str, to: &str) -> String {
        assert!(FRONT.contains(from), "{from}");
        let settings = yaml(&FRONT.replacen(from, to, 1)).unwrap();
        let pods = "kind: Deployment\nmetadata: {name: envoy-front}\nspec: {template: {spec: {containers: [{ports: [{containerPort: 8443}]}]}}}";
        let manifests = parse(pods).unwrap();
        let pods = all_pods(&manifests).next().unwrap();
        compare(&settings[0], &pods).join("\n")
    }

    #[test]
    fn envoy_listens_and_sends_as_declared() {
        assert_eq!(found("edge", "edge"), "");
        assert!(found("8443", "8444").contains("listens at {8444}"));
        assert!(found("address: edge", "address: crm").contains("envoy-front → crm:8080"));
        assert!(found("port_value: 8080", "port_value: 80").contains("envoy-front → edge:80:"));
        assert!(
            found(
                "address: 127.0.0.1, port_value: 9901",
                "address: 0.0.0.0, port_value: 9901"
            )
            .contains("9901")
        );
    }
}
