// node test/soak/http/main.mjs --seconds 600 --seed 7: a server in one process, good clients in a second, slow and hostile ones in a third.
// Ends with zero lost good requests and everything back where it was. RINGBEARER_RUNTIME=node: on node:net. Prints progress on stderr and the outcome, as JSON, on stdout.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { commandLine } from '../command-line.mjs';

const MiB = 1 << 20;
/** What V8 and libc keep for later, above a server that was warm. Bytes that leak with each request are more within seconds. */
const GROWTH_BYTES_MAX = { rss: 96 * MiB, heapUsed: 8 * MiB, arrayBuffers: 4 * MiB };
const GOOD_CLIENTS = 24;
const BAD_CLIENTS = 120;
const WARM_UP_SECONDS = 6;
/** Linger, deadlines and slow handlers of what is left at the end. */
const SETTLE_MS = 30_000;
/** Memory that long bodies are received into is mapped when it is first needed, in pieces of this many bytes, and then kept: at most so many. */
const PIECE_BYTES = MiB;
const PIECES_MAX = 64;
/** The server's coarse timer comes round once more after the last connection, and is in flight until then. */
const LAST_TICK_MS = 1000;
const PROGRESS_MS = 10_000;

const { seconds, seed, memoryBounds } = commandLine();
const log = (text) => process.stderr.write(`soak: ${text}\n`);
log(
  `http, seed ${seed}; again with: npm run soak -- --target http --seconds ${seconds} --seed ${seed}`,
);

const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** A process of this folder, and the lines it prints, as values. */
class Program {
  #lines;
  constructor(name, ...args) {
    const file = fileURLToPath(new URL(name, import.meta.url));
    this.child = spawn(process.execPath, ['--expose-gc', file, ...args.map(String)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.add(this.child);
    this.child.stdin.on('error', () => {});
    this.exited = once(this.child, 'exit').then(([code, signal]) => {
      children.delete(this.child);
      return signal ?? code;
    });
    this.#lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }
  async line() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.child.spawnargs[2]} ended with ${await this.exited}`);
    return JSON.parse(value);
  }
  async ask(text) {
    this.child.stdin.write(`${text}\n`);
    return this.line();
  }
}

const server = new Program('server.mjs');

/** Clients at work for so long. Returns what they did. */
async function load(port, ms, round) {
  const good = new Program('good-client.mjs', port, seed + round, GOOD_CLIENTS);
  const bad = new Program('bad-client.mjs', port, seed + round, BAD_CLIENTS);
  const end = performance.now() + ms;
  for (let next = performance.now() + PROGRESS_MS; performance.now() < end; ) {
    await Promise.race([sleep(Math.min(500, end - performance.now())), server.exited]);
    if (server.child.exitCode !== null || server.child.signalCode !== null)
      throw new Error(`the server ended with ${await server.exited}`);
    if (performance.now() < next) continue;
    next += PROGRESS_MS;
    const { accepted, connections, rss } = await server.ask('state');
    log(`${accepted} accepted, ${connections} open, RSS ${(rss / MiB).toFixed(1)} MiB`);
  }
  // First the good ones: none of them may suffer from an end that others make.
  good.child.stdin.end();
  const answered = await good.line();
  bad.child.stdin.end();
  return { answered, deeds: await bad.line() };
}

/** The server's state once nobody is connected. */
async function idle() {
  const end = performance.now() + SETTLE_MS;
  for (;;) {
    const state = await server.ask('state');
    if (state.connections === 0) {
      await sleep(LAST_TICK_MS);
      return server.ask('state');
    }
    if (performance.now() > end) throw new Error(`${state.connections} connections are left`);
    await sleep(200);
  }
}

try {
  const { port } = await server.line();
  const fresh = await idle();
  const warm = await load(port, WARM_UP_SECONDS * 1000, 0);
  const before = await idle();
  const { answered, deeds } = await load(port, seconds * 1000, 1);
  const after = await idle();

  const wrong = [];
  const expect = (name, value, expected) => {
    const [is, must] = [JSON.stringify(value), JSON.stringify(expected)];
    if (is !== must) wrong.push(`${name} is ${is} in place of ${must}`);
  };
  for (const { lost, losses } of [warm.answered, answered]) {
    if (lost > 0) wrong.push(`${lost} good requests were lost: ${losses.join('; ')}`);
  }
  for (const name of ['descriptors', 'inFlight', 'slots', 'buffers'])
    expect(name, after[name], fresh[name]);
  const pieces = after.mappings.count - fresh.mappings.count;
  expect('mappings', after.mappings, {
    ...fresh.mappings,
    count: fresh.mappings.count + Math.min(Math.max(pieces, 0), PIECES_MAX),
    bytes: fresh.mappings.bytes + pieces * PIECE_BYTES,
  });
  expect('stale completions', after.stale, 0);
  const growth = {};
  for (const [name, max] of Object.entries(GROWTH_BYTES_MAX)) {
    growth[name] = after[name] - before[name];
    if (memoryBounds && growth[name] > max)
      wrong.push(`${name} grew by ${growth[name]} bytes: at most ${max} is slack`);
  }
  const left = await server.ask('close');
  // The server object of the module keeps its ring; nothing more may be there.
  if (left.mappings > after.mappings.count) wrong.push(`${left.mappings} mappings after close()`);
  expect('the exit code of the server', await server.exited, 0);
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  const { accepted, thrown, noBuffers, overflows, runtime } = after;
  const { answers, lost } = answered;
  process.stdout.write(
    `${JSON.stringify({ seed, runtime, answers, lost, accepted, thrown, noBuffers, overflows, growth, deeds })}\n`,
  );
  process.exit(0);
} catch (error) {
  log(`failed: seed ${seed}: ${error.message}`);
  process.exit(1);
}
