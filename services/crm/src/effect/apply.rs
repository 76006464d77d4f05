//! Doing an effect once: look, write down, do, look again.

use std::time::Duration;

use chrono_tz::Tz;
use serde_json::Value;
use t11_core::{OrgScope, World};
use t11_kommo::client::LeadWith;
use t11_kommo::id::LeadId;
use t11_kommo::{Client, Error as KommoError, Lane, Repeat};

use super::plan::{Card, Plan, Step, plan, state};
use super::value::Customs;
use super::{Effect, FieldOwner, LeadEffect, NewEffect, Outcome, Refusal};
use crate::error::Error;
use crate::kommo::Kommo;
use crate::store::Store;
use crate::transport::said;

/// When a try is given up: before another may begin.
const GIVEN_UP: Duration = Duration::from_secs(50);

/// Does things to leads.
#[derive(Clone)]
pub(crate) struct Effects {
    pub(crate) store: Store,
    pub(crate) kommo: Kommo,
    pub(crate) world: World,
}

/// A try at an effect.
pub(super) struct Try<'a> {
    pub(super) effects: &'a Effects,
    pub(super) scope: &'a OrgScope,
    pub(super) effect: &'a LeadEffect,
}

impl Effects {
    /// Does an effect once; of a key that is known, what came of it.
    ///
    /// # Errors
    /// [`Error::ConnectionState`], [`Error::EffectRunning`], [`Error::EffectUnknown`], and those of
    /// Kommo that trying again may mend.
    pub(crate) async fn apply(
        &self,
        scope: &OrgScope,
        new: NewEffect,
    ) -> Result<LeadEffect, Error> {
        let effect = self.store.create_effect(scope, new).await?;
        let effect = self.store.begin_effect(scope, &effect).await?;
        if effect.state.is_final() {
            return Ok(effect);
        }
        let attempt = Try {
            effects: self,
            scope,
            effect: &effect,
        };
        let outcome = match tokio::time::timeout(GIVEN_UP, attempt.run()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => {
                self.store.give_up_effect(scope, &effect).await?;
                return Err(error);
            }
            Err(_elapsed) => {
                self.store.give_up_effect(scope, &effect).await?;
                return Err(KommoError::Timeout.into());
            }
        };
        self.store.end_effect(scope, &effect, outcome).await
    }
}

impl Try<'_> {
    async fn run(&self) -> Result<Outcome, Error> {
        let card = match self.read().await {
            Ok(Some(card)) => card,
            Ok(None) => return Ok(gone()),
            Err(error) => return Err(error),
        };
        match state(&self.effect.new.effect, &card) {
            Some(before) => self.change(&card, before).await,
            None => self.create(&card).await,
        }
    }

    /// Writes what is to be changed, unless it is so.
    async fn change(&self, card: &Card, before: Value) -> Result<Outcome, Error> {
        let effect = &self.effect.new.effect;
        let step = match self.plan(card).await? {
            Plan::Reached => return Ok(self.reached(before)),
            Plan::Refused(refusal) => return Ok(Outcome::Refused(refusal)),
            Plan::Write(step) => step,
        };
        let store = &self.effects.store;
        store
            .note_before(self.scope, self.effect, before.clone())
            .await?;
        if let Err(error) = self.write(step).await {
            return self.refused(error);
        }
        let Some(after) = self.read().await? else {
            return Ok(gone());
        };
        // How Kommo writes what it was given is its own matter.
        let is = state(effect, &after);
        if is.as_ref() == Some(&before) {
            let detail = "Kommo has taken the change, and the lead has not changed";
            let refusal = Refusal::new(Refusal::REFUSED_BY_KOMMO, detail);
            return Ok(Outcome::Refused(refusal));
        }
        Ok(Outcome::Done {
            after: is,
            created_id: None,
        })
    }

    /// It is so: by an earlier try, if that has found it otherwise.
    fn reached(&self, is: Value) -> Outcome {
        match &self.effect.before {
            Some(before) if *before != is => Outcome::Done {
                after: Some(is),
                created_id: None,
            },
            _ => Outcome::Unchanged { state: is },
        }
    }

    /// The lead, with what the effect is about; `None` when it is gone.
    async fn read(&self) -> Result<Option<Card>, Error> {
        let lead = LeadId(self.effect.new.lead_id);
        let owner = self.effect.new.effect.owner();
        let read = self.call(|client| async move { card(&client, lead, owner).await });
        match read.await {
            Ok(card) => Ok(Some(card).filter(|card| !card.lead.is_deleted)),
            Err(Error::Kommo(KommoError::NotFound(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn plan(&self, card: &Card) -> Result<Plan, Error> {
        let effect = &self.effect.new.effect;
        let planned = self.call(|client| async move {
            let customs = customs(&client, effect).await?;
            plan(&client, effect, card, &customs).await
        });
        planned.await
    }

    async fn write(&self, step: Step) -> Result<(), Error> {
        let lead = LeadId(self.effect.new.lead_id);
        let write = self.call(|client| {
            let step = step.clone();
            async move {
                match step {
                    Step::Lead(update) => client.update_lead(lead, &update).await,
                    Step::Contact(id, update) => client.update_contact(id, &update).await,
                }
            }
        });
        write.await
    }

    /// What a refusal of Kommo's says, where it would refuse again.
    pub(super) fn refused(&self, error: Error) -> Result<Outcome, Error> {
        match error {
            Error::Kommo(error) if error.repeat() == Repeat::Never => {
                refusal(&self.effect.new.effect, error).map(Outcome::Refused)
            }
            error => Err(error),
        }
    }

    /// Does a call to the account, before what nobody waits for.
    pub(super) async fn call<T, F, Fut>(&self, call: F) -> Result<T, Error>
    where
        F: Fn(Client) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, KommoError>> + Send,
    {
        let connection = self.effect.new.connection;
        let with = self
            .effects
            .kommo
            .with(self.scope, connection, Lane::Reply, call);
        with.await
    }
}

fn gone() -> Outcome {
    Outcome::Refused(Refusal::new(Refusal::LEAD_GONE, "there is no such lead"))
}

async fn card(client: &Client, lead: LeadId, owner: FieldOwner) -> Result<Card, KommoError> {
    let lead = client.lead(lead, &[LeadWith::Contacts]).await?;
    let contacts = lead.contacts();
    let main = contacts
        .iter()
        .find(|contact| contact.is_main)
        .or(contacts.first());
    let contact = match (owner, main) {
        (FieldOwner::Contacts, Some(main)) => match client.contact(main.id, &[]).await {
            Ok(contact) => Some(contact).filter(|contact| !contact.is_deleted),
            Err(KommoError::NotFound(_)) => None,
            Err(error) => return Err(error),
        },
        _ => None,
    };
    Ok(Card { lead, contact })
}

/// What texts mean in the account; asked for where it matters.
async fn customs(client: &Client, effect: &Effect) -> Result<Customs, KommoError> {
    let unknown = Customs {
        country: String::new(),
        zone: Tz::UTC,
    };
    let Effect::SetField(_) = effect else {
        return Ok(unknown);
    };
    let account = client.account().await?;
    let zone = account.timezone().and_then(|zone| zone.parse().ok());
    Ok(Customs {
        country: account.country.unwrap_or_default(),
        zone: zone.unwrap_or(unknown.zone),
    })
}

/// What Kommo has against it. Of a token that it refuses a person must be asked.
fn refusal(effect: &Effect, error: KommoError) -> Result<Refusal, Error> {
    let detail = said(&error);
    let reason = match &error {
        KommoError::Unauthorized(_) => return Err(error.into()),
        KommoError::NotFound(_) if !matches!(effect, Effect::RunSalesbot { .. }) => {
            Refusal::LEAD_GONE
        }
        KommoError::Invalid(problem) => {
            let mut fields = problem.fields.iter();
            fields
                .find_map(|field| reason_of(effect, &field.path))
                .unwrap_or(Refusal::REFUSED_BY_KOMMO)
        }
        _ => Refusal::REFUSED_BY_KOMMO,
    };
    Ok(Refusal::new(reason, detail))
}

/// By the path of what is wrong, `custom_fields_values.0.values.0.value`.
fn reason_of(effect: &Effect, path: &str) -> Option<&'static str> {
    let known = [
        ("loss_reason_id", Refusal::LOSS_REASON_NEEDED),
        ("status_id", Refusal::STAGE_GONE),
        ("pipeline_id", Refusal::STAGE_GONE),
        ("responsible_user_id", Refusal::USER_GONE),
    ];
    if path.contains("custom_fields_values") {
        return Some(match effect {
            Effect::MoveStage(_) => Refusal::FIELD_REQUIRED,
            _ => Refusal::FIELD_VALUE,
        });
    }
    let known = known.into_iter().find(|(name, _)| path.contains(name));
    known.map(|(_, reason)| reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::MoveStage;

    #[test]
    fn what_is_wrong_is_known_by_its_path() {
        let move_stage = Effect::MoveStage(MoveStage {
            pipeline_id: 700,
            stage_id: 7001,
            from_pipeline_id: 0,
            from_stage_id: 0,
            loss_reason_id: 0,
        });
        let tag = Effect::AddTag {
            tag: "ai".to_owned(),
            owner: FieldOwner::Leads,
        };
        let path = "custom_fields_values.0.values";
        assert_eq!(reason_of(&move_stage, path), Some("FIELD_REQUIRED"));
        assert_eq!(reason_of(&tag, path), Some("FIELD_VALUE"));
        assert_eq!(
            reason_of(&move_stage, "loss_reason_id"),
            Some("LOSS_REASON_NEEDED")
        );
        assert_eq!(reason_of(&move_stage, "0.status_id"), Some("STAGE_GONE"));
        assert_eq!(reason_of(&move_stage, "name"), None);
    }
}
