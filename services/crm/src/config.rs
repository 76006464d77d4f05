//! Settings of crm.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// Settings of crm.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Hosts allowed besides `*.kommo.com`, `*.amocrm.ru` and `*.amocrm.com`, for a stand-in of
    /// Kommo, as `127.0.0.1:9400`: a list, or a text with commas. Refused in production.
    #[serde(deserialize_with = "list_or_text")]
    pub test_hosts: Vec<String>,
}

impl Config {
    pub(crate) fn validate(&self, production: bool) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.test_hosts.is_empty() || !production,
            "`crm.test_hosts` (KOMMO_TEST_HOSTS) sends secrets to hosts that are not Kommo's and \
             is refused in production; unset it"
        );
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ListOrText {
    List(Vec<String>),
    Text(String),
}

fn list_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match ListOrText::deserialize(deserializer)? {
        ListOrText::List(hosts) => hosts,
        ListOrText::Text(text) => text
            .split(',')
            .map(|host| host.trim().to_owned())
            .filter(|host| !host.is_empty())
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer as _;
    use serde::de::value::{Error, MapDeserializer, StrDeserializer};

    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        let value: StrDeserializer<'_, Error> = text.into_deserializer();
        Config::deserialize(MapDeserializer::new([("test_hosts", value)].into_iter()))
            .unwrap()
            .test_hosts
    }

    #[test]
    fn hosts_may_be_written_with_commas() {
        assert_eq!(
            hosts("127.0.0.1:9400, localhost:1"),
            ["127.0.0.1:9400", "localhost:1"]
        );
        assert_eq!(hosts(""), [""; 0]);
    }

    #[test]
    fn production_knows_no_test_hosts() {
        let config = Config {
            test_hosts: vec!["127.0.0.1:9400".to_owned()],
        };
        assert!(config.validate(false).is_ok());
        assert!(config.validate(true).is_err());
        assert!(Config::default().validate(true).is_ok());
    }
}
