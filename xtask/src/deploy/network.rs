//! Network policies: together they allow exactly the connections of the topology.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Findings;
use super::manifest::{Manifest, Pods, all_pods, at, items, selects, text};
use super::topology::{self, Edge};

/// Whose network an address or a namespace is, which the policy itself does not say.
const TARGET: &str = "t11.dev/target";
/// A service that may call the internet may not call these.
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
];

pub(super) fn check(manifests: &[Manifest], outside: &[&str]) -> Findings {
    let pods: Vec<_> = all_pods(manifests).collect();
    let mut reader = Reader {
        pods: &pods,
        out: BTreeSet::new(),
        into: BTreeSet::new(),
        findings: Findings::new(),
    };
    let policies = || manifests.iter().filter(|it| it.kind() == "NetworkPolicy");
    if !policies().any(denies_all) {
        reader.find("no network policy denies everything that is not allowed");
    }
    for policy in policies() {
        reader.read(policy);
    }
    let is_pod = |name: &str| pods.iter().any(|it| it.name() == name);
    let declared = topology::edges(|name| is_pod(name) || outside.contains(&name));
    let of = |choose: fn(&Edge) -> &str| -> BTreeSet<Edge> {
        declared
            .iter()
            .filter(|it| is_pod(choose(it)))
            .cloned()
            .collect()
    };
    let (out, into) = (of(|it| &it.from), of(|it| &it.to));
    let mut findings = reader.findings;
    findings.extend(compare("egress", &reader.out, &out));
    findings.extend(compare("ingress", &reader.into, &into));
    findings.extend(declared.iter().filter_map(|it| nobody_listens(it, &pods)));
    findings
}

fn denies_all(policy: &Manifest) -> bool {
    let types: BTreeSet<_> = items(policy.at("/spec/policyTypes"))
        .filter_map(Value::as_str)
        .collect();
    let selects_all = policy
        .at("/spec/podSelector")
        .as_object()
        .is_some_and(serde_json::Map::is_empty);
    let allows_none = ["/spec/ingress", "/spec/egress"]
        .iter()
        .all(|it| policy.at(it).is_null());
    selects_all && allows_none && types == BTreeSet::from(["Egress", "Ingress"])
}

fn compare(way: &str, allowed: &BTreeSet<Edge>, declared: &BTreeSet<Edge>) -> Findings {
    let extra = allowed.difference(declared);
    let missing = declared.difference(allowed);
    extra
        .map(|it| format!("{way} {it} is allowed, and nobody needs it"))
        .chain(missing.map(|it| format!("{way} {it} is needed, and not allowed")))
        .collect()
}

fn nobody_listens(edge: &Edge, pods: &[Pods<'_>]) -> Option<String> {
    let target = pods.iter().find(|it| it.name() == edge.to)?;
    let is_there = target.listens_at(edge.port.into());
    (!is_there).then(|| format!("{edge}: no container of {} has this port", edge.to))
}

struct Reader<'a> {
    pods: &'a [Pods<'a>],
    out: BTreeSet<Edge>,
    into: BTreeSet<Edge>,
    findings: Findings,
}

impl Reader<'_> {
    fn find(&mut self, what: impl Into<String>) {
        self.findings.push(what.into());
    }

    fn read(&mut self, policy: &Manifest) {
        let chosen = self.select(policy.at("/spec/podSelector"));
        if chosen.is_empty() {
            self.find(format!("{} is for no pod", policy.title()));
        }
        for rule in items(policy.at("/spec/egress")) {
            for (peer, port) in self.connections(policy, rule, "/to") {
                self.out
                    .extend(chosen.iter().map(|it| Edge::new(it, &peer, port)));
            }
        }
        for rule in items(policy.at("/spec/ingress")) {
            for (peer, port) in self.connections(policy, rule, "/from") {
                self.into
                    .extend(chosen.iter().map(|it| Edge::new(&peer, it, port)));
            }
        }
    }

    fn select(&self, selector: &Value) -> Vec<String> {
        let chosen = self
            .pods
            .iter()
            .filter(|it| selects(selector, &it.labels()));
        chosen.map(|it| it.name().to_owned()).collect()
    }

    /// Every pair of a peer and a port that a rule allows.
    fn connections(&mut self, policy: &Manifest, rule: &Value, side: &str) -> Vec<(String, u16)> {
        let title = policy.title();
        let mut ports = Vec::new();
        for port in items(at(rule, "/ports")) {
            let number = at(port, "/port")
                .as_u64()
                .and_then(|it| u16::try_from(it).ok());
            match number {
                Some(number) if at(port, "/endPort").is_null() => ports.push(number),
                _ => self.find(format!("{title}: a port has to be one number")),
            }
        }
        let mut peers = Vec::new();
        for peer in items(at(rule, side)) {
            let names = self.peer(policy, peer, side);
            if names.is_empty() {
                self.find(format!("{title}: {peer} is nobody we know"));
            }
            peers.extend(names);
        }
        if ports.is_empty() || peers.is_empty() {
            self.find(format!(
                "{title}: a rule without peers or ports allows all of them"
            ));
        }
        let pair = |peer: &String| {
            ports
                .iter()
                .map(|port| (peer.clone(), *port))
                .collect::<Vec<_>>()
        };
        peers.iter().flat_map(pair).collect()
    }

    fn peer(&mut self, policy: &Manifest, peer: &Value, side: &str) -> Vec<String> {
        let namespace = at(peer, "/namespaceSelector");
        let network = at(peer, "/ipBlock");
        if let Some(target) = policy
            .at("/metadata/annotations")
            .get(TARGET)
            .and_then(Value::as_str)
        {
            return vec![target.to_owned()];
        }
        if !network.is_null() {
            return self.network(policy, network, side).into_iter().collect();
        }
        if namespace.is_null() {
            return self.select(at(peer, "/podSelector"));
        }
        let name = text(namespace, "/matchLabels/kubernetes.io~1metadata.name");
        match (name, text(peer, "/podSelector/matchLabels/k8s-app")) {
            ("kube-system", "kube-dns") => vec!["dns".to_owned()],
            ("monitoring", "") => vec!["monitoring".to_owned()],
            _ => Vec::new(),
        }
    }

    fn network(&mut self, policy: &Manifest, network: &Value, side: &str) -> Option<String> {
        let cidr = text(network, "/cidr");
        if !["0.0.0.0/0", "::/0"].contains(&cidr) {
            return None;
        }
        let excepted: Vec<_> = items(at(network, "/except"))
            .filter_map(Value::as_str)
            .collect();
        let of_family = |it: &&&str| it.contains(':') == cidr.contains(':');
        for private in PRIVATE.iter().filter(of_family) {
            if side == "/to" && !excepted.contains(private) {
                self.find(format!("{}: {cidr} includes {private}", policy.title()));
            }
        }
        Some("internet".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::parse;
    use super::*;

    const GOOD: &str = r#"
kind: Deployment
metadata: {name: edge}
spec: {template: {metadata: {labels: {app: edge}}, spec: {containers: [{ports: [{containerPort: 8080}]}]}}}
---
kind: Deployment
metadata: {name: envoy-front}
spec: {template: {metadata: {labels: {app: envoy-front}}, spec: {containers: [{ports: [{containerPort: 8080}, {containerPort: 8443}]}]}}}
---
kind: NetworkPolicy
metadata: {name: deny-all}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
kind: NetworkPolicy
metadata: {name: envoy-front}
spec:
  podSelector: {matchLabels: {app: envoy-front}}
  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 8080}, {port: 8443}]}]
  egress: [{to: [{podSelector: {matchLabels: {app: edge}}}], ports: [{port: 8080}]}]
---
kind: NetworkPolicy
metadata: {name: edge}
spec:
  podSelector: {matchLabels: {app: edge}}
  ingress: [{from: [{podSelector: {matchLabels: {app: envoy-front}}}], ports: [{port: 8080}]}]
"#;

    fn found(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        let manifests = parse(&GOOD.replacen(from, to, 1)).unwrap();
        check(&manifests, &["internet"]).join("\n")
    }

    #[test]
    fn exactly_the_declared_connections_pass() {
        assert_eq!(found("kind", "kind"), "");
    }

    #[test]
    fn everything_else_is_refused() {
        for (from, to, expected) in [
            (
                ", policyTypes: [Ingress, Egress]",
                ", policyTypes: [Ingress]",
                "no network policy denies",
            ),
            (
                "podSelector: {}",
                "podSelector: {matchLabels: {app: edge}}",
                "no network policy denies",
            ),
            (
                "from: [{podSelector: {matchLabels: {app: envoy-front}}}], ",
                "",
                "without peers or ports",
            ),
            (
                "}}}], ports: [{port: 8080}]}]\n---",
                "}}}]}]\n---",
                "without peers or ports",
            ),
            (
                "matchLabels: {app: envoy-front}}}]",
                "}}]",
                "ingress edge → edge:8080 is allowed",
            ),
            (
                "ports: [{port: 8080}, {port: 8443}]}]\n",
                "ports: [{port: 8443}]}]\n",
                "internet → envoy-front:8080 is needed",
            ),
            ("{port: 8443}]}]", "{port: 1, endPort: 9}]}]", "one number"),
            ("cidr: 0.0.0.0/0", "cidr: 10.1.0.0/16", "nobody we know"),
            (
                "matchLabels: {app: edge}}}]",
                "matchLabels: {app: ede}}}]",
                "nobody we know",
            ),
            (
                "containers: [{ports: [{containerPort: 8080}]",
                "containers: [{ports: [{containerPort: 80}]",
                "no container of edge",
            ),
            (
                "name: edge}\nspec:\n  podSelector: {matchLabels: {app: edge}}",
                "name: edge}\nspec:\n  podSelector: {matchLabels: {app: e}}",
                "is for no pod",
            ),
        ] {
            let found = found(from, to);
            assert!(found.contains(expected), "{expected}:\n{found}");
        }
    }

    #[test]
    fn the_internet_is_without_private_networks() {
        let egress = "egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}], ports: [{port: 443}]}]\n  ingress: [{from: [{podSelector: {matchLabels: {app: envoy-front}}}]";
        let found = found(
            "ingress: [{from: [{podSelector: {matchLabels: {app: envoy-front}}}]",
            egress,
        );
        assert!(
            found.contains("0.0.0.0/0 includes 192.168.0.0/16"),
            "{found}"
        );
        assert!(!found.contains("includes 10.0.0.0/8"), "{found}");
        assert!(
            found.contains("edge → internet:443 is allowed, and nobody needs it"),
            "{found}"
        );
    }
}
