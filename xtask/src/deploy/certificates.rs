//! Mutual TLS: whoever speaks has the certificate of its own name, of one authority, or nobody has one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Findings;
use super::manifest::{Manifest, Pods, all_pods, at, items, text};

/// Where each kind of pod looks for its certificate.
const FOLDERS: [(&str, &str); 2] = [
    ("service", "/run/secrets/mesh-certificate"),
    ("proxy", "/etc/envoy/certificates"),
];
/// The files of a Secret that a Certificate makes.
pub(super) const FILES: [&str; 3] = ["ca.crt", "tls.crt", "tls.key"];
/// It speaks plainly to edge, whose door is the outer one.
const FRONT: &str = "envoy-front";

pub(super) fn check(manifests: &[Manifest]) -> Findings {
    let certificates = made(manifests);
    if certificates.is_empty() {
        return settings(manifests)
            .filter(|(name, value)| name.starts_with("T11_TLS__") || is_secure(value))
            .map(|(name, value)| format!("{name}={value} without certificates"))
            .collect();
    }
    let mut findings: Findings = settings(manifests)
        .filter(|(name, value)| name.starts_with("T11_PEERS__") && !is_secure(value))
        .map(|(name, value)| format!("{name}={value} is in the clear"))
        .collect();
    findings.extend(
        certificates
            .values()
            .flat_map(|it| check_issuer(it, manifests)),
    );
    for pods in all_pods(manifests).filter(|it| it.name() != FRONT) {
        findings.extend(check_pods(&pods, &certificates));
    }
    findings
}

/// The Certificates by the Secrets that they make.
pub(super) fn made(manifests: &[Manifest]) -> BTreeMap<&str, &Manifest> {
    let certificates = manifests.iter().filter(|it| it.kind() == "Certificate");
    certificates
        .map(|it| (text(&it.0, "/spec/secretName"), it))
        .collect()
}

fn is_secure(value: &str) -> bool {
    value.starts_with("https://envoy-mesh:")
}

/// What the services' settings map says.
fn settings(manifests: &[Manifest]) -> impl Iterator<Item = (&str, &str)> {
    manifests
        .iter()
        .filter(|it| it.kind() == "ConfigMap")
        .filter_map(|it| it.at("/data").as_object())
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .filter(|(name, _)| name.starts_with("T11_"))
}

/// That someone signs it: the authority whose key a Certificate makes, or nobody for that one itself.
fn check_issuer(certificate: &Manifest, manifests: &[Manifest]) -> Findings {
    let name = text(&certificate.0, "/spec/issuerRef/name");
    let issuer = manifests
        .iter()
        .find(|it| it.kind() == "Issuer" && it.name() == name);
    let secret = issuer.map(|it| it.at("/spec/ca/secretName"));
    let is_authority = certificate.at("/spec/isCA") == &json!(true);
    let signs = match secret {
        None => false,
        Some(Value::Null) => is_authority,
        Some(secret) => {
            let secret = secret.as_str().unwrap_or_default();
            let authority = made(manifests).get(secret).copied();
            authority.is_some_and(|it| it.at("/spec/isCA") == &json!(true))
        }
    };
    let finding = format!("{}: {name} cannot sign it", certificate.title());
    (!signs).then_some(finding).into_iter().collect()
}

fn check_pods(pods: &Pods<'_>, certificates: &BTreeMap<&str, &Manifest>) -> Findings {
    let kind = pods.workload.label("t11.dev/pod");
    let Some((_, folder)) = FOLDERS.iter().find(|(of, _)| Some(*of) == kind) else {
        return Findings::new();
    };
    let mut findings = Findings::new();
    let mounted = pods
        .containers()
        .flat_map(|it| items(at(it, "/volumeMounts")))
        .find(|it| text(it, "/mountPath") == *folder);
    let secret = mounted.map_or("", |mount| secret_of(pods, text(mount, "/name")));
    match certificates.get(secret) {
        None => findings.push(format!("no certificate is at {folder}")),
        Some(certificate) => {
            if certificate.at("/spec/dnsNames") != &json!([pods.name()]) {
                findings.push(format!("{secret} is of another name"));
            }
            let usages = certificate.at("/spec/usages");
            let is_for = |usage| items(usages).any(|it| it == usage);
            if !is_for("server auth") || !is_for("client auth") {
                findings.push(format!("{secret} is for one side only"));
            }
        }
    }
    // One that is put in by `subPath` stays as it was when the pod began.
    if mounted
        .is_some_and(|it| !at(it, "/subPath").is_null() || at(it, "/readOnly") != &json!(true))
    {
        findings.push(format!("{folder} has to be a whole folder, and read-only"));
    }
    let title = pods.workload.title();
    findings.iter().map(|it| format!("{title}: {it}")).collect()
}

fn secret_of<'a>(pods: &Pods<'a>, volume: &str) -> &'a str {
    items(at(pods.spec(), "/volumes"))
        .find(|it| text(it, "/name") == volume)
        .map_or("", |it| text(it, "/secret/secretName"))
}

#[cfg(test)]
mod tests {
    use super::super::manifest::parse;
    use super::*;

    const GOOD: &str = "
kind: Issuer
metadata: {name: root}
spec: {selfSigned: {}}
---
kind: Certificate
metadata: {name: authority}
spec: {isCA: true, secretName: authority, issuerRef: {name: root}}
---
kind: Issuer
metadata: {name: mesh}
spec: {ca: {secretName: authority}}
---
kind: Certificate
metadata: {name: crm}
spec: {secretName: mesh-crm, dnsNames: [crm], usages: [server auth, client auth], issuerRef: {name: mesh}}
---
kind: ConfigMap
metadata: {name: settings}
data: {T11_PEERS__JOBS: 'https://envoy-mesh:50050', T11_TLS__CERT: /run/secrets/mesh-certificate/tls.crt}
---
kind: Deployment
metadata: {name: crm, labels: {t11.dev/pod: service}}
spec:
  template:
    spec:
      containers: [{volumeMounts: [{name: own, mountPath: /run/secrets/mesh-certificate, readOnly: true}]}]
      volumes: [{name: own, secret: {secretName: mesh-crm}}]
";

    fn found(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        check(&parse(&GOOD.replacen(from, to, 1)).unwrap()).join("\n")
    }

    #[test]
    fn everybody_has_the_certificate_of_their_own_name() {
        assert_eq!(found("crm", "crm"), "");
        for (from, to, expected) in [
            (
                "secret: {secretName: mesh-crm}",
                "emptyDir: {}",
                "Deployment crm: no certificate",
            ),
            (
                "dnsNames: [crm]",
                "dnsNames: [crm, agents]",
                "of another name",
            ),
            ("server auth, ", "", "for one side only"),
            (
                "readOnly: true",
                "readOnly: true, subPath: a",
                "a whole folder",
            ),
            ("readOnly: true", "readOnly: false", "read-only"),
            ("https://envoy", "http://envoy", "in the clear"),
            (
                "issuerRef: {name: mesh}",
                "issuerRef: {name: root}",
                "Certificate crm: root cannot sign",
            ),
            (
                "issuerRef: {name: mesh}",
                "issuerRef: {name: other}",
                "other cannot sign",
            ),
            ("isCA: true", "isCA: false", "cannot sign"),
        ] {
            let found = found(from, to);
            assert!(found.contains(expected), "{expected}:\n{found}");
        }
    }

    #[test]
    fn without_certificates_there_is_no_tls() {
        let settings = |value: &str| {
            let map = format!("kind: ConfigMap\nmetadata: {{name: s}}\ndata: {{{value}}}");
            check(&parse(&map).unwrap()).join("\n")
        };
        assert_eq!(settings("T11_PEERS__JOBS: 'http://envoy-mesh:50050'"), "");
        assert!(settings("T11_PEERS__JOBS: 'https://envoy-mesh:50050'").contains("without"));
        assert!(settings("T11_TLS__CA: /ca.crt").contains("without"));
    }
}
