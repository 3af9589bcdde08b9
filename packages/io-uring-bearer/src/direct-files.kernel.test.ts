// The books of direct descriptors against what the kernel says is in its table.

import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, type Socket as NodeSocket } from 'node:net';
import { FixedFd, RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import {
  Accept,
  AcceptMulti,
  AddressFamily,
  Close,
  FilesInstall,
  FilesUpdate,
  Nop,
  type OpCodeError,
  OpenAt,
  OpenAt2,
  Pipe,
  Socket,
  SocketType,
  SubmissionFlags,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { settled } from '../test-support/bearers.js';
import { UringBearer } from './index.js';

const PATH = '/dev/null';
const { INET } = AddressFamily;
const { STREAM } = SocketType;

const rings = (): string[] =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes('io_uring');
    } catch {
      return false; // the descriptor of this very listing
    }
  });

/** A bearer with `manual` slots of `capacity`, and a look at the kernel's table of it. */
function make(capacity: number, manual: number) {
  const before = new Set(rings());
  const bearer = UringBearer.withCapacity(
    { CoreQueue: 32, RegisteredFd: capacity },
    { manualFiles: manual },
  );
  bearers.push(bearer);
  const ring = rings().find((fd) => !before.has(fd))!;
  /** The slots that are taken, as fdinfo of the ring lists them. */
  const kernel = (): number[] => {
    const text = readFileSync(`/proc/self/fdinfo/${ring}`, 'latin1');
    const list = text.slice(text.indexOf('UserFiles:'), text.indexOf('UserBufs:'));
    return [...list.matchAll(/^ *(\d+): /gm)].map(([, slot]) => Number(slot));
  };
  const books = (): number[] =>
    Array.from({ length: capacity }, (_, slot) => slot).filter((slot) =>
      bearer.files!.has(new FixedFd(slot)),
    );
  const used = () => bearer.stats().capacity.RegisteredFd;
  return { bearer, files: bearer.files!, kernel, books, used };
}
const bearers: UringBearer[] = [];
afterEach(async () => {
  for (const bearer of bearers.splice(0)) await bearer.close();
});

describe('what opens into a slot is counted, and what closes it', () => {
  test.for([
    ['Socket', (into: TargetFd) => new Socket({ family: INET, type: STREAM, into })],
    ['OpenAt', (into: TargetFd) => new OpenAt({ path: PATH, into })],
    ['OpenAt2', (into: TargetFd) => new OpenAt2({ path: PATH, into })],
  ] as const)('%s', async ([, operation]) => {
    const { bearer, kernel, books, used } = make(6, 3);
    for (const into of [TargetFd.auto, TargetFd.slot(1), TargetFd.slot(1), TargetFd.slot(5)]) {
      await bearer.submit(operation(into));
      expect(books()).toEqual(kernel());
    }
    expect([books(), used()]).toEqual([[1, 3, 5], { limit: 6, used: 3, peak: 3 }]);
    await bearer.submit(operation(TargetFd.raw)).then(({ number }) => closeSync(number));
    for (const slot of [3, 1, 5]) {
      await bearer.submit(new Close({ descriptor: new FixedFd(slot) }));
      expect(books()).toEqual(kernel());
    }
    expect(used()).toEqual({ limit: 6, used: 0, peak: 3 });
  });

  test('Pipe takes two', async (context) => {
    const { bearer, kernel, books, used } = make(6, 3);
    if (!bearer.probe().has('PIPE')) context.skip('this kernel has no PIPE');
    await bearer.submit(new Pipe({ into: TargetFd.auto }));
    await bearer.submit(new Pipe({ into: TargetFd.slot(1) }));
    expect([books(), kernel(), used().used]).toEqual([[1, 2, 3, 4], [1, 2, 3, 4], 4]);
  });

  test('Accept and AcceptMulti, whose slots are handed out again in the same batch', async () => {
    const { bearer, kernel, books, used } = make(9, 1);
    const listener = bearer.listen({});
    expect(used().used).toBe(1);
    const { port } = listener.address as { port: number };
    const clients: NodeSocket[] = [];
    const dial = () => void clients.push(connect(port, '127.0.0.1').on('error', () => {}));
    for (let i = 0; i < 2; i++) dial();
    for (const into of [TargetFd.auto, TargetFd.slot(7)]) {
      await bearer.submit(new Accept({ listener: listener.descriptor, into }));
    }
    expect([books(), kernel()]).toEqual([
      [0, 1, 7],
      [0, 1, 7],
    ]);
    const accepting = new AcceptMulti({ listener: listener.descriptor, direct: true });
    const seen: number[] = [];
    // Every connection is closed in the handler of its accept.
    await new Promise<void>((resolve) => {
      accepting.handler = (cqe) => {
        if (cqe.res < 0) return;
        expect(bearer.files!.has(new FixedFd(cqe.res))).toBe(true);
        seen.push(cqe.res);
        bearer.push(new Close({ descriptor: new FixedFd(cqe.res) }));
        if (seen.length === 40) resolve();
        else if (seen.length < 38) dial();
      };
      bearer.push(accepting);
      for (let i = 0; i < 3; i++) dial();
    });
    bearer.cancel(accepting);
    await settled(bearer);
    expect([books(), kernel(), used().used]).toEqual([[0, 1, 7], [0, 1, 7], 3]);
    expect(used().peak).toBeGreaterThan(3);
    await listener.close();
    expect([books(), kernel()]).toEqual([
      [1, 7],
      [1, 7],
    ]);
    for (const client of clients) client.destroy();
  });

  test('FilesUpdate and FilesInstall, also where they do a part only', async () => {
    const { bearer, files, kernel, books } = make(8, 4);
    const raw = new RawFd(openSync(PATH, 'r'));
    const bad = new RawFd(987_654);
    const reserved = files.reserve();
    await bearer.submit(new FilesUpdate({ first: 0, descriptors: [raw, raw, null] }));
    expect([books(), kernel(), files.used]).toEqual([[0, 1], [0, 1], 2]);
    expect(await bearer.submit(new FilesUpdate({ first: 1, descriptors: [null, raw, bad] }))).toBe(
      2,
    );
    expect([books(), kernel()]).toEqual([
      [0, 2],
      [0, 2],
    ]);
    expect(await bearer.submit(new FilesInstall({ descriptors: [raw, raw, bad] }))).toHaveLength(2);
    expect([books(), kernel(), files.used]).toEqual([[0, 2, 4, 5], [0, 2, 4, 5], 4]);
    await bearer.submit(new FilesUpdate({ first: 0, descriptors: new Array(8).fill(null) }));
    // What was set aside stays so.
    expect([books(), kernel(), files.used]).toEqual([[], [], 1]);
    files.release(reserved);
    expect(files.used).toBe(0);
    closeSync(raw.number);
  });

  test('a stream that nobody reads any more closes what it accepted, and the books know', async () => {
    const { bearer, kernel, used } = make(8, 0);
    const listener = bearer.listen({});
    const { port } = listener.address as { port: number };
    const clients = [1, 2, 3].map(() => connect(port, '127.0.0.1').on('error', () => {}));
    const accepting = new AcceptMulti({ listener: listener.descriptor, direct: true });
    for await (const _ of bearer.stream(accepting)) {
      while (used().used < 3) await new Promise((resolve) => setTimeout(resolve, 1));
      break;
    }
    await settled(bearer);
    expect([kernel().length, used().used]).toEqual([1, 1]); // the first was the consumer's
    for (const client of clients) client.destroy();
  });
});

describe('failures leave the books as the kernel has it', () => {
  const nameOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'no error',
      (error: OpCodeError) => error.code,
    );

  test('a full range, a slot beyond the table, an empty slot, a second close', async () => {
    const { bearer, kernel, books, used } = make(4, 2);
    const open = (into: TargetFd) => nameOf(bearer.submit(new OpenAt({ path: PATH, into })));
    const close = (slot: number) =>
      nameOf(bearer.submit(new Close({ descriptor: new FixedFd(slot) })));
    // IORING_REGISTER_FILE_ALLOC_RANGE: two slots, and the kernel never takes a manual one.
    expect([await open(TargetFd.auto), await open(TargetFd.auto)]).toEqual([
      'no error',
      'no error',
    ]);
    expect(await open(TargetFd.auto)).toBe('ENFILE');
    expect([books(), kernel()]).toEqual([
      [2, 3],
      [2, 3],
    ]);
    expect(await open(TargetFd.slot(4))).toBe('EINVAL');
    expect(await close(0)).toBe('EBADF');
    expect(
      await nameOf(bearer.submit(new OpenAt({ path: '/no/such', into: TargetFd.slot(0) }))),
    ).toBe('ENOENT');
    expect((await Promise.all([close(2), close(2)])).sort()).toEqual(['EBADF', 'no error']);
    expect([books(), kernel(), used().used]).toEqual([[3], [3], 1]);
    expect([await open(TargetFd.auto), books(), kernel()]).toEqual(['no error', [2, 3], [2, 3]]);
  });

  test('a close that is cancelled, rolled back, or part of a chain', async () => {
    const { bearer, kernel, books, used } = make(4, 2);
    const into = TargetFd.slot(1);
    await bearer.submit(new OpenAt({ path: PATH, into }));
    const descriptor = new FixedFd(1);
    // The head of the chain fails: its close is cancelled.
    const failing = bearer.submit(new OpenAt({ path: '/no/such' }), {
      flags: SubmissionFlags.LINK,
    });
    const cancelled = bearer.submit(new Close({ descriptor }));
    expect([await nameOf(failing), await nameOf(cancelled)]).toEqual(['ENOENT', 'ECANCELED']);
    expect([books(), kernel(), used().used]).toEqual([[1], [1], 1]);
    // A chain that is refused as a whole.
    const timer = new Timeout({ milliseconds: 60_000 });
    bearer.push(timer);
    await expect(bearer.chain(new Close({ descriptor })).link(timer).submit()).rejects.toThrow(
      /in flight/,
    );
    expect([books(), kernel()]).toEqual([[1], [1]]);
    bearer.cancel(timer);
    // Close, open and close again in one submission: the books follow.
    const outcome = await bearer
      .chain(new Close({ descriptor }))
      .link(new OpenAt({ path: PATH, into }))
      .link(new Nop())
      .submit();
    expect(outcome).toBeDefined();
    expect([books(), kernel(), used().used]).toEqual([[1], [1], 1]);
    await bearer
      .chain(new OpenAt({ path: PATH, into: TargetFd.slot(0) }))
      .link(new Close({ descriptor: new FixedFd(0) }))
      .submit();
    expect([books(), kernel(), used().used]).toEqual([[1], [1], 1]);
  });

  test('addAll() with one that is none: EBADF, and the kernel has none of them', () => {
    const { files, kernel } = make(8, 6);
    const raw = new RawFd(openSync(PATH, 'r'));
    expect(() => files.addAll([raw, raw, new RawFd(987_654), raw])).toThrow(
      expect.objectContaining({ code: 'EBADF' }),
    );
    expect([kernel(), files.used]).toEqual([[], 0]);
    const added = files.addAll([raw, raw, raw, raw]);
    expect([kernel(), files.used, files.peak]).toEqual([[0, 1, 2, 3], 4, 4]);
    files.removeAll([added[3]!, added[1]!, added[0]!]);
    expect([kernel(), files.used]).toEqual([[2], 1]);
    closeSync(raw.number);
  });

  test('close() of the bearer leaves nothing in the books', async () => {
    const { bearer, files, used } = make(4, 2);
    await bearer.submit(new OpenAt({ path: PATH, into: TargetFd.auto }));
    await bearer.close();
    expect(used()).toEqual({ limit: 4, used: 0, peak: 1 });
    expect(() => files.reserve()).toThrow(expect.objectContaining({ code: 'FD_TABLE_CLOSED' }));
  });
});

test('random operations, many at once: the books and the kernel agree whenever nothing is in flight', async () => {
  const verb = fc.constantFrom(
    'open',
    'socket',
    'slot',
    'close',
    'close',
    'update',
    'install',
    'add',
  );
  const step = fc.record({ verb, slot: fc.nat(7) });
  const raw = new RawFd(openSync(PATH, 'r'));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { maxLength: 8 }), { maxLength: 8 }),
      async (batches) => {
        const { bearer, files, kernel, books } = make(8, 4);
        for (const batch of batches) {
          const pending: Promise<unknown>[] = [];
          const ignore = () => {};
          // One operation on a chosen slot at a time: of two at once nobody knows which is first.
          const named = new Set<number>();
          for (const { verb: what, slot } of batch) {
            const into = TargetFd.slot(slot);
            const socket = (where: TargetFd) =>
              new Socket({ family: INET, type: STREAM, into: where });
            if (what === 'open') {
              pending.push(
                bearer.submit(new OpenAt({ path: PATH, into: TargetFd.auto })).catch(ignore),
              );
            } else if (what === 'socket')
              pending.push(bearer.submit(socket(TargetFd.auto)).catch(ignore));
            else if (what === 'install') {
              const install = new FilesInstall({ descriptors: [raw, raw] });
              pending.push(bearer.submit(install).catch(ignore));
            } else if (what === 'add') {
              if (files.manualUsed < 4 && named.size === 0) files.add(raw);
            } else if (!named.has(slot)) {
              named.add(slot);
              const operation =
                what === 'slot'
                  ? socket(into)
                  : what === 'close'
                    ? new Close({ descriptor: new FixedFd(slot) })
                    : new FilesUpdate({ first: slot, descriptors: [slot % 2 === 0 ? raw : null] });
              pending.push((bearer.submit(operation as Close) as Promise<unknown>).catch(ignore));
            }
          }
          await Promise.all(pending);
          expect(books()).toEqual(kernel());
          expect(files.automaticUsed).toBe(kernel().filter((slot) => slot >= 4).length);
          expect(files.used).toBeGreaterThanOrEqual(kernel().length);
        }
        await bearer.close();
        expect(files.used).toBe(0);
      },
    ),
    { numRuns: 100 },
  );
  closeSync(raw.number);
}, 60_000);
