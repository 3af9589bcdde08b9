import { FixedFd } from '@ringbearer/io-uring-fd';
import { Nop, Recv, RecvMulti, SubmissionFlags, Timeout } from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse, settled } from '../test-support/bearers.js';
import { brief, driven } from '../test-support/chains.js';
import { KernelFixture, sleep } from '../test-support/kernel-fixture.js';
import type { Chain } from './index.js';

// Skips where there is no io_uring.
new KernelFixture();
const make = bearerMaker();

describe.each(['embedded', 'owner', 'manual'] as const)('chain() with driver %s', (driver) => {
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
      let chain: Chain<readonly unknown[]> = bearer.chain(new Timeout({ milliseconds: 1 }));
      for (let i = 1; i < 8; i++) chain = chain.link(new Nop({ result: i }));
      const results: readonly unknown[] = await driven(bearer, chain.submitOrThrow());
      expect(results.slice(1)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    }
  });

  test('all or nothing', async () => {
    const bearer = make(driver, { CoreQueue: 4, PendingCompletions: 5 });
    const chainOf = (count: number) => {
      let chain: Chain<readonly unknown[]> = bearer.chain(new Nop());
      for (let i = 1; i < count; i++) chain = chain.link(new Nop());
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
