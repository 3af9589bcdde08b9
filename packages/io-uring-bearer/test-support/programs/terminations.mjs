// Starts Workers one after the other, terminates each with operations in flight, and reports what is left of them.

import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const [driver, scenario, times] = process.argv.slice(2);
const fds = () => readdirSync('/proc/self/fd').length;

async function round() {
  const worker = new Worker(new URL('./busy-worker.mjs', import.meta.url), {
    workerData: { driver, scenario },
  });
  const ended = once(worker, 'exit');
  const [ports] = await once(worker, 'message');
  if (scenario === 'leaving' || scenario === 'closing') await ended;
  else {
    if (Math.random() < 0.5) await sleep(Math.random() * 4);
    await worker.terminate();
  }
  return ports;
}

async function isFree(port) {
  const server = createServer();
  const free = await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

await round();
await sleep(50);
const before = fds();
let taken = 0;
for (let i = 0; i < Number(times); i++) {
  const { port, rawPort } = await round();
  if (i % 20 === 0) {
    await sleep(20);
    if (!(await isFree(port))) taken++;
    if (!(await isFree(rawPort))) taken++;
  }
}
for (let i = 0; i < 100 && fds() > before; i++) await sleep(10);
process.stdout.write(JSON.stringify({ fds: fds() - before, taken }));
