import { Nop, type OpCode, type Sqe, Timeout } from '@ringbearer/io-uring-opcode';
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

describe('an operation that does something else while its entry is written', () => {
  /** Calls back from `acquire`, or from `prepare`. */
  class Meddler extends Nop {
    readonly #when: 'acquire' | 'prepare';
    readonly #meddle: () => void;

    constructor(when: 'acquire' | 'prepare', meddle: () => void) {
      super();
      this.#when = when;
      this.#meddle = meddle;
    }
    override acquire(): void {
      if (this.#when === 'acquire') this.#meddle();
    }
    override prepare(sqe: Sqe): void {
      if (this.#when === 'prepare') this.#meddle();
      super.prepare(sqe);
    }
  }

  it.each(['acquire', 'prepare'] as const)('cannot submit in %s()', async (when) => {
    const bearer = UringBearer.withCapacity({ CoreQueue: 4 });
    const others: OpCode<unknown>[] = Array.from({ length: 20 }, () => new Nop());
    const refused = expect.objectContaining({ code: 'OPERATION_IN_FLIGHT' });
    let refusals = 0;
    const meddler = new Meddler(when, () => {
      for (const other of others) {
        expect(() => bearer.push(other)).toThrow(refused);
        refusals++;
      }
    });
    expect(await bearer.submit(meddler)).toBe(0);
    const chain = bearer.chain(new Nop()).link(meddler);
    expect((await chain.submit()).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(refusals).toBe(40);
    const { submitted, completed, stale } = bearer.stats();
    expect([submitted, completed, stale]).toEqual([3, 3, 0]);
    await bearer.close();
  });

  it.each(['acquire', 'prepare'] as const)('may cancel in %s()', async (when) => {
    const bearer = UringBearer.withCapacity({ CoreQueue: 4 });
    const timeout = new Timeout({ milliseconds: 3_600_000 });
    const ended = bearer.submit(timeout).catch((error) => error.code);
    bearer.flush();
    expect(await bearer.submit(new Meddler(when, () => bearer.cancel(timeout)))).toBe(0);
    expect(await ended).toBe('ECANCELED');
    await bearer.close();
  });

  it.each(['acquire', 'prepare'] as const)('may close in %s(): it has an end', async (when) => {
    for (const driver of ['embedded', 'owner', 'manual'] as const) {
      const bearer = UringBearer.withCapacity({ CoreQueue: 4 }, { driver });
      let closed: Promise<void> | undefined;
      const ended = bearer.submit(
        new Meddler(when, () => {
          closed = bearer.close();
        }),
      );
      await Promise.allSettled([ended, closed]);
      expect(bearer.stats().capacity.PendingCompletions.used).toBe(0);
    }
  });
});
