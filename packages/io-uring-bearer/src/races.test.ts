// Faults that come from outside: short transfers, cancellations that win or lose, child processes, keys that were tampered with.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { RawFd } from '@ringbearer/io-uring-fd';
import { Errno, Nop, Read, Recv, Send, SocketType } from '@ringbearer/io-uring-opcode';
import { controlWords, Ring } from '@ringbearer/native/ring';
import { describe, expect, test } from 'vitest';
import { bearerMaker, settled } from '../test-support/bearers.js';
import { KernelFixture } from '../test-support/kernel-fixture.js';
import type { RingFactory } from './ring/setup.js';

const fixture = new KernelFixture();
const make = bearerMaker();
const ECANCELED = -125;

describe.each(['embedded', 'owner'] as const)('driver %s', (driver) => {
  test('a short read gives what there is, and 0 at the end', async () => {
    const bearer = make(driver);
    const path = join(fixture.folder, `short-${driver}`);
    writeFileSync(path, 'twelve bytes');
    const file = await open(path);
    const read = async (position: number) => {
      const memory = bearer.allocate(64);
      const result = bearer.submit(new Read({ descriptor: new RawFd(file.fd), memory, position }));
      const { length } = await result;
      memory.release();
      return length;
    };
    expect(await read(0)).toBe(12);
    expect(await read(5)).toBe(7);
    expect(await read(12)).toBe(0);
    await file.close();
  });

  test('a short write tells how much was taken, and the rest can follow', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const data = Buffer.alloc(4 << 20, 'x');
    const sent = await bearer.submit(new Send({ socket: ours, data, waitAll: false }));
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(data.length);
    let received = 0;
    while (received < sent) {
      const memory = bearer.allocate(1 << 16);
      received += (await bearer.submit(new Recv({ socket: theirs, memory }))).length;
      memory.release();
    }
    expect(received).toBe(sent);
    const rest = data.subarray(sent, sent + 1000);
    expect(await bearer.submit(new Send({ socket: ours, data: rest }))).toBe(1000);
  });

  test('a cancellation before the result, and one after it: one final completion each', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const results: number[] = [];
    for (const first of ['cancel', 'data', 'both'] as const) {
      const memory = bearer.allocate(8);
      const recv = new Recv({ socket: theirs, memory });
      const done = new Promise<void>((resolve) => {
        recv.handler = (cqe) => {
          results.push(cqe.res);
          resolve();
        };
      });
      const key = bearer.push(recv);
      if (first === 'data') {
        await bearer.submit(new Send({ socket: ours, data: Buffer.from('data') }));
        await done;
        bearer.cancel(key); // nothing any more
        bearer.push(new Nop()); // may have the same slot: it is not what is cancelled
      } else if (first === 'cancel') {
        bearer.flush();
        bearer.cancel(key);
        bearer.cancel(key);
      } else {
        bearer.push(new Send({ socket: ours, data: Buffer.from('data') }));
        bearer.cancel(key);
      }
      await done;
      await settled(bearer);
      expect(memory.owner.name).not.toBe('Kernel');
      memory.release();
    }
    expect(results).toHaveLength(3);
    expect(results.slice(0, 2)).toEqual([ECANCELED, 4]);
    expect([ECANCELED, 4]).toContain(results[2]);
    expect(bearer.stats().stale).toBe(0);
  });

  test('child processes inherit no ring, and disturb nothing in flight', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const memory = bearer.allocate(8);
    const received = bearer.submit(new Recv({ socket: theirs, memory }));
    bearer.flush();
    for (let i = 0; i < 3; i++) {
      expect(execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' })).not.toContain(
        'io_uring',
      );
    }
    await bearer.submit(new Send({ socket: ours, data: Buffer.from('after') }));
    expect(await received).toMatchObject({ length: 5 });
    expect(memory.toString()).toContain('after');
    memory.release();
  });
});

test.each([
  ['EINTR', -Errno.EINTR, 1],
  ['EAGAIN', -Errno.EAGAIN, 0],
  ['EBUSY', -Errno.EBUSY, 0],
] as const)('a submission that is answered with %s loses nothing', async (_, answer, taken) => {
  let answers = 0;
  const ringFactory: RingFactory = (...sizes) => {
    const ring = new Ring(...sizes);
    const control = new Int32Array(ring.control);
    const enter = () => {
      if (answers === 0) return ring.enter();
      answers--;
      control[controlWords.result] = answer;
    };
    return new Proxy(ring, {
      get(target, name) {
        if (name === 'enter') return enter;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };
  const bearer = make('manual', {}, { ringFactory });
  const nop = new Nop();
  let completions = 0;
  nop.handler = () => completions++;
  bearer.push(nop);
  answers = 1;
  // An interrupted call is repeated at once; after the others the entry waits for the next one.
  expect(bearer.flush()).toBe(taken);
  expect(nop.inFlight).toBe(true);
  bearer.submitAndWait(1, 10_000);
  bearer.handleCompletions();
  expect([completions, answers]).toEqual([1, 0]);
});
