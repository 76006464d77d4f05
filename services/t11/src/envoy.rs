//! `t11 envoy`: the configuration of the proxies, made from what the RPCs say about themselves.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Subcommand;
use t11_grpc::keys;
use t11_proto::method::{Auth, Idempotency, METHODS, MethodInfo};

const FRONT: &str = include_str!("envoy/front.yaml");
const MESH: &str = include_str!("envoy/mesh.yaml");

/// The services behind the mesh, where they are reached by name.
const SERVICES: [(&str, u16); 5] = [
    ("accounts", 50051),
    ("agents", 50052),
    ("crm", 50053),
    ("llm", 50054),
    ("jobs", 50055),
];
/// What a client may not say about itself, beside the keys of our own processes.
const FORGED: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
];
/// A dead replica has the fewest calls, so it is drawn often until it is put aside: three times of four
/// where there are two. So many draws find the other.
const HOST_DRAWS: u32 = 32;
/// Nearly two seconds on the average, with their pauses: a replica that is killed may be known for it
/// only after its next check, and the living one may be put aside for a silence.
const RETRIES: u32 = 10;
/// Past the deadline that callers and services keep, in milliseconds.
const LATE_MS: u32 = 1_000;

#[derive(Subcommand, Clone)]
pub(crate) enum Action {
    /// Print the configuration of the proxy in front of edge.
    Front(Front),
    /// Print the configuration of the proxy between the services.
    Mesh(Mesh),
}

#[derive(clap::Args, Clone)]
pub(crate) struct Front {
    #[command(flatten)]
    common: Common,
    /// Where to listen without TLS.
    #[arg(long, default_value = "0.0.0.0:8080")]
    listen: Address,
    /// Where to listen with TLS.
    #[arg(long, default_value = "0.0.0.0:8443")]
    listen_tls: Address,
    /// The file that says where the certificate is (deploy/envoy/tls.yaml); `-` for no TLS.
    #[arg(long, default_value = "/etc/envoy/tls.yaml")]
    tls: String,
    /// The replicas of edge: one name that stands for all, or the address of each.
    #[arg(long, default_values = ["edge:8080"])]
    edge: Vec<Address>,
}

#[derive(clap::Args, Clone)]
pub(crate) struct Mesh {
    #[command(flatten)]
    common: Common,
    /// Where to listen.
    #[arg(long, default_value = "0.0.0.0:50050")]
    listen: Address,
    /// The folder of the files that say where the mesh's certificates are (deploy/envoy/mtls), for
    /// mutual TLS on both sides; unset = none.
    #[arg(long, value_name = "FOLDER")]
    mtls: Option<String>,
    /// Where a service is instead of at its name, `agents=127.0.0.1:50052`; again for each replica.
    #[arg(long, value_name = "SERVICE=ADDRESS")]
    to: Vec<Target>,
}

#[derive(clap::Args, Clone)]
struct Common {
    /// Envoy's own administration; keep it on the loopback interface.
    #[arg(long, default_value = "127.0.0.1:9901")]
    admin: Address,
    /// Where probes and Prometheus may ask for `/ready` and `/stats/prometheus`.
    #[arg(long, default_value = "0.0.0.0:9902")]
    probes: Address,
    /// The collector of traces, `otel-collector:4317`; unset = no traces of the proxy's own.
    #[arg(long)]
    otlp: Option<Address>,
}

/// A host, by name or address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    host: String,
    port: u16,
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (host, port) = text.rsplit_once(':').context("write it as host:port")?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_sane = |c: char| c.is_ascii_alphanumeric() || ".-:_".contains(c);
        ensure!(
            !host.is_empty() && host.chars().all(is_sane),
            "`{host}` is no host"
        );
        Ok(Self {
            host: host.to_owned(),
            port: port.parse().context("the port")?,
        })
    }
}

/// One replica of a service.
#[derive(Debug, Clone)]
struct Target {
    service: &'static str,
    address: Address,
}

impl FromStr for Target {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, address) = text
            .split_once('=')
            .context("write it as service=host:port")?;
        let known = SERVICES.into_iter().find(|(known, _)| *known == name);
        let (service, _) = known.with_context(|| format!("no service is called `{name}`"))?;
        Ok(Self {
            service,
            address: address.parse()?,
        })
    }
}

#[expect(clippy::print_stdout, reason = "the command's output")]
pub(crate) fn run(action: &Action) -> Result<()> {
    print!(
        "{}",
        match action {
            Action::Front(options) => front(options)?,
            Action::Mesh(options) => mesh(options)?,
        }
    );
    Ok(())
}

fn front(options: &Front) -> Result<String> {
    let mut clusters = cluster("edge", &options.edge, CHECK)?;
    clusters.push_str(&extra_clusters(&options.common)?);
    let removed: String = FORGED
        .iter()
        .chain(&keys::INTERNAL)
        .map(|name| format!("              - remove: {name}\n"))
        .collect();
    let tls = match options.tls.as_str() {
        "-" => String::new(),
        file => tls_listener(&options.listen_tls, file),
    };
    filled(
        FRONT,
        &options.common,
        &[
            ("listen_host", &options.listen.host),
            ("listen_port", &options.listen.port.to_string()),
            ("removed", &removed),
            ("internal", &keys::INTERNAL.join(", ")),
            ("routes", &front_routes()),
            ("tls_listener", &tls),
            ("clusters", &clusters),
            // The path of a hook is a secret.
            ("traced_path", "1"),
        ],
    )
}

fn mesh(options: &Mesh) -> Result<String> {
    let mut clusters = String::new();
    for (service, port) in SERVICES {
        let told = options.to.iter().filter(|target| target.service == service);
        let mut addresses: Vec<_> = told.map(|target| target.address.clone()).collect();
        if addresses.is_empty() {
            let host = service.to_owned();
            addresses.push(Address { host, port });
        }
        clusters.push_str(&cluster(service, &addresses, CHECK)?);
        if let Some(folder) = &options.mtls {
            clusters.push_str(&upstream_tls(service, folder));
        }
    }
    clusters.push_str(&extra_clusters(&options.common)?);
    let mtls = options.mtls.as_deref().map(downstream_tls);
    let mtls = mtls.unwrap_or_default();
    filled(
        MESH,
        &options.common,
        &[
            ("listen_host", &options.listen.host),
            ("listen_port", &options.listen.port.to_string()),
            ("mtls", &mtls),
            ("routes", &mesh_routes()),
            ("clusters", &clusters),
            ("traced_path", "256"),
        ],
    )
}

/// Puts values in the place of `{{name}}`; a line that is nothing but an empty value goes away.
fn filled(template: &str, common: &Common, values: &[(&str, &str)]) -> Result<String> {
    let probes = probes_listener(&common.probes);
    let tracing = common.otlp.as_ref().map_or("", |_| TRACING);
    let admin_port = common.admin.port.to_string();
    let shared = [
        ("admin_host", common.admin.host.as_str()),
        ("admin_port", &admin_port),
        ("probes", &probes),
        ("tracing", tracing),
    ];
    let mut text = template.to_owned();
    for (name, value) in shared.iter().chain(values) {
        let mark = format!("{{{{{name}}}}}");
        text = match value.trim_end_matches('\n') {
            "" => text.replace(&format!("{mark}\n"), ""),
            value => text.replace(&mark, value),
        };
    }
    if let Some(at) = text.find("{{") {
        bail!("nothing fills {}", &text[at..text.len().min(at + 30)]);
    }
    Ok(text)
}

/// How a route tries again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// Also when the call may have been begun.
    Repeatable,
    /// Only when it surely was not.
    Unsent,
}

/// Writes the policy where it is first used, and refers to it from then on.
struct RetryPolicies {
    repeatable_on: &'static str,
    written: Vec<Retry>,
}

impl RetryPolicies {
    fn new(repeatable_on: &'static str) -> Self {
        Self {
            repeatable_on,
            written: Vec::new(),
        }
    }

    fn policy(&mut self, retry: Retry) -> String {
        let (name, on) = match retry {
            Retry::Repeatable => ("repeatable", self.repeatable_on),
            Retry::Unsent => ("unsent", "connect-failure,refused-stream"),
        };
        if self.written.contains(&retry) {
            return format!("*{name}");
        }
        self.written.push(retry);
        format!(
            "&{name} {{ retry_on: \"{on}\", num_retries: {RETRIES}, \
             retry_back_off: {{ base_interval: 0.025s, max_interval: 0.5s }}, \
             retry_host_predicate: [{{ name: envoy.retry_host_predicates.previous_hosts, \
             typed_config: {{ \"@type\": \
             type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate \
             }} }}], host_selection_retry_max_attempts: {HOST_DRAWS} }}"
        )
    }
}

fn retry(method: &MethodInfo) -> Retry {
    match method.idempotency {
        Idempotency::NoSideEffects | Idempotency::Idempotent => Retry::Repeatable,
        Idempotency::None | Idempotency::Unspecified => Retry::Unsent,
    }
}

fn is_endless(method: &MethodInfo) -> bool {
    method.server_streaming && method.deadline_ms == 0
}

fn mesh_routes() -> String {
    let mut policies = RetryPolicies::new("connect-failure,refused-stream,unavailable,reset");
    let mut routes = String::new();
    for method in METHODS {
        let policy = policies.policy(retry(method));
        let time = if is_endless(method) {
            "idle_timeout: 0s".to_owned()
        } else {
            let seconds = f64::from(method.deadline_ms + LATE_MS) / 1_000.0;
            format!("max_stream_duration: {{ max_stream_duration: {seconds}s }}")
        };
        let _ = writeln!(
            routes,
            "              - {{ match: {{ path: {} }}, route: {{ cluster: {}, timeout: 0s, {time}, \
             retry_policy: {policy} }} }}",
            method.path,
            method.owner(),
        );
    }
    routes.push_str(
        "              # Paths that all services have: the caller says which it means.\n",
    );
    for (service, _) in SERVICES {
        let policy = policies.policy(Retry::Repeatable);
        let _ = writeln!(
            routes,
            "              - {{ match: {{ prefix: /grpc., headers: [{{ name: {}, string_match: \
             {{ exact: {service} }} }}] }}, route: {{ cluster: {service}, timeout: 0s, \
             idle_timeout: 0s, retry_policy: {policy} }} }}",
            keys::PEER,
        );
    }
    routes
}

fn front_routes() -> String {
    let mut policies = RetryPolicies::new("connect-failure,refused-stream,reset");
    let offered = METHODS
        .iter()
        .filter(|method| method.public && method.auth != Auth::Service);
    let mut routes = String::new();
    for method in offered {
        let retry = retry(method);
        // The last route serves the rest alike.
        if retry == Retry::Unsent && !is_endless(method) {
            continue;
        }
        let idle = if is_endless(method) {
            " idle_timeout: 0s,"
        } else {
            ""
        };
        let policy = policies.policy(retry);
        let _ = writeln!(
            routes,
            "              - {{ match: {{ path: {} }}, route: {{ cluster: edge, timeout: 0s,{idle} \
             retry_policy: {policy} }} }}",
            method.path,
        );
    }
    for (matched, retry) in [
        (
            "headers: [{ name: \":method\", string_match: { safe_regex: { regex: GET|HEAD } } }]",
            Retry::Repeatable,
        ),
        ("", Retry::Unsent),
    ] {
        let comma = if matched.is_empty() { "" } else { ", " };
        let policy = policies.policy(retry);
        let _ = writeln!(
            routes,
            "              - {{ match: {{ prefix: /{comma}{matched} }}, route: {{ cluster: edge, \
             timeout: 0s, retry_policy: {policy} }} }}",
        );
    }
    routes
}

/// Each process is asked of itself alone: of edge too, which else would be out with any service.
/// One that hangs is put aside within a second, by one long silence: two short ones are common on a
/// busy machine, and who is put aside for them may be the only one that lives.
const CHECK: &str = "    health_checks:
    - timeout: 0.7s
      interval: 0.25s
      no_traffic_interval: 0.25s
      unhealthy_threshold: 1
      healthy_threshold: 1
      grpc_health_check: {}
";

const TRACING: &str = "          tracing:
            provider:
              name: envoy.tracers.opentelemetry
              typed_config:
                \"@type\": type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig
                grpc_service: { envoy_grpc: { cluster_name: otlp }, timeout: 1s }
                service_name: envoy
            max_path_tag_length: {{traced_path}}
";

/// A cluster spoken to in h2. Several addresses are replicas; a name may stand for several.
fn cluster(name: &str, addresses: &[Address], check: &str) -> Result<String> {
    let mut endpoints = String::new();
    for Address { host, port } in addresses {
        let _ = writeln!(
            endpoints,
            "      - lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: \
             \"{host}\", port_value: {port} }} }} }} }}]"
        );
    }
    let are_numbers = addresses
        .iter()
        .filter(|address| address.host.parse::<IpAddr>().is_ok())
        .count();
    let found = if are_numbers == addresses.len() {
        "    type: STATIC\n"
    } else if are_numbers == 0 {
        DNS
    } else {
        bail!("`{name}` has names and addresses; give it one kind");
    };
    Ok(format!(
        "  - name: {name}\n{found}{CLUSTER}{check}    load_assignment:\n      \
         cluster_name: {name}\n      endpoints:\n{endpoints}"
    ))
}

/// A headless name gives the address of each replica.
const DNS: &str = "    cluster_type:
      name: envoy.cluster.dns
      typed_config:
        \"@type\": type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster
        dns_refresh_rate: 2s
        respect_dns_ttl: false
        all_addresses_in_single_endpoint: false
";

/// Where nobody listens, nobody is asked twice: the first connection refused puts a replica aside,
/// until its next good check. With the other put aside as well, all are tried.
const CLUSTER: &str = "    connect_timeout: 1s
    lb_policy: LEAST_REQUEST
    common_lb_config: { healthy_panic_threshold: { value: 30 } }
    ignore_health_on_host_removal: true
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        \"@type\": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config:
          http2_protocol_options:
            connection_keepalive: { interval: 5s, timeout: 2s }
    circuit_breakers:
      thresholds:
      - max_connections: 1024
        max_pending_requests: 4096
        max_requests: 8192
        retry_budget: { budget_percent: { value: 20 }, min_retry_concurrency: 16 }
    outlier_detection:
      split_external_local_origin_errors: true
      consecutive_local_origin_failure: 1
      consecutive_5xx: 5
      consecutive_gateway_failure: 3
      interval: 1s
      base_ejection_time: 5s
      max_ejection_percent: 50
";

/// Clusters that are not services of ours.
fn extra_clusters(common: &Common) -> Result<String> {
    let Address { host, port } = &common.admin;
    let mut text = format!(
        "  - name: admin\n    type: STATIC\n    connect_timeout: 1s\n    load_assignment:\n      \
         cluster_name: admin\n      endpoints:\n      - lb_endpoints: [{{ endpoint: {{ address: {{ \
         socket_address: {{ address: \"{host}\", port_value: {port} }} }} }} }}]\n"
    );
    if let Some(otlp) = &common.otlp {
        text.push_str(&cluster("otlp", std::slice::from_ref(otlp), "")?);
    }
    Ok(text)
}

/// Of the administration, what others may ask.
fn probes_listener(Address { host, port }: &Address) -> String {
    format!(
        "  - name: probes
    address: {{ socket_address: {{ address: {host}, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: probes
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
          route_config:
            virtual_hosts:
            - name: probes
              domains: [\"*\"]
              routes:
              - {{ match: {{ path: /ready }}, route: {{ cluster: admin }} }}
              - {{ match: {{ path: /stats/prometheus }}, route: {{ cluster: admin }} }}
"
    )
}

/// The same as the plain listener, behind a certificate. Only one that another file names is read
/// again when it is renewed.
fn tls_listener(Address { host, port }: &Address, file: &str) -> String {
    format!(
        "  - name: tls
    address: {{ socket_address: {{ address: {host}, port_value: {port} }} }}
    per_connection_buffer_limit_bytes: 65536
    filter_chains:
    - filters:
      - *front
      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_params: {{ tls_minimum_protocol_version: TLSv1_2 }}
            tls_certificate_sds_secret_configs:
            - {{ name: front, sds_config: {{ path_config_source: {{ path: {file} }} }} }}
"
    )
}

/// Callers of the mesh must have a certificate of its authority.
fn downstream_tls(folder: &str) -> String {
    format!(
        "      transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          require_client_certificate: true
          common_tls_context:
            alpn_protocols: [h2]
            tls_params: {{ tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3 }}
            tls_certificate_sds_secret_configs:
            - {{ name: certificate, sds_config: {{ path_config_source: {{ path: {folder}/certificate.yaml }} }} }}
            validation_context_sds_secret_config: {{ name: authority, sds_config: {{ path_config_source: {{ path: {folder}/authority.yaml }} }} }}
"
    )
}

/// A replica must have a certificate of the authority for the name of its service.
fn upstream_tls(service: &str, folder: &str) -> String {
    format!(
        "    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: {service}
        common_tls_context:
          alpn_protocols: [h2]
          tls_params: {{ tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3 }}
          tls_certificate_sds_secret_configs:
          - {{ name: certificate, sds_config: {{ path_config_source: {{ path: {folder}/certificate.yaml }} }} }}
          combined_validation_context:
            default_validation_context:
              match_typed_subject_alt_names: [{{ san_type: DNS, matcher: {{ exact: {service} }} }}]
            validation_context_sds_secret_config: {{ name: authority, sds_config: {{ path_config_source: {{ path: {folder}/authority.yaml }} }} }}
"
    )
}

#[cfg(test)]
mod tests;
