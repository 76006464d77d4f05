//! Room for calls. Over it the less urgent are refused first, so that a flood of one kind leaves
//! the others alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use t11_core::{Caller, Fault, FaultKind, Subject};
use t11_proto::method::RateClass;

use crate::policy::Policy;

/// How soon an overloaded service may be asked again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The calls in the room have left none for this one.
#[derive(Debug, thiserror::Error)]
#[error("the service has more calls than it can answer")]
pub(crate) struct Overloaded;

impl Fault for Overloaded {
    /// Not `Unavailable`: proxies would try another replica, and so double the load that is too
    /// much already.
    fn kind(&self) -> FaultKind {
        FaultKind::Exhausted
    }
    fn reason(&self) -> &'static str {
        "OVERLOADED"
    }
    fn retry_after(&self) -> Option<Duration> {
        Some(RETRY_AFTER)
    }
}

/// Who is refused first; the order is that of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Work a service does by itself, and live updates: both come again.
    Background,
    /// Somebody waits for it.
    Person,
    /// What keeps accepted work moving: webhooks, workers, caller tokens.
    Mesh,
}

impl Urgency {
    /// The one place that says which call is how urgent.
    pub(crate) fn of(policy: Policy, caller: Option<&Caller>) -> Self {
        let from_service =
            caller.is_some_and(|caller| matches!(caller.subject, Subject::Service { .. }));
        match policy.method.rate_class {
            RateClass::Internal => Self::Mesh,
            _ if from_service || policy.is_endless() => Self::Background,
            _ => Self::Person,
        }
    }

    /// How much of the room calls of this urgency may fill, in percent, counting all.
    fn share(self) -> usize {
        match self {
            Self::Background => 70,
            Self::Person => 90,
            Self::Mesh => 100,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Person => "person",
            Self::Mesh => "mesh",
        }
    }
}

/// The room of one service; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Room(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    service: &'static str,
    size: usize,
    taken: AtomicUsize,
}

/// A place in the room, given back when dropped: at the end of the answer's body.
#[derive(Debug)]
pub(crate) struct Place(Room);

impl Room {
    /// Room for `size` calls at a time, at least one.
    pub(crate) fn new(service: &'static str, size: usize) -> Self {
        Self(Arc::new(Inner {
            service,
            size: size.max(1),
            taken: AtomicUsize::new(0),
        }))
    }

    /// Takes a place, or refuses at once: waiting would only add to what is waited for.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub(crate) fn enter(&self, urgency: Urgency) -> Result<Place, Overloaded> {
        let limit = (self.0.size * urgency.share()).div_ceil(100);
        let entered = self
            .0
            .taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
                (taken < limit).then_some(taken + 1)
            });
        if entered.is_err() {
            metrics::counter!(
                "t11_grpc_calls_shed_total",
                "service" => self.0.service, "urgency" => urgency.word(),
            )
            .increment(1);
            return Err(Overloaded);
        }
        self.gauge().increment(1);
        Ok(Place(self.clone()))
    }

    fn gauge(&self) -> metrics::Gauge {
        metrics::gauge!("t11_grpc_calls_in_flight", "service" => self.0.service)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.taken.fetch_sub(1, Ordering::AcqRel);
        self.0.gauge().decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use t11_core::OrgId;

    use super::*;
    use crate::policy;

    #[test]
    fn the_less_urgent_are_refused_first_and_places_come_back() {
        let room = Room::new("agents", 10);
        let places: Vec<_> = (0..7)
            .map(|_| room.enter(Urgency::Background).unwrap())
            .collect();
        assert!(room.enter(Urgency::Background).is_err());
        let people = [Urgency::Person; 2].map(|urgency| room.enter(urgency).unwrap());
        assert!(room.enter(Urgency::Person).is_err());
        let last = room.enter(Urgency::Mesh).unwrap();
        assert!(room.enter(Urgency::Mesh).is_err());
        drop((places, people, last));
        assert!(room.enter(Urgency::Background).is_ok());
    }

    #[test]
    fn a_room_for_one_lets_anybody_in() {
        let room = Room::new("agents", 0);
        let place = room.enter(Urgency::Background).unwrap();
        assert!(room.enter(Urgency::Mesh).is_err());
        drop(place);
        assert!(room.enter(Urgency::Person).is_ok());
    }

    #[test]
    fn urgency_is_of_the_rpc_and_the_caller() {
        let of =
            |path: &str, caller: Option<&Caller>| Urgency::of(policy::find(path).unwrap(), caller);
        let service = Caller::service("agents", OrgId::NONE);
        let read = "/t11.agents.v1.AgentService/GetAgent";
        assert_eq!(of(read, None), Urgency::Person);
        assert_eq!(of(read, Some(&service)), Urgency::Background);
        let exchange = "/t11.jobs.v1.WorkerService/Exchange";
        assert_eq!(of(exchange, Some(&service)), Urgency::Mesh);
        assert_eq!(
            of("/t11.jobs.v1.JobService/WatchJobs", None),
            Urgency::Background
        );
    }
}
