//! What stands around the pods: addresses, budgets, scalers, accounts, the namespace.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Findings;
use super::manifest::{Manifest, Pods, all_pods, at, items, selects, text};
use super::topology::SERVICES;

pub(super) fn check(manifests: &[Manifest]) -> Findings {
    let of = |kind: &'static str| manifests.iter().filter(move |it| it.kind() == kind);
    let pods: Vec<_> = all_pods(manifests).collect();
    let mut findings = Findings::new();
    findings.extend(of("Namespace").filter_map(check_namespace));
    findings.extend(of("ServiceAccount").filter_map(check_account));
    findings.extend(of("Service").filter_map(|it| check_address(it, &pods)));
    findings.extend(
        SERVICES
            .iter()
            .filter_map(|it| check_headless(it.name, of("Service"))),
    );
    for pods in pods
        .iter()
        .filter(|it| it.workload.label("t11.dev/pod").is_some())
    {
        let is_kept = of("PodDisruptionBudget").any(|it| keeps(it, pods));
        if !is_kept {
            findings.push(format!(
                "{} has no PodDisruptionBudget",
                pods.workload.title()
            ));
        }
    }
    findings.extend(check_scalers(manifests));
    findings.extend(
        manifests
            .iter()
            .filter(|it| it.kind() == "Secret")
            .map(|it| {
                format!(
                    "{} is in the manifests; secrets are made by deploy/k8s/secrets.sh",
                    it.title()
                )
            }),
    );
    findings
}

fn check_namespace(namespace: &Manifest) -> Option<String> {
    let level = namespace.label("pod-security.kubernetes.io/enforce");
    (level != Some("restricted"))
        .then(|| format!("{} does not enforce `restricted`", namespace.title()))
}

fn check_account(account: &Manifest) -> Option<String> {
    let hands_out_tokens = account.at("/automountServiceAccountToken") != &json!(false);
    hands_out_tokens.then(|| format!("{} hands out tokens", account.title()))
}

/// Leads to pods that listen there.
fn check_address(service: &Manifest, pods: &[Pods<'_>]) -> Option<String> {
    let selector = json!({"matchLabels": service.at("/spec/selector")});
    let mut targets = pods
        .iter()
        .filter(|it| selects(&selector, &it.labels()))
        .peekable();
    let title = service.title();
    if targets.peek().is_none() || service.at("/spec/selector").is_null() {
        return Some(format!("{title} leads to no pod"));
    }
    let listens = |pods: &Pods<'_>, port: &Value| {
        let target = at(port, "/targetPort");
        pods.ports()
            .any(|it| at(it, "/name") == target || at(it, "/containerPort") == target)
    };
    let ports: Vec<_> = items(service.at("/spec/ports")).collect();
    let all_listen = targets.all(|pods| ports.iter().all(|port| listens(pods, port)));
    (!all_listen).then(|| format!("{title} leads to a port where nobody listens"))
}

/// Envoy balances over the pods it finds behind the name.
fn check_headless<'a>(
    name: &str,
    mut services: impl Iterator<Item = &'a Manifest>,
) -> Option<String> {
    let is_headless =
        services.any(|it| it.name() == name && text(&it.0, "/spec/clusterIP") == "None");
    (!is_headless).then(|| format!("Service {name} has to be there, with clusterIP None"))
}

fn keeps(budget: &Manifest, pods: &Pods<'_>) -> bool {
    selects(budget.at("/spec/selector"), &pods.labels())
        && budget.at("/spec/maxUnavailable") == &json!(1)
}

/// Two scalers of one workload undo each other's decisions, and so does a fixed number.
fn check_scalers(manifests: &[Manifest]) -> Findings {
    let mut findings = Findings::new();
    let mut scaled = BTreeMap::<&str, usize>::new();
    for scaler in manifests.iter().filter(|it| is_scaler(it)) {
        let target = text(&scaler.0, "/spec/scaleTargetRef/name");
        *scaled.entry(target).or_default() += 1;
        match manifests
            .iter()
            .find(|it| it.kind() == "Deployment" && it.name() == target)
        {
            None => findings.push(format!(
                "{} scales {target}, which is not there",
                scaler.title()
            )),
            Some(target) if !target.at("/spec/replicas").is_null() => {
                findings.push(format!(
                    "{} is scaled, so it may not name replicas",
                    target.title()
                ));
            }
            Some(_) => {}
        }
        findings.extend(check_triggers(scaler));
    }
    let twice = scaled.iter().filter(|(_, scalers)| **scalers > 1);
    findings.extend(twice.map(|(target, scalers)| format!("{target} has {scalers} scalers")));
    findings
}

fn is_scaler(manifest: &Manifest) -> bool {
    ["HorizontalPodAutoscaler", "ScaledObject"].contains(&manifest.kind())
}

/// KEDA takes any words here, so a misspelt one would be found only in the cluster.
fn check_triggers(scaler: &Manifest) -> Findings {
    let mut findings = Findings::new();
    for trigger in items(scaler.at("/spec/triggers")) {
        let expected: &[&str] = match text(trigger, "/type") {
            "prometheus" => &["query", "serverAddress", "threshold"],
            "cpu" => &["value"],
            _ => &[],
        };
        let given = at(trigger, "/metadata").as_object().into_iter().flatten();
        let mut given: Vec<_> = given.map(|(name, _)| name.as_str()).collect();
        given.sort_unstable();
        if given != expected {
            findings.push(format!(
                "{}: a trigger says {given:?}, not {expected:?}",
                scaler.title()
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::manifest::parse;
    use super::*;

    /// The services are there in all of them.
    fn found(manifests: &str) -> String {
        let mut text = manifests.to_owned();
        for service in &SERVICES {
            let name = service.name;
            text.push_str(&format!(
                "\n---\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{clusterIP: None, selector: {{app: all}}, ports: [{{targetPort: grpc}}]}}"
            ));
        }
        text.push_str("\n---\nkind: Job\nmetadata: {name: all}\nspec: {template: {metadata: {labels: {app: all}}, spec: {containers: [{ports: [{name: grpc}]}]}}}");
        check(&parse(&text).unwrap()).join("\n")
    }

    #[test]
    fn what_stands_around_the_pods_is_checked() {
        let deployment = "kind: Deployment\nmetadata: {name: crm, labels: {t11.dev/pod: service}}\nspec: {template: {metadata: {labels: {app: crm}}}}";
        let budget = "\n---\nkind: PodDisruptionBudget\nmetadata: {name: crm}\nspec: {maxUnavailable: 1, selector: {matchLabels: {app: crm}}}";
        let hpa = "\n---\nkind: HorizontalPodAutoscaler\nmetadata: {name: crm}\nspec: {scaleTargetRef: {name: crm}}";
        let keda = "\n---\nkind: ScaledObject\nmetadata: {name: crm}\nspec: {scaleTargetRef: {name: crm}, triggers: [{type: cpu, metadata: {value: \"70\"}}]}";
        assert_eq!(found(&format!("{deployment}{budget}{hpa}")), "");
        assert_eq!(found(&format!("{deployment}{budget}{keda}")), "");
        for (manifests, expected) in [
            (deployment.to_owned(), "has no PodDisruptionBudget"),
            (format!("{deployment}{}", budget.replace("maxUnavailable: 1", "minAvailable: 1")), "has no PodDisruptionBudget"),
            (format!("{deployment}{budget}{hpa}{keda}"), "crm has 2 scalers"),
            (format!("{}{budget}{hpa}", deployment.replace("spec: {", "spec: {replicas: 2, ")), "may not name replicas"),
            (format!("{deployment}{budget}{}", hpa.replace("Ref: {name: crm}", "Ref: {name: crn}")), "scales crn"),
            (format!("{deployment}{budget}{}", keda.replace("value", "valu")), "a trigger says [\"valu\"]"),
            ("kind: Namespace\nmetadata: {name: t11}".to_owned(), "does not enforce"),
            ("kind: ServiceAccount\nmetadata: {name: crm}".to_owned(), "hands out tokens"),
            ("kind: Secret\nmetadata: {name: crm}".to_owned(), "is in the manifests"),
            ("kind: Service\nmetadata: {name: a}\nspec: {selector: {app: no}}".to_owned(), "leads to no pod"),
            ("kind: Service\nmetadata: {name: a}\nspec: {selector: {app: all}, ports: [{targetPort: http}]}".to_owned(), "where nobody listens"),
        ] {
            let found = found(&manifests);
            assert!(found.contains(expected), "{expected}:\n{found}");
        }
    }

    #[test]
    fn services_are_headless() {
        let manifests =
            parse("kind: Service\nmetadata: {name: crm}\nspec: {clusterIP: None}").unwrap();
        assert!(check_headless("crm", manifests.iter()).is_none());
        assert!(check_headless("llm", manifests.iter()).is_some());
    }
}
