// The peer: BullMQ on a Redis of its own, doing what `../queue` does with our queue.
// `cargo xtask bench jobs` runs it, with NODE_PATH where it has installed `bullmq` and `ioredis`:
//
//   REDIS_URL=redis://127.0.0.1:6379 node bench.mjs rates NAME
//   REDIS_URL=redis://127.0.0.1:6379 node bench.mjs crashes NAME
//
// Prints one JSON object a line. NAME says which durability the Redis was started with. Settings are
// BullMQ's defaults, but that finished jobs are removed.
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// `import` would not look into NODE_PATH.
const { Queue, Worker } = createRequire(import.meta.url)('bullmq');

const JOBS = 20_000;
const BATCH = 50;
const CALLERS = 8;
const CONCURRENCY = 50;
const PAYLOAD = 279;

const url = new URL(process.env.REDIS_URL);
const connection = { host: url.hostname, port: Number(url.port), maxRetriesPerRequest: null };
const options = { connection, defaultJobOptions: { removeOnComplete: true } };
const data = { text: 'ж'.repeat((PAYLOAD - '{"text":""}'.length) / 2) };

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const print = (bench, figures) => console.log(JSON.stringify({ bench, ...figures }));
const rate = (jobs, started) => (jobs * 1000) / (performance.now() - started);
const percentile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

async function freshQueue(name) {
  const queue = new Queue(name, options);
  await queue.waitUntilReady();
  await queue.obliterate({ force: true });
  return queue;
}

async function inParallel(callers, work) {
  await Promise.all(Array.from({ length: callers }, (_, caller) => work(caller)));
}

async function addInBatches(queue, jobs) {
  const batches = jobs / BATCH;
  await inParallel(CALLERS, async (caller) => {
    for (let batch = caller; batch < batches; batch += CALLERS) {
      await queue.addBulk(Array.from({ length: BATCH }, () => ({ name: 'nothing', data })));
    }
  });
}

async function rates(name) {
  const queue = await freshQueue('rates');
  let started = performance.now();
  await addInBatches(queue, JOBS);
  const enqueueBatched = rate(JOBS, started);

  started = performance.now();
  await new Promise((resolve) => {
    let done = 0;
    const worker = new Worker('rates', async () => {}, { ...options, concurrency: CONCURRENCY });
    worker.on('completed', async () => {
      done += 1;
      if (done === JOBS) {
        resolve();
        await worker.close();
      }
    });
  });
  const process_ = rate(JOBS, started);

  const single = JOBS / 10;
  started = performance.now();
  await inParallel(64, async (caller) => {
    for (let job = caller; job < single; job += 64) await queue.add('nothing', data);
  });
  const enqueueSingly = rate(single, started);
  await queue.obliterate({ force: true });
  await queue.close();

  print(`bullmq ${name}`, {
    enqueue_batched_per_s: enqueueBatched,
    enqueue_singly_per_s: enqueueSingly,
    process_per_s: process_,
    ...(await pickup()),
  });
}

/// Time from adding to the start of the handler, with a worker that waits.
async function pickup() {
  const queue = await freshQueue('pickup');
  const times = [];
  let begun;
  const worker = new Worker('pickup', async () => begun(performance.now()), options);
  await worker.waitUntilReady();
  for (let number = 0; number < 200; number += 1) {
    await sleep(20);
    const start = new Promise((resolve) => { begun = resolve; });
    const added = performance.now();
    await queue.add('nothing', data);
    times.push((await start) - added);
  }
  await worker.close();
  await queue.close();
  times.sort((a, b) => a - b);
  return { start_p50_ms: percentile(times, 0.5), start_p99_ms: percentile(times, 0.99) };
}

/// A worker process: takes 50 jobs and holds each for `hold` ms; says what it starts and does.
function workerProcess(queue, hold) {
  const child = fork(fileURLToPath(import.meta.url), ['worker', queue, String(hold)]);
  const started = [];
  const effects = [];
  child.on('message', ({ what, id }) => (what === 'start' ? started : effects).push({ id, at: performance.now() }));
  return { child, started, effects };
}

async function until(isTrue, patience) {
  const end = performance.now() + patience;
  while (!isTrue()) {
    if (performance.now() > end) return false;
    await sleep(20);
  }
  return true;
}

async function killed() {
  const queue = await freshQueue('killed');
  await addInBatches(queue, 400);
  const first = workerProcess('killed', 600_000);
  await until(() => first.started.length === CONCURRENCY, 20_000);
  const held = new Set(first.started.map(({ id }) => id));
  first.child.kill('SIGKILL');
  const at = performance.now();
  const second = workerProcess('killed', 10);
  await until(() => second.started.some(({ id }) => held.has(id)), 120_000);
  const again = second.started.find(({ id }) => held.has(id));
  second.child.kill('SIGKILL');
  await queue.close();
  return { restart_after_kill_s: (again.at - at) / 1000 };
}

/// Two workers killed one after the other, each while it holds the same 50 jobs; then a healthy one.
async function killedTwice() {
  const queue = await freshQueue('twice');
  await addInBatches(queue, CONCURRENCY);
  for (let round = 0; round < 2; round += 1) {
    const worker = workerProcess('twice', 600_000);
    // What is taken for stalled comes in portions.
    await until(() => worker.started.length === CONCURRENCY, 75_000);
    worker.child.kill('SIGKILL');
  }
  const last = workerProcess('twice', 5);
  const ended = async () => last.effects.length + (await queue.getFailedCount());
  for (let turn = 0; turn < 90 && (await ended()) < CONCURRENCY; turn += 1) await sleep(1_000);
  last.child.kill('SIGKILL');
  const failed = await queue.getFailedCount();
  await queue.close();
  return { healthy_jobs_failed_after_two_kills: failed };
}

async function stopped() {
  const queue = await freshQueue('stopped');
  await addInBatches(queue, 100);
  const first = workerProcess('stopped', 2_000);
  await until(() => first.started.length === CONCURRENCY, 20_000);
  first.child.kill('SIGSTOP');
  const second = workerProcess('stopped', 10);
  await until(() => second.effects.length >= 100, 120_000);
  first.child.kill('SIGCONT');
  await sleep(5_000);
  const done = new Map();
  for (const { id } of [...first.effects, ...second.effects]) done.set(id, (done.get(id) ?? 0) + 1);
  first.child.kill('SIGKILL');
  second.child.kill('SIGKILL');
  await queue.close();
  return { effects_doubled_by_a_stopped_worker: [...done.values()].filter((times) => times > 1).length };
}

async function fairness() {
  const queue = await freshQueue('fair');
  await addInBatches(queue, 10_000);
  await queue.addBulk(Array.from({ length: 10 }, () => ({ name: 'small', data })));
  let position = 0;
  let last = 0;
  const worker = new Worker('fair', async (job) => {
    position += 1;
    if (job.name === 'small') last = position;
  }, { ...options, concurrency: CONCURRENCY });
  await until(() => position >= 10_010, 120_000);
  await worker.close();
  await queue.close();
  return { last_of_10_behind_10000: last };
}

async function crashes(name) {
  for (const crash of [fairness, killed, stopped, killedTwice]) {
    print(`bullmq ${name}`, await crash());
  }
}

function work(queue, hold) {
  const worker = new Worker(queue, async (job) => {
    process.send({ what: 'start', id: job.id });
    await sleep(Number(hold));
    process.send({ what: 'effect', id: job.id });
  }, { ...options, concurrency: CONCURRENCY });
  // What a stalled job's first holder meets when it goes on.
  worker.on('error', () => {});
}

const [task, ...rest] = process.argv.slice(2);
const tasks = { rates, crashes, worker: work };
await tasks[task](...rest);
// Connections that are being closed would keep it.
if (task !== 'worker') process.exit();
