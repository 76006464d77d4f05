//! One tenant asks, by every RPC and every field that names a thing, for the things of another.

use std::collections::BTreeMap;
use std::fmt;

use prost_reflect::DynamicMessage;
use t11_tests::client::new_id;
use uuid::Uuid;

use crate::case::{Case, cases};
use crate::doors::{Answer, Door, Reach};
use crate::fields::{IdField, REQUEST};
use crate::own::state;
use crate::tenant::{Person, QUEUES, Tenant, written};

/// What is put where a thing is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The other tenant's own.
    Other,
    /// An id that nobody has.
    Random,
    /// The other tenant's, of another type: `agents/{id of a conversation}`.
    OtherType,
    /// The other tenant's, by the name of another collection.
    OtherName,
    /// The other tenant's, below a thing of the asker.
    Crossed,
    Empty,
}

/// Something of one tenant that another has seen, or done.
#[derive(Debug, Clone)]
pub(crate) struct Leak {
    rpc: &'static str,
    field: String,
    role: &'static str,
    door: Option<Door>,
    what: String,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rpc,
            field,
            role,
            door,
            what,
        } = self;
        write!(f, "{rpc} `{field}` as {role} by {door:?}: {what}")
    }
}

#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) attempts: BTreeMap<Door, usize>,
    pub(crate) leaks: Vec<Leak>,
}

impl Findings {
    pub(crate) fn total(&self) -> usize {
        self.attempts.values().sum()
    }

    /// How often something leaked, by RPC.
    pub(crate) fn by_rpc(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for leak in &self.leaks {
            *counts.entry(leak.rpc).or_default() += 1;
        }
        counts
    }
}

/// Who asks whom, and how.
pub(crate) struct Probe<'a> {
    pub(crate) reach: &'a Reach,
    pub(crate) asker: &'a Tenant,
    pub(crate) people: Vec<&'a Person>,
    pub(crate) victim: &'a Tenant,
    pub(crate) doors: &'a [Door],
    /// Asked alone.
    pub(crate) service: Option<&'static str>,
}

impl Probe<'_> {
    /// Asks for everything; what was found.
    pub(crate) async fn run(&self) -> Findings {
        let mut findings = Findings::default();
        let before = state(self.reach, self.victim).await;
        for case in cases().iter().filter(|case| self.asks(case)) {
            if case.ids.is_empty() {
                self.ask_plainly(case, &mut findings).await;
            }
            for field in &case.ids {
                self.ask_for_others(case, field, &mut findings).await;
            }
        }
        let after = state(self.reach, self.victim).await;
        for (rpc, was) in before {
            let is = &after[rpc];
            if was != *is {
                let what = format!("what the other tenant has was changed: {was} → {is}");
                findings.leaks.push(leak(rpc, what));
            }
        }
        findings
    }

    fn asks(&self, case: &Case) -> bool {
        let of = |service| case.method.path.starts_with(&format!("/t11.{service}."));
        self.service.is_none_or(of)
    }

    /// An RPC that names nothing: its answers must be of the asker alone.
    async fn ask_plainly(&self, case: &Case, findings: &mut Findings) {
        for person in &self.people {
            for door in self.doors {
                let messages = case.messages(self.asker, None);
                if let Some(answer) = self.send(*door, person, case, &messages, findings).await {
                    self.look_for_marks(case, "", person, *door, ("", &answer), findings);
                }
            }
        }
    }

    async fn ask_for_others(&self, case: &Case, field: &IdField, findings: &mut Findings) {
        let unknown: Vec<Uuid> = field.id.form.matches('*').map(|_| new_id()).collect();
        for person in &self.people {
            for door in self.doors {
                let value = self.value(Kind::Random, field, &unknown).unwrap();
                let messages = case.messages(self.asker, Some((field, &value)));
                let random = self.send(*door, person, case, &messages, findings).await;
                let Some(random) = random else { continue };
                for kind in kinds(field) {
                    let Some(value) = self.value(*kind, field, &unknown) else {
                        continue;
                    };
                    let messages = case.messages(self.asker, Some((field, &value)));
                    let answer = self.send(*door, person, case, &messages, findings).await;
                    let answer = answer.unwrap();
                    let name = field.name();
                    self.look_for_marks(case, &name, person, *door, (&value, &answer), findings);
                    if field.id.of == QUEUES || !must_be_alike(*kind) {
                        continue;
                    }
                    if let Some(what) = differ(case, &answer, &random) {
                        findings.leaks.push(Leak {
                            rpc: case.method.path,
                            field: name,
                            role: person.role,
                            door: Some(*door),
                            what: format!("{kind:?} and Random answer differently: {what}"),
                        });
                    }
                }
            }
        }
    }

    async fn send(
        &self,
        door: Door,
        person: &Person,
        case: &Case,
        messages: &[DynamicMessage],
        findings: &mut Findings,
    ) -> Option<Answer> {
        let rpc = (case.method, &case.rpc);
        let answer = self.reach.send(door, person, rpc, messages).await?;
        *findings.attempts.entry(door).or_default() += 1;
        Some(answer)
    }

    fn look_for_marks(
        &self,
        case: &Case,
        field: &str,
        person: &Person,
        door: Door,
        (sent, answer): (&str, &Answer),
        findings: &mut Findings,
    ) {
        let ids = self.victim.ids().map(Uuid::to_string);
        let mut unasked = ids.filter(|id| !sent.contains(id));
        let id = unasked.find(|id| answer.holds(id));
        if let Some(mark) = id.or_else(|| answer.mark_other_than(&self.asker.mark)) {
            findings.leaks.push(Leak {
                rpc: case.method.path,
                field: field.to_owned(),
                role: person.role,
                door: Some(door),
                what: format!("the answer holds `{mark}` of another tenant"),
            });
        }
    }

    fn value(&self, kind: Kind, field: &IdField, unknown: &[Uuid]) -> Option<String> {
        let form = &field.id.form;
        let stars = form.matches('*').count();
        let of_other_type = || {
            let mut patterns = self.victim.patterns();
            let other = patterns.find(|pattern| {
                **pattern != field.id.of && *pattern != REQUEST && pattern.ends_with("/*")
            });
            other.unwrap().clone()
        };
        match kind {
            Kind::Other => Some(self.victim.name_of(&field.id)),
            Kind::Random => Some(written(form, unknown)),
            Kind::Empty => Some(String::new()),
            Kind::OtherName => {
                let other = of_other_type();
                Some(written(&other, self.victim.ids_of(&other)))
            }
            Kind::OtherType => {
                let id = self.victim.ids_of(&of_other_type())[0];
                Some(written(form, &vec![id; stars]))
            }
            Kind::Crossed if stars > 1 => {
                let mut ids = self.asker.ids_of(&field.id.of).to_vec();
                *ids.last_mut()? = *self.victim.ids_of(&field.id.of).last()?;
                Some(written(form, &ids))
            }
            Kind::Crossed => None,
        }
    }
}

fn kinds(field: &IdField) -> &'static [Kind] {
    if field.is_output || field.id.of == REQUEST {
        return &[Kind::Other];
    }
    &[
        Kind::Other,
        Kind::OtherType,
        Kind::OtherName,
        Kind::Crossed,
        Kind::Empty,
    ]
}

/// Whether the answer must be the one for an id that nobody has.
fn must_be_alike(kind: Kind) -> bool {
    matches!(kind, Kind::Other | Kind::OtherType | Kind::Crossed)
}

/// How two answers differ, where they must not: refusals and reads wholly, changes in whether they
/// were made.
pub(crate) fn differ(case: &Case, a: &Answer, b: &Answer) -> Option<String> {
    let is_change = a.is_ok && b.is_ok && !case.is_read();
    if a.is_ok == b.is_ok && (is_change || a.masked() == b.masked()) {
        return None;
    }
    let text = |answer: &Answer| String::from_utf8_lossy(&answer.seen).into_owned();
    Some(format!("{} | {}", text(a), text(b)))
}

fn leak(rpc: &'static str, what: String) -> Leak {
    Leak {
        rpc,
        field: String::new(),
        role: "",
        door: None,
        what,
    }
}
