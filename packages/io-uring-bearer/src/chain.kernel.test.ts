import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FixedFd, TargetFd } from '@ringbearer/io-uring-fd';
import {
  AddressFamily,
  Close,
  Connect,
  Nop,
  type OpCodeError,
  OpenAt,
  PollAdd,
  Read,
  Recv,
  RecvMulti,
  Send,
  Socket,
  SocketType,
  SubmissionFlags,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse, settled } from '../test-support/bearers.js';
import { encode, KernelFixture, sleep } from '../test-support/kernel-fixture.js';
import {
  type BearerCapacity,
  type BearerOptions,
  ChainCanceledError,
  ChainError,
  type ChainOutcome,
  type DriverKind,
  type UringBearer,
} from './index.js';

const fixture = new KernelFixture();
const make = bearerMaker();
const FAIL = { result: -5 };

/** Drives a manual bearer until the promise is settled. */
async function driven<T>(bearer: UringBearer, promise: Promise<T>): Promise<T> {
  if (bearer.driver !== 'manual') return promise;
  let done = false;
  const settle = promise.finally(() => {
    done = true;
  });
  settle.catch(() => {});
  while (!done) {
    bearer.submitAndWait(1, 2);
    bearer.handleCompletions();
    await new Promise(setImmediate);
  }
  return settle;
}

/** An outcome in short: its value, or why there is none. */
function brief(outcome: ChainOutcome<unknown>): unknown {
  if (outcome.status === 'fulfilled') return outcome.value;
  const { reason } = outcome;
  if (reason instanceof ChainCanceledError) return `${reason.because} ${reason.failedIndex}`;
  return (reason as OpCodeError).code;
}

describe.each(['embedded', 'owner', 'manual'] as const)('chain() with driver %s', (driver) => {
  const FILES: Partial<BearerCapacity> = { RegisteredFd: 4 };
  const MANUAL: BearerOptions = { manualFiles: 4 };
  const files = (): UringBearer => make(driver satisfies DriverKind, FILES, MANUAL);

  test('open, read, close on a slot', async () => {
    const bearer = files();
    const path = join(fixture.folder, `chain-${driver}`);
    writeFileSync(path, 'through a slot');
    const slot = bearer.files!.reserve();
    const memory = bearer.allocate(14);
    const chain = bearer
      .chain(new OpenAt({ path, into: TargetFd.slot(slot) }))
      .link(new Read({ descriptor: new FixedFd(slot), memory, position: 0 }))
      .hardLink(new Close({ descriptor: new FixedFd(slot) }));
    expect(chain.length).toBe(3);
    // Operations are kept and submitted again.
    for (let i = 0; i < 3; i++) {
      const [file, read, closed] = await driven(bearer, chain.submitOrThrow());
      expect([file.direct, file.number, read.length, closed]).toEqual([true, slot, 14, undefined]);
      expect(memory.toString()).toBe('through a slot');
      memory.owner.reuse();
    }
    const again = bearer.submit(new Close({ descriptor: new FixedFd(slot) }));
    await expect(driven(bearer, again)).rejects.toMatchObject({ code: 'EBADF' });
    memory.release();
  });

  test('open that fails cancels what follows, also behind a hard link', async () => {
    const bearer = files();
    const file = new FixedFd(0);
    const memory = bearer.allocate(8);
    const outcomes = await driven(
      bearer,
      bearer
        .chain(new OpenAt({ path: '/no/such/file', into: TargetFd.slot(0) }))
        .link(new Read({ descriptor: file, memory }))
        .hardLink(new Close({ descriptor: file }))
        .submit(),
    );
    expect(outcomes.map(brief)).toEqual(['ENOENT', 'failed 0', 'failed 0']);
    const { reason } = outcomes[1] as { reason: ChainCanceledError };
    expect(reason).toMatchObject({ code: 'ECANCELED', errno: -125, syscall: 'read' });
    expect(reason.cause).toMatchObject({ code: 'ENOENT' });
    expect(reason.message).toMatch(/element 0 \(OPENAT\) of the chain failed/);
    expect(memory.owner.name).toBe('Returned');
    expect(inUse(bearer)).toBe(0);
  });

  test('a read that fails does not keep a hard link from closing; nor does a short one', async () => {
    const bearer = files();
    const path = join(fixture.folder, `short-${driver}`);
    writeFileSync(path, 'short');
    const file = new FixedFd(1);
    const memory = bearer.allocate(64);
    const open = () => new OpenAt({ path, into: TargetFd.slot(1) });
    const hard = await driven(
      bearer,
      bearer
        .chain(open())
        .link(new Read({ descriptor: new FixedFd(3), memory }))
        .hardLink(new Close({ descriptor: file }))
        .submit(),
    );
    expect(hard.map(brief)).toEqual([file, 'EBADF', undefined]);
    memory.owner.reuse();
    const short = await driven(
      bearer,
      bearer
        .chain(open())
        .link(new Read({ descriptor: file, memory, position: 0 }))
        .link(new Nop())
        .submit(),
    );
    expect(short.map(brief)).toEqual([file, expect.objectContaining({ length: 5 }), 'short 1']);
    await driven(bearer, bearer.submit(new Close({ descriptor: file })));
    memory.release();
  });

  test('socket, connect, time limit: in time, refused', async () => {
    const bearer = files();
    const listener = fixture.bearer.listen({});
    const address = { family: 'IPv4', address: '127.0.0.1', port: 0 } as const;
    const port = (listener.address as { port: number }).port;
    const dial = (to: number) =>
      bearer
        .chain(
          new Socket({
            family: AddressFamily.INET,
            type: SocketType.STREAM,
            into: TargetFd.slot(2),
          }),
        )
        .link(new Connect({ socket: new FixedFd(2), address: { ...address, port: to } }))
        .timeout(5000);
    expect(await driven(bearer, dial(port).submitOrThrow())).toEqual([
      new FixedFd(2),
      undefined,
      'in-time',
    ]);
    await listener.close();
    const outcomes = await driven(bearer, dial(port).submit());
    expect(outcomes.map(brief)).toEqual([new FixedFd(2), 'ECONNREFUSED', 'in-time']);
    await driven(bearer, bearer.submit(new Close({ descriptor: new FixedFd(2) })));
  });

  test('a time limit that elapses cancels its operation and what is linked to that', async () => {
    const bearer = make(driver);
    const [ours] = await fixture.pair(SocketType.STREAM);
    const memory = bearer.allocate(8);
    const receive = () => new Recv({ socket: ours, memory });
    const soft = bearer.chain(receive()).timeout(3).link(new Nop());
    expect((await driven(bearer, soft.submit())).map(brief)).toEqual([
      'timeout 1',
      'elapsed',
      'timeout 1',
    ]);
    memory.owner.reuse();
    const hard = bearer.chain(receive()).timeout(3).hardLink(new Nop()).link(new Nop());
    expect((await driven(bearer, hard.submit())).map(brief)).toEqual([
      'timeout 1',
      'elapsed',
      0,
      0,
    ]);
    memory.owner.reuse();
    await expect(driven(bearer, soft.submitOrThrow())).rejects.toMatchObject({
      code: 'CHAIN_FAILED',
      index: 0,
      cause: { because: 'timeout', failedIndex: 1 },
    });
    memory.release();
  });

  test('a time limit whose operation never ran is not in time', async () => {
    const bearer = make(driver);
    const chain = bearer.chain(new Nop(FAIL)).link(new Nop()).timeout(1000).link(new Nop());
    expect((await driven(bearer, chain.submit())).map(brief)).toEqual([
      'EIO',
      'failed 0',
      'failed 0',
      'failed 0',
    ]);
  });

  test('an entry the kernel refuses cancels all of it, and is named', async () => {
    const bearer = make(driver);
    const [ours] = await fixture.pair(SocketType.STREAM);
    // A poll of no events is fine; with a length it is refused while it is read.
    class Refused extends PollAdd {
      override prepare(sqe: Parameters<PollAdd['prepare']>[0]): void {
        super.prepare(sqe);
        sqe.length(0xffff);
      }
    }
    const chain = bearer
      .chain(new Nop())
      .hardLink(new Refused({ descriptor: ours, events: 1 }))
      .hardLink(new Nop());
    const outcomes = await driven(bearer, chain.submit());
    expect(outcomes.map(brief)).toEqual(['failed 1', 'EINVAL', 'failed 1']);
    await expect(driven(bearer, chain.submitOrThrow())).rejects.toMatchObject({ index: 1 });
  });

  test('abort cancels what runs, and hard links still run', async () => {
    const bearer = make(driver);
    const abort = new AbortController();
    const outcomes = bearer
      .chain(new Nop())
      .link(new Timeout({ milliseconds: 60_000 }))
      .link(new Nop())
      .submit({ signal: abort.signal });
    setTimeout(() => abort.abort(), 5);
    expect((await driven(bearer, outcomes)).map(brief)).toEqual([0, 'aborted -1', 'aborted -1']);

    const late = new AbortController();
    const cleaned = bearer
      .chain(new Timeout({ milliseconds: 60_000 }))
      .hardLink(new Nop({ result: 7 }))
      .submitOrThrow({ signal: late.signal });
    setTimeout(() => late.abort(new Error('enough')), 5);
    const error: ChainError = await driven(
      bearer,
      cleaned.then(
        () => Promise.reject(new Error('succeeded')),
        (reason) => reason,
      ),
    );
    expect(error).toBeInstanceOf(ChainError);
    expect(error).toMatchObject({ index: 0, cause: { message: 'enough' } });
    expect(error.outcomes.map(brief)).toEqual(['aborted -1', 7]);
    const early = bearer.chain(new Nop()).submit({ signal: AbortSignal.abort() });
    await expect(early).rejects.toMatchObject({ name: 'AbortError' });
    expect(inUse(bearer)).toBe(0);
  });

  test('abort at any moment ends a chain of short operations', async () => {
    const bearer = make(driver, { CoreQueue: 32 });
    for (let delay = 0; delay < 12; delay++) {
      const abort = new AbortController();
      let chain = bearer.chain<unknown>(new Timeout({ milliseconds: 1 }));
      for (let i = 0; i < 10; i++) {
        chain = chain.link(new Timeout({ milliseconds: i === 9 ? 60_000 : 1 })) as typeof chain;
      }
      const outcomes = chain.submit({ signal: abort.signal });
      setTimeout(() => abort.abort(), delay);
      const ended: readonly ChainOutcome<unknown>[] = await driven(bearer, outcomes);
      const first = ended.findIndex(({ status }) => status === 'rejected');
      expect(first).toBeGreaterThanOrEqual(0);
      expect(ended.slice(first).map(brief)).toEqual(ended.slice(first).map(() => 'aborted -1'));
    }
    expect(inUse(bearer)).toBe(0);
  });

  test('drain waits for what was submitted before', async () => {
    const bearer = make(driver);
    const order: string[] = [];
    const before = new Timeout({ milliseconds: 8 });
    before.handler = () => order.push('before');
    bearer.push(before);
    const chain = bearer.chain(new Nop()).link(new Nop(), { async: true });
    await driven(
      bearer,
      chain.submit({ drain: true }).then(() => order.push('chain')),
    );
    expect(order).toEqual(['before', 'chain']);
  });

  test('meets the end of the queue anywhere, in one piece', async () => {
    const bearer = make(driver, { CoreQueue: 8 });
    for (let before = 0; before <= 8; before++) {
      for (let i = 0; i < before; i++) bearer.push(new Nop());
      let chain = bearer.chain<unknown>(new Timeout({ milliseconds: 1 }));
      for (let i = 1; i < 8; i++) chain = chain.link(new Nop({ result: i })) as typeof chain;
      const results: readonly unknown[] = await driven(bearer, chain.submitOrThrow());
      expect(results.slice(1)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    }
  });

  test('all or nothing', async () => {
    const bearer = make(driver, { CoreQueue: 4, PendingCompletions: 5 });
    const chainOf = (count: number) => {
      let chain = bearer.chain<unknown>(new Nop());
      for (let i = 1; i < count; i++) chain = chain.link(new Nop()) as typeof chain;
      return chain;
    };
    await expect(chainOf(5).submit()).rejects.toThrow(
      new RangeError(
        'Cannot submit a chain as its length must be <= CoreQueue (4): current value is 5',
      ),
    );
    const wait = [new Timeout({ milliseconds: 60_000 }), new Timeout({ milliseconds: 60_000 })];
    for (const operation of wait) bearer.push(operation);
    const { submitted } = bearer.stats();
    await expect(chainOf(4).submit()).rejects.toMatchObject({
      code: 'AT_CAPACITY',
      kind: 'PendingCompletions',
      limit: 5,
      used: 2,
    });

    // What cannot be acquired, or prepared, at the end undoes what is in front of it.
    const memory = bearer.allocate(8);
    const socket = new FixedFd(0);
    const twice = bearer.chain(new Recv({ socket, memory })).link(new Recv({ socket, memory }));
    await expect(twice.submit()).rejects.toMatchObject({ name: 'OwnerError' });
    expect(memory.owner.users).toBe(0);
    class Broken extends Nop {
      override prepare(): void {
        throw new Error('broken');
      }
    }
    const broken = bearer.chain(new Recv({ socket, memory })).link(new Broken());
    await expect(broken.submit()).rejects.toThrow('broken');
    expect(memory.owner.users).toBe(0);
    const busy = bearer.chain(new Nop()).link(wait[0]!);
    await expect(busy.submit()).rejects.toMatchObject({ code: 'OPERATION_IN_FLIGHT' });
    expect(bearer.stats().submitted).toBe(submitted);
    expect(inUse(bearer)).toBe(2);
    for (const operation of wait) bearer.cancel(operation);
    if (driver === 'manual') {
      while (inUse(bearer) > 0) {
        bearer.submitAndWait(1, 5);
        bearer.handleCompletions();
      }
    } else await settled(bearer);
    memory.release();
  });

  test('refuses what cannot be a chain', async () => {
    const bearer = make(driver, {}, { disableOpcodes: [11] });
    const nop = new Nop();
    expect(() => bearer.chain(new RecvMulti({ socket: new FixedFd(0), group: 1 }))).toThrow(
      /completes many times/,
    );
    expect(() => bearer.chain(nop).link(nop)).toThrow(/is in the chain already/);
    expect(() => bearer.chain(nop).timeout(1).timeout(2)).toThrow(TypeError);
    expect(() => bearer.chain(nop).timeout(-1)).toThrow(RangeError);
    await expect(
      bearer
        .chain(nop)
        .link(new Timeout({ milliseconds: 1 }))
        .submit(),
    ).rejects.toMatchObject({ code: 'UNSUPPORTED_OPCODE' });
    bearer.push(new Nop(), SubmissionFlags.LINK);
    await expect(bearer.chain(nop).submit()).rejects.toMatchObject({ code: 'CHAIN_OPEN' });
    const last = bearer.submit(new Nop());
    expect(await driven(bearer, last)).toBe(0);
    expect(await driven(bearer, bearer.chain(nop).submitOrThrow())).toEqual([0]);
  });

  test('close() ends a chain, with all outcomes', async () => {
    const bearer = make(driver);
    const outcomes = bearer
      .chain(new Nop())
      .link(new Timeout({ milliseconds: 60_000 }))
      .hardLink(new Timeout({ milliseconds: 60_000 }))
      .submit();
    await sleep(2);
    await bearer.close();
    expect((await outcomes).map(brief)).toEqual([0, 'aborted -1', 'aborted -1']);
    await expect(bearer.chain(new Nop()).submit()).rejects.toMatchObject({ code: 'BEARER_CLOSED' });
  });
});

test('a chain in the background does not change what its elements bring', async () => {
  const bearer = make('embedded');
  const [ours, theirs] = await fixture.pair(SocketType.STREAM);
  const memory = bearer.allocate(4);
  const chain = bearer.chain(new Recv({ socket: ours, memory })).timeout({ milliseconds: 2000 });
  const received = chain.submitOrThrow({ background: true });
  await bearer.submit(new Send({ socket: theirs, data: encode('ping') }));
  expect(await received).toEqual([expect.objectContaining({ length: 4 }), 'in-time']);
  memory.release();
});
