import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FixedFd, TargetFd } from '@ringbearer/io-uring-fd';
import {
  AddressFamily,
  Close,
  Connect,
  Nop,
  OpenAt,
  PollAdd,
  Read,
  Recv,
  Send,
  Socket,
  SocketType,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse } from '../test-support/bearers.js';
import { brief, driven } from '../test-support/chains.js';
import { encode, KernelFixture } from '../test-support/kernel-fixture.js';
import {
  type BearerCapacity,
  type BearerOptions,
  type Chain,
  type ChainCanceledError,
  ChainError,
  type ChainOutcome,
  type DriverKind,
  type UringBearer,
} from './index.js';

const fixture = new KernelFixture();
const make = bearerMaker();
const FAIL = { result: -5 };

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
      let chain: Chain<readonly unknown[]> = bearer.chain(new Timeout({ milliseconds: 1 }));
      for (let i = 0; i < 10; i++) {
        chain = chain.link(new Timeout({ milliseconds: i === 9 ? 60_000 : 1 }));
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
