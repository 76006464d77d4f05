//! Every command, with its arguments; the methods of the handles do the work.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::bots::{BotManners, BotStep};
use crate::digital_pipeline::PipelineEvent;
use crate::fault::Fault;
use crate::handle::Account;
use crate::kommo::Kommo;
use crate::newcomer::Newcomer;
use crate::oauth::{Decision, Integration, Rotation};
use crate::php::Quirks;
use crate::rate::RateLimit;
use crate::talks::Sending;
use crate::webhooks::Manners;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Command {
    // For every account.
    Clock {
        set: Option<i64>,
        advance_seconds: Option<u64>,
    },
    Fault(Fault),
    ClearFaults {},
    RateLimit(RateLimit),
    ParallelDeliveries {
        count: usize,
    },
    WebhookProbes {
        is_on: bool,
    },
    Authorize {
        decision: Option<Decision>,
        rotation: Option<Rotation>,
        user_id: Option<i64>,
    },
    AddIntegration(Integration),
    // What clients and people do.
    Newcomer {
        newcomer: Newcomer,
        text: String,
    },
    ClientWrites {
        talk_id: i64,
        text: String,
    },
    ClientSends {
        talk_id: i64,
        message_type: String,
        link: String,
        file_name: String,
    },
    PersonWrites {
        talk_id: i64,
        user_id: i64,
        text: String,
    },
    ForeignBotWrites {
        talk_id: i64,
        text: String,
    },
    CloseTalk {
        talk_id: i64,
        user_id: i64,
    },
    AddLead {
        name: String,
        user_id: i64,
    },
    MoveStage {
        lead_id: i64,
        pipeline_id: Option<i64>,
        status_id: i64,
        user_id: i64,
    },
    Assign {
        lead_id: i64,
        to_user_id: i64,
        user_id: i64,
    },
    SetField {
        lead_id: i64,
        field_id: i64,
        value: Value,
        user_id: i64,
    },
    DeleteLead {
        lead_id: i64,
        user_id: i64,
    },
    RestoreLead {
        lead_id: i64,
        user_id: i64,
    },
    Accept {
        uid: String,
        user_id: i64,
    },
    AddNote {
        lead_id: i64,
        text: String,
        user_id: i64,
    },
    AddTask {
        lead_id: i64,
        text: String,
        complete_till: i64,
        user_id: i64,
    },
    CompleteTask {
        task_id: i64,
        result: String,
        user_id: i64,
    },
    DeliveryStatus {
        message_id: String,
        status: String,
    },
    // How the account behaves, and what is set up by hand.
    Sending(Sending),
    WebhookManners(Manners),
    BotManners(BotManners),
    Quirks(Quirks),
    FlushWebhooks {},
    SaveWebhook {
        id: i64,
    },
    AddBot {
        name: String,
        steps: Vec<BotStep>,
        starts_on_message: bool,
        client_id: String,
    },
    AddChannel {
        code: String,
        hook_url: String,
    },
    Disable {
        client_id: String,
        is_signed_well: bool,
    },
    InstallWidget {
        client_id: String,
    },
    LongLivedToken {
        client_id: String,
        days: i64,
    },
    OneTimeToken {
        client_id: String,
        user_id: i64,
    },
    Rename {
        subdomain: String,
    },
    PipelineWebhook {
        url: String,
        event: PipelineEvent,
        lead_id: i64,
        old_status_id: Option<i64>,
    },
    PipelineWidget {
        url: String,
        event: PipelineEvent,
        lead_id: i64,
        settings: Value,
    },
}

/// What a command that only says whether it could answers.
fn done(could: bool) -> Option<Value> {
    could.then(|| json!({}))
}

impl Command {
    /// Does it; `None` when what it names does not exist.
    pub(super) fn run(self, kommo: &Arc<Kommo>, account: &Account) -> Option<Value> {
        match self.run_for_all(kommo) {
            Ok(result) => result,
            Err(command) => match command.run_as_people(account) {
                Ok(result) => result,
                Err(command) => command.run_as_settings(account),
            },
        }
    }

    fn run_for_all(self, kommo: &Kommo) -> Result<Option<Value>, Self> {
        kommo.with(|state| {
            match self {
                Self::Clock {
                    set,
                    advance_seconds,
                } => {
                    if let Some(seconds) = set {
                        state.clock.set(seconds);
                    }
                    let by = Duration::from_secs(advance_seconds.unwrap_or_default());
                    state.clock.advance(by);
                }
                Self::Fault(fault) => state.faults.push(fault),
                Self::ClearFaults {} => state.faults.clear(),
                Self::RateLimit(limit) => {
                    state.rate.limit = limit;
                    state.rate.is_blocked = false;
                }
                Self::ParallelDeliveries { count } => state.parallel_deliveries = count.max(1),
                Self::WebhookProbes { is_on } => state.probes_webhooks = is_on,
                Self::Authorize {
                    decision,
                    rotation,
                    user_id,
                } => {
                    state.oauth.decision = decision.unwrap_or(state.oauth.decision);
                    state.oauth.rotation = rotation.unwrap_or(state.oauth.rotation);
                    state.oauth.user_id = user_id.or(state.oauth.user_id);
                }
                Self::AddIntegration(integration) => state.oauth.integrations.push(integration),
                other => return Err(other),
            }
            Ok(done(true))
        })
    }

    fn run_as_people(self, account: &Account) -> Result<Option<Value>, Self> {
        let said = |said: Option<(i64, String)>| {
            said.map(|(talk_id, id)| json!({"talk_id": talk_id, "message_id": id}))
        };
        let wrote = |id: Option<String>| id.map(|id| json!({"message_id": id}));
        Ok(match self {
            Self::Newcomer { newcomer, text } => Some(json!(account.newcomer(&newcomer, &text))),
            Self::ClientWrites { talk_id, text } => said(account.client_writes(talk_id, &text)),
            Self::ClientSends {
                talk_id,
                message_type,
                link,
                file_name,
            } => said(account.client_sends(talk_id, &message_type, &link, &file_name)),
            Self::PersonWrites {
                talk_id,
                user_id,
                text,
            } => wrote(account.person_writes(talk_id, user_id, &text)),
            Self::ForeignBotWrites { talk_id, text } => {
                wrote(account.foreign_bot_writes(talk_id, &text))
            }
            Self::CloseTalk { talk_id, user_id } => {
                account.close_talk(talk_id, user_id);
                done(true)
            }
            Self::AddLead { name, user_id } => {
                Some(json!({"lead_id": account.add_lead(&name, user_id)}))
            }
            Self::MoveStage {
                lead_id,
                pipeline_id,
                status_id,
                user_id,
            } => done(account.move_stage_by_person(lead_id, pipeline_id, status_id, user_id)),
            Self::Assign {
                lead_id,
                to_user_id,
                user_id,
            } => {
                account.assign(lead_id, to_user_id, user_id);
                done(true)
            }
            Self::SetField {
                lead_id,
                field_id,
                value,
                user_id,
            } => done(account.set_field(lead_id, field_id, value, user_id)),
            Self::DeleteLead { lead_id, user_id } => {
                account.delete_lead(lead_id, user_id);
                done(true)
            }
            Self::RestoreLead { lead_id, user_id } => {
                account.restore_lead(lead_id, user_id);
                done(true)
            }
            Self::Accept { uid, user_id } => {
                let lead = account.accept(&uid, user_id);
                lead.map(|id| json!({"lead_id": id}))
            }
            Self::AddNote {
                lead_id,
                text,
                user_id,
            } => Some(json!({"note_id": account.add_note(lead_id, &text, user_id)})),
            Self::AddTask {
                lead_id,
                text,
                complete_till,
                user_id,
            } => {
                let id = account.add_task(lead_id, &text, complete_till, user_id);
                Some(json!({"task_id": id}))
            }
            Self::CompleteTask {
                task_id,
                result,
                user_id,
            } => {
                account.complete_task(task_id, &result, user_id);
                done(true)
            }
            Self::DeliveryStatus { message_id, status } => {
                done(account.set_delivery_status(&message_id, &status))
            }
            other => return Err(other),
        })
    }

    fn run_as_settings(self, account: &Account) -> Option<Value> {
        let token = |token: Option<String>| token.map(|token| json!({"token": token}));
        match self {
            Self::Sending(sending) => {
                account.set_sending(sending);
                done(true)
            }
            Self::WebhookManners(manners) => {
                account.set_webhook_manners(manners);
                done(true)
            }
            Self::BotManners(manners) => {
                account.set_bot_manners(manners);
                done(true)
            }
            Self::Quirks(quirks) => {
                account.set_quirks(quirks);
                done(true)
            }
            Self::FlushWebhooks {} => {
                account.flush_webhooks();
                done(true)
            }
            Self::SaveWebhook { id } => done(account.save_webhook(id)),
            Self::AddBot {
                name,
                steps,
                starts_on_message,
                client_id,
            } => {
                let id = account.add_bot(&name, steps, starts_on_message, &client_id);
                id.map(|id| json!({"bot_id": id}))
            }
            Self::AddChannel { code, hook_url } => {
                Some(json!(account.add_channel(&code, &hook_url)))
            }
            Self::Disable {
                client_id,
                is_signed_well,
            } => done(account.disable(&client_id, is_signed_well)),
            Self::InstallWidget { client_id } => done(account.install_widget(&client_id)),
            Self::LongLivedToken { client_id, days } => {
                token(account.long_lived_token(&client_id, days))
            }
            Self::OneTimeToken { client_id, user_id } => {
                token(account.one_time_token(&client_id, user_id))
            }
            Self::Rename { subdomain } => {
                let host = account.rename(&subdomain).ok();
                host.map(|host| json!({"host": host}))
            }
            Self::PipelineWebhook {
                url,
                event,
                lead_id,
                old_status_id,
            } => done(account.fire_pipeline_webhook(&url, event, lead_id, old_status_id)),
            Self::PipelineWidget {
                url,
                event,
                lead_id,
                settings,
            } => done(account.fire_widget(&url, event, lead_id, &settings)),
            // The others were done before.
            _ => None,
        }
    }
}
