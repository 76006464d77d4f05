//! The fault matrix: what breaks, what is promised, and which tests show it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use walkdir::WalkDir;

/// Where a test whose name holds `f01_` shows row F01.
const NAMED_AFTER_ROWS: [&str; 2] = ["tests/tests/faults", "tests/tests/stores"];
/// Its tests are run apart: they start no servers, and are told their number of runs.
const SIMULATION: &str = "tests/tests/sim/";

/// One fault.
pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) fault: &'static str,
    pub(super) promise: &'static str,
    /// Tests that are not named after the row.
    also: &'static [Test],
}

/// A test, by its file and its name.
struct Test(&'static str, &'static str);

/// A row with the names of its tests.
pub(super) struct Shown {
    pub(super) row: &'static Row,
    /// Those that break the mesh as it runs.
    pub(super) mesh: BTreeSet<String>,
    /// Those of a part alone, beside what they are about.
    pub(super) parts: BTreeSet<String>,
    pub(super) simulations: BTreeSet<String>,
}

impl Shown {
    /// All its tests.
    pub(super) fn all(&self) -> impl Iterator<Item = &String> {
        let tests = self.mesh.iter().chain(&self.parts);
        tests.chain(&self.simulations)
    }
}

const SIMULATED: Test = Test(
    "tests/tests/sim/main.rs",
    "nothing_is_lost_doubled_or_stuck",
);
const BUGS_FOUND: Test = Test("tests/tests/sim/main.rs", "every_planted_bug_is_found");

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "F01",
        fault: "kill -9: edge",
        promise: "no read through the front fails; acknowledged writes are there once",
        also: &[],
    },
    Row {
        id: "F02",
        fault: "kill -9: crm",
        promise: "no read fails; acknowledged writes are there once",
        also: &[],
    },
    Row {
        id: "F03",
        fault: "kill -9: jobs and its workers",
        promise: "jobs start again; each effect once",
        also: &[
            Test(
                "services/jobs/tests/it/crash.rs",
                "no_crash_loses_a_job_or_breaks_an_order",
            ),
            Test("services/jobs/tests/it/lease.rs", "two_crashes_fail_no_job"),
            SIMULATED,
            BUGS_FOUND,
        ],
    },
    Row {
        id: "F04",
        fault: "kill -9: llm",
        promise: "no read fails; an answer that was heard to its end is stored once; no budget drifts",
        also: &[Test(
            "tests/tests/stores/budgets.rs",
            "no_budget_drifts_however_often_the_process_is_killed",
        )],
    },
    Row {
        id: "F05",
        fault: "kill -9: agents, accounts",
        promise: "reads fail over; no partial writes",
        also: &[],
    },
    Row {
        id: "F06",
        fault: "kill -9: PostgreSQL",
        promise: "503, never a false 200; found again at once; nothing acknowledged is lost",
        also: &[],
    },
    Row {
        id: "F07",
        fault: "kill -9 and empty disk: Redis",
        promise: "limits are local, jobs are found by looking, sessions hold",
        also: &[
            Test(
                "crates/runtime/tests/shared/bus.rs",
                "a_server_that_dies_is_done_without_and_found_again",
            ),
            Test(
                "crates/runtime/tests/shared/limiter.rs",
                "while_the_server_is_gone_nobody_waits_for_it",
            ),
            Test(
                "services/edge/tests/it/redis.rs",
                "a_redis_that_is_away_is_said_so_and_stops_nothing",
            ),
        ],
    },
    Row {
        id: "F08",
        fault: "kill -9: the Envoy in front",
        promise: "a new one serves within 2 s; no POST is done twice",
        also: &[],
    },
    Row {
        id: "F09",
        fault: "a worker is stopped past its lease and goes on",
        promise: "its late result is refused; the job's effect is there once",
        also: &[
            Test(
                "services/jobs/tests/it/lease.rs",
                "an_expired_lease_goes_to_another_and_the_late_result_is_refused",
            ),
            Test(
                "crates/store/tests/it/effects.rs",
                "a_late_try_does_nothing",
            ),
            SIMULATED,
        ],
    },
    Row {
        id: "F10",
        fault: "one replica of each service is stopped",
        promise: "put aside within a second by its health; no read fails",
        also: &[],
    },
    Row {
        id: "F11",
        fault: "a service is cut off from edge",
        promise: "calls end by their deadline; at most 1.2 calls are sent for one",
        also: &[
            Test(
                "crates/grpc/src/retry/tests.rs",
                "an_ailing_neighbour_is_asked_little_more_than_a_well_one",
            ),
            Test(
                "crates/grpc/src/retry/tests.rs",
                "no_try_goes_past_the_deadline",
            ),
            SIMULATED,
        ],
    },
    Row {
        id: "F12",
        fault: "answers are lost on the way",
        promise: "the key of the request makes another try do nothing",
        also: &[
            Test(
                "services/jobs/tests/it/exchange.rs",
                "a_repeated_call_gets_the_same_leases_and_no_others",
            ),
            Test(
                "tests/tests/scenarios/bad_input.rs",
                "a_replayed_request_id_makes_one_thing",
            ),
            SIMULATED,
            BUGS_FOUND,
        ],
    },
    Row {
        id: "F13",
        fault: "a slow link to PostgreSQL",
        promise: "the pool does not collapse; load is shed; Kommo is answered while it waits",
        also: &[],
    },
    Row {
        id: "F14",
        fault: "connections that died without a word",
        promise: "noticed and replaced within seconds",
        also: &[Test(
            "crates/runtime/tests/shared/bus.rs",
            "a_server_that_hangs_is_left_and_found_again",
        )],
    },
    Row {
        id: "F15",
        fault: "PostgreSQL's disk is full",
        promise: "writes are refused, reads answered, nothing is lost; heals by itself",
        also: &[],
    },
    Row {
        id: "F16",
        fault: "the disk of SQLite or of the bucket is full",
        promise: "refused with a reason; nothing is damaged",
        also: &[],
    },
    Row {
        id: "F17",
        fault: "fsync fails",
        promise: "nothing is acknowledged any more",
        also: &[],
    },
    Row {
        id: "F18",
        fault: "one machine's clock is wrong",
        promise: "leases, sessions and edge's tokens follow the database's time",
        also: &[
            Test(
                "crates/runtime/src/clock.rs",
                "the_servers_time_counts_and_the_machines_does_not",
            ),
            Test(
                "crates/runtime/src/health.rs",
                "a_process_without_a_database_has_the_time_of_its_neighbour",
            ),
            Test(
                "services/jobs/tests/it/schedule.rs",
                "a_due_time_makes_one_job_on_two_replicas",
            ),
        ],
    },
    Row {
        id: "F19",
        fault: "clocks of replicas leap by minutes",
        promise: "jobs run in the order of the database",
        also: &[SIMULATED],
    },
    Row {
        id: "F27",
        fault: "the model is down",
        promise: "another serves; with all down nobody is asked in vain or pays, and a person takes over",
        also: &[
            Test(
                "services/llm/tests/it/faults.rs",
                "f27_models_that_are_down_are_left_alone_and_cost_nothing",
            ),
            Test(
                "services/llm/tests/it/routes.rs",
                "a_target_that_fails_is_left_alone_then_asked_once",
            ),
            Test(
                "services/agents/src/live/tests/faults.rs",
                "when_no_model_answers_a_person_takes_over",
            ),
        ],
    },
    Row {
        id: "F28",
        fault: "an answer is cut mid-JSON, or hangs",
        promise: "one more try, then it fails; no part of it is ever sent",
        also: &[
            Test(
                "services/llm/tests/it/faults.rs",
                "f28_no_part_of_a_cut_answer_is_ever_seen_of_a_whole_one",
            ),
            Test(
                "services/llm/tests/it/torture.rs",
                "of_whole_answers_no_half_is_ever_seen",
            ),
        ],
    },
    Row {
        id: "F29",
        fault: "the model answers 200 with an error, without usage",
        promise: "an error; costs what was reserved",
        also: &[
            Test(
                "services/llm/tests/it/faults.rs",
                "f29_an_error_under_a_success_is_an_error_and_costs_what_was_reserved",
            ),
            Test(
                "services/llm/tests/it/torture.rs",
                "every_script_ends_as_it_is_documented_and_leaves_nothing_behind",
            ),
        ],
    },
    Row {
        id: "F30",
        fault: "a job kills its worker (SIGKILL, abort, out of memory), or panics",
        promise: "counted; buried after three workers or its tries; other organizations are served meanwhile",
        also: &[Test(
            "services/jobs/tests/it/lease.rs",
            "the_third_worker_lost_with_a_job_buries_it",
        )],
    },
    Row {
        id: "F31",
        fault: "a job of another version",
        promise: "parked with its reason, and done by who knows it",
        also: &[],
    },
    Row {
        id: "F32",
        fault: "100,000 jobs wait",
        promise: "organizations take turns; taking reads an index only",
        also: &[
            Test(
                "services/jobs/tests/it/fair.rs",
                "a_small_organization_behind_a_flood_is_served_in_turn",
            ),
            Test(
                "services/jobs/tests/it/fair.rs",
                "an_organization_at_its_cap_does_not_fill_the_window",
            ),
        ],
    },
    Row {
        id: "F33",
        fault: "the pool is exhausted",
        promise: "refused at once; the process lives",
        also: &[],
    },
    Row {
        id: "F34",
        fault: "deadlocks and serialization failures",
        promise: "tried again a few times; no update is lost",
        also: &[
            Test(
                "services/jobs/tests/it/crash.rs",
                "replicas_that_work_at_once_give_each_job_once",
            ),
            Test(
                "services/accounts/tests/it/members.rs",
                "two_owners_who_step_down_at_once_leave_one",
            ),
        ],
    },
    Row {
        id: "F35",
        fault: "a migration is killed midway",
        promise: "the next run does it; services keep serving",
        also: &[],
    },
    Row {
        id: "F36",
        fault: "a migration behind a long reader",
        promise: "its first tries hold nobody up longer than 200 ms",
        also: &[],
    },
    Row {
        id: "F37",
        fault: "SIGTERM under load: each service",
        promise: "ends within 25 s; no read fails; leases are handed back",
        also: &[
            Test(
                "crates/runtime/src/worker/tests.rs",
                "jobs_given_to_a_poll_that_was_given_up_are_handed_back",
            ),
            Test(
                "crates/runtime/src/worker/tests.rs",
                "a_stopping_worker_lets_its_job_end_and_takes_no_other",
            ),
        ],
    },
    Row {
        id: "F38",
        fault: "256 MiB for each process, then none",
        promise: "calls are shed; who dies of it recovers; nothing acknowledged is lost",
        also: &[],
    },
    Row {
        id: "F39",
        fault: "five times as many calls as there is room for",
        promise: "goodput of 80 % and more; hooks before people before background work",
        also: &[
            Test(
                "crates/grpc/src/shed.rs",
                "the_less_urgent_are_refused_first_and_places_come_back",
            ),
            Test(
                "crates/grpc/src/server/tests.rs",
                "background_work_leaves_room_for_the_mesh",
            ),
        ],
    },
    Row {
        id: "F40",
        fault: "a certificate has expired or is a stranger's",
        promise: "shut out, with a word in the log; nothing is said in the clear",
        also: &[
            Test(
                "crates/runtime/src/tls/tests.rs",
                "strangers_and_the_expired_are_refused_by_both_sides",
            ),
            Test(
                "crates/runtime/src/tls/tests.rs",
                "nothing_is_said_in_the_clear",
            ),
        ],
    },
    Row {
        id: "F41",
        fault: "the key of sealed secrets is missing or another",
        promise: "refuses to start; writes nothing in the clear",
        also: &[],
    },
    Row {
        id: "F45",
        fault: "kill -9: the one process",
        promise: "nothing acknowledged is lost or done twice; the database is whole",
        also: &[Test(
            "services/t11/tests/kill.rs",
            "acknowledged_work_is_done_once_after_kills",
        )],
    },
    Row {
        id: "F46",
        fault: "two processes on one database file",
        promise: "the second refuses",
        also: &[],
    },
];

/// Every row with its tests, as they stand in the source.
///
/// # Errors
/// A row without a test, or a test that is not where the row says.
pub(super) fn shown(root: &Path) -> Result<Vec<Shown>> {
    let mut named = BTreeSet::new();
    for folder in NAMED_AFTER_ROWS {
        for entry in WalkDir::new(root.join(folder)) {
            let entry = entry?;
            if entry
                .path()
                .extension()
                .is_some_and(|ending| ending == "rs")
            {
                named.extend(functions(&fs::read_to_string(entry.path())?));
            }
        }
    }
    ROWS.iter().map(|row| show(root, row, &named)).collect()
}

fn show(root: &Path, row: &'static Row, named: &BTreeSet<String>) -> Result<Shown> {
    let mark = format!("{}_", row.id.to_lowercase());
    let own = named.iter().filter(|name| is_marked(name, &mark));
    let mut shown = Shown {
        row,
        mesh: own.cloned().collect(),
        parts: BTreeSet::new(),
        simulations: BTreeSet::new(),
    };
    for Test(file, name) in row.also {
        let text = fs::read_to_string(root.join(file)).with_context(|| (*file).to_owned())?;
        if !functions(&text).contains(*name) {
            bail!("{}: {file} has no test `{name}`", row.id);
        }
        let is_of_mesh = || {
            NAMED_AFTER_ROWS
                .iter()
                .any(|folder| file.starts_with(folder))
        };
        let tests = match file.starts_with(SIMULATION) {
            true => &mut shown.simulations,
            false if is_of_mesh() => &mut shown.mesh,
            false => &mut shown.parts,
        };
        tests.insert((*name).to_owned());
    }
    if shown.all().next().is_none() {
        bail!("{}: no test shows it", row.id);
    }
    Ok(shown)
}

/// Whether the name has the mark, at its beginning or after another.
fn is_marked(name: &str, mark: &str) -> bool {
    name.starts_with(mark) || name.contains(&format!("_{mark}"))
}

/// The names of the functions in a text.
fn functions(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(str::trim_start);
    let headed = lines.filter_map(|line| {
        line.strip_prefix("async ")
            .unwrap_or(line)
            .strip_prefix("fn ")
    });
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    headed
        .map(|rest| rest.chars().take_while(|c| is_of_name(*c)).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_tests() {
        let rows = shown(Path::new("..")).unwrap();
        let ids: BTreeSet<_> = rows.iter().map(|shown| shown.row.id).collect();
        assert_eq!(ids.len(), rows.len(), "each row once");
    }

    #[test]
    fn names_of_tests_tell_their_rows() {
        let text = "async fn f01_f02_they_die() {}\n    fn f03_it_dies() {}\nlet f04_x = 1;";
        let names = functions(text);
        let of = |mark| names.iter().filter(|name| is_marked(name, mark)).count();
        assert_eq!(
            ["f01_", "f02_", "f03_", "f04_"].map(of),
            [1, 1, 1, 0],
            "{names:?}"
        );
    }
}
