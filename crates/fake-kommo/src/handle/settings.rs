//! How an account behaves, and what its people set up by hand.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;

use super::Account;
use crate::amojo::Channel;
use crate::bots::{Bot, BotManners, BotStep};
use crate::digital_pipeline::PipelineEvent;
use crate::kommo::base;
use crate::php::Quirks;
use crate::server;
use crate::talks::Sending;
use crate::view::ChannelView;
use crate::webhooks::Manners;

impl Account {
    pub fn sending(&self) -> Sending {
        self.look(|account| account.talks.sending.clone())
    }

    pub fn set_sending(&self, sending: Sending) {
        self.act(|account| account.talks.sending = sending);
    }

    pub fn set_webhook_manners(&self, manners: Manners) {
        self.act(|account| account.webhooks.manners = manners);
    }

    pub fn set_bot_manners(&self, manners: BotManners) {
        self.act(|account| account.bots.manners = manners);
    }

    pub fn set_quirks(&self, quirks: Quirks) {
        self.act(|account| account.quirks = quirks);
    }

    /// How many bytes a part of an upload may have.
    pub fn set_largest_part(&self, bytes: usize) {
        self.act(|account| account.files.largest_part = bytes);
    }

    /// A person makes a field of leads one that a stage is entered with a value of only.
    pub fn require_field(&self, field_id: i64, pipeline_id: i64, status_id: i64) {
        self.act(|account| {
            let mut fields = account.fields.iter_mut();
            if let Some(field) = fields.find(|field| field.id == field_id) {
                field.required_statuses.push((pipeline_id, status_id));
            }
        });
    }

    /// A person deletes a stage of the main pipeline. Kommo asks for its leads to be moved before;
    /// those that nobody has moved keep saying that they are on it.
    pub fn delete_stage(&self, status_id: i64) {
        self.act(|account| {
            let main = account.main_pipeline().map(|pipeline| pipeline.id);
            let mut pipelines = account.pipelines.iter_mut();
            if let Some(pipeline) = pipelines.find(|pipeline| Some(pipeline.id) == main) {
                pipeline.statuses.retain(|status| status.id != status_id);
            }
        });
    }

    /// Sends events that wait to share a body and bodies that wait to be overtaken.
    pub fn flush_webhooks(&self) {
        self.act(|account| account.flush_webhooks());
    }

    /// A person presses "Save" at a webhook: it is enabled again.
    pub fn save_webhook(&self, id: i64) -> bool {
        self.act(|account| {
            let subscription = account.webhooks.by_id(id);
            subscription
                .map(|subscription| subscription.enable())
                .is_some()
        })
    }

    /// A person makes a bot. `None` when the app is not registered.
    pub fn add_bot(
        &self,
        name: &str,
        steps: Vec<BotStep>,
        starts_on_message: bool,
        client_id: &str,
    ) -> Option<i64> {
        self.act_on_state(|state, index| {
            let integration = state.oauth.integration(client_id)?.clone();
            let account = state.account(index);
            let id = account.ids.next("bot");
            account.bots.bots.push(Bot {
                id,
                name: name.to_owned(),
                steps,
                starts_on_message,
                integration,
            });
            Some(id)
        })
    }

    /// Kommo's people register an own channel, which hears at `hook_url` (`:scope_id` is filled
    /// in).
    pub fn add_channel(&self, code: &str, hook_url: &str) -> ChannelView {
        self.act(|account| {
            let channel = Channel {
                id: account.ids.next_uuid(),
                secret: crate::signature::opaque(code)[..40].to_owned(),
                code: code.to_owned(),
                hook_url: hook_url.to_owned(),
                bot_id: account.ids.next_uuid(),
                is_connected: false,
                answered: Default::default(),
            };
            let view = ChannelView {
                channel_id: channel.id.clone(),
                secret: channel.secret.clone(),
                bot_id: channel.bot_id.clone(),
                scope_id: channel.scope_id(account),
                amojo_id: account.amojo_id.clone(),
            };
            account.channels.push(channel);
            view
        })
    }

    /// A person disables an app: its tokens die and its hook is called, signed as it should be or
    /// not.
    pub fn disable(&self, client_id: &str, is_signed_well: bool) -> bool {
        self.act_on_state(|state, index| state.disable(index, client_id, is_signed_well))
    }

    /// A person installs an app's widget from the market place.
    pub fn install_widget(&self, client_id: &str) -> bool {
        self.act_on_state(|state, index| state.install_widget(index, client_id))
    }

    /// A token that a person copies from the settings, of this many days.
    pub fn long_lived_token(&self, client_id: &str, days: i64) -> Option<String> {
        self.act_on_state(|state, index| state.long_lived_token(index, client_id, days))
    }

    /// The token a widget in this person's browser sends to its back end.
    pub fn one_time_token(&self, client_id: &str, user_id: i64) -> Option<String> {
        self.act_on_state(|state, index| state.one_time_token(index, client_id, user_id))
    }

    /// The account is renamed: it moves to a new address. Gives the new `host:port`.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn rename(&self, subdomain: &str) -> io::Result<String> {
        let old: SocketAddr = self.host().parse().map_err(io::Error::other)?;
        let new = server::listen(&self.kommo, SocketAddr::from((old.ip(), 0)))?;
        self.act(|account| {
            account.base = base(new);
            account.subdomain = subdomain.to_owned();
        });
        Ok(new.to_string())
    }

    /// The stage of a lead fires "API: Send webhook".
    pub fn fire_pipeline_webhook(
        &self,
        url: &str,
        event: PipelineEvent,
        lead_id: i64,
        old_status_id: Option<i64>,
    ) -> bool {
        self.act(|account| account.fire_pipeline_webhook(url, event, lead_id, old_status_id))
    }

    /// The stage of a lead fires a widget with these settings.
    pub fn fire_widget(
        &self,
        url: &str,
        event: PipelineEvent,
        lead_id: i64,
        settings: &Value,
    ) -> bool {
        self.act(|account| account.fire_widget(url, event, lead_id, settings))
    }
}
