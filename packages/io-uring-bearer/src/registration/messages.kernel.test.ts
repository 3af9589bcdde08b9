// The ring's own descriptor, and messages to it from threads with and without a ring.

import { closeSync, openSync } from 'node:fs';
import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import {
  Close,
  Mailbox,
  MsgRing,
  Nop,
  type OpCode,
  type OpCodeError,
  Pipe,
  PollAdd,
  Recv,
  SocketType,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker, settled } from '../../test-support/bearers.js';
import { KernelFixture, openDescriptors, sleep } from '../../test-support/kernel-fixture.js';
import { startRole } from '../../test-support/registration-worker.js';
import { RegistrationError, sendToRing, type UringBearer } from '../index.js';

const fixture = new KernelFixture();
const make = bearerMaker();
const keyOf = ({ slot, generation }: OpCode<unknown>) => ({ slot, generation });

/** A mailbox in flight, and what arrived in it. */
function mailboxOf(bearer: UringBearer): { mailbox: Mailbox; received: number[] } {
  const mailbox = new Mailbox();
  const received: number[] = [];
  mailbox.handler = (cqe) => {
    if (cqe.more) received.push(cqe.res);
  };
  bearer.push(mailbox);
  bearer.flush();
  return { mailbox, received };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await sleep(2);
}

describe.each(['embedded', 'owner'] as const)('driver %s', (driver) => {
  test('sendToRing() in this thread: every 32-bit integer, in order', async () => {
    const bearer = make(driver);
    const { mailbox, received } = mailboxOf(bearer);
    const messages = [0, 1, -1, 0x7fff_ffff, -0x8000_0000, 0xffff_ffff];
    for (const message of messages) sendToRing(bearer.descriptor, keyOf(mailbox), message);
    await until(() => received.length === messages.length);
    expect(received).toEqual(messages.map((message) => message | 0));
  });

  test.each(['blind', 'bearer'])(
    '1000 messages of a Worker (%s) arrive, in order',
    async (role) => {
      const bearer = make(driver, { CompletionQueue: 4096 });
      const { mailbox, received } = mailboxOf(bearer);
      const data = { ring: bearer.descriptor.number, key: keyOf(mailbox), count: 1000, driver };
      const { next, ended } = startRole(role, data);
      expect(await next()).toBe('sent');
      await ended;
      await until(() => received.length === 1000);
      expect(received).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
      expect(bearer.stats().stale).toBe(0);
    },
  );

  test("wakes a Worker's ring that waits", async () => {
    const { next, ended } = startRole('receiver', { driver });
    const { ring, key } = (await next()) as {
      ring: number;
      key: { slot: number; generation: number };
    };
    for (const message of [7, -7]) {
      sendToRing(new RawFd(ring), key, message);
      expect(await next()).toBe(message);
    }
    const bearer = make('embedded');
    await bearer.submit(new MsgRing({ ring: new RawFd(ring), key, message: 8 }));
    expect(await next()).toBe(8);
    sendToRing(new RawFd(ring), key, 0);
    expect(await next()).toBe(0);
    await ended;
    expect(() => sendToRing(new RawFd(ring), key, 1)).toThrow(RegistrationError);
  });

  test('a message reaches nothing but a mailbox, whatever its key names', async () => {
    const bearer = make(driver);
    const timer = new Timeout({ milliseconds: 3_600_000 });
    const recv = new Recv({
      socket: (await fixture.pair(SocketType.DGRAM))[0],
      memory: bearer.allocate(8),
    });
    const ended: string[] = [];
    for (const operation of [timer, recv]) {
      bearer.submit(operation as OpCode<unknown>).then(
        () => ended.push('a result'),
        (error: OpCodeError) => ended.push(error.code),
      );
    }
    bearer.flush();
    const { stale, completed } = bearer.stats();
    const { slot, generation } = timer;
    const keys = [
      keyOf(timer),
      keyOf(recv),
      { slot, generation: generation + 1 },
      { slot: 1000, generation },
      // What the driver 'owner' names its own poll.
      { slot: 0xffff_ffff, generation: 0xffff_ffff },
    ];
    const own = make('embedded');
    for (const key of keys) {
      for (const message of [0, 8, 1 << 30, -1]) {
        sendToRing(bearer.descriptor, key, message);
        await own.submit(new MsgRing({ ring: bearer.descriptor, key, message }));
      }
    }
    await until(() => bearer.stats().stale >= stale + 40);
    expect(bearer.stats()).toMatchObject({ completed, stale: stale + 40 });
    expect([timer.inFlight, recv.inFlight, ended]).toEqual([true, true, []]);
    await bearer.close();
    expect(ended).toEqual(['ECANCELED', 'ECANCELED']);
  });

  test('a mailbox that ended, and one that took its slot', async () => {
    const bearer = make(driver);
    const { mailbox, received } = mailboxOf(bearer);
    const key = keyOf(mailbox);
    bearer.cancel(mailbox);
    await settled(bearer);
    const next = mailboxOf(bearer);
    const { stale } = bearer.stats();
    sendToRing(bearer.descriptor, key, 5);
    await until(() => bearer.stats().stale > stale);
    expect([received, next.received]).toEqual([[], []]);
    sendToRing(bearer.descriptor, keyOf(next.mailbox), 6);
    await until(() => next.received.length > 0);
    expect(next.received).toEqual([6]);
  });

  test('more messages than the completion queue holds are refused, or kept: none is lost', async () => {
    const bearer = make(driver, { CoreQueue: 8, CompletionQueue: 16 });
    const { mailbox, received } = mailboxOf(bearer);
    const sent: number[] = [];
    for (let message = 1; message <= 100; message++) {
      try {
        sendToRing(bearer.descriptor, keyOf(mailbox), message);
        sent.push(message);
      } catch (error) {
        expect((error as RegistrationError).message).toMatch(/EOVERFLOW.*send again later/);
      }
    }
    await until(() => received.length === sent.length);
    expect(received).toEqual(sent);
    expect(sent.length).toBeGreaterThanOrEqual(16);
  });
});

test('the descriptor: readable for another ring when there are completions', async () => {
  const watched = make('embedded');
  const watcher = make('owner');
  const seen = watcher.submit(new PollAdd({ descriptor: watched.descriptor, events: 1 }));
  watcher.flush();
  const { readEnd, writeEnd } = await watcher.submit(new Pipe());
  await watched.submit(new Nop());
  expect(await seen).toBe(1);
  for (const descriptor of [readEnd, writeEnd]) await watcher.submit(new Close({ descriptor }));
});

test('the descriptor cannot be closed through a ring', async () => {
  const bearer = make('embedded');
  for (const closer of [bearer, make('owner')]) {
    const closing = closer.submit(new Close({ descriptor: bearer.descriptor }));
    expect(await closing.catch((error: OpCodeError) => error.code)).toBe('EBADF');
  }
  await bearer.submit(new Nop());
});

test('sendToRing() with bad arguments, to no ring, and to one that is closed', async () => {
  const bearer = make('embedded');
  const { mailbox, received } = mailboxOf(bearer);
  const key = keyOf(mailbox);
  const ring = bearer.descriptor;
  for (const wrong of [undefined, null, 3, {}, new FixedFd(1)]) {
    expect(() => sendToRing(wrong as never, key, 1)).toThrow(TypeError);
  }
  for (const wrong of [undefined, null, 7]) {
    expect(() => sendToRing(ring, wrong as never, 1)).toThrow(TypeError);
  }
  expect(() => sendToRing(ring, new Mailbox(), 1)).toThrow(/key.slot/);
  for (const message of [2 ** 32, -(2 ** 31) - 1, 0.5, Number.NaN]) {
    expect(() => sendToRing(ring, key, message)).toThrow(RangeError);
  }
  const file = new RawFd(openSync('/dev/null', 'r'));
  expect(() => sendToRing(file, key, 1)).toThrow(/EBADFD.*is no ring/);
  closeSync(file.number);
  expect(() => sendToRing(file, key, 1)).toThrow(/EBADF\)/);
  expect(received).toEqual([]);
  await bearer.close();
  expect(() => sendToRing(ring, key, 1)).toThrow(RegistrationError);
});

test('nothing stays open', async () => {
  const before = openDescriptors();
  for (let i = 0; i < 10; i++) {
    const bearer = make('embedded');
    const { mailbox } = mailboxOf(bearer);
    for (let message = 0; message < 8; message++) sendToRing(bearer.descriptor, keyOf(mailbox), 1);
    await bearer.close();
  }
  expect(openDescriptors()).toBe(before);
});
