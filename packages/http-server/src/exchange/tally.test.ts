import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { HttpTally } from './tally.js';

describe('HttpTally', () => {
  test('what one thread counts another one reads, names included', () => {
    const memory = new SharedArrayBuffer(64 + HttpTally.BYTES);
    const tally = new HttpTally(memory, 64);
    const reader = new HttpTally(memory, 64);
    tally.begun[0]! += 3;
    tally.responses[2]!++;
    tally.fault('BARE_LF');
    tally.fault('BARE_LF');
    tally.limit('maxConnectionsPerAddress');
    expect(reader).toMatchObject({ requests: 3, active: 2, lost: 0 });
    expect(reader.faults).toEqual({ BARE_LF: 2 });
    expect(reader.limits).toEqual({ maxConnectionsPerAddress: 1 });
    expect(new Uint8Array(memory, 0, 64).every((byte) => byte === 0)).toBe(true);
  });

  test('the next one goes on, and what the one before had begun is lost', () => {
    const memory = new SharedArrayBuffer(HttpTally.BYTES);
    const first = new HttpTally(memory);
    first.opened += 4;
    first.closed++;
    first.begun[0]! += 5;
    first.responses[2]! += 2;
    first.lost++;
    first.fault('HOST');
    first.abandon();
    expect(first).toMatchObject({ opened: 4, closed: 4, requests: 5, active: 0, lost: 3 });
    const second = new HttpTally(memory);
    second.fault('TARGET');
    second.fault('HOST');
    second.begun[0]!++;
    expect(second.faults).toEqual({ HOST: 2, TARGET: 1 });
    expect(second).toMatchObject({ requests: 6, active: 1 });
  });

  test('has room for a bounded number of names: the others share one', () => {
    const tally = new HttpTally();
    for (let round = 0; round < 2; round++)
      for (let name = 0; name < 100; name++) tally.fault(`NAME_${name}`);
    tally.fault('x'.repeat(500));
    const names = Object.entries(tally.faults);
    expect(names).toHaveLength(60);
    expect(names.slice(0, 59)).toEqual(Array.from({ length: 59 }, (_, n) => [`NAME_${n}`, 2]));
    expect(names[59]).toEqual(['OTHERS', 41 * 2 + 1]);
    expect(tally.limits).toEqual({});
  });

  test('no thread sees half a number while another one writes', async () => {
    // Two doubles that differ in both of their halves.
    const [one, other] = [1, Number.MAX_SAFE_INTEGER];
    const memory = new SharedArrayBuffer(HttpTally.BYTES + 8);
    const stop = new Int32Array(memory, HttpTally.BYTES, 1);
    const tally = new HttpTally(memory);
    tally.opened = one;
    const writer = new Worker(
      `const { workerData: { memory, stop, one, other }, parentPort } = require('node:worker_threads');
       const words = new Float64Array(memory);
       parentPort.postMessage('writing');
       while (Atomics.load(stop, 0) === 0) for (let i = 0; i < 1000; i++) { words[0] = one; words[0] = other; }`,
      { eval: true, workerData: { memory, stop, one, other } },
    );
    await once(writer, 'message');
    let [ones, others] = [0, 0];
    for (let reads = 0; reads < 3e6 || ((ones === 0 || others === 0) && reads < 1e9); reads++) {
      const seen = tally.opened;
      if (seen === one) ones++;
      else if (seen === other) others++;
      else expect.unreachable(`neither: ${seen}`);
    }
    Atomics.store(stop, 0, 1);
    await once(writer, 'exit');
    expect([ones > 0, others > 0]).toEqual([true, true]);
  });
});
