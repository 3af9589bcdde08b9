// The soak: random operations from a seed for so many seconds, then everything must be as it was before.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Thrown } from './actor.mjs';
import { playEpisode } from './episode.mjs';
import { collect, descriptors, eventually, mappings, median, memory } from './process-state.mjs';
import { Random } from './random.mjs';
import { liveOfWorker } from './workers.mjs';

const MiB = 1 << 20;
/**
 * Medians of the second half of the samples may be above those of the first by so much: V8 goes on compiling, and the allocators of
 * libc and V8 keep what was freed. A bearer that is not freed costs more than this within seconds.
 */
export const GROWTH_BYTES_MAX = { rss: 32 * MiB, heapUsed: 6 * MiB };
/** Episodes before the state of the process is taken as what it must come back to. */
const WARM_UP_EPISODES = 12;
const SAMPLE_MS = 1000;
const PROGRESS_MS = 10_000;
/** One episode of so many has a Worker beside it. */
const WORKER_SHARE = 0.2;

/**
 * @param {{ seed: number, seconds: number, only?: number, memoryBounds?: boolean, log?: (line: string) => void }} options
 *   `only`: this episode again and again
 * @returns what was done
 * @throws the first thing that went wrong, with seed and episode
 */
export async function soak(options) {
  const { seed, seconds, only, memoryBounds = true, log = () => {} } = options;
  const folder = mkdtempSync(path.join(tmpdir(), 'soak-'));
  const counts = {};
  const thrown = { now: 0 };
  const caught = { now: 0 };
  const onThrown = (error) => {
    if (!(error instanceof Thrown)) throw error;
    caught.now++;
  };
  process.on('uncaughtException', onThrown);
  const shared = { folder, rawAllowed: true, drivers: ['embedded', 'owner', 'manual'], thrown };
  const total = { submitted: 0, completed: 0, noBuffers: 0, overflows: 0 };
  const samples = [];
  let index = 0;

  const play = async (episode) => {
    const random = new Random(seed, episode);
    const worker = random.chance(WORKER_SHARE)
      ? liveOfWorker(random.fork(0), folder, counts)
      : null;
    worker?.catch(() => {});
    const result = await playEpisode(random.fork(1), shared, counts);
    for (const [name, value] of Object.entries(result)) total[name] += value;
    await worker;
  };

  try {
    for (; index < WARM_UP_EPISODES; index++) await play(only ?? index);
    await liveOfWorker(new Random(seed, -1), folder, counts);
    await collect();
    const before = { descriptors: descriptors(), mappings: mappings() };

    const started = performance.now();
    const end = started + seconds * 1000;
    let sampled = started;
    let reported = started;
    for (; performance.now() < end; index++) {
      await play(only ?? index);
      const now = performance.now();
      if (now - sampled >= SAMPLE_MS) {
        sampled = now;
        samples.push(await memory());
      }
      if (now - reported >= PROGRESS_MS) {
        reported = now;
        log(
          `${Math.round((now - started) / 1000)} s: ${index} episodes, ${total.completed} completions, ${brief(samples.at(-1))}`,
        );
      }
      await sleep(1);
    }

    await demandSame(before);
    if (thrown.now !== caught.now)
      throw new Error(`${thrown.now} handlers threw, ${caught.now} were reported`);
    const growth = growthOf(samples);
    if (memoryBounds) demandFlat(growth);
    return { seed, episodes: index, ...total, thrown: caught.now, growth, counts };
  } catch (error) {
    error.message = `seed ${seed}, episode ${only ?? index}: ${error.message}`;
    throw error;
  } finally {
    process.off('uncaughtException', onThrown);
    rmSync(folder, { recursive: true, force: true });
  }
}

const mebibytes = (bytes) => `${(bytes / MiB).toFixed(1)} MiB`;
const brief = (sample) =>
  sample === undefined ? '' : `RSS ${mebibytes(sample.rss)}, heap ${mebibytes(sample.heapUsed)}`;

async function demandSame(before) {
  const expected = before.descriptors.size;
  if ((await eventually(() => descriptors().size, expected)) !== expected) {
    const extra = [...descriptors()].filter(([fd, name]) => before.descriptors.get(fd) !== name);
    throw new Error(
      `${descriptors().size} descriptors in place of ${expected}: ${JSON.stringify(extra)}`,
    );
  }
  const mapped = JSON.stringify(before.mappings);
  const now = await eventually(() => JSON.stringify(mappings()), mapped);
  if (now !== mapped) throw new Error(`Mapped ${now} in place of ${mapped}`);
}

function growthOf(samples) {
  const half = samples.length >> 1;
  const of = (name) =>
    median(samples.slice(half).map((sample) => sample[name])) -
    median(samples.slice(0, half).map((sample) => sample[name]));
  return { rss: of('rss'), heapUsed: of('heapUsed'), samples: samples.length };
}

function demandFlat(growth) {
  for (const [name, max] of Object.entries(GROWTH_BYTES_MAX)) {
    if (growth[name] > max) {
      throw new Error(
        `${name} grew by ${mebibytes(growth[name])} from half to half: at most ${mebibytes(max)} is slack`,
      );
    }
  }
}
