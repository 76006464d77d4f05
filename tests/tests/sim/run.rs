//! One run: hosts, a client, faults, and the reckoning.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use parking_lot::Mutex;
use t11_core::World;
use t11_grpc::{Peer, as_service};
use t11_proto::crm::v1::SetCredentialRequest;
use t11_proto::crm::v1::credential_service_client::CredentialServiceClient;
use turmoil::Sim;
use uuid::Uuid;

use crate::bed::Bed;
use crate::faults::{Dice, Plan};
use crate::net;
use crate::notes::{Bug, jobs_host, notes_host, org};

const NOTES: u128 = 12;
/// After the last fault everything must be done within this.
const RECOVERY: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(150);
/// A late second effect shows itself within this.
const WATCH: Duration = Duration::from_secs(25);

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) acknowledged: u64,
    pub(crate) faults: u64,
    /// Acknowledged, and without an effect.
    pub(crate) lost: u64,
    /// With more than one.
    pub(crate) doubled: u64,
    /// Not acknowledged in the end, however often asked.
    pub(crate) stuck: u64,
    simulated: Duration,
}

impl Outcome {
    pub(crate) fn is_right(&self) -> bool {
        self.lost + self.doubled + self.stuck == 0
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.faults += other.faults;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.stuck += other.stuck;
        self.simulated += other.simulated;
    }
}

pub(crate) fn run(seed: u64, bug: Option<Bug>) -> Outcome {
    let (bed, dice) = (Arc::new(Bed::new(seed)), Dice::new(seed));
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(Duration::from_millis(10))
        .simulation_duration(LONGEST * 2)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(20 + dice.below(200)))
        .build();
    start_hosts(&mut sim, &bed, &dice, bug);
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    start_client(&mut sim, &bed, &acknowledged);
    let mut plan = Plan::draw(&dice);
    let (mut over_at, mut done_at) = (None, None);
    loop {
        bed.set_elapsed(sim.elapsed());
        plan.apply(&mut sim, &bed);
        sim.step().expect("no host fails by itself");
        let now = sim.elapsed();
        if plan.is_over() {
            over_at.get_or_insert(now);
        }
        if all_done(&bed, &acknowledged.lock()) {
            done_at.get_or_insert(now);
        }
        let has_rested = done_at.is_some_and(|at| now > at + WATCH) && over_at.is_some();
        let is_late = over_at.is_some_and(|at| now > at + RECOVERY + WATCH);
        if has_rested || is_late || now > LONGEST {
            break;
        }
    }
    reckon(&bed, &acknowledged.lock(), plan.met, sim.elapsed())
}

fn start_hosts(sim: &mut Sim<'_>, bed: &Arc<Bed>, dice: &Dice, bug: Option<Bug>) {
    let skew = |dice: &Dice| TimeDelta::seconds(i64::try_from(dice.below(20)).unwrap() - 10);
    let (own, of_jobs) = (bed.clone(), skew(dice));
    sim.host("jobs", move || jobs_host(own.clone(), of_jobs));
    for name in ["notes-1", "notes-2"] {
        let (own, skew) = (bed.clone(), skew(dice));
        sim.host(name, move || notes_host(own.clone(), skew, bug));
    }
}

fn start_client(sim: &mut Sim<'_>, bed: &Arc<Bed>, acknowledged: &Arc<Mutex<Vec<Uuid>>>) {
    let (bed, acknowledged) = (bed.clone(), acknowledged.clone());
    sim.client("client", async move {
        let world = bed.world(TimeDelta::zero());
        let doors = ["notes-1", "notes-2"].map(|host| net::peer("crm", host, world.clone()));
        let asks = (0..NOTES).map(|number| {
            let (bed, world, doors) = (bed.clone(), world.clone(), doors.clone());
            let acknowledged = acknowledged.clone();
            async move {
                let pause = u64::try_from(number).unwrap() * 1_700;
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let note = ask(&bed, &world, &doors, number).await;
                acknowledged.lock().push(note);
            }
        });
        futures::future::join_all(asks).await;
        // The hosts go on by themselves.
        std::future::pending::<()>().await;
        Ok(())
    });
}

/// Asks, now at one door and then at the other, until it is answered.
async fn ask(bed: &Bed, world: &World, doors: &[Peer], number: u128) -> Uuid {
    let note = world.new_id();
    let request = SetCredentialRequest {
        client_id: note.to_string(),
        ..SetCredentialRequest::default()
    };
    for door in doors.iter().cycle() {
        let call = async {
            let mut client = CredentialServiceClient::new(door.clone());
            client.set_credential(request.clone()).await
        };
        let asked = as_service(&bed.signer, world, "edge", org(number % 3), call);
        match tokio::time::timeout(Duration::from_secs(3), asked).await {
            Ok(Ok(_)) => break,
            Ok(Err(_)) | Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
        }
    }
    note
}

fn all_done(bed: &Bed, acknowledged: &[Uuid]) -> bool {
    acknowledged.len() as u128 == NOTES
        && acknowledged.iter().all(|note| bed.outside.times(*note) > 0)
}

fn reckon(bed: &Bed, acknowledged: &[Uuid], faults: u64, simulated: Duration) -> Outcome {
    let lost = acknowledged
        .iter()
        .filter(|note| bed.outside.times(**note) == 0);
    let doubled = bed.outside.all().into_values().filter(|times| *times > 1);
    Outcome {
        acknowledged: acknowledged.len() as u64,
        faults,
        lost: lost.count() as u64,
        doubled: doubled.count() as u64,
        stuck: u64::try_from(NOTES).unwrap() - acknowledged.len() as u64,
        simulated,
    }
}
