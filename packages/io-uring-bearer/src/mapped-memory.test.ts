// V8 keeps count of the memory it does not own. It ends the process when that count goes wrong, which shows when a large mapping is
// collected, and when a thread ends with one.

import { expect, test } from 'vitest';
import { reportOf } from '../test-support/child.js';

const LARGE = `
const large = () => {
  const bearer = bearerWith({ manualFiles: 0 }, { Buffers: 2048, BufferBytes: 64 << 20 });
  bearer.buffers.pool({ count: 1024, bufferBytes: 32 << 10 });
  return bearer;
};
`;

const drivers = ['embedded', 'owner', 'manual'];

test.each(drivers)('driver %s: large mappings are collected', async (driver) => {
  const source = `${LARGE}
    const before = process.memoryUsage();
    for (let i = 0; i < 4; i++) await large().close();
    for (let i = 0; i < 5; i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const after = process.memoryUsage();
    report([after.external >= 0, after.arrayBuffers - before.arrayBuffers < 32 << 20]);`;
  expect(await reportOf(driver, source, { flags: ['--expose-gc'] })).toEqual([[true, true]]);
});

test.each(drivers)('driver %s: the process ends with large mappings', async (driver) => {
  const source = `${LARGE}
    globalThis.bearer = large();
    report('open');
    process.exit(0);`;
  expect(await reportOf(driver, source)).toEqual(['open']);
});

test.each(drivers)('driver %s: Workers end with large mappings', async (driver) => {
  const source = `
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const program = \`
      const { parentPort, workerData: driver } = await import('node:worker_threads');
      const { UringBearer } = await import('@ringbearer/io-uring-bearer');
      const bearerWith = (options, capacity) =>
        UringBearer.withCapacity({ CoreQueue: 16, ...capacity }, { driver, ...options });
      ${LARGE}
      globalThis.bearer = large();
      parentPort.postMessage('open');
    \`;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(program, { eval: true, workerData: driver });
      const exit = once(worker, 'exit');
      await once(worker, 'message');
      await worker.terminate();
      report((await exit).length);
    }`;
  expect(await reportOf(driver, source, { flags: ['--no-warnings'] })).toEqual([1, 1, 1]);
});
