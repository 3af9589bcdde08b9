// Episodes in a Worker, until it is told to end or is terminated in the middle. Direct descriptors only: those end with the ring,
// while a descriptor of the process would stay when the thread is gone.

import { parentPort, workerData } from 'node:worker_threads';
import { Thrown } from './actor.mjs';
import { playEpisode } from './episode.mjs';
import { Random } from './random.mjs';

const { seed, folder, episodes } = workerData;
const thrown = { now: 0 };
process.on('uncaughtException', (error) => {
  if (!(error instanceof Thrown)) throw error;
});
const shared = { folder, rawAllowed: false, drivers: ['embedded', 'owner', 'manual'], thrown };
parentPort.postMessage('started');
const counts = {};
for (let episode = 0; episode < episodes; episode++) {
  await playEpisode(new Random(seed, episode), shared, counts);
}
parentPort.postMessage('ended');
