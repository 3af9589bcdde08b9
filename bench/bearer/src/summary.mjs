/**
 * What the samples of one case come to.
 */
import { median, pairedRatio, spread } from '../../src/statistics.mjs';
import { C, goalsOf } from './cases.mjs';

/**
 * @typedef {import('../../src/statistics.mjs').Spread} Spread
 *
 * @typedef {import('./program.mjs').Outcome & { round: number }} Sample
 *
 * @typedef {object} ProgramSummary
 * @property {string} name
 * @property {Spread | undefined} cpuMicros CPU microseconds per operation
 * @property {Spread | undefined} toC CPU over C's, pair by pair
 * @property {Spread | undefined} toPeer CPU over the Node.js program's, pair by pair
 * @property {Spread | undefined} operationsPerSecond
 * @property {number} busy median share of the time the program had the core
 *
 * @typedef {import('./cases.mjs').Goal & { ratio: Spread, met: boolean }} Verdict
 */

/** Below this share of its core somebody else had the rest: all programs here always have something to do. */
const BUSY_MIN = 0.95;

/**
 * @param {import('./cases.mjs').Case} work
 * @param {Readonly<Record<string, readonly Sample[]>>} samples by program
 * @param {number} rounds
 * @returns {ProgramSummary[]}
 */
export function summarize(work, samples, rounds) {
  const cpu = (name) => cpuByRound(samples[name] ?? [], rounds);
  return Object.entries(samples).map(([name, own]) => ({
    name,
    cpuMicros: spread(own.map((sample) => sample.cpuMicroseconds / sample.operations)),
    toC: pairedRatio(cpu(name), cpu(C)),
    toPeer: work.peer && pairedRatio(cpu(name), cpu(work.peer.name)),
    operationsPerSecond: spread(own.map((sample) => sample.operations / sample.seconds)),
    busy: median(own.map((sample) => sample.cpuMicroseconds / 1e6 / sample.seconds)),
  }));
}

/**
 * The goals of a case for which both sides were measured. The median decides.
 *
 * @param {import('./cases.mjs').Case} work
 * @param {Readonly<Record<string, readonly Sample[]>>} samples by program
 * @param {number} rounds
 * @returns {Verdict[]}
 */
export function judge(work, samples, rounds) {
  const cpu = (name) => cpuByRound(samples[name] ?? [], rounds);
  return goalsOf(work).flatMap((goal) => {
    const ratio = pairedRatio(cpu(goal.over), cpu(goal.under));
    if (!ratio) return [];
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = goal;
    return [{ ...goal, ratio, met: ratio.median >= min && ratio.median <= max }];
  });
}

/**
 * Programs that did not have their core to themselves.
 *
 * @param {readonly ProgramSummary[]} summaries
 * @returns {string[]}
 */
export function remarks(summaries) {
  const disturbed = summaries.filter(({ busy }) => busy < BUSY_MIN);
  if (disturbed.length === 0) return [];
  const share = Math.round(Math.min(...disturbed.map(({ busy }) => busy)) * 100);
  const names = disturbed.map(({ name }) => name).join(', ');
  return [`had as little as ${share} % of the core, so operations per second say little: ${names}`];
}

/** CPU per operation of each round; undefined where there is no sample. */
function cpuByRound(samples, rounds) {
  return Array.from({ length: rounds }, (_, round) => {
    const sample = samples.find((candidate) => candidate.round === round);
    return sample && sample.cpuMicroseconds / sample.operations;
  });
}
