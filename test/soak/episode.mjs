// An episode: one bearer, several actors on it at once, and an end that is calm or not.

import { setTimeout as sleep } from 'node:timers/promises';
import { Actor } from './actor.mjs';
import * as buffers from './buffer-scenarios.mjs';
import * as control from './control-scenarios.mjs';
import * as files from './file-scenarios.mjs';
import * as net from './net-scenarios.mjs';
import * as rings from './ring-scenarios.mjs';
import { openStage } from './stage.mjs';

/** What actors play, by weight. */
const SCENARIOS = [
  [net.transfer, 6],
  [net.crowd, 3],
  [net.cancelRace, 3],
  [net.starve, 3],
  [net.refused, 1],
  [files.file, 3],
  [files.pipes, 3],
  [files.chain, 3],
  [control.timers, 3],
  [control.ticks, 2],
  [control.nops, 3],
  [control.drains, 2],
  [control.futex, 2],
  [control.poll, 2],
  [control.throwing, 1],
  [control.nested, 2],
  [buffers.registered, 3],
  [buffers.arrivals, 3],
  [buffers.queue, 2],
  [rings.resize, 2],
  [rings.cancelNow, 2],
  [rings.messages, 2],
  [rings.personality, 1],
  [rings.words, 2],
  [rings.epoll, 2],
].flatMap(([scenario, weight]) => new Array(weight).fill(scenario));

/** A scenario that takes longer hangs. */
const SCENARIO_MS_MAX = 60_000;

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Hangs: ${what()}`)), SCENARIO_MS_MAX);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/**
 * Plays episode `seed`.
 *
 * @param random of the episode
 * @param shared see {@link openStage}; `counts`: operations by name
 * @returns the sum of what happened, for the report
 * @throws whatever went wrong, with what was played
 */
export async function playEpisode(random, shared, counts) {
  const stage = openStage(random, shared);
  const { bearer } = stage;
  const plan = Array.from({ length: random.int(1, 6) }, (_, index) => ({
    random: random.fork(index),
    scenarios: Array.from({ length: random.int(2, 6) }, () => random.pick(SCENARIOS)),
  }));
  const abrupt = random.chance(0.25);
  const closeAfterMs = random.int(0, 40);
  const stopsAfterMs = random.int(0, 20);

  const actors = plan.map(async ({ random: own, scenarios }) => {
    for (const scenario of scenarios) {
      if (bearer.closed) return;
      const actor = new Actor(stage, own, counts);
      counts[`scenario ${scenario.name}`] = (counts[`scenario ${scenario.name}`] ?? 0) + 1;
      const stopped = own.chance(0.1) ? setTimeout(() => actor.stop(), stopsAfterMs) : undefined;
      try {
        await within(
          actor.play(scenario),
          () => `${scenario.name} on ${bearer.driver}: ${JSON.stringify(bearer.stats())}`,
        );
      } catch (error) {
        error.message = `${scenario.name} on ${bearer.driver}: ${error.message}`;
        throw error;
      } finally {
        clearTimeout(stopped);
      }
    }
  });
  for (const actor of actors) actor.catch(() => {}); // looked at below, all together
  if (abrupt) {
    await sleep(closeAfterMs);
    await within(stage.close(), () => `close() of ${bearer.driver}`);
  }
  const settled = await Promise.allSettled(actors);
  const failed = settled.find(({ status }) => status === 'rejected');
  try {
    if (failed !== undefined) throw failed.reason;
    if (!abrupt) await demandNothingLeft(stage);
  } finally {
    await within(stage.close(), () => `close() of ${bearer.driver}`);
  }
  const { submitted, completed, noBuffers, overflows, capacity } = bearer.stats();
  if (capacity.PendingCompletions.used !== 0)
    throw new Error('A closed bearer has operations in flight');
  return { submitted, completed, noBuffers, overflows };
}

/** Cancellations and closes of the bearer's own may be under way for a moment. */
async function demandNothingLeft(stage) {
  let left = stage.leftovers();
  for (let i = 0; i < 200 && left !== ''; i++) {
    await sleep(5);
    left = stage.leftovers();
  }
  if (left !== '') throw new Error(`Left on ${stage.bearer.driver}: ${left}`);
}
