/**
 * Measures running servers in turns: one sample of each per round, so that whatever the machine does
 * meanwhile falls on all of them.
 */
import { verifyCase } from './answer.mjs';
import { caseOf } from './cases.mjs';
import { coreBusy, readCoreTime } from './core-time.mjs';
import { cpuSpent, readCpuTime } from './cpu-time.mjs';
import { runLoad } from './load.mjs';
import { wrkComplaint } from './wrk-output.mjs';

/**
 * @typedef {object} Sample
 * @property {number} round
 * @property {number} requests
 * @property {number} requestsPerSecond
 * @property {number} cpuMicros CPU microseconds per request, user and system
 * @property {number} userMicros
 * @property {number} systemMicros
 * @property {number | undefined} p99Micros
 * @property {number} serverBusy share of the time the server worked, 0 to 1 per core
 * @property {number | undefined} clientBusy share of the time wrk's core worked
 * @property {number | undefined} foreignBusy share of the server's core that went to something else
 * @property {string | undefined} complaint what wrk had to say
 *
 * @typedef {object} Running
 * @property {string} name
 * @property {import('./server-process.mjs').ServerProcess} server
 *
 * @typedef {object} CaseResult
 * @property {string} name
 * @property {Record<string, Sample[]>} samples by peer
 * @property {Record<string, string>} failures why, by peer
 */

/** Let the server finish closing wrk's connections before its CPU time is read, in milliseconds. */
const SETTLE_MS = 30;

/** Length of the unmeasured run that lets just-in-time compilers and caches warm up. */
const WARM_UP_SECONDS = 1;

/**
 * @param {string} name of the case
 * @param {readonly Running[]} peers
 * @param {object} options
 * @param {number} options.seconds
 * @param {number} options.rounds
 * @param {number} options.connections
 * @param {{ server: number, client: number }} options.pin
 * @param {(line: string) => void} say
 * @returns {Promise<CaseResult>}
 */
export async function measureCase(name, peers, options, say) {
  /** @type {CaseResult} */
  const result = { name, samples: {}, failures: {} };
  let remaining = [...peers];
  const attempt = async (peer, action) => {
    try {
      await action();
    } catch (error) {
      const why = peer.server.failure ?? error.message;
      say(`${peer.name} failed: ${why}`);
      result.failures[peer.name] = why;
      remaining = remaining.filter((other) => other !== peer);
    }
  };
  for (const peer of peers) {
    result.samples[peer.name] = [];
    const load = { ...loadOf(name, peer, options), seconds: WARM_UP_SECONDS };
    await attempt(peer, async () => {
      await verifyCase(peer.server.port, name);
      await runLoad(load);
    });
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const peer of inTurn(remaining, round)) {
      await attempt(peer, async () => {
        const sample = await measureOnce(loadOf(name, peer, options), peer, options, round);
        result.samples[peer.name].push(sample);
        say(progress(name, round, options.rounds, peer.name, sample));
      });
    }
  }
  return result;
}

function loadOf(name, peer, { seconds, connections, pin }) {
  return {
    case: name,
    port: peer.server.port,
    core: pin.client,
    seconds,
    connections: caseOf(name).connections ?? connections,
  };
}

/**
 * The list, begun one later every round, so that nobody always follows the same neighbour's wake.
 *
 * @template T
 * @param {readonly T[]} list
 * @param {number} round
 * @returns {T[]}
 */
export function inTurn(list, round) {
  const start = list.length === 0 ? 0 : round % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

async function measureOnce(load, peer, { pin }, round) {
  const started = performance.now();
  const serverCore = readCoreTime(pin.server);
  const clientCore = readCoreTime(pin.client);
  const before = readCpuTime(peer.server.pid);
  const report = await runLoad(load);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  if (peer.server.failure) throw new Error(peer.server.failure);
  const spent = cpuSpent(before, readCpuTime(peer.server.pid));
  const elapsedMicros = (performance.now() - started) * 1000;
  const serverBusy = spent.total / elapsedMicros;
  const allBusy = coreBusy(serverCore, readCoreTime(pin.server));
  const apart = pin.server !== pin.client && allBusy !== undefined;
  /** @type {Sample} */
  const sample = {
    round,
    requests: report.requests,
    requestsPerSecond: report.requestsPerSecond,
    cpuMicros: spent.total / report.requests,
    userMicros: spent.user / report.requests,
    systemMicros: spent.system / report.requests,
    p99Micros: report.p99Micros,
    serverBusy,
    clientBusy: coreBusy(clientCore, readCoreTime(pin.client)),
    foreignBusy: apart ? Math.max(0, allBusy - serverBusy) : undefined,
    complaint: wrkComplaint(report),
  };
  return sample;
}

function progress(name, round, rounds, peer, sample) {
  const figures = `${sample.cpuMicros.toFixed(2)} us/req  ${Math.round(sample.requestsPerSecond)} rps`;
  const complaint = sample.complaint ? `  (${sample.complaint})` : '';
  return `${name} ${round + 1}/${rounds}  ${peer.padEnd(17)} ${figures}${complaint}`;
}
