//! What a pod may be: the level `restricted` of Kubernetes' Pod Security Standards, and more.

use serde_json::{Value, json};

use super::Findings;
use super::manifest::{Manifest, Pods, all_pods, at, items, text};

/// The user of our own image.
const OUR_USER: u64 = 65532;
/// Of a container of ours, which drains for up to 22 s.
const GRACE_SECONDS: u64 = 45;
/// Everything but the folders of the machine itself.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
const PROBES: [&str; 3] = ["startupProbe", "livenessProbe", "readinessProbe"];

pub(super) fn check(manifests: &[Manifest]) -> Findings {
    all_pods(manifests)
        .flat_map(|pods| {
            let title = pods.workload.title();
            check_pods(&pods)
                .into_iter()
                .map(move |it| format!("{title}: {it}"))
        })
        .collect()
}

fn check_pods(pods: &Pods<'_>) -> Findings {
    let spec = pods.spec();
    let mut findings = check_spec(pods.name(), spec);
    findings.extend(items(at(spec, "/volumes")).filter_map(check_volume));
    if kind_of_pod(pods).is_some() {
        findings.extend(check_service(pods));
    }
    for container in pods.containers() {
        let name = text(container, "/name");
        let mut found = check_container(container);
        if pods.workload.kind() != "Job" {
            found.extend(check_probes(container));
        }
        findings.extend(found.into_iter().map(|it| format!("{name}: {it}")));
    }
    findings
}

/// `service` or `proxy`: what the mesh is made of, and what has to run without a break.
fn kind_of_pod<'a>(pods: &Pods<'a>) -> Option<&'a str> {
    pods.workload.label("t11.dev/pod")
}

fn check_spec(workload: &str, spec: &Value) -> Findings {
    let mut rules = Rules::of(spec);
    rules.equal("/automountServiceAccountToken", &json!(false));
    rules.equal("/enableServiceLinks", &json!(false));
    rules.equal("/serviceAccountName", &json!(workload));
    rules.equal("/securityContext/runAsNonRoot", &json!(true));
    rules.equal(
        "/securityContext/seccompProfile/type",
        &json!("RuntimeDefault"),
    );
    for host in ["/hostNetwork", "/hostPID", "/hostIPC"] {
        rules.never(host);
    }
    rules.check(
        at(spec, "/securityContext/runAsUser")
            .as_u64()
            .is_some_and(|it| it > 0),
        "/securityContext/runAsUser has to be a number other than 0",
    );
    rules.findings
}

fn check_volume(volume: &Value) -> Option<String> {
    let kinds = volume
        .as_object()
        .into_iter()
        .flatten()
        .map(|(kind, _)| kind.as_str());
    let strange = kinds
        .filter(|it| *it != "name")
        .find(|it| !VOLUMES.contains(it))?;
    Some(format!(
        "the volume {} is a {strange}",
        text(volume, "/name")
    ))
}

/// What has to run without a break, and on more than one machine.
fn check_service(pods: &Pods<'_>) -> Findings {
    let mut rules = Rules::of(pods.spec());
    rules.equal("/terminationGracePeriodSeconds", &json!(GRACE_SECONDS));
    rules.equal("/securityContext/runAsUser", &json!(OUR_USER));
    rules.check(
        items(at(pods.spec(), "/topologySpreadConstraints")).count() >= 2,
        "has to be spread over machines and zones",
    );
    let strategy = pods.workload.at("/spec/strategy");
    let has_volume =
        items(at(pods.spec(), "/volumes")).any(|it| !at(it, "/persistentVolumeClaim").is_null());
    let replaces_first = text(strategy, "/type") == "Recreate" && has_volume;
    let is_gentle = at(strategy, "/rollingUpdate/maxUnavailable") == &json!(0);
    rules.check(
        is_gentle || replaces_first,
        "an old pod may go only when its successor is ready: maxUnavailable 0",
    );
    rules.findings
}

fn check_container(container: &Value) -> Findings {
    let mut rules = Rules::of(container);
    rules.equal("/securityContext/allowPrivilegeEscalation", &json!(false));
    rules.equal("/securityContext/readOnlyRootFilesystem", &json!(true));
    rules.equal("/securityContext/capabilities/drop", &json!(["ALL"]));
    for never in [
        "/securityContext/capabilities/add",
        "/securityContext/privileged",
        "/securityContext/procMount",
        "/securityContext/runAsNonRoot",
        "/securityContext/runAsUser",
        "/securityContext/seccompProfile",
    ] {
        rules.never(never);
    }
    for (of, what) in [
        ("requests", "cpu"),
        ("requests", "memory"),
        ("limits", "memory"),
    ] {
        let is_set = !at(container, &format!("/resources/{of}/{what}")).is_null();
        rules.check(is_set, format!("resources.{of}.{what} is missing"));
    }
    let on_the_machine = |port: &Value| !at(port, "/hostPort").is_null();
    let takes_port = items(at(container, "/ports")).any(on_the_machine);
    rules.check(!takes_port, "takes a port of the machine");
    rules.findings
}

fn check_probes(container: &Value) -> Findings {
    let mut rules = Rules::of(container);
    for probe in PROBES {
        rules.check(
            container.get(probe).is_some(),
            format!("{probe} is missing"),
        );
        let port = at(container, &format!("/{probe}/httpGet/port"));
        if !port.is_null() {
            rules.check(
                names_port(container, port),
                format!("{probe} asks at {port}, which is no port"),
            );
        }
    }
    if text(container, "/name") == "t11" {
        rules.equal("/startupProbe/httpGet/path", &json!("/livez"));
        rules.equal("/livenessProbe/httpGet/path", &json!("/livez"));
        rules.equal("/readinessProbe/httpGet/path", &json!("/readyz"));
    }
    rules.findings
}

fn names_port(container: &Value, port: &Value) -> bool {
    items(at(container, "/ports"))
        .any(|it| at(it, "/name") == port || at(it, "/containerPort") == port)
}

/// Questions to one value.
struct Rules<'a> {
    value: &'a Value,
    findings: Findings,
}

impl<'a> Rules<'a> {
    fn of(value: &'a Value) -> Self {
        Self {
            value,
            findings: Findings::new(),
        }
    }

    fn equal(&mut self, pointer: &str, expected: &Value) {
        let actual = at(self.value, pointer);
        self.check(
            actual == expected,
            format!("{pointer} is {actual} and has to be {expected}"),
        );
    }

    fn never(&mut self, pointer: &str) {
        let actual = at(self.value, pointer);
        self.check(
            actual.is_null(),
            format!("{pointer} is {actual} and may not be set"),
        );
    }

    fn check(&mut self, holds: bool, otherwise: impl Into<String>) {
        if !holds {
            self.findings.push(otherwise.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::parse;
    use super::*;

    const GOOD: &str = "
kind: Deployment
metadata: {name: crm, labels: {t11.dev/pod: service}}
spec:
  strategy: {rollingUpdate: {maxUnavailable: 0}}
  template:
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      serviceAccountName: crm
      terminationGracePeriodSeconds: 45
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      topologySpreadConstraints: [{topologyKey: a}, {topologyKey: b}]
      containers:
        - name: t11
          ports: [{name: admin, containerPort: 9090}]
          startupProbe: {httpGet: {path: /livez, port: admin}}
          livenessProbe: {httpGet: {path: /livez, port: admin}}
          readinessProbe: {httpGet: {path: /readyz, port: admin}}
          resources: {requests: {cpu: 1, memory: 1Mi}, limits: {memory: 1Mi}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
      volumes: [{name: tmp, emptyDir: {}}]
";

    fn found(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        check(&parse(&GOOD.replacen(from, to, 1)).unwrap()).join("\n")
    }

    #[test]
    fn a_restricted_pod_passes() {
        assert_eq!(found("kind", "kind"), "");
    }

    #[test]
    fn every_other_pod_is_refused() {
        for (from, to, expected) in [
            (
                "automountServiceAccountToken: false",
                "automountServiceAccountToken: true",
                "automountServiceAccountToken",
            ),
            (
                "enableServiceLinks: false",
                "hostNetwork: true",
                "/hostNetwork",
            ),
            (
                "enableServiceLinks: false",
                "a: b",
                "/enableServiceLinks is null",
            ),
            (
                "serviceAccountName: crm",
                "serviceAccountName: default",
                "/serviceAccountName",
            ),
            (
                "GracePeriodSeconds: 45",
                "GracePeriodSeconds: 10",
                "/terminationGracePeriodSeconds",
            ),
            ("runAsNonRoot: true, ", "", "/securityContext/runAsNonRoot"),
            ("runAsUser: 65532", "runAsUser: 0", "other than 0"),
            ("runAsUser: 65532", "runAsUser: 1000", "has to be 65532"),
            (
                "RuntimeDefault",
                "Unconfined",
                "/securityContext/seccompProfile/type",
            ),
            (", {topologyKey: b}", "", "spread over machines and zones"),
            ("maxUnavailable: 0", "maxUnavailable: 1", "maxUnavailable 0"),
            (
                "rollingUpdate: {maxUnavailable: 0}",
                "type: Recreate",
                "maxUnavailable 0",
            ),
            ("emptyDir", "hostPath", "the volume tmp is a hostPath"),
            (
                "allowPrivilegeEscalation: false",
                "privileged: true",
                "/securityContext/privileged",
            ),
            (
                "allowPrivilegeEscalation: false",
                "runAsUser: 0",
                "/securityContext/runAsUser is 0",
            ),
            (
                "readOnlyRootFilesystem: true",
                "readOnlyRootFilesystem: false",
                "readOnlyRootFilesystem",
            ),
            (
                "drop: [ALL]",
                "drop: [ALL], add: [NET_ADMIN]",
                "capabilities/add",
            ),
            ("drop: [ALL]", "drop: [KILL]", "capabilities/drop"),
            (", limits: {memory: 1Mi}", "", "resources.limits.memory"),
            ("cpu: 1, ", "", "resources.requests.cpu"),
            (
                "containerPort: 9090",
                "containerPort: 9090, hostPort: 9090",
                "a port of the machine",
            ),
            ("startupProbe", "other", "startupProbe is missing"),
            ("/readyz", "/livez", "/readinessProbe/httpGet/path"),
            ("name: admin, ", "", "which is no port"),
        ] {
            let found = found(from, to);
            assert!(found.contains(expected), "{expected}:\n{found}");
            assert!(found.starts_with("Deployment crm: "), "{found}");
        }
    }

    #[test]
    fn a_pod_with_a_volume_of_its_own_may_go_first() {
        let found = found("rollingUpdate: {maxUnavailable: 0}", "type: Recreate");
        assert!(!found.is_empty());
        let with_volume = GOOD
            .replace("rollingUpdate: {maxUnavailable: 0}", "type: Recreate")
            .replace("emptyDir: {}", "persistentVolumeClaim: {claimName: a}");
        assert_eq!(check(&parse(&with_volume).unwrap()), Findings::new());
    }
}
