//! Alerts and dashboards: the numbers they ask for are recorded, and every service has its own.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;
use walkdir::WalkDir;

use super::manifest::{at, items, parse, text, yaml};
use super::tools::Tools;
use super::topology::SERVICES;
use super::{Findings, read};
use crate::workspace::Workspace;

/// What the numbers of ours begin with; those of others are not in our code.
const PREFIXES: [&str; 3] = ["t11_", "rpc_", "db_"];
/// What Prometheus makes of one histogram.
const PARTS: [&str; 3] = ["_bucket", "_count", "_sum"];

/// An expression and where it stands.
type Expression = (String, String);

pub(super) fn check(tools: &Tools, workspace: &Workspace, scratch: &Path) -> Result<Findings> {
    let deploy = workspace.root.join("deploy");
    let folder = deploy.join("observability");
    let mut findings = Findings::new();
    findings.extend(tools.promtool(&["check", "config"], &folder.join("prometheus.yaml")));
    findings.extend(tools.promtool(&["test", "rules"], &folder.join("rules/t11.test.yaml")));
    findings.extend(check_targets(&read(&folder.join("prometheus.yaml"))?)?);

    let alerts = Alerts::parse(&read(&folder.join("rules/t11.yaml"))?)?;
    findings.extend(alerts.compare(&read(
        &deploy.join("k8s/components/monitoring/alerts.yaml"),
    )?)?);
    findings.extend(alerts.check(
        &read(&workspace.root.join("docs/operations.md"))?,
        &read(&folder.join("rules/t11.test.yaml"))?,
    ));

    let dashboards = Dashboards::read(&folder.join("grafana/dashboards"))?;
    findings.extend(dashboards.check());
    let shown = dashboards.expressions();
    let rules = scratch.join("dashboards.yaml");
    fs::write(&rules, as_rules(&shown))?;
    findings.extend(tools.promtool(&["check", "rules"], &rules));

    let mut asked = alerts.expressions();
    asked.extend(shown);
    asked.extend(queries(&read(
        &deploy.join("k8s/components/keda/queues.yaml"),
    )?)?);
    let recorded = Recorded::read(&workspace.root)?;
    findings.extend(asked.iter().flat_map(|it| recorded.check(it)));
    Ok(findings)
}

struct Alerts(Value);

impl Alerts {
    fn parse(text: &str) -> Result<Self> {
        let file = yaml(text)?.into_iter().next().context("a file of rules")?;
        Ok(Self(at(&file, "/groups").clone()))
    }

    fn all(&self) -> impl Iterator<Item = &Value> {
        items(&self.0).flat_map(|group| items(at(group, "/rules")))
    }

    fn expressions(&self) -> Vec<Expression> {
        self.all()
            .map(|it| (text(it, "/alert").to_owned(), text(it, "/expr").to_owned()))
            .collect()
    }

    /// Kubernetes has a copy of its own.
    fn compare(&self, kubernetes: &str) -> Result<Findings> {
        let copy = parse(kubernetes)?;
        let is_same = copy
            .first()
            .is_some_and(|it| *it.at("/spec/groups") == self.0);
        let differs = "deploy/k8s/components/monitoring/alerts.yaml differs from deploy/observability/rules/t11.yaml";
        Ok(if is_same {
            Vec::new()
        } else {
            vec![differs.to_owned()]
        })
    }

    fn check(&self, manual: &str, tests: &str) -> Findings {
        let mut findings = Findings::new();
        for alert in self.all() {
            let name = text(alert, "/alert");
            if !manual.contains(&format!("`{name}`")) {
                findings.push(format!(
                    "docs/operations.md does not say what to do about {name}"
                ));
            }
            let is_absence = name.ends_with("Absent");
            if !is_absence && !tests.contains(&format!("alertname: {name}\n")) {
                findings.push(format!(
                    "deploy/observability/rules/t11.test.yaml does not test {name}"
                ));
            }
        }
        for service in &SERVICES {
            let group = format!("t11-{}", service.name);
            if !items(&self.0).any(|it| text(it, "/name") == group) {
                findings.push(format!("there is no group of alerts {group}"));
            }
        }
        findings
    }
}

fn check_targets(prometheus: &str) -> Result<Findings> {
    let file = yaml(prometheus)?
        .into_iter()
        .next()
        .context("Prometheus' settings")?;
    let jobs: BTreeSet<_> = items(at(&file, "/scrape_configs"))
        .map(|it| text(it, "/job_name"))
        .collect();
    let names = SERVICES
        .iter()
        .map(|it| it.name)
        .chain(["envoy-front", "envoy-mesh"]);
    let missing = names.filter(|it| !jobs.contains(it));
    Ok(missing
        .map(|it| format!("deploy/observability/prometheus.yaml does not ask {it}"))
        .collect())
}

struct Dashboards(Vec<(String, Value)>);

impl Dashboards {
    fn read(folder: &Path) -> Result<Self> {
        let mut dashboards = Vec::new();
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let dashboard =
                serde_json::from_str(&read(&path)?).with_context(|| path.display().to_string())?;
            dashboards.push((name, dashboard));
        }
        dashboards.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(Self(dashboards))
    }

    fn check(&self) -> Findings {
        let mut findings = Findings::new();
        for (name, dashboard) in &self.0 {
            if text(dashboard, "/uid") != format!("t11-{name}") {
                findings.push(format!(
                    "the uid of the dashboard {name} has to be t11-{name}"
                ));
            }
        }
        for service in &SERVICES {
            if !self.0.iter().any(|(name, _)| name == service.name) {
                findings.push(format!("there is no dashboard of {}", service.name));
            }
        }
        findings
    }

    fn expressions(&self) -> Vec<Expression> {
        let mut expressions = Vec::new();
        for (name, dashboard) in &self.0 {
            for panel in items(at(dashboard, "/panels")) {
                let place = format!("dashboard {name}, {}", text(panel, "/title"));
                let targets = items(at(panel, "/targets"));
                expressions.extend(targets.map(|it| (place.clone(), text(it, "/expr").to_owned())));
            }
        }
        expressions
    }
}

/// Prometheus' own tool reads rules only, so each expression becomes one.
fn as_rules(expressions: &[Expression]) -> String {
    let mut rules = String::from("groups:\n- name: dashboards\n  rules:\n");
    for (index, (_, expression)) in expressions.iter().enumerate() {
        let expression = Value::from(expression.replace("$__rate_interval", "5m"));
        // Infallible: it is a text.
        let _ = writeln!(rules, "  - {{record: 'shown:{index}', expr: {expression}}}");
    }
    rules
}

/// What the scalers ask Prometheus.
fn queries(scalers: &str) -> Result<Vec<Expression>> {
    let mut queries = Vec::new();
    for scaler in parse(scalers)? {
        for trigger in items(scaler.at("/spec/triggers")) {
            queries.push((scaler.title(), text(trigger, "/metadata/query").to_owned()));
        }
    }
    Ok(queries)
}

/// The texts in our code, among which are the names of what it records.
struct Recorded(String);

impl Recorded {
    fn read(root: &Path) -> Result<Self> {
        let mut code = String::new();
        for folder in ["crates", "services"] {
            for entry in WalkDir::new(root.join(folder)) {
                let entry = entry?;
                if entry.path().extension().is_some_and(|it| it == "rs") {
                    code.push_str(&read(entry.path())?);
                }
            }
        }
        Ok(Self(code))
    }

    fn check(&self, (place, expression): &Expression) -> Findings {
        let unknown = metrics(expression).into_iter().filter(|it| !self.has(it));
        unknown
            .map(|it| format!("{place}: nothing records {it}"))
            .collect()
    }

    fn has(&self, metric: &str) -> bool {
        let whole = PARTS.iter().find_map(|it| metric.strip_suffix(it));
        [Some(metric), whole]
            .into_iter()
            .flatten()
            .any(|it| self.0.contains(&format!("\"{it}\"")))
    }
}

/// The names of ours in an expression; a label has no such prefix but for `rpc_…`, which stands
/// before a comparison or in a list of labels.
fn metrics(expression: &str) -> BTreeSet<&str> {
    let is_name = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == ':';
    let mut names = BTreeSet::new();
    let (mut rest, mut is_label) = (expression, false);
    while let Some(start) = rest.find(|it: char| is_name(it) || "{}()\"".contains(it)) {
        rest = &rest[start..];
        let length = rest.find(|it: char| !is_name(it)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length.max(1));
        rest = after;
        match word {
            "{" => is_label = true,
            "}" => is_label = false,
            "\"" => rest = after.split_once('"').map_or("", |(_, it)| it),
            // `by (rpc_method)`: a list of labels.
            "by" | "without" | "on" | "ignoring" => {
                rest = after.split_once(')').map_or("", |(_, it)| it);
            }
            _ if !is_label && PREFIXES.iter().any(|it| word.starts_with(it)) => {
                names.insert(word);
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_labels_and_texts() {
        let expression = r#"sum by (rpc_method) (rate(rpc_server_call_seconds_count{rpc_code="t11_x", job="a"}[5m])) / max(t11_y) > on (db_z) up"#;
        let names: Vec<_> = metrics(expression).into_iter().collect();
        assert_eq!(names, ["rpc_server_call_seconds_count", "t11_y"]);
    }

    #[test]
    fn what_nobody_records_is_found() {
        let recorded =
            Recorded(r#"histogram!("t11_wait_seconds"); gauge!("t11_dead_count")"#.to_owned());
        let found = |it: &str| recorded.check(&("x".to_owned(), it.to_owned()));
        assert!(found("rate(t11_wait_seconds_bucket[5m]) + t11_dead_count + envoy_any").is_empty());
        assert_eq!(found("t11_waits"), ["x: nothing records t11_waits"]);
    }

    const ALERTS: &str = "groups: [{name: t11-crm, rules: [{alert: Slow, expr: up == 0}, {alert: CrmAbsent, expr: absent(up)}]}]";

    #[test]
    fn an_alert_is_tested_and_explained() {
        let alerts = Alerts::parse(ALERTS).unwrap();
        let found = alerts
            .check("`Slow` `CrmAbsent`", "alertname: Slow\n")
            .join("\n");
        assert!(
            !found.contains("Slow") && !found.contains("Absent"),
            "{found}"
        );
        assert!(
            found.contains("t11-llm") && !found.contains("t11-crm"),
            "{found}"
        );
        let found = alerts.check("", "").join("\n");
        assert!(
            found.contains("what to do about Slow") && found.contains("does not test Slow"),
            "{found}"
        );
    }

    #[test]
    fn both_copies_of_the_alerts_say_the_same() {
        let alerts = Alerts::parse(ALERTS).unwrap();
        let copy = format!("kind: PrometheusRule\nspec: {{{ALERTS}}}");
        assert!(alerts.compare(&copy).unwrap().is_empty());
        assert_eq!(
            alerts.compare(&copy.replace("== 0", "== 1")).unwrap().len(),
            1
        );
    }

    #[test]
    fn an_expression_becomes_a_rule() {
        let rules = as_rules(&[(
            "x".to_owned(),
            "rate(a{b=\"c\"}[$__rate_interval])".to_owned(),
        )]);
        let rules = yaml(&rules).unwrap();
        assert_eq!(
            text(&rules[0], "/groups/0/rules/0/expr"),
            "rate(a{b=\"c\"}[5m])"
        );
    }

    #[test]
    fn every_service_is_asked() {
        let found = check_targets("scrape_configs: [{job_name: crm}]")
            .unwrap()
            .join("\n");
        assert!(
            found.contains("ask llm") && !found.contains("ask crm"),
            "{found}"
        );
    }
}
