//! One account, to play its clients and its people and to look inside.

mod look;
mod people;
mod settings;

use std::sync::Arc;

use crate::account;
use crate::kommo::Kommo;
use crate::state::State;

/// One account of a running fake. Outlives nothing: the fake must still run.
#[derive(Clone)]
pub struct Account {
    kommo: Arc<Kommo>,
    id: i64,
}

impl Account {
    pub(crate) fn new(kommo: Arc<Kommo>, id: i64) -> Self {
        Self { kommo, id }
    }

    /// Its number in Kommo.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// `127.0.0.1:9400`: where it lives now.
    pub fn host(&self) -> String {
        self.look(|account| account.host().to_owned())
    }

    /// `http://127.0.0.1:9400`.
    pub fn base_url(&self) -> String {
        self.look(|account| account.base.clone())
    }

    /// `acme`.
    pub fn subdomain(&self) -> String {
        self.look(|account| account.subdomain.clone())
    }

    fn index(&self, state: &State) -> usize {
        // Accounts are never taken away.
        state.index_of(self.id).unwrap_or_default()
    }

    fn act<T>(&self, act: impl FnOnce(&mut account::Account) -> T) -> T {
        self.act_on_state(|state, index| act(state.account(index)))
    }

    fn act_on_state<T>(&self, act: impl FnOnce(&mut State, usize) -> T) -> T {
        self.kommo.with(|state| {
            let index = self.index(state);
            act(state, index)
        })
    }

    fn look<T>(&self, look: impl FnOnce(&mut account::Account) -> T) -> T {
        self.kommo.look(|state| {
            let index = self.index(state);
            look(state.account(index))
        })
    }
}
