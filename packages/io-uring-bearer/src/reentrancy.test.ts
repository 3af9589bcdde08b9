import { Nop, Timeout } from '@ringbearer/io-uring-opcode';
import { controlWords, type RawRing, Ring } from '@ringbearer/native/ring';
import { describe, expect, it } from 'vitest';
import { UringBearer } from './bearer.js';
import type { RingFactory } from './ring/setup.js';

const EBUSY = 16;
const EBADR = 53;

/** A ring whose kernel takes nothing while `busy()` and completions wait. */
function busyRings(busy: () => boolean): RingFactory {
  return (entries, flags, completionEntries) => {
    const ring = new Ring(entries, flags, completionEntries);
    const control = new Int32Array(ring.control);
    const words = new Int32Array(ring.rings);
    const enter = () => {
      const waiting = words[ring.cqHead >> 2] !== words[ring.cqTail >> 2];
      if (busy() && waiting) control[controlWords.result] = -EBUSY;
      else ring.enter();
    };
    return new Proxy(ring, {
      get(target, name) {
        if (name === 'enter') return enter;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };
}

describe('push() into a full queue', () => {
  it('checks everything after the handlers it ran to make room', async () => {
    let busy = false;
    const bearer = UringBearer.withCapacity(
      { CoreQueue: 2, CompletionQueue: 4, PendingCompletions: 50 },
      { driver: 'manual', ringFactory: busyRings(() => busy) },
    );
    let completions = 0;
    const victim = new Timeout({ milliseconds: 5 });
    victim.handler = () => completions++;
    const first = new Nop();
    first.handler = () => bearer.push(victim);
    bearer.push(first);
    bearer.flush();
    busy = true;
    bearer.push(new Nop());
    bearer.push(new Nop());
    expect(() => bearer.push(victim)).toThrow(
      expect.objectContaining({ code: 'OPERATION_IN_FLIGHT' }),
    );
    busy = false;
    while (bearer.stats().capacity.PendingCompletions.used > 0) {
      bearer.submitAndWait(1, 1000);
      bearer.handleCompletions();
    }
    expect(completions).toBe(1);
    await bearer.close();
  });

  it('refuses what comes after a handler closed the bearer', async () => {
    let busy = false;
    const bearer = UringBearer.withCapacity(
      { CoreQueue: 2, CompletionQueue: 4 },
      { driver: 'manual', ringFactory: busyRings(() => busy) },
    );
    let closing: Promise<void> | null = null;
    const first = new Nop();
    first.handler = () => {
      closing = bearer.close();
    };
    bearer.push(first);
    bearer.flush();
    busy = true;
    bearer.push(new Nop());
    bearer.push(new Nop());
    expect(() => bearer.push(new Nop())).toThrow(
      expect.objectContaining({ code: 'BEARER_CLOSED' }),
    );
    busy = false;
    await closing;
  });
});

describe('a ring that fails for good', () => {
  it('is reported once, with what to do', async () => {
    let raw: RawRing | null = null;
    const bearer = UringBearer.withCapacity(
      { CoreQueue: 8 },
      {
        ringFactory: (...sizes) => {
          raw = new Ring(...sizes);
          return raw;
        },
      },
    );
    const heard: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => heard.push(error));
    try {
      const control = new Int32Array(raw!.control);
      const nop = new Nop();
      for (let round = 0; round < 3; round++) {
        nop.handler = null;
        const done = new Promise<void>((resolve) => {
          nop.handler = () => resolve();
        });
        bearer.push(nop);
        bearer.flush();
        control[controlWords.loopError] = EBADR;
        await done;
      }
      await new Promise((resolve) => setImmediate(resolve));
      expect(heard).toEqual([expect.objectContaining({ code: 'RING_FAILED' })]);
      expect((heard[0] as Error).message).toContain('make a new one');
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
    await bearer.close();
  });
});
