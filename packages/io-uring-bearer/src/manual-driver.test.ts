import { Nop, RecvMulti, Send, SocketType, Timeout } from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse } from '../test-support/bearers.js';
import { encode, KernelFixture } from '../test-support/kernel-fixture.js';

const fixture = new KernelFixture();
const make = bearerMaker();

describe('driver manual', () => {
  test('nothing happens by itself', async () => {
    const bearer = make('manual');
    const nop = new Nop();
    let calls = 0;
    nop.handler = () => calls++;
    bearer.push(nop);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(calls).toBe(0);
    expect(bearer.handleCompletions()).toBe(0);
    expect(bearer.submitAndWait()).toBe(1);
    expect(bearer.handleCompletions()).toBe(1);
    expect(calls).toBe(1);
  });

  test('submitAndWait() bounds the wait, and checks its arguments', () => {
    const bearer = make('manual');
    bearer.push(new Timeout({ milliseconds: 60_000 }));
    const start = performance.now();
    bearer.submitAndWait(1, 20);
    bearer.submitAndWait(1, 0.0001);
    bearer.submitAndWait(1, 0);
    bearer.submitAndWait(0);
    expect(performance.now() - start).toBeGreaterThan(15);
    // The operation has not completed: none of them waited for it.
    expect(bearer.handleCompletions()).toBe(0);
    expect(bearer.stats().capacity.PendingCompletions.used).toBe(1);
    expect(() => bearer.submitAndWait(-1)).toThrow(RangeError);
    expect(() => bearer.submitAndWait(1.5)).toThrow(RangeError);
    expect(() => bearer.submitAndWait(1, -1)).toThrow(RangeError);
    expect(() => bearer.submitAndWait(1, Number.NaN)).toThrow(RangeError);
    expect(() => bearer.handleCompletions(-1)).toThrow(RangeError);
    expect(() => bearer.handleCompletions(Number.NaN)).toThrow(RangeError);
  });

  test('handleCompletions() stops at the limit', () => {
    const bearer = make('manual');
    for (let i = 0; i < 10; i++) bearer.push(new Nop());
    bearer.submitAndWait(10);
    expect([
      bearer.handleCompletions(0),
      bearer.handleCompletions(3),
      bearer.handleCompletions(),
    ]).toEqual([0, 3, 7]);
  });

  test('forget frees a record, retain keeps it until forget(key)', () => {
    const bearer = make('manual', { PendingCompletions: 2 });
    const keys = [bearer.push(new Nop({ result: 1 })), bearer.push(new Nop({ result: 2 }))];
    expect(() => bearer.forget(keys[0]!)).toThrow(
      expect.objectContaining({ code: 'OPERATION_IN_FLIGHT' }),
    );
    bearer.submitAndWait(2);
    const seen: number[] = [];
    bearer.handleCompletions(9, (operation, cqe) => {
      seen.push(operation.complete(cqe) as number);
      return cqe.res === 1 ? 'retain' : 'forget';
    });
    expect(seen).toEqual([1, 2]);
    expect(inUse(bearer)).toBe(1);
    bearer.push(new Nop());
    expect(() => bearer.push(new Nop())).toThrow(expect.objectContaining({ code: 'AT_CAPACITY' }));
    bearer.cancel(keys[0]!);
    bearer.forget(keys[0]!);
    bearer.forget(keys[0]!);
    expect(inUse(bearer)).toBe(1);
    bearer.push(new Nop());
  });

  test('what is retained does not keep close() waiting', async () => {
    const bearer = make('manual');
    bearer.push(new Nop());
    bearer.submitAndWait();
    bearer.handleCompletions(1, () => 'retain');
    await bearer.close();
  });

  test('a record that is not final is never freed, whatever the answer', async () => {
    const bearer = make('manual');
    const [ours, theirs] = await fixture.pair(SocketType.DGRAM);
    const ring = bearer.buffers.ring({ count: 4, bufferBytes: 64 });
    bearer.push(new RecvMulti({ socket: ours, group: ring.group }));
    for (const text of ['one', 'two']) {
      await fixture.run(new Send({ socket: theirs, data: encode(text) }));
      bearer.submitAndWait();
      bearer.handleCompletions(9, (_, cqe) => {
        expect([cqe.more, cqe.res]).toEqual([true, 3]);
        ring.lease(cqe.bufferId, cqe.res).release();
        return 'forget';
      });
      expect(inUse(bearer)).toBe(1);
    }
  });

  test('submit() settles when driven', async () => {
    const bearer = make('manual');
    const abort = new AbortController();
    const promise = bearer.submit(new Timeout({ milliseconds: 60_000 }), { signal: abort.signal });
    bearer.submitAndWait(0);
    abort.abort();
    bearer.submitAndWait(2);
    bearer.handleCompletions();
    await expect(promise).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('a handler cannot drain within a drain; it can close the bearer', async () => {
    const bearer = make('manual');
    const nop = new Nop();
    let closing: Promise<void> | undefined;
    nop.handler = () => {
      expect(bearer.handleCompletions()).toBe(0);
      closing = bearer.close();
    };
    bearer.push(nop);
    bearer.push(new Timeout({ milliseconds: 60_000 }));
    bearer.submitAndWait();
    bearer.handleCompletions();
    await closing;
    expect(() => bearer.handleCompletions()).toThrow(
      expect.objectContaining({ code: 'BEARER_CLOSED' }),
    );
    expect(() => bearer.submitAndWait()).toThrow(
      expect.objectContaining({ code: 'BEARER_CLOSED' }),
    );
    expect(bearer.flush()).toBe(0);
  });

  test('belongs to the manual driver alone', () => {
    const bearer = make('embedded');
    expect(() => bearer.submitAndWait()).toThrow("driver is 'embedded'");
    expect(() => bearer.handleCompletions()).toThrow(
      "construct the bearer with { driver: 'manual' }",
    );
  });

  test('a completion queue that ran over loses nothing', () => {
    const bearer = make('manual', { CoreQueue: 8, CompletionQueue: 8, PendingCompletions: 5000 });
    let seen = 0;
    for (let i = 0; i < 5000; i++) {
      const nop = new Nop();
      nop.handler = () => seen++;
      bearer.push(nop);
    }
    while (inUse(bearer) > 0) {
      bearer.submitAndWait(1, 100);
      bearer.handleCompletions();
    }
    expect(seen).toBe(5000);
    expect(bearer.stats()).toMatchObject({ stale: 0, completed: 5000 });
  });
});
