//! `t11 dev --demo-crm`: a pretended Kommo account beside the services, in which one plays the
//! client and sees what the agent does. It lives as long as the process.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use t11_fake_kommo::{Decision, FakeKommo, FakeKommoOptions, Integration, Language};
use t11_runtime::{Settings, Sources};

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Start a pretended Kommo account beside the services: a language school whose words are in
    /// this language.
    #[arg(long, value_enum, value_name = "LANGUAGE", num_args = 0..=1, require_equals = true, default_missing_value = "ru")]
    demo_crm: Option<Words>,
    /// Where the pretended Kommo is; a loopback address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9400")]
    demo_crm_addr: SocketAddr,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Words {
    En,
    Ru,
}

/// A pretended account. Ends when dropped.
pub(crate) struct Demo {
    kommo: FakeKommo,
    keys: Keys,
}

/// Of the integration that the account knows, as Kommo shows them to whoever makes one.
struct Keys {
    client_id: String,
    client_secret: String,
    redirect_uri: String,
}

impl Demo {
    /// What a newcomer needs, for the terminal.
    pub(crate) fn words(&self) -> String {
        let Keys {
            client_id,
            client_secret,
            redirect_uri,
        } = &self.keys;
        format!(
            "The client of the pretended CRM is played at {}\n\
             Its integration, for the page Integrations: id {client_id}, secret {client_secret}, \
             redirect address {redirect_uri}",
            self.kommo.demo_url()
        )
    }
}

/// Starts it, if it was asked for, and points crm at it.
///
/// # Errors
/// When its address is taken, or edge's is not known beforehand.
pub(crate) async fn start(options: &Options, sources: &mut Sources) -> Result<Option<Demo>> {
    let Some(words) = options.demo_crm else {
        return Ok(None);
    };
    let edge = Settings::load(sources)?.common.http_addr;
    ensure!(
        edge.port() != 0,
        "`--demo-crm` must know where edge is: give T11_HTTP_ADDR a port"
    );
    let language = match words {
        Words::En => Language::English,
        Words::Ru => Language::Russian,
    };
    let base = format!("http://{edge}");
    let mut integration = Integration::new(&format!("{base}/api/kommo/oauth/callback"));
    integration.hook_url = Some(format!("{base}/hooks/kommo/disabled"));
    let keys = Keys {
        client_id: integration.client_id.clone(),
        client_secret: integration.client_secret.clone(),
        redirect_uri: integration.redirect_uri.clone(),
    };
    let demo = FakeKommoOptions::demo(options.demo_crm_addr, language, integration);
    let kommo = FakeKommo::start(demo)
        .await
        .with_context(|| format!("the pretended Kommo at {}", options.demo_crm_addr))?;
    kommo.set_decision(Decision::Ask);
    let told = [
        ("KOMMO_OAUTH_REDIRECT_BASE", base),
        ("KOMMO_OAUTH_URL", kommo.oauth_url()),
        ("KOMMO_TEST_HOSTS", kommo.hosts()),
    ];
    for (name, value) in told {
        sources.variables.insert(name.to_owned(), value);
    }
    Ok(Some(Demo { kommo, keys }))
}
