//! The service as its callers see it: through its routes, behind the stack.

use futures::StreamExt as _;
use t11_core::{Caller, Fault as _, PageTokens, Permission, Role, Subject};
use t11_grpc::{CallContext, Peer, RemoteFault, ServerStack, Signer, Verifier, in_context};
use t11_proto::jobs::v1 as pb;
use t11_proto::jobs::v1::job_service_client::JobServiceClient;
use t11_proto::jobs::v1::queue_service_client::QueueServiceClient;
use t11_proto::jobs::v1::schedule_service_client::ScheduleServiceClient;
use t11_proto::jobs::v1::watch_jobs_response::Event;
use t11_proto::jobs::v1::worker_service_client::WorkerServiceClient;
use tonic::Code;
use uuid::Uuid;

use crate::bed::{Bed, org_id};

struct Door {
    bed: Bed,
    peer: Peer,
    signer: Signer,
}

impl Door {
    async fn open() -> Self {
        let bed = Bed::new().await;
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        let routes = t11_jobs::routes(bed.queue.clone(), bed.world(), PageTokens::new([7; 32]));
        let (peer, slot) = Peer::local("jobs");
        slot.fill(ServerStack::new(routes, verifier, bed.world()));
        Self { bed, peer, signer }
    }

    async fn run<F: Future>(&self, caller: &Caller, call: F) -> F::Output {
        let token = self.signer.sign(caller, self.bed.world().now());
        let context = CallContext {
            caller_token: Some(token.into()),
            ..CallContext::default()
        };
        in_context(context, call).await
    }

    fn jobs(&self) -> JobServiceClient<Peer> {
        JobServiceClient::new(self.peer.clone())
    }

    fn spec(&self, org: u128) -> pb::JobSpec {
        pb::JobSpec {
            id: self.bed.world().new_id().to_string(),
            organization_id: org_id(org).to_string(),
            queue: "agents".to_owned(),
            kind: "agents.test".to_owned(),
            payload: b"payload".to_vec().into(),
            display_name: "Прайс.xlsx".to_owned(),
            ..pb::JobSpec::default()
        }
    }

    /// A job that no person started.
    fn housekeeping(&self, org: u128) -> pb::JobSpec {
        pb::JobSpec {
            kind: "agents.sweep".to_owned(),
            display_name: String::new(),
            ..self.spec(org)
        }
    }

    /// Names of the jobs that an owner's list has.
    async fn listed(&self, request: pb::ListJobsRequest) -> Vec<String> {
        let list = async { self.jobs().list_jobs(request).await };
        let listed = self.run(&person(1, Role::Owner), list).await.unwrap();
        let jobs = listed.into_inner().jobs;
        jobs.into_iter().map(|job| job.name).collect()
    }

    async fn enqueue(&self, jobs: Vec<pb::JobSpec>) -> Vec<pb::EnqueueResult> {
        let call = async {
            self.jobs()
                .enqueue_jobs(pb::EnqueueJobsRequest { jobs })
                .await
        };
        self.run(&service(), call)
            .await
            .unwrap()
            .into_inner()
            .results
    }

    async fn exchange(&self, request: pb::ExchangeRequest) -> pb::ExchangeResponse {
        let call = async {
            WorkerServiceClient::new(self.peer.clone())
                .exchange(request)
                .await
        };
        self.run(&service(), call).await.unwrap().into_inner()
    }
}

fn service() -> Caller {
    Caller::service("agents", t11_core::OrgId::NONE)
}

fn person(org: u128, role: Role) -> Caller {
    let subject = Subject::User {
        user: Uuid::nil(),
        session: Uuid::nil(),
    };
    Caller {
        org: org_id(org),
        subject,
        role,
        scopes: None,
    }
}

fn want(worker: &str, sequence: i64, slots: i32) -> pb::ExchangeRequest {
    pb::ExchangeRequest {
        worker: worker.to_owned(),
        boot: Uuid::from_u128(5).to_string(),
        sequence,
        wants: vec![pb::Want {
            queue: "agents".to_owned(),
            slots,
        }],
        ..pb::ExchangeRequest::default()
    }
}

#[tokio::test]
async fn every_fault_of_a_job_is_named() {
    let door = Door::open().await;
    let bad = pb::JobSpec {
        id: "x".to_owned(),
        queue: "A B".to_owned(),
        ..door.spec(1)
    };
    let request = pb::EnqueueJobsRequest {
        jobs: vec![door.spec(1), bad],
    };
    let call = async { door.jobs().enqueue_jobs(request).await };
    let status = door.run(&service(), call).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let fault = RemoteFault::from(&status);
    let fields: Vec<_> = fault
        .violations()
        .iter()
        .map(|v| v.field.as_str())
        .collect();
    assert_eq!(fields, ["jobs[1].id", "jobs[1].queue"]);
    assert!(door.bed.all(1).await.is_empty(), "all or nothing");
}

#[tokio::test]
async fn people_cannot_enqueue_or_work() {
    let door = Door::open().await;
    let owner = person(1, Role::Owner);
    let request = pb::EnqueueJobsRequest {
        jobs: vec![door.spec(1)],
    };
    let enqueue = async { door.jobs().enqueue_jobs(request).await };
    assert_eq!(
        door.run(&owner, enqueue).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    let exchange = async {
        WorkerServiceClient::new(door.peer.clone())
            .exchange(want("w", 1, 1))
            .await
    };
    assert_eq!(
        door.run(&owner, exchange).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    assert!(owner.may(Permission::JobsWrite));
}

#[tokio::test]
async fn a_job_goes_from_its_owner_to_a_worker_and_back() {
    let door = Door::open().await;
    let spec = pb::JobSpec {
        ordering_key: "lead/7".to_owned(),
        resource: "assets/1".to_owned(),
        display_name: "Прайс.xlsx".to_owned(),
        traceparent: "00-1-2-01".to_owned(),
        ..door.spec(1)
    };
    let name = door.enqueue(vec![spec.clone()]).await.remove(0).name;
    let lease = door.exchange(want("w", 1, 5)).await.leases.remove(0);
    let leased = lease.job.unwrap();
    assert_eq!(leased.payload, spec.payload);
    assert_eq!(leased.organization_id, spec.organization_id);
    assert_eq!(leased.traceparent, spec.traceparent);
    assert_eq!(leased.timeout_ms, 300_000);
    let settle = pb::Settle {
        lease: lease.r#ref,
        outcome: Some(pb::settle::Outcome::Succeeded(pb::Succeeded {})),
    };
    let report = pb::ExchangeRequest {
        settles: vec![settle],
        ..want("w#report", 1, 0)
    };
    assert!(door.exchange(report).await.lost.is_empty());

    let viewer = person(1, Role::Viewer);
    let get = async {
        door.jobs()
            .get_job(pb::GetJobRequest { name: name.clone() })
            .await
    };
    let job = door.run(&viewer, get).await.unwrap().into_inner();
    assert_eq!(job.state(), pb::JobState::Succeeded);
    assert_eq!(
        (job.display_name.as_str(), job.resource.as_str()),
        ("Прайс.xlsx", "assets/1")
    );
    let other = person(2, Role::Owner);
    let get = async { door.jobs().get_job(pb::GetJobRequest { name }).await };
    assert_eq!(
        door.run(&other, get).await.unwrap_err().code(),
        Code::NotFound
    );
}

#[tokio::test]
async fn a_list_continues_only_with_its_own_token() {
    let door = Door::open().await;
    door.enqueue((0..5).map(|_| door.spec(1)).collect()).await;
    let viewer = person(1, Role::Viewer);
    let request = pb::ListJobsRequest {
        page_size: 3,
        ..pb::ListJobsRequest::default()
    };
    let list = async |request: pb::ListJobsRequest, caller: &Caller| {
        door.run(caller, async { door.jobs().list_jobs(request).await })
            .await
    };
    let first = list(request.clone(), &viewer).await.unwrap().into_inner();
    assert_eq!(first.jobs.len(), 3);
    let next = pb::ListJobsRequest {
        page_token: first.next_page_token,
        ..request
    };
    let second = list(next.clone(), &viewer).await.unwrap().into_inner();
    assert_eq!(
        (second.jobs.len(), second.next_page_token.as_str()),
        (2, "")
    );
    let stolen = list(next.clone(), &person(2, Role::Viewer))
        .await
        .unwrap_err();
    assert_eq!(RemoteFault::from(&stolen).reason(), "PAGE_TOKEN_INVALID");
    let other = pb::ListJobsRequest {
        states: vec![pb::JobState::Dead.into()],
        ..next
    };
    assert_eq!(
        list(other, &viewer).await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

#[tokio::test]
async fn a_watcher_sees_what_is_there_and_then_every_change() {
    let door = Door::open().await;
    let names: Vec<_> = door
        .enqueue(vec![door.spec(1), door.spec(2), door.spec(1)])
        .await
        .into_iter()
        .map(|result| result.name)
        .collect();
    let viewer = person(1, Role::Viewer);
    let watch = async {
        door.jobs()
            .watch_jobs(pb::WatchJobsRequest::default())
            .await
    };
    let mut events = door.run(&viewer, watch).await.unwrap().into_inner();
    let mut next = async || events.next().await.unwrap().unwrap().event.unwrap();
    let mut snapshot = Vec::new();
    while let Event::Job(job) = next().await {
        snapshot.push(job.name);
    }
    assert_eq!(snapshot, [names[2].clone(), names[0].clone()]);

    let lease = door.exchange(want("w", 1, 1)).await.leases.remove(0);
    let Event::Job(running) = next().await else {
        panic!("a job is expected")
    };
    assert_eq!(
        (running.name.as_str(), running.state()),
        (names[0].as_str(), pb::JobState::Running)
    );

    let progress = pb::JobProgress {
        step: "embed".to_owned(),
        percent: 40,
        ..Default::default()
    };
    let extend = pb::Extend {
        lease: lease.r#ref.clone(),
        progress: Some(progress.clone()),
    };
    door.exchange(pb::ExchangeRequest {
        extends: vec![extend],
        ..want("w#report", 1, 0)
    })
    .await;
    let Event::Job(reported) = next().await else {
        panic!("a job is expected")
    };
    assert_eq!(reported.progress, Some(progress), "before it is written");

    let outcome = Some(pb::settle::Outcome::Succeeded(pb::Succeeded {}));
    let settle = pb::Settle {
        lease: lease.r#ref,
        outcome,
    };
    door.exchange(pb::ExchangeRequest {
        settles: vec![settle],
        ..want("w#report", 2, 0)
    })
    .await;
    let Event::Job(done) = next().await else {
        panic!("a job is expected")
    };
    assert_eq!(
        (done.name.as_str(), done.state()),
        (names[0].as_str(), pb::JobState::Succeeded)
    );
}

#[tokio::test]
async fn housekeeping_is_listed_only_when_it_died_or_is_asked_for() {
    let door = Door::open().await;
    let specs = vec![
        door.housekeeping(1),
        door.spec(1),
        door.housekeeping(1),
        door.spec(2),
    ];
    let enqueued = door.enqueue(specs).await;
    let names: Vec<_> = enqueued.into_iter().map(|result| result.name).collect();
    let (fails, file, goes_well) = (&names[0], &names[1], &names[2]);
    let unasked = pb::ListJobsRequest::default;
    assert_eq!(door.listed(unasked()).await, [file.as_str()]);
    let all = pb::ListJobsRequest {
        show_housekeeping: true,
        ..unasked()
    };
    let asked = door.listed(all).await;
    assert_eq!(asked, [goes_well.as_str(), file, fails]);
    let kind = pb::ListJobsRequest {
        kind: "agents.sweep".to_owned(),
        ..unasked()
    };
    assert_eq!(door.listed(kind).await, [goes_well.as_str(), fails]);

    let mut worker = door.bed.worker("w");
    let dying = door.bed.take(&mut worker, 1).await.remove(0);
    assert_eq!(dying.job.name(), *fails);
    let outcome = crate::bed::failed(true);
    door.bed.settle(&mut worker, dying.lease(), outcome).await;
    assert_eq!(door.listed(unasked()).await, [file.as_str(), fails]);
    let dead = pb::ListJobsRequest {
        states: vec![pb::JobState::Dead.into()],
        ..unasked()
    };
    assert_eq!(door.listed(dead).await, [fails.as_str()]);
}

#[tokio::test]
async fn a_watcher_hears_of_housekeeping_when_it_dies() {
    let door = Door::open().await;
    door.enqueue(vec![door.housekeeping(1), door.housekeeping(1)])
        .await;
    let viewer = person(1, Role::Viewer);
    let watch = async |show_housekeeping| {
        let request = pb::WatchJobsRequest { show_housekeeping };
        let watching = async { door.jobs().watch_jobs(request).await };
        door.run(&viewer, watching).await.unwrap().into_inner()
    };
    let mut asked = watch(true).await;
    let mut events = watch(false).await;
    for _ in 0..2 {
        let event = asked.next().await.unwrap().unwrap().event.unwrap();
        assert!(matches!(event, Event::Job(_)), "{event:?}");
    }
    let event = events.next().await.unwrap().unwrap().event.unwrap();
    assert_eq!(event, Event::SnapshotComplete(true));
    let mut worker = door.bed.worker("w");
    let leased = door.bed.take(&mut worker, 2).await;
    door.bed.succeed(&mut worker, &leased[0]).await;
    let outcome = crate::bed::failed(true);
    door.bed
        .settle(&mut worker, leased[1].lease(), outcome)
        .await;
    let Event::Job(told) = events.next().await.unwrap().unwrap().event.unwrap() else {
        panic!("a job is expected")
    };
    assert_eq!(
        (told.name.clone(), told.state()),
        (leased[1].job.name(), pb::JobState::Dead)
    );
}

#[tokio::test]
async fn a_watcher_far_behind_still_learns_how_each_job_ended() {
    let door = Door::open().await;
    door.enqueue((0..40).map(|_| door.spec(1)).collect()).await;
    let watch = async {
        door.jobs()
            .watch_jobs(pb::WatchJobsRequest::default())
            .await
    };
    let mut events = door
        .run(&person(1, Role::Viewer), watch)
        .await
        .unwrap()
        .into_inner();
    // What ended before the snapshot is not told, so the work begins after it.
    while let Event::Job(_) = events.next().await.unwrap().unwrap().event.unwrap() {}
    // Far more changes than are kept for a watcher that does not read.
    let mut worker = door.bed.worker("w");
    for _ in 0..40 {
        let leased = door.bed.take(&mut worker, 1).await.remove(0);
        door.bed.succeed(&mut worker, &leased).await;
    }
    let mut ended = std::collections::BTreeSet::new();
    while ended.len() < 40 {
        if let Some(Event::Job(job)) = events.next().await.unwrap().unwrap().event
            && job.state() == pb::JobState::Succeeded
        {
            ended.insert(job.name);
        }
    }
}

#[tokio::test]
async fn cancel_and_retry_are_for_editors_and_are_audited() {
    let door = Door::open().await;
    let name = door.enqueue(vec![door.spec(1)]).await.remove(0).name;
    let cancel = || {
        let name = name.clone();
        async { door.jobs().cancel_job(pb::CancelJobRequest { name }).await }
    };
    let refused = door
        .run(&person(1, Role::Viewer), cancel())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let cancelled = door
        .run(&person(1, Role::Editor), cancel())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(cancelled.state(), pb::JobState::Cancelled);
    let retry = async {
        door.jobs()
            .retry_job(pb::RetryJobRequest { name: name.clone() })
            .await
    };
    let retried = door
        .run(&person(1, Role::Editor), retry)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(retried.state(), pb::JobState::Ready);
}

#[tokio::test]
async fn queues_are_paused_for_one_organization() {
    let door = Door::open().await;
    door.enqueue(vec![door.spec(1), door.spec(2)]).await;
    let name = "queues/agents".to_owned();
    let pause = async {
        QueueServiceClient::new(door.peer.clone())
            .pause_queue(pb::PauseQueueRequest { name })
            .await
    };
    let paused = door
        .run(&person(1, Role::Editor), pause)
        .await
        .unwrap()
        .into_inner();
    assert_eq!((paused.paused, paused.ready), (true, 1));
    assert!(paused.oldest_ready_time.is_some());
    assert_eq!(door.exchange(want("w", 1, 5)).await.leases.len(), 1);
    let list = async {
        QueueServiceClient::new(door.peer.clone())
            .list_queues(pb::ListQueuesRequest {})
            .await
    };
    let queues = door
        .run(&person(2, Role::Viewer), list)
        .await
        .unwrap()
        .into_inner()
        .queues;
    assert_eq!(
        (queues.len(), queues[0].running, queues[0].paused),
        (1, 1, false)
    );
}

#[tokio::test]
async fn a_schedule_is_put_and_deleted() {
    let door = Door::open().await;
    let mut schedules = ScheduleServiceClient::new(door.peer.clone());
    let schedule = pb::Schedule {
        key: "agents.resync/1".to_owned(),
        cron: "0 9 * * *".to_owned(),
        time_zone: "Europe/Moscow".to_owned(),
        job: Some(pb::JobSpec {
            id: String::new(),
            ..door.spec(1)
        }),
        ..pb::Schedule::default()
    };
    let request = pb::PutScheduleRequest {
        schedule: Some(schedule.clone()),
    };
    let put = door
        .run(&service(), schedules.put_schedule(request))
        .await
        .unwrap()
        .into_inner();
    assert!(put.next_run_time.is_some() && put.last_run_time.is_none());
    assert_eq!(put.job.unwrap().organization_id, org_id(1).to_string());
    let bad = pb::Schedule {
        cron: "never".to_owned(),
        ..schedule
    };
    let request = pb::PutScheduleRequest {
        schedule: Some(bad),
    };
    let status = door
        .run(&service(), schedules.put_schedule(request))
        .await
        .unwrap_err();
    assert_eq!(
        RemoteFault::from(&status).violations()[0].field,
        "schedule.cron"
    );
    let request = pb::DeleteScheduleRequest { key: put.key };
    door.run(&service(), schedules.delete_schedule(request))
        .await
        .unwrap();
}
