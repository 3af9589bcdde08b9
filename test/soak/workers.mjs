// Workers with rings: some end by themselves, some are terminated with everything in flight.

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

/** Starts one and sees it end. @throws when it fails by itself */
export async function liveOfWorker(random, folder, counts) {
  const terminated = random.chance(0.7);
  const worker = new Worker(new URL('./soak-worker.mjs', import.meta.url), {
    workerData: {
      seed: random.int(0, 0xffff_ffff),
      folder,
      episodes: terminated ? 1000 : random.int(1, 3),
    },
  });
  const name = terminated ? 'Worker terminated' : 'Worker ended';
  counts[name] = (counts[name] ?? 0) + 1;
  let failure;
  worker.on('error', (error) => {
    failure = error;
  });
  const exit = once(worker, 'exit');
  const [message] = await Promise.race([once(worker, 'message'), exit]);
  if (message === 'started' && terminated) {
    await sleep(random.int(0, 150));
    await worker.terminate();
  }
  await exit;
  if (failure !== undefined) throw failure;
}
