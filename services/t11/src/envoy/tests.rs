use clap::Parser;

use super::*;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

fn printed(arguments: &[&str]) -> Result<String> {
    match Arguments::try_parse_from([&["envoy"], arguments].concat())?.action {
        Action::Front(options) => front(&options),
        Action::Mesh(options) => mesh(&options),
    }
}

/// The one route of a path.
fn route<'a>(config: &'a str, path: &str) -> Option<&'a str> {
    let mark = format!("path: {path} }}");
    let mut found = config.lines().filter(|line| line.contains(&mark));
    let route = found.next();
    assert_eq!(found.next(), None, "{path} twice");
    route
}

#[test]
fn every_rpc_has_its_route_and_only_harmless_ones_are_repeated() {
    let config = printed(&["mesh"]).unwrap();
    for method in METHODS {
        let route = route(&config, method.path).unwrap();
        assert!(
            route.contains(&format!("cluster: {},", method.owner())),
            "{route}"
        );
        let repeated = route.contains("repeatable");
        assert_eq!(repeated, retry(method) == Retry::Repeatable, "{route}");
        let unsent = route.contains("unsent");
        assert_ne!(repeated, unsent, "{route}");
    }
}

#[test]
fn the_proxy_outlives_the_deadlines_it_cleans_up_after() {
    let config = printed(&["mesh"]).unwrap();
    let exchange = route(&config, "/t11.jobs.v1.WorkerService/Exchange").unwrap();
    assert!(exchange.contains("max_stream_duration: 31s"), "{exchange}");
    let watch = route(&config, "/t11.jobs.v1.JobService/WatchJobs").unwrap();
    assert!(
        watch.contains("idle_timeout: 0s") && !watch.contains("max_stream_duration"),
        "{watch}"
    );
}

#[test]
fn the_front_repeats_reads_and_nothing_from_inside() {
    let config = printed(&["front"]).unwrap();
    assert!(route(&config, "/t11.agents.v1.AgentService/ListAgents").is_some());
    assert_eq!(
        route(&config, "/t11.accounts.v1.SessionService/SignIn"),
        None
    );
    assert_eq!(route(&config, "/t11.jobs.v1.WorkerService/Exchange"), None);
    for name in keys::INTERNAL.iter().chain(&FORGED) {
        assert!(config.contains(&format!("- remove: {name}\n")), "{name}");
    }
    assert!(!config.contains("unavailable"), "edge says that to clients");
}

#[test]
fn replicas_are_named_or_numbered() {
    let numbered = printed(&[
        "mesh",
        "--to=agents=127.0.0.1:1001",
        "--to=agents=127.0.0.1:1002",
    ])
    .unwrap();
    assert_eq!(numbered.matches("port_value: 100").count(), 2);
    // The administration is a number too.
    assert_eq!(numbered.matches("type: STATIC").count(), 2);
    assert_eq!(numbered.matches("envoy.cluster.dns").count(), 4);
    assert!(printed(&["mesh", "--to=agents=a:1", "--to=agents=127.0.0.1:2"]).is_err());
    for bad in ["nobody=a:1", "agents=a", "agents=\"}:1", "agents=:1"] {
        assert!(printed(&["mesh", "--to", bad]).is_err(), "{bad}");
    }
}

#[test]
fn tls_and_traces_are_there_when_asked_for() {
    let plain = printed(&["front", "--tls=-"]).unwrap();
    assert!(!plain.contains("transport_sockets.tls") && !plain.contains("opentelemetry"));
    let full = printed(&["front", "--tls=/certs.yaml", "--otlp=collector:4317"]).unwrap();
    assert!(full.contains("path: /certs.yaml"));
    assert!(full.contains("cluster_name: otlp"));
}

#[test]
fn mutual_tls_is_on_both_sides_or_on_none() {
    assert!(!printed(&["mesh"]).unwrap().contains("transport_socket"));
    let config = printed(&["mesh", "--mtls=/mtls"]).unwrap();
    assert_eq!(
        config.matches("require_client_certificate: true").count(),
        1
    );
    for (service, _) in SERVICES {
        let name = format!("{{ san_type: DNS, matcher: {{ exact: {service} }} }}");
        assert_eq!(config.matches(&name).count(), 1, "{service}");
    }
}
