// Bad input, exhausted limits and a kernel that says no: each has an error that says what to do.

import { EventEmitter } from 'node:events';
import {
  AcceptMulti,
  type Cqe,
  Nop,
  OpCode,
  OpNumber,
  Recv,
  SetupFlag,
  SocketType,
  type Sqe,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { Owner } from '@ringbearer/io-uring-owner';
import { type RawRing, Ring } from '@ringbearer/native/ring';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse, settled } from '../test-support/bearers.js';
import { reportOf } from '../test-support/child.js';
import { KernelFixture, sleep } from '../test-support/kernel-fixture.js';
import {
  ArraySlab,
  type BearerCapacity,
  type RingFactory,
  setupHint,
  UringBearer,
} from './index.js';

const fixture = new KernelFixture();
const make = bearerMaker();
const thrown = (body: () => unknown): Error & { code?: string } => {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
};

/** An operation under the control of a test. */
class Rigged extends OpCode<number> {
  override readonly code = OpNumber.NOP;
  override readonly name = 'RIGGED';
  override readonly since = '5.1';
  readonly owner = new Owner();
  calls: string[] = [];
  failing: 'acquire' | 'prepare' | 'release' | null = null;
  override acquire(): void {
    this.#call('acquire');
    this.owner.lend();
  }
  override prepare(_sqe: Sqe): void {
    this.#call('prepare');
  }
  override release(): void {
    this.owner.giveBack();
    this.#call('release');
  }
  override rollback(): void {
    this.owner.withdraw();
    this.#call('rollback');
  }
  override complete(cqe: Cqe): number {
    return this.result(cqe);
  }
  #call(name: string): void {
    this.calls.push(name);
    if (this.failing === name) throw new Error(`${name} failed`);
  }
}

describe('withCapacity()', () => {
  test.each([
    [{ CoreQueue: 0 }, 'CoreQueue must be an integer from 1 to 32768: current value is 0'],
    [{ CoreQueue: 3 }, 'CoreQueue must be a power of two (the next is 4): current value is 3'],
    [{ CoreQueue: 65_536 }, 'current value is 65536'],
    [{ CoreQueue: 1.5 }, 'current value is 1.5'],
    [{ CoreQueue: '8' }, 'current value is 8'],
    [{}, 'CoreQueue must be an integer from 1 to 32768: current value is undefined'],
    [
      { CoreQueue: 8, CompletionQueue: 4 },
      'CompletionQueue must be >= CoreQueue (8): current value is 4',
    ],
    [{ CoreQueue: 8, PendingCompletions: 0 }, 'PendingCompletions must be an integer from 1'],
    [{ CoreQueue: 8, RegisteredFd: -1 }, 'RegisteredFd must be an integer from 0'],
    [{ CoreQueue: 8, Buffers: Number.NaN }, 'Buffers must be an integer'],
    [{ CoreQueue: 8, Sockets: 1 }, 'Sockets is no capacity: use CoreQueue, CompletionQueue'],
    [{ CoreQueue: 8, driver: 'manual' }, 'options such as driver go into the second argument'],
    [null, 'capacity must be an object'],
    [8, 'capacity must be an object'],
  ])('refuses %j', (capacity, message) => {
    expect(
      thrown(() => UringBearer.withCapacity(capacity as unknown as BearerCapacity)).message,
    ).toContain(message);
  });

  test('refuses a driver that is none, and manualFiles out of range', () => {
    expect(thrown(() => make('epoll' as 'manual')).message).toContain(
      "'embedded', 'owner' or 'manual'",
    );
    for (const manualFiles of [-1, 0.5, 9, Number.NaN]) {
      expect(() => make('manual', { RegisteredFd: 8 }, { manualFiles })).toThrow(RangeError);
    }
  });

  test.each(['EPERM', 'ENOSYS', 'ENOMEM', 'EMFILE', 'EINVAL', 'EFAULT'])(
    'a kernel that answers %s',
    (code) => {
      let attempts = 0;
      const ringFactory: RingFactory = () => {
        attempts++;
        throw Object.assign(new Error(`io_uring_setup failed: ${code}`), { code, errno: -1 });
      };
      const error = thrown(() => make('owner', {}, { ringFactory }));
      expect(error).toMatchObject({
        code: 'SETUP_FAILED',
        name: 'RingSetupError',
        hint: setupHint(code),
        cause: { code },
      });
      expect(error.message).toContain(`Cannot set up an io_uring (${code})`);
      expect(attempts).toBe(code === 'EINVAL' ? 6 : 1);
    },
  );

  test('takes fewer flags where the kernel does not know all, and works with the least', async () => {
    for (const known of [
      ~SetupFlag.DEFER_TASKRUN,
      ~(SetupFlag.DEFER_TASKRUN | SetupFlag.SINGLE_ISSUER),
      SetupFlag.CQSIZE,
    ]) {
      for (const driver of ['embedded', 'owner'] as const) {
        const ringFactory: RingFactory = (entries, flags, completions) => {
          if ((flags & ~known) !== 0)
            throw Object.assign(new Error('no'), { code: 'EINVAL', errno: -22 });
          return new Ring(entries, flags, completions);
        };
        const bearer = make(driver, { CoreQueue: 4 }, { ringFactory });
        expect(bearer.capabilities().setupFlags).not.toContain('DEFER_TASKRUN');
        const results = await Promise.allSettled([
          bearer.submit(new Nop()),
          bearer.submit(new Nop({ result: -5 })),
          ...Array.from({ length: 20 }, () => bearer.submit(new Timeout({ milliseconds: 1 }))),
        ]);
        expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(21);
        await bearer.close();
      }
    }
  });

  test('hints say what to do, for each cause', () => {
    expect(setupHint('EPERM', () => '2')).toContain('sysctl -w kernel.io_uring_disabled=0');
    expect(setupHint('EPERM', () => '1')).toContain('io_uring_group');
    expect(setupHint('EPERM', () => null)).toContain('seccomp');
    expect(setupHint('ENOMEM')).toContain('ulimit -l');
  });

  test("what is not the kernel's answer is passed on", () => {
    const ringFactory: RingFactory = () => {
      throw new TypeError('refuses external ArrayBuffers');
    };
    expect(thrown(() => make('embedded', {}, { ringFactory }))).toBeInstanceOf(TypeError);
  });

  test('a setup that fails half way leaves no descriptor', () => {
    const raws: RawRing[] = [];
    const ringFactory: RingFactory = (...sizes) => {
      const raw = new Ring(...sizes);
      raws.push(raw);
      return Object.create(raw, {
        probe: {
          value: () => {
            throw new Error('probe failed');
          },
        },
        close: { value: () => raw.close() },
      });
    };
    expect(() => make('embedded', {}, { ringFactory })).toThrow('probe failed');
    expect(() => raws[0]!.map(4096, false)).toThrow('closed');
  });

  test('RLIMIT_MEMLOCK: an unprivileged process learns what to raise', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root to become somebody else');
    const source = `
      process.setgid(65534);
      process.setuid(65534);
      try {
        bearerWith({}, { CoreQueue: 32768 });
        report('enough');
      } catch (error) {
        report([error.code, error.message]);
      }`;
    const [answer] = await reportOf('embedded', source, {
      under: ['prlimit', '--memlock=65536:65536'],
    });
    expect(answer).toEqual(['SETUP_FAILED', expect.stringContaining('ulimit -l')]);
  });

  test('RLIMIT_MEMLOCK: a buffer ring that does not fit says so too', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root to become somebody else');
    const source = `
      process.setgid(65534);
      process.setuid(65534);
      try {
        const bearer = bearerWith({}, { CoreQueue: 8, Buffers: 32768, BufferGroups: 1, BufferBytes: 8 << 20 });
        bearer.buffers.ring({ count: 32768, bufferBytes: 64 });
        report('enough');
      } catch (error) {
        report([error.code, error.message, error.cause?.code]);
      }`;
    const [answer] = await reportOf('embedded', source, {
      under: ['prlimit', '--memlock=131072:131072'],
    });
    expect(answer).toEqual(['LOCKED_MEMORY', expect.stringContaining('ulimit -l'), 'ENOMEM']);
  });

  test('RLIMIT_NOFILE: a table of direct descriptors larger than allowed', async () => {
    const source = `
      try {
        bearerWith({}, { RegisteredFd: 4096 });
      } catch (error) {
        report([error.code, error.message]);
      }`;
    const [answer] = await reportOf('embedded', source, { under: ['prlimit', '--nofile=256:256'] });
    expect(answer).toEqual(['SETUP_FAILED', expect.stringContaining('ulimit -n')]);
  });
});

describe.each(['embedded', 'owner', 'manual'] as const)('driver %s: push()', (driver) => {
  test('refuses after close(), and while closing', async () => {
    const bearer = make(driver);
    const closing = bearer.close();
    expect(thrown(() => bearer.push(new Nop()))).toMatchObject({ code: 'BEARER_CLOSED' });
    await closing;
    expect(thrown(() => bearer.push(new Nop()))).toMatchObject({ code: 'BEARER_CLOSED' });
    await expect(bearer.submit(new Nop())).rejects.toMatchObject({ code: 'BEARER_CLOSED' });
    expect(() => bearer.stream(new Timeout({ milliseconds: 1, repeat: 1 }))).toThrow('closed');
    expect(() => bearer.listen({})).toThrow('closed');
    expect(bearer.closed).toBe(true);
    expect(bearer.stats().submitted).toBe(0);
    expect(bearer.flush()).toBe(0);
    bearer.ref().unref();
  });

  test('refuses an operation that is in flight, here or elsewhere', () => {
    const bearer = make(driver);
    const other = make('manual');
    const nop = new Nop();
    bearer.push(nop);
    expect(thrown(() => bearer.push(nop))).toMatchObject({ code: 'OPERATION_IN_FLIGHT' });
    expect(thrown(() => other.push(nop)).message).toContain('use another object');
    expect(inUse(other)).toBe(0);
  });

  test('refuses an opcode this kernel does not have, and goes on', async () => {
    const bearer = make(driver, {}, { disableOpcodes: [OpNumber.TIMEOUT, OpNumber.ASYNC_CANCEL] });
    const error = thrown(() => bearer.push(new Timeout({ milliseconds: 1 })));
    expect(error).toMatchObject({ code: 'UNSUPPORTED_OPCODE', opcode: 'TIMEOUT', since: '5.16' });
    expect(bearer.probe().has('TIMEOUT')).toBe(false);
    bearer.push(new Nop());
    const [ours] = await fixture.pair(SocketType.STREAM);
    bearer.push(new Recv({ socket: ours, memory: bearer.allocate(8) }));
    await bearer.close();
  });

  test('refuses what is no operation, in every form', async () => {
    const bearer = make(driver);
    for (const value of [{}, 'NOP', null, undefined, 5n] as never[]) {
      expect(() => bearer.push(value)).toThrow(TypeError);
      await expect(bearer.submit(value)).rejects.toThrow(TypeError);
      expect(() => bearer.chain(value)).toThrow('Cannot chain as it must be an operation');
      expect(() => bearer.cancel(value)).toThrow('Cannot cancel as it must be an operation');
    }
    expect(() => bearer.push({} as never)).toThrow('current value is an object');
    expect(inUse(bearer)).toBe(0);
  });

  test('refuses unknown flags', () => {
    const bearer = make(driver);
    for (const flags of [1, 1 << 5, 1 << 14, 1 << 15, 1 << 30, -1]) {
      expect(() => bearer.push(new Nop(), flags)).toThrow('SubmissionFlags');
    }
    expect(inUse(bearer)).toBe(0);
  });

  test('refuses more than PendingCompletions, naming kind, limit and use', () => {
    const bearer = make(driver, { PendingCompletions: 3 });
    for (let i = 0; i < 3; i++) bearer.push(new Timeout({ milliseconds: 60_000 }));
    expect(thrown(() => bearer.push(new Nop()))).toMatchObject({
      code: 'AT_CAPACITY',
      kind: 'PendingCompletions',
      limit: 3,
      used: 3,
    });
    expect(bearer.stats().submitted).toBe(3);
  });

  test('acquire() that throws changes nothing', () => {
    const bearer = make(driver);
    const rigged = new Rigged();
    rigged.failing = 'acquire';
    expect(() => bearer.push(rigged)).toThrow('acquire failed');
    expect([rigged.calls, rigged.inFlight, inUse(bearer)]).toEqual([['acquire'], false, 0]);
    rigged.failing = null;
    bearer.push(rigged);
  });

  test('prepare() that throws rolls slot and owner back', () => {
    const bearer = make(driver, { PendingCompletions: 1 });
    const rigged = new Rigged();
    rigged.failing = 'prepare';
    for (let i = 0; i < 30; i++) expect(() => bearer.push(rigged)).toThrow('prepare failed');
    expect([rigged.calls.slice(0, 3), rigged.owner.name]).toEqual([
      ['acquire', 'prepare', 'rollback'],
      'Taken',
    ]);
    expect([rigged.inFlight, inUse(bearer), bearer.stats().submitted]).toEqual([false, 0, 0]);
    rigged.failing = null;
    bearer.push(rigged);
    expect(rigged.owner.name).toBe('Kernel');
  });

  test('a slab that is full although the count is not: rolled back', () => {
    const bearer = make(
      driver,
      { PendingCompletions: 8 },
      { slab: () => new ArraySlab<OpCode<unknown>>(1) },
    );
    bearer.push(new Nop());
    const rigged = new Rigged();
    expect(thrown(() => bearer.push(rigged))).toMatchObject({ code: 'AT_CAPACITY' });
    expect([rigged.owner.name, rigged.inFlight]).toEqual(['Taken', false]);
  });

  test('memory that another operation uses is refused', async () => {
    const bearer = make(driver);
    const [ours] = await fixture.pair(SocketType.STREAM);
    const memory = bearer.allocate(64);
    bearer.push(new Recv({ socket: ours, memory }));
    expect(thrown(() => bearer.push(new Recv({ socket: ours, memory })))).toMatchObject({
      code: 'OWNER_KERNEL',
    });
    expect(inUse(bearer)).toBe(1);
    await bearer.close();
    expect(memory.owner.name).toBe('Returned');
  });
});

describe.each(['embedded', 'owner'] as const)('driver %s', (driver) => {
  test('many more operations than entries in one turn', async () => {
    const bearer = make(driver, { CoreQueue: 4, CompletionQueue: 4, PendingCompletions: 10_000 });
    let seen = 0;
    for (let i = 0; i < 10_000; i++) {
      const nop = new Nop();
      nop.handler = () => seen++;
      bearer.push(nop);
    }
    await settled(bearer);
    expect(seen).toBe(10_000);
    expect(bearer.stats()).toMatchObject({ stale: 0, submitted: 10_000, completed: 10_000 });
  });

  test('a completion queue that runs over while nobody reads it', async () => {
    const bearer = make(driver, { CoreQueue: 2, CompletionQueue: 2, PendingCompletions: 2000 });
    const ended = Array.from({ length: 2000 }, () =>
      bearer.submit(new Timeout({ milliseconds: 5 })),
    );
    const until = performance.now() + 50;
    while (performance.now() < until) bearer.flush();
    expect((await Promise.all(ended)).length).toBe(2000);
    expect(bearer.stats().overflows).toBeGreaterThan(0);
    expect(bearer.stats().stale).toBe(0);
  });

  test('a completion with another generation is counted, never delivered', async () => {
    // A slab whose keys change between the submission and the look-up stands for a kernel that answers late.
    class Shifted<T> extends ArraySlab<T> {
      shift = 0;
      override get(slot: number, generation: number): T | undefined {
        return super.get(slot, generation + this.shift);
      }
    }
    const slabs: Shifted<OpCode<unknown>>[] = [];
    const bearer = make(
      driver,
      {},
      {
        slab: (capacity) => {
          slabs.push(new Shifted(capacity));
          return slabs[0]!;
        },
      },
    );
    let calls = 0;
    const nop = new Nop();
    nop.handler = () => calls++;
    bearer.push(nop);
    slabs[0]!.shift = 1;
    bearer.flush();
    for (let i = 0; i < 100 && bearer.stats().stale === 0; i++) await sleep(1);
    expect([bearer.stats().stale, calls, inUse(bearer)]).toEqual([1, 0, 1]);
    slabs[0]!.shift = 0;
    // For close(): the record is still taken.
    slabs[0]!.release(nop.slot);
  });

  test('release() that throws is reported, and frees the record', async () => {
    const source = `
      const bearer = bearerWith();
      const errors = [];
      process.on('uncaughtException', (error) => errors.push(error.message));
      class Rigged extends op.Nop { release() { throw new Error('release failed'); } }
      const handled = new Promise((resolve) => {
        const rigged = new Rigged();
        rigged.handler = resolve;
        bearer.push(rigged);
      });
      await handled;
      await bearer.close();
      report([errors, bearer.stats().capacity.PendingCompletions.used]);`;
    expect(await reportOf(driver, source)).toEqual([[['release failed'], 0]]);
  });

  test('handlers that throw in the middle of an overflowing queue lose nothing', async () => {
    const source = `
      const bearer = bearerWith({}, { CoreQueue: 4, CompletionQueue: 4 });
      let errors = 0;
      process.on('uncaughtException', () => errors++);
      let handled = 0;
      for (let i = 0; i < 500; i++) {
        const nop = new op.Nop();
        nop.handler = () => { handled++; throw new Error('no'); };
        bearer.push(nop);
      }
      while (handled < 500) await new Promise((resolve) => setTimeout(resolve, 1));
      await bearer.close();
      report([handled, errors]);`;
    expect(await reportOf(driver, source)).toEqual([[500, 500]]);
  });

  test('ENFILE: an accept into a full table is an error, and the stream ends with it', async () => {
    const bearer = make(driver, { RegisteredFd: 4 });
    const listener = bearer.listen({});
    const { port } = listener.address as { port: number };
    const sockets = Array.from({ length: 6 }, () => new EventEmitter());
    const { connect } = await import('node:net');
    const opened = sockets.map(() => connect(port, '127.0.0.1').on('error', () => {}));
    let accepted = 0;
    await expect(
      (async () => {
        for await (const _ of bearer.stream(
          new AcceptMulti({ listener: listener.descriptor, direct: true }),
        ))
          accepted++;
      })(),
    ).rejects.toMatchObject({
      code: 'ENFILE',
      message: expect.stringContaining('give the bearer a larger RegisteredFd'),
    });
    expect(accepted).toBe(4);
    for (const socket of opened) socket.destroy();
    await listener.close();
  });

  test('EMFILE: an accept without a descriptor left is an error', async () => {
    const source = `
      import { connect } from 'node:net';
      import { openSync, readdirSync, closeSync } from 'node:fs';
      const bearer = bearerWith();
      const listener = bearer.listen({});
      const client = connect(listener.address.port, '127.0.0.1');
      await new Promise((resolve) => client.on('connect', resolve));
      const filled = [];
      try { for (;;) filled.push(openSync('/dev/null')); } catch {}
      const error = await bearer.submit(new op.Accept({ listener: listener.descriptor })).catch((error) => error);
      for (const fd of filled) closeSync(fd);
      report([error.code, error.message]);
      client.destroy();
      await bearer.close();`;
    expect(await reportOf(driver, source, { under: ['prlimit', '--nofile=200:200'] })).toEqual([
      ['EMFILE', expect.stringContaining('raise "ulimit -n"')],
    ]);
  });
});
