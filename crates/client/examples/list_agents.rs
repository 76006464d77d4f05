//! Names the agents of an organization:
//!
//! ```sh
//! T11_URL=http://127.0.0.1:8080 T11_API_KEY=t11_dev_… cargo run -p t11-client --example list_agents
//! ```
#![expect(clippy::print_stdout, reason = "what it is for")]
#![expect(
    clippy::disallowed_methods,
    reason = "a program of its own reads its own settings"
)]

use std::env;
use std::error::Error;
use std::time::Duration;

use t11_client::{Client, Fault as _, RemoteFault};
use t11_proto::agents::v1::ListAgentsRequest;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    for name in agents(&env::var("T11_URL")?, &env::var("T11_API_KEY")?).await? {
        println!("{name}");
    }
    Ok(())
}

/// The display name of every agent, page by page.
pub(crate) async fn agents(url: &str, key: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let client = Client::builder(url)
        .api_key(key)
        .deadline(Duration::from_secs(5))
        .build()?;
    let mut agents = AgentServiceClient::new(client);
    let mut request = ListAgentsRequest::default();
    let mut names = Vec::new();
    loop {
        let page = agents.list_agents(request.clone()).await;
        let page = page.map_err(|status| refusal(&RemoteFault::from(&status)))?;
        let page = page.into_inner();
        names.extend(page.agents.into_iter().map(|agent| agent.display_name));
        if page.next_page_token.is_empty() {
            return Ok(names);
        }
        request.page_token = page.next_page_token;
    }
}

/// What a program should decide by, and what a person should read.
fn refusal(fault: &RemoteFault) -> String {
    let domain = fault.domain().unwrap_or("t11.dev");
    format!("{} of {domain}: {fault}", fault.reason())
}
