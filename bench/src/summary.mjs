/**
 * What the samples of one case come to.
 */
import { LIMIT } from './peers.mjs';
import { median, pairedRatio, spread } from './statistics.mjs';

/**
 * @typedef {import('./statistics.mjs').Spread} Spread
 * @typedef {object} PeerSummary
 * @property {string} name
 * @property {Spread | undefined} cpuMicros CPU microseconds per request; undefined when nothing was measured
 * @property {number} userMicros median
 * @property {number} systemMicros median
 * @property {Spread | undefined} toLimit CPU per request over the limit's, pair by pair; undefined without the limit
 * @property {Spread | undefined} requestsPerSecond
 * @property {number} p99Micros median of wrk's 99th percentiles; NaN when wrk gave none
 * @property {number} serverBusy median
 * @property {number} clientBusy median
 * @property {number} foreignBusy median
 * @property {string[]} complaints
 * @property {string | undefined} failure
 */

/** Other work on the server's core above which the figures are noise. */
const FOREIGN_BUSY_MAX = 0.05;

/** wrk's core is as good as full from here on: it cannot ask for more. */
const CLIENT_SATURATED = 0.95;

/**
 * @param {import('./measure.mjs').CaseResult} result
 * @param {number} rounds
 * @returns {PeerSummary[]}
 */
export function summarize(result, rounds) {
  const limit = byRound(result.samples[LIMIT] ?? [], rounds);
  return Object.entries(result.samples).map(([name, samples]) => {
    const all = (field) =>
      samples.map((sample) => sample[field]).filter((value) => value !== undefined);
    return {
      name,
      cpuMicros: spread(all('cpuMicros')),
      userMicros: median(all('userMicros')),
      systemMicros: median(all('systemMicros')),
      toLimit: pairedRatio(byRound(samples, rounds), limit),
      requestsPerSecond: spread(all('requestsPerSecond')),
      p99Micros: median(all('p99Micros')),
      serverBusy: median(all('serverBusy')),
      clientBusy: median(all('clientBusy')),
      foreignBusy: median(all('foreignBusy')),
      complaints: [...new Set(all('complaint'))],
      failure: result.failures[name],
    };
  });
}

/** CPU per request of each round; undefined where there is no sample. */
function byRound(samples, rounds) {
  return Array.from(
    { length: rounds },
    (_, round) => samples.find((sample) => sample.round === round)?.cpuMicros,
  );
}

/**
 * What a reader must know about the figures: failures, complaints, noise, a saturated client.
 *
 * @param {readonly PeerSummary[]} summaries
 * @returns {string[]}
 */
export function remarks(summaries) {
  const lines = [];
  for (const { name, failure, complaints } of summaries) {
    if (failure) lines.push(`${name} failed: ${failure}`);
    for (const complaint of complaints) lines.push(`${name}: ${complaint}`);
  }
  const foreign = Math.max(0, ...summaries.map((peer) => peer.foreignBusy || 0));
  if (foreign > FOREIGN_BUSY_MAX) {
    const share = Math.round(foreign * 100);
    lines.push(`other work took up to ${share} % of the server's core: these figures are noise`);
  }
  const saturated = summaries
    .filter((peer) => peer.clientBusy >= CLIENT_SATURATED && peer.serverBusy < CLIENT_SATURATED)
    .map((peer) => peer.name);
  if (saturated.length > 0) {
    lines.push(`wrk was the bottleneck, so req/s says little: ${saturated.join(', ')}`);
  }
  return lines;
}
