// 200 resizes leave nothing behind: no mapping of the process, no descriptor, nothing locked.

import { expect, test } from 'vitest';
import { reportOf } from '../test-support/child.js';

const PROGRAM = `
import { readdirSync, readFileSync } from 'node:fs';

// libuv 1.45 and later has rings of its own.
let ringsOfNode = 0;
const look = () => {
  const maps = readFileSync('/proc/self/maps', 'utf8').split('\\n');
  const vmSize = Number(/VmSize:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
  return {
    rings: maps.filter((line) => line.includes('io_uring')).length - ringsOfNode,
    maps: maps.length,
    fds: readdirSync('/proc/self/fd').length,
    vmSize,
  };
};
ringsOfNode = look().rings;

const bearer = bearerWith({ manualFiles: 0 }, { CoreQueue: 64, PendingCompletions: 512 });
try {
  await bearer.resize({ CoreQueue: 128 });
} catch (error) {
  report(error.message);
  process.exit(0);
}
const settle = async () => {
  for (let i = 0; i < 5; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

let completed = 0;
let running = true;
for (let i = 0; i < 64; i++) {
  const nop = i % 8 === 0 ? new op.Timeout({ milliseconds: 1 }) : new op.Nop();
  nop.handler = () => {
    completed++;
    if (running) bearer.push(nop);
  };
  bearer.push(nop);
}
const turns = async () => {
  if (driver === 'manual') {
    bearer.submitAndWait(1, 1);
    bearer.handleCompletions();
  }
  await new Promise(setImmediate);
};
const resizes = async (count) => {
  for (let i = 0; i < count; i++) {
    const CoreQueue = 64 << (i % 8);
    await bearer.resize({ CoreQueue, CompletionQueue: CoreQueue * 8 });
    await turns();
  }
};

await resizes(8);
await bearer.resize({ CoreQueue: 64, CompletionQueue: 512 });
await settle();
const before = look();
await resizes(200);
const during = look();
await bearer.resize({ CoreQueue: 64, CompletionQueue: 512 });
await settle();
const after = look();
running = false;
while (bearer.stats().capacity.PendingCompletions.used > 0) await turns();
await bearer.close();
await settle();
report({
  rings: [before.rings, during.rings, after.rings, look().rings],
  moreMaps: after.maps - before.maps,
  moreFds: after.fds - before.fds,
  moreKilobytes: after.vmSize - before.vmSize,
  stale: bearer.stats().stale,
  worked: completed > 0,
});
`;

test.each(['owner', 'manual'])('driver %s: 200 resizes', async (driver) => {
  const [outcome] = await reportOf(driver, PROGRAM, { flags: ['--expose-gc'] });
  if (typeof outcome === 'string') {
    console.log(`skipped: ${outcome}`);
    return;
  }
  expect(outcome).toMatchObject({ rings: [2, 2, 2, 0], moreFds: 0, stale: 0, worked: true });
  const { moreMaps, moreKilobytes } = outcome as { moreMaps: number; moreKilobytes: number };
  // The heap of JavaScript has mappings of its own, which come and go. Those of 200 resizes would be 400, and 800 MiB.
  expect(moreMaps).toBeLessThan(40);
  expect(moreKilobytes).toBeLessThan(100_000);
});
