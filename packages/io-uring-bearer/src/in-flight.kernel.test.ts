// Whether the kernel holds an operation is for its bearer to know. Nothing that a program does to the object changes that: else memory
// comes back to its user while the kernel still writes it.

import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RawFd } from '@ringbearer/io-uring-fd';
import {
  defineOpCode,
  Nop,
  type OpCode,
  OpNumber,
  Read,
  Recv,
  Send,
  SocketType,
  SubmissionFlags,
  Timeout,
  Writev,
} from '@ringbearer/io-uring-opcode';
import { conformance } from '@ringbearer/io-uring-opcode/conformance';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse, settled } from '../test-support/bearers.js';
import { encode, KernelFixture } from '../test-support/kernel-fixture.js';
import { parseTrace, RingTrace, replay } from './index.js';

const fixture = new KernelFixture();
const make = bearerMaker();
const IN_FLIGHT = expect.objectContaining({ code: 'OPERATION_IN_FLIGHT' });
const LIES = ['slot', 'generation', 'inFlight'] as const;

/** What scripts can do to an object to have it say that it is idle. */
const WAYS: Readonly<Record<string, (operation: OpCode<unknown>) => void>> = {
  'members that are written over': (operation) => {
    for (const name of LIES) {
      try {
        (operation as unknown as Record<string, number>)[name] = -1;
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it refuses: as good as not listening
      }
    }
  },
  'own properties': (operation) => {
    for (const name of LIES)
      Object.defineProperty(operation, name, { value: -1, configurable: true });
  },
  'own accessors': (operation) => {
    let asked = 0;
    for (const name of LIES)
      Object.defineProperty(operation, name, {
        configurable: true,
        get: () => (asked++ % 2 === 0 ? -1 : 7),
      });
  },
  'another prototype': (operation) => {
    const prototype = Object.create(Object.getPrototypeOf(operation) as object);
    for (const name of LIES) Object.defineProperty(prototype, name, { value: -1 });
    Object.setPrototypeOf(operation, prototype as object);
  },
};

describe.each(Object.entries(WAYS))('an operation in flight with %s', (_, lie) => {
  test('returns no memory but what the kernel is done with', async () => {
    const { bearer } = fixture;
    const other = make('embedded');
    const [receiver, sender] = await fixture.pair(SocketType.STREAM);
    const pool = bearer.buffers.pool({ count: 2, bufferBytes: 8 });
    const [first, second] = [pool.take(), pool.take()];
    const read = new Read({ descriptor: receiver, memory: first });
    let finals = 0;
    read.handler = () => finals++;
    const key = bearer.push(read);
    lie(read);
    expect(() => read.set(second)).toThrow(/the kernel holds it/);
    expect(() => bearer.push(read)).toThrow(IN_FLIGHT);
    expect(() => bearer.push(read, SubmissionFlags.DRAIN)).toThrow(IN_FLIGHT);
    expect(() => other.push(read)).toThrow(IN_FLIGHT);
    await expect(bearer.submit(read)).rejects.toThrow(IN_FLIGHT);
    await expect(other.chain(new Nop()).link(read).submit()).rejects.toThrow(IN_FLIGHT);
    expect(() => first.release()).toThrow();
    expect([inUse(bearer), inUse(other), first.owner.name, second.owner.idle]).toEqual([
      1,
      0,
      'Kernel',
      true,
    ]);
    await bearer.submit(new Send({ socket: sender, data: encode('bytes') }));
    await settled(bearer);
    expect([finals, first.toString('latin1', 0, 5), first.owner.name]).toEqual([
      1,
      'bytes',
      'Returned',
    ]);

    // It is as good as before, whatever it says: also its key is the bearer's.
    first.owner.reuse();
    lie(read);
    const next = other.push(read.set(second));
    expect(second.owner.name).toBe('Kernel');
    bearer.cancel(key);
    other.cancel(next);
    await settled(other);
    expect([finals, second.owner.name]).toEqual([2, 'Returned']);
    for (const lease of [first, second]) lease.release();
  });

  test('keeps its array of parts', async () => {
    const { bearer } = fixture;
    const path = join(fixture.folder, `parts-${Math.random()}`);
    const descriptor = fixture.kept(new RawFd(openSync(path, 'w')));
    const parts = Array.from({ length: 40 }, (_, index) => encode(`${index};`));
    const write = new Writev({ descriptor, data: parts, position: 0 });
    bearer.push(write);
    lie(write);
    expect(() => write.set([...parts, ...parts])).toThrow(/the kernel holds it/);
    expect(() => bearer.push(write)).toThrow(IN_FLIGHT);
    await settled(bearer);
    expect(readFileSync(path, 'latin1')).toBe(parts.map((part) => `${Buffer.from(part)}`).join(''));
  });

  test('keeps its buffer group open', async () => {
    const { bearer } = fixture;
    const [receiver] = await fixture.pair(SocketType.STREAM);
    const ring = bearer.buffers.ring({ count: 2, bufferBytes: 64 });
    const recv = new Recv({ socket: receiver, group: ring.group });
    const key = bearer.push(recv);
    lie(recv);
    expect(() => ring.unregister()).toThrow(expect.objectContaining({ code: 'BUFFER_IN_USE' }));
    bearer.cancel(key);
    await settled(bearer);
    ring.unregister();
  });

  test('is not set free by what stands in for a bearer', async () => {
    const trace = new RingTrace();
    const traced = make('embedded', {}, { trace });
    await traced.submit(new Timeout({ milliseconds: 0 }));
    const bearer = make('embedded');
    const timeout = new Timeout({ milliseconds: 60_000 });
    const key = bearer.push(timeout);
    lie(timeout);
    expect(() => replay(parseTrace(trace.toJsonLines()), () => timeout)).toThrow(/in flight/);
    const rules: (() => void)[] = [];
    conformance({ test: (_name, rule) => rules.push(rule) }, { make: () => timeout });
    for (const rule of rules) {
      try {
        rule();
      } catch {} // of an operation that is not new most cannot hold
    }
    expect(() => bearer.push(timeout)).toThrow(IN_FLIGHT);
    bearer.cancel(key);
    await settled(bearer);
  });
});

test('subclasses that answer for themselves are operations as others', async () => {
  const { bearer } = fixture;
  class Sly extends Timeout {}
  for (const name of LIES) Object.defineProperty(Sly.prototype, name, { get: () => -1 });
  class Fields extends Timeout {
    constructor(options: { milliseconds: number }) {
      super(options);
      for (const name of LIES) Object.defineProperty(this, name, { value: -1, writable: true });
    }
  }
  for (const Kind of [Sly, Fields]) {
    const timeout = new Kind({ milliseconds: 60_000 });
    for (let round = 0; round < 2; round++) {
      const key = bearer.push(timeout);
      expect(() => bearer.push(timeout)).toThrow(IN_FLIGHT);
      bearer.cancel(key);
      await settled(bearer);
    }
  }
});

test('a frozen operation is submitted as any other, again and again', async () => {
  const { bearer } = fixture;
  const nop = new Nop({ result: 3 });
  Object.freeze(nop);
  for (let round = 0; round < 2; round++) {
    const ended = bearer.submit(nop);
    expect([nop.inFlight, nop.slot >= 0]).toEqual([true, true]);
    expect(() => bearer.push(nop)).toThrow(IN_FLIGHT);
    expect(await ended).toBe(3);
    expect([nop.inFlight, nop.slot]).toEqual([false, -1]);
  }
});

test('proxies and look-alikes are no operations', async () => {
  const { bearer } = fixture;
  const timeout = new Timeout({ milliseconds: 60_000 });
  const nop = new Nop();
  const lookAlike = Object.assign(Object.create(Nop.prototype) as Nop, { code: 0, name: 'NOP' });
  const copy = { code: 0, name: 'NOP', slot: -1, acquire() {}, prepare() {}, release() {} };
  const key = bearer.push(timeout);
  const wrongs: OpCode<unknown>[] = [
    new Proxy(nop, {}),
    new Proxy(timeout, {
      get: (target, name) => (name === 'slot' ? -1 : Reflect.get(target, name)),
    }),
    lookAlike,
    copy as never,
  ];
  const refused = /Cannot submit as it must be an operation/;
  for (const wrong of wrongs) {
    expect(() => bearer.push(wrong)).toThrow(refused);
    await expect(bearer.submit(wrong)).rejects.toThrow(refused);
    await expect(bearer.chain(new Nop()).link(wrong).submit()).rejects.toThrow(refused);
  }
  expect(inUse(bearer)).toBe(1);
  bearer.cancel(key);
  await settled(bearer);
});

test('an operation that is given to another bearer while it is asked for its entry is in flight once', async () => {
  const { bearer } = fixture;
  const other = make('embedded');
  let elsewhere: () => void = () => {};
  const Straying = defineOpCode<object>({
    name: 'NOP',
    code: OpNumber.NOP,
    since: '5.1',
    prepare: () => elsewhere(),
  });
  const [straying, last] = [new Straying({}), new Straying({})];
  const keys: ReturnType<typeof other.push>[] = [];
  elsewhere = () => {
    elsewhere = () => {};
    keys.push(other.push(straying));
  };
  expect(() => bearer.push(straying)).toThrow(IN_FLIGHT);
  await settled(other);
  // The first of a chain, while the second is asked.
  let asked = 0;
  elsewhere = () => {
    if (++asked === 2) keys.push(other.push(straying));
  };
  await expect(bearer.chain(straying).link(last).submit()).rejects.toThrow(IN_FLIGHT);
  expect([keys.length, inUse(bearer), inUse(other)]).toEqual([2, 0, 1]);
  await settled(other);
  elsewhere = () => {};
  expect(await bearer.submit(straying)).toBe(0);
});
