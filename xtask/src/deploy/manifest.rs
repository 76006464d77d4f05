//! Manifests as `kubectl kustomize` prints them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// One resource of Kubernetes.
#[derive(Clone, Debug)]
pub(super) struct Manifest(pub(super) Value);

/// The documents of a YAML stream.
pub(super) fn parse(text: &str) -> Result<Vec<Manifest>> {
    let documents: Vec<Value> = yaml(text)?;
    Ok(documents.into_iter().map(Manifest).collect())
}

/// Any YAML stream, each document as JSON.
pub(super) fn yaml(text: &str) -> Result<Vec<Value>> {
    // The proxies' routes share a few anchors, one alias a route; and the text is our own.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { enforce_alias_anchor_ratio: false },
    };
    serde_saphyr::from_multiple_with_options(text, options).context("not YAML")
}

impl Manifest {
    pub(super) fn kind(&self) -> &str {
        text(&self.0, "/kind")
    }

    pub(super) fn name(&self) -> &str {
        text(&self.0, "/metadata/name")
    }

    /// `Deployment agents`, to begin a finding with.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.kind(), self.name())
    }

    pub(super) fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.at("/metadata/labels").get(name)?.as_str()
    }

    /// The pods it makes, if it makes any.
    pub(super) fn pods(&self) -> Option<Pods<'_>> {
        let template = match self.kind() {
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => "/spec/template",
            "CronJob" => "/spec/jobTemplate/spec/template",
            _ => return None,
        };
        Some(Pods {
            workload: self,
            template: self.at(template),
        })
    }
}

/// The pods of a workload, which share its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pods<'a> {
    pub(super) workload: &'a Manifest,
    template: &'a Value,
}

impl<'a> Pods<'a> {
    pub(super) fn name(&self) -> &'a str {
        self.workload.name()
    }

    pub(super) fn spec(&self) -> &'a Value {
        at(self.template, "/spec")
    }

    pub(super) fn labels(&self) -> BTreeMap<&'a str, &'a str> {
        let labels = at(self.template, "/metadata/labels").as_object();
        labels
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
            .collect()
    }

    /// Those that run before the others too.
    pub(super) fn containers(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        let of = |list| items(at(self.spec(), list));
        of("/initContainers").chain(of("/containers"))
    }

    pub(super) fn ports(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.containers()
            .flat_map(|container| items(at(container, "/ports")))
    }

    pub(super) fn listens_at(&self, port: u64) -> bool {
        self.ports()
            .any(|it| at(it, "/containerPort").as_u64() == Some(port))
    }
}

pub(super) fn all_pods(manifests: &[Manifest]) -> impl Iterator<Item = Pods<'_>> {
    manifests.iter().filter_map(Manifest::pods)
}

pub(super) fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    at(value, pointer).as_str().unwrap_or_default()
}

/// Of a list; nothing of anything else.
pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> + use<'_> {
    value.as_array().into_iter().flatten()
}

/// Whether `selector` (`matchLabels`, `matchExpressions`) chooses these labels. One that says
/// nothing chooses everything.
pub(super) fn selects(selector: &Value, labels: &BTreeMap<&str, &str>) -> bool {
    let by_label = at(selector, "/matchLabels")
        .as_object()
        .into_iter()
        .flatten();
    let mut by_label =
        by_label.map(|(name, value)| labels.get(name.as_str()).copied() == value.as_str());
    by_label.all(|holds| holds)
        && items(at(selector, "/matchExpressions")).all(|it| holds(it, labels))
}

fn holds(expression: &Value, labels: &BTreeMap<&str, &str>) -> bool {
    let value = labels.get(text(expression, "/key"));
    let is_listed = || items(at(expression, "/values")).any(|it| it.as_str() == value.copied());
    match text(expression, "/operator") {
        "In" => value.is_some() && is_listed(),
        "NotIn" => value.is_none() || !is_listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_choose_as_kubernetes_does() {
        let labels = BTreeMap::from([("app", "crm"), ("tier", "service")]);
        let chooses = |selector: Value| selects(&selector, &labels);
        assert!(chooses(json!({})));
        assert!(chooses(json!({"matchLabels": {"app": "crm"}})));
        assert!(!chooses(
            json!({"matchLabels": {"app": "crm", "zone": "a"}})
        ));
        let expression = |operator: &str, values: Value| json!({"matchExpressions": [{"key": "app", "operator": operator, "values": values}]});
        assert!(chooses(expression("In", json!(["llm", "crm"]))));
        assert!(!chooses(expression("In", json!(["llm"]))));
        assert!(!chooses(expression("NotIn", json!(["crm"]))));
        assert!(chooses(expression("NotIn", json!(["llm"]))));
        assert!(!chooses(expression("Like", json!(["crm"]))));
    }

    #[test]
    fn a_stream_is_read_document_by_document() {
        let manifests =
            parse("kind: Job\nmetadata: {name: a}\n---\nkind: Secret\nmetadata: {name: b}\n")
                .unwrap();
        let titles: Vec<_> = manifests.iter().map(Manifest::title).collect();
        assert_eq!(titles, ["Job a", "Secret b"]);
        assert!(manifests[0].pods().is_some() && manifests[1].pods().is_none());
    }
}
