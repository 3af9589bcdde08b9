// SubmissionFlags.DRAIN: what waits for what, with everything else that may be in flight. docs/decisions/0012.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  Nop,
  type OpCode,
  PollAdd,
  Recv,
  RecvMulti,
  Send,
  SocketType,
  SubmissionFlags,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse } from '../test-support/bearers.js';
import { KernelFixture } from '../test-support/kernel-fixture.js';
import type { UringBearer } from './index.js';

const { DRAIN, LINK, HARD_LINK, SKIP_SUCCESS, NONE } = SubmissionFlags;
const POLL_IN = 1;
const fixture = new KernelFixture();
const make = bearerMaker();

describe.each(['embedded', 'owner', 'manual'] as const)('driver %s', (driver) => {
  /** Goes on until `done`: the manual driver needs somebody to turn it. */
  const until = async (bearer: UringBearer, done: () => boolean) => {
    const deadline = performance.now() + 10_000;
    while (!done()) {
      if (performance.now() > deadline) throw new Error(`hangs: ${JSON.stringify(bearer.stats())}`);
      if (driver === 'manual' && !bearer.closed) {
        bearer.submitAndWait(1, 2);
        bearer.handleCompletions();
      }
      await sleep(1);
    }
  };
  const over = (bearer: UringBearer) => until(bearer, () => inUse(bearer) === 0);
  /** Pushes what notes its name and result when it ends. */
  const notes = (bearer: UringBearer) => {
    const ended: string[] = [];
    const push = <T extends OpCode<unknown>>(
      name: string,
      operation: T,
      flags: number = NONE,
    ): T => {
      operation.handler = (cqe) => {
        if (!cqe.more) ended.push(cqe.res === -125 ? `${name} cancelled` : name);
      };
      bearer.push(operation, flags);
      return operation;
    };
    return { ended, push };
  };
  const soon = () => new Timeout({ milliseconds: 10 });
  const never = () => new Timeout({ milliseconds: 60_000 });

  test('a drain waits for what went before, and what comes behind waits for it', async () => {
    const bearer = make(driver);
    const { ended, push } = notes(bearer);
    push('before', soon());
    push('drain', soon(), DRAIN);
    push('behind', new Nop());
    push('second drain', soon(), DRAIN);
    push('last', new Nop());
    await over(bearer);
    expect(ended).toEqual(['before', 'drain', 'behind', 'second drain', 'last']);
  });

  test('later submissions complete, whatever was queued behind a drain', async () => {
    const bearer = make(driver);
    for (let i = 0; i < 10; i++) {
      const { ended, push } = notes(bearer);
      push('before', soon());
      push('drain', new Nop(), DRAIN);
      push('behind', new Nop());
      await over(bearer);
      push('later', new Nop());
      await over(bearer);
      expect(ended).toEqual(['before', 'drain', 'behind', 'later']);
    }
  });

  test('an operation that goes on behind a drain holds up nothing', async () => {
    const bearer = make(driver);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    const memory = bearer.allocate(16);
    const ring = bearer.buffers.ring({ count: 4, bufferBytes: 32 });
    const { ended, push } = notes(bearer);
    push('before', soon());
    push('drain', new Nop(), DRAIN);
    const recv = push('recv', new Recv({ socket: theirs, memory }));
    const multi = push('multi', new RecvMulti({ socket: ours, group: ring.group }));
    push('behind', new Nop());
    await until(bearer, () => ended.includes('behind'));
    for (let i = 0; i < 5; i++) {
      push(`later ${i}`, new Nop());
      await until(bearer, () => ended.includes(`later ${i}`));
    }
    expect([recv.inFlight, multi.inFlight]).toEqual([true, true]);
    bearer.cancel(multi);
    bearer.cancel(recv);
    await over(bearer);
    expect(ended.slice(-2).sort()).toEqual(['multi cancelled', 'recv cancelled']);
    memory.release();
  });

  test('is refused while a multishot operation is in flight or waits, and allowed after its end', async () => {
    const bearer = make(driver);
    const [ours] = await fixture.pair(SocketType.STREAM);
    const { ended, push } = notes(bearer);
    const refused = expect.objectContaining({
      code: 'MULTISHOT_IN_FLIGHT',
      message: expect.stringMatching(/multishot POLL_ADD.*cancel it/),
    });
    const poll = () => new PollAdd({ descriptor: ours, events: POLL_IN, multishot: true });
    const nop = new Nop();
    const first = push('multi', poll());
    expect(() => bearer.push(nop, DRAIN)).toThrow(refused);
    if (driver !== 'manual') {
      await expect(bearer.chain(nop).submit({ drain: true })).rejects.toEqual(refused);
      await expect(bearer.submit(nop, { flags: DRAIN })).rejects.toEqual(refused);
    }
    expect(nop.inFlight).toBe(false);
    expect(inUse(bearer)).toBe(1);
    bearer.cancel(first);
    await over(bearer);
    push('before', soon());
    push('drain', new Nop(), DRAIN);
    const held = push('multi', poll());
    expect(() => bearer.push(nop, DRAIN)).toThrow(refused);
    bearer.cancel(held);
    await over(bearer);
    expect(ended).toContain('drain');
    push('last', nop, DRAIN);
    await over(bearer);
    expect(ended.at(-1)).toBe('last');
  });

  test('cancels what waits, at once, and what it held up goes on', async () => {
    const bearer = make(driver);
    const { ended, push } = notes(bearer);
    const long = push('long', never());
    const drain = push('drain', new Nop(), DRAIN);
    const behind = push('behind', new Nop());
    push('free', new Nop());
    bearer.cancel(behind);
    bearer.cancel(behind);
    await until(bearer, () => ended.length === 1);
    bearer.cancel(drain);
    await until(bearer, () => ended.length === 3);
    expect(ended.slice(0, 2)).toEqual(['behind cancelled', 'drain cancelled']);
    expect(ended[2]).toBe('free');
    expect(long.inFlight).toBe(true);
    bearer.cancel(long);
    await over(bearer);
    expect(ended.at(-1)).toBe('long cancelled');
    const { submitted, completed, stale } = bearer.stats();
    expect([completed, stale]).toEqual([submitted, 0]);
  });

  test('cancelling the head of a chain that waits cancels what is linked, and runs what is hard-linked', async () => {
    const bearer = make(driver);
    const { ended, push } = notes(bearer);
    const long = push('long', never());
    push('drain', new Nop(), DRAIN);
    const soft = push('soft', new Nop(), LINK);
    const second = push('soft 2', new Nop(), HARD_LINK);
    push('soft 3', new Nop());
    const hard = push('hard', new Nop(), HARD_LINK);
    push('hard 2', new Nop());
    bearer.cancel(second); // as in the kernel: nothing, as others link to it
    bearer.cancel(soft);
    bearer.cancel(hard);
    await until(bearer, () => ended.length >= 3);
    expect(ended).toEqual(['soft cancelled', 'soft 2 cancelled', 'hard cancelled']);
    bearer.cancel(long);
    await over(bearer);
    expect(ended.slice(3)).toEqual(['long cancelled', 'drain', 'soft 3', 'hard 2']);
  });

  test('a chain that waits goes as one, as far as it got in its turn', async () => {
    const bearer = make(driver, { CoreQueue: 4 });
    const { ended, push } = notes(bearer);
    push('before', soon());
    push('drain', new Nop(), DRAIN);
    push('fails', new Nop({ result: -5 }), LINK);
    push('linked', new Nop(), LINK);
    expect(() => bearer.push(new Nop(), DRAIN)).toThrow(
      expect.objectContaining({ code: 'CHAIN_OPEN' }),
    );
    // The turn ends, and the chain with it.
    if (driver === 'manual') bearer.flush();
    else await sleep(2);
    push('alone', new Nop());
    await over(bearer);
    expect(ended.slice(0, 3)).toEqual(['before', 'drain', 'fails']);
    expect(ended.slice(3).sort()).toEqual(['alone', 'linked cancelled']);

    push('before', soon());
    push('drain', new Nop(), DRAIN);
    for (let i = 0; i < 4; i++) push('link', new Nop(), LINK);
    expect(() => bearer.push(new Nop())).toThrow(
      expect.objectContaining({ code: 'SUBMISSION_QUEUE_FULL' }),
    );
    await over(bearer);
    expect(ended).toHaveLength(11);
  });

  test('is refused between the links of a chain, which goes on', async () => {
    const bearer = make(driver);
    const { ended, push } = notes(bearer);
    push('fails', new Nop({ result: -5 }), LINK);
    expect(() => bearer.push(new Nop(), DRAIN)).toThrow(
      expect.objectContaining({
        code: 'CHAIN_OPEN',
        message: expect.stringContaining('first element'),
      }),
    );
    push('linked', new Nop());
    await over(bearer);
    expect(ended).toEqual(['fails', 'linked cancelled']);
  });

  test('a chain may drain, whether or not anything is in flight', async () => {
    const bearer = make(driver);
    for (const busy of [false, true]) {
      const { ended, push } = notes(bearer);
      if (busy) push('before', soon());
      push('first', soon(), DRAIN | LINK);
      push('second', soon());
      push('behind', new Nop());
      await over(bearer);
      expect(ended).toEqual([...(busy ? ['before'] : []), 'first', 'second', 'behind']);
    }
  });

  test('takes more than the submission queue holds, and no more than PendingCompletions', async () => {
    const bearer = make(driver, { CoreQueue: 2, PendingCompletions: 100 });
    const { ended, push } = notes(bearer);
    push('before', soon());
    push('drain', new Nop(), DRAIN);
    for (let i = 0; i < 98; i++) push(String(i), new Nop());
    const extra = new Nop();
    expect(() => bearer.push(extra)).toThrow(expect.objectContaining({ code: 'AT_CAPACITY' }));
    expect(extra.inFlight).toBe(false);
    await over(bearer);
    expect(ended).toEqual(['before', 'drain', ...Array.from({ length: 98 }, (_, i) => String(i))]);
    push('last', extra);
    await over(bearer);
  });

  test('an operation that cannot be prepared changes nothing', async () => {
    const bearer = make(driver);
    const { ended, push } = notes(bearer);
    const lease = bearer.allocate(8);
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    push('before', soon());
    push('drain', new Nop(), DRAIN);
    const recv = push('recv', new Recv({ socket: ours, memory: lease }));
    expect(recv.inFlight).toBe(true);
    // The memory is the other one's, which waits.
    expect(() => bearer.push(new Send({ socket: theirs, data: lease }))).toThrow();
    expect(inUse(bearer)).toBe(3);
    bearer.cancel(recv);
    await over(bearer);
    expect(ended).toContain('recv cancelled');
    lease.release();
  });

  test('queues are resized around what waits, unless a chain would not fit', async (context) => {
    if (driver === 'embedded') context.skip('rings of the embedded driver cannot be resized');
    const bearer = make(driver, { CoreQueue: 16 });
    const { ended, push } = notes(bearer);
    const before = push('before', never());
    push('drain', new Nop(), DRAIN);
    for (let i = 0; i < 4; i++) push(String(i), new Nop(), i < 3 ? LINK : NONE);
    await sleep(0);
    await expect(bearer.resize({ CoreQueue: 2 })).rejects.toMatchObject({
      code: 'RESIZE_BUSY',
      message: expect.stringContaining('chain of 4 entries'),
    });
    await bearer.resize({ CoreQueue: 4 });
    bearer.cancel(before);
    await over(bearer);
    expect(ended).toEqual(['before cancelled', 'drain', '0', '1', '2', '3']);
  });

  test('close() cancels what waits', async () => {
    const bearer = make(driver);
    const { ended, push } = notes(bearer);
    const lease = bearer.allocate(8);
    const [ours] = await fixture.pair(SocketType.STREAM);
    push('long', never());
    push('drain', new Recv({ socket: ours, memory: lease }), DRAIN);
    push('skip', new Nop(), SKIP_SUCCESS);
    push('open', new Nop(), LINK);
    await bearer.close();
    expect(ended.sort()).toEqual([
      'drain cancelled',
      'long cancelled',
      'open cancelled',
      'skip cancelled',
    ]);
    expect(inUse(bearer)).toBe(0);
    expect(lease.owner.name).not.toBe('Kernel');
  });

  test('handlers may submit, drain, cancel and throw', async () => {
    const bearer = make(driver);
    const { ended, push } = notes(bearer);
    const before = soon();
    const noted = push('before', before).handler!;
    let rest: Nop;
    before.handler = (cqe) => {
      noted(cqe);
      push('from handler', new Nop());
      push('drain from handler', new Nop(), DRAIN);
      bearer.cancel(rest);
    };
    push('drain', new Nop(), DRAIN);
    rest = push('rest', new Nop());
    await over(bearer);
    expect(ended[0]).toBe('before');
    expect(ended.indexOf('rest cancelled')).toBeGreaterThan(0);
    expect(ended.filter((name) => name !== 'rest cancelled')).toEqual([
      'before',
      'drain',
      'from handler',
      'drain from handler',
    ]);
  });

  test('in any order of operations, drains and chains: nothing overtakes a drain, and nothing hangs', async () => {
    const step = fc.record({
      kind: fc.constantFrom('nop', 'nop', 'fail', 'timeout'),
      flags: fc.constantFrom(NONE, NONE, NONE, DRAIN, DRAIN, LINK, HARD_LINK, LINK | DRAIN),
      next: fc.constantFrom('go on', 'go on', 'go on', 'turn', 'cancel'),
      pick: fc.nat(1000),
    });
    const bearer = make(driver, { CoreQueue: 4, CompletionQueue: 64 });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const pushed: { drains: boolean; unit: number; operation: OpCode<unknown> }[] = [];
        const ended: number[] = [];
        const cancelled = new Set<number>();
        let unit = 0;
        let linked = false;
        for (const { kind, flags, next, pick } of steps) {
          const operation: OpCode<unknown> =
            kind === 'timeout'
              ? new Timeout({ milliseconds: pick % 3 })
              : new Nop({ result: kind === 'fail' ? -5 : 0 });
          const index = pushed.length;
          operation.handler = (cqe) => {
            ended.push(index);
            if (cqe.res === -125) cancelled.add(index);
          };
          try {
            bearer.push(operation, flags);
            if (!linked) unit++;
            pushed.push({ drains: (flags & DRAIN) !== 0, unit, operation });
            linked = (flags & (LINK | HARD_LINK)) !== 0;
          } catch (error) {
            expect(['CHAIN_OPEN', 'SUBMISSION_QUEUE_FULL']).toContain(
              (error as { code: string }).code,
            );
          }
          if (next === 'cancel' && pushed.length > 0) {
            bearer.cancel(pushed[pick % pushed.length]!.operation);
          } else if (next === 'turn') {
            if (driver === 'manual') {
              bearer.submitAndWait(0);
              bearer.handleCompletions(2);
            }
            await sleep(0);
            linked = false;
          }
        }
        await over(bearer);
        expect(ended.length).toBe(pushed.length);
        const at = new Map(ended.map((index, place) => [index, place]));
        for (const [index, { drains, unit }] of pushed.entries()) {
          if (!drains || cancelled.has(index)) continue;
          for (const [other, { unit: its }] of pushed.entries()) {
            if (its === unit || cancelled.has(other)) continue;
            const place = at.get(other)! - at.get(index)!;
            expect(its < unit ? place : -place).toBeLessThan(0);
          }
        }
        bearer.push(new Nop());
        await over(bearer);
      }),
      { numRuns: 60, endOnFailure: false },
    );
  }, 60_000);
});

describe('driver manual', () => {
  test('submitAndWait() does not wait for what is held', async () => {
    const bearer = make('manual');
    const order: string[] = [];
    for (const [name, flags] of [
      ['before', NONE],
      ['drain', DRAIN],
      ['behind', NONE],
    ] as const) {
      const nop = new Nop();
      nop.handler = () => order.push(name);
      bearer.push(nop, flags);
    }
    // What is held can add nothing: a wait for three would last until the bound, which is more than a test may.
    for (let left = 3; left > 0; left--) {
      bearer.submitAndWait(left, 60_000);
      expect(bearer.handleCompletions()).toBe(1);
    }
    expect(order).toEqual(['before', 'drain', 'behind']);
  });

  test('what was retained has completed: a drain does not wait for it', async () => {
    const bearer = make('manual');
    const key = bearer.push(new Nop());
    bearer.push(new Nop(), DRAIN);
    bearer.submitAndWait(1, 10_000);
    expect(bearer.handleCompletions(1, () => 'retain')).toBe(1);
    bearer.submitAndWait(1, 10_000);
    expect(bearer.handleCompletions(1, () => 'forget')).toBe(1);
    bearer.forget(key);
  });

  test('delivers cancelled entries within the limit', async () => {
    const bearer = make('manual');
    const keys = [bearer.push(new Timeout({ milliseconds: 60_000 }))];
    for (let i = 0; i < 5; i++) keys.push(bearer.push(new Nop(), DRAIN));
    for (const key of keys.slice(1)) bearer.cancel(key);
    const results: number[] = [];
    const note = (_: OpCode<unknown>, { res }: { res: number }) => {
      results.push(res);
      return 'forget' as const;
    };
    expect(bearer.handleCompletions(2, note)).toBe(2);
    // They are there: nothing is to be waited for.
    bearer.submitAndWait(1, 10_000);
    expect(bearer.handleCompletions(10, note)).toBe(3);
    expect(results).toEqual([-125, -125, -125, -125, -125]);
  });
});
