//! Telling people of dead jobs.

use std::collections::HashMap;

use t11_core::Role;
use t11_proto::accounts::v1::{NotificationAudience, NotificationType, RaiseNotification};
use t11_runtime::notification::raise_as;
use uuid::Uuid;

use crate::job::{Job, NewJob};

/// The job that tells people of a dead one, where it has worked on a thing of theirs. A job that
/// dies again is told of once: the alert's id is known by then.
pub(super) fn alert(job: &Job) -> Option<NewJob> {
    if job.resource.is_empty() || job.org.0.is_nil() {
        return None;
    }
    let name = match job.display_name.as_str() {
        "" => &job.kind,
        name => name,
    };
    let reason = job.error.as_ref().map(|error| error.reason.clone());
    let parameters = [
        ("job", name.to_owned()),
        ("reason", reason.unwrap_or_default()),
    ];
    let parameters: HashMap<_, _> = parameters
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let notification = RaiseNotification {
        r#type: NotificationType::SystemAlert.into(),
        parameters,
        resource: job.name(),
        dedupe_key: format!("dead/{}", job.id),
        audience: Some(NotificationAudience {
            role: Role::Admin.to_string(),
            email: String::new(),
        }),
    };
    let raised = raise_as(Uuid::from_u128(job.id.as_u128() ^ 1), &notification);
    Some(NewJob {
        id: raised.id,
        org: job.org.0,
        queue: raised.queue,
        kind: raised.kind,
        payload: raised.payload,
        ..NewJob::default()
    })
}

#[cfg(test)]
mod tests {
    use t11_core::OrgId;

    use super::*;
    use crate::dead::poison;
    use crate::job::State;
    use crate::job::tests::{job, now};

    #[test]
    fn people_hear_of_what_died_while_it_worked_on_a_thing_of_theirs() {
        let mut dead = job(State::Running);
        dead.bury(poison(3), now());
        dead.resource = "sources/1".to_owned();
        dead.org = OrgId(Uuid::from_u128(1));
        let alert = alert(&dead).unwrap();
        assert_eq!(alert.org, dead.org.0);
        assert_ne!(alert.id, dead.id);
        let housekeeping = Job {
            resource: String::new(),
            ..dead
        };
        assert_eq!(super::alert(&housekeeping), None);
    }
}
