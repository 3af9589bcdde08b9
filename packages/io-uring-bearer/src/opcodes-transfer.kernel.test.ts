// The opcodes that move bytes, against the kernel this runs on.

import { TargetFd } from '@ringbearer/io-uring-fd';
import {
  AddressFamily,
  AsyncCancel,
  Bind,
  type Cqe,
  ProvideBuffers,
  Read,
  Recv,
  RecvMulti,
  RemoveBuffers,
  Send,
  SendZc,
  Shutdown,
  ShutdownHow,
  SocketType,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { encode, KernelFixture, sleep } from '../test-support/kernel-fixture.js';
import { olderThan } from './kernel-version.js';

const { INET, UNIX } = AddressFamily;
const { STREAM, DGRAM } = SocketType;
const fixture = new KernelFixture();
const { run, failure } = fixture;

describe('Recv and Send', () => {
  test('move bytes between memory, arrays and direct descriptors', async () => {
    for (const into of [TargetFd.raw, TargetFd.auto]) {
      const [receiver, sender] = await fixture.pair(STREAM, into);
      const source = fixture.bearer.allocate(100);
      source.fill(encode('0123456789'));
      const send = new Send({ socket: sender, data: source, offset: 2, length: 5 });
      expect(await run(send)).toBe(5);
      expect(source.owner.name).toBe('Returned');
      expect(await run(send.set(encode('abc')))).toBe(3);
      const target = fixture.bearer.allocate(100);
      const recv = new Recv({
        socket: receiver,
        memory: target,
        offset: 10,
        length: 8,
        waitAll: true,
      });
      expect(await run(recv)).toEqual({
        length: 8,
        bufferId: -1,
        bufferOffset: 0,
        socketNonEmpty: false,
      });
      expect(Buffer.from(target.unsafe.bytes.subarray(10, 18)).toString()).toBe('23456abc');
    }
  });

  test('the same operations are used again and again', async () => {
    const [receiver, sender] = await fixture.pair(DGRAM);
    const memory = fixture.bearer.allocate(16);
    const recv = new Recv({ socket: receiver, memory });
    const send = new Send({ socket: sender, data: new Uint8Array(1) });
    for (let i = 1; i <= 50; i++) {
      const [sent, received] = await Promise.all([
        run(send.set(new Uint8Array(16), 0, (i % 16) + 1)),
        run(recv),
      ]);
      expect(received.length).toBe(sent);
      memory.reuse();
    }
  });

  test('peek leaves the bytes, the end of a stream is 0', async () => {
    const [receiver, sender] = await fixture.pair(STREAM);
    await run(new Send({ socket: sender, data: encode('hello') }));
    const peek = await run(
      new Recv({ socket: receiver, memory: fixture.bearer.allocate(16), peek: true }),
    );
    expect(peek.length).toBe(5);
    await run(new Shutdown({ socket: sender, how: ShutdownHow.WR }));
    expect(
      (await run(new Recv({ socket: receiver, memory: fixture.bearer.allocate(16) }))).length,
    ).toBe(5);
    expect(
      (await run(new Recv({ socket: receiver, memory: fixture.bearer.allocate(16) }))).length,
    ).toBe(0);
  });

  test('a send to nobody is EPIPE, not a signal', async () => {
    const [receiver, sender] = await fixture.pair(STREAM);
    await run(new Shutdown({ socket: receiver, how: ShutdownHow.RDWR }));
    expect(await failure(new Send({ socket: sender, data: encode('x') }))).toBe('EPIPE');
  });

  test('waitAll sends more than the socket holds', async () => {
    const { ours, theirs } = await fixture.tcp();
    const data = new Uint8Array(8 << 20).fill(7);
    let arrived = 0;
    const whole = new Promise<void>((resolve) => {
      theirs.on('data', (chunk) => {
        arrived += chunk.length;
        if (arrived === data.length) resolve();
      });
    });
    expect(await run(new Send({ socket: ours, data }))).toBe(data.length);
    await whole;
    theirs.destroy();
  });

  test('a reset connection is ECONNRESET', async () => {
    const { ours, theirs } = await fixture.tcp();
    const reading = failure(
      new Recv({ socket: ours, memory: fixture.bearer.allocate(16), pollFirst: true }),
    );
    await sleep(5);
    theirs.resetAndDestroy();
    expect(await reading).toBe('ECONNRESET');
  });

  test('a datagram reaches its destination', async () => {
    const receiver = await fixture.socket(UNIX, DGRAM);
    const address = fixture.address();
    await run(new Bind({ socket: receiver, address }));
    const sender = await fixture.socket(UNIX, DGRAM);
    expect(
      await run(new Send({ socket: sender, data: encode('hello'), destination: address })),
    ).toBe(5);
    expect(
      (await run(new Recv({ socket: receiver, memory: fixture.bearer.allocate(16) }))).length,
    ).toBe(5);
  });

  test('memory comes back from a cancelled receive', async () => {
    const [receiver] = await fixture.pair(STREAM);
    const memory = fixture.bearer.allocate(16);
    const recv = new Recv({ socket: receiver, memory });
    const ended = failure(recv);
    expect(memory.owner.name).toBe('Kernel');
    expect(() => memory.fill(encode('x'))).toThrow(/kernel/);
    await run(new AsyncCancel({ key: recv }));
    expect(await ended).toBe('ECANCELED');
    expect(memory.owner.name).toBe('Returned');
  });

  test('bytes transferred in flight are noticed', async () => {
    const { ours, theirs } = await fixture.tcp();
    theirs.pause();
    const data = new Uint8Array(16 << 20);
    const sending = run(new Send({ socket: ours, data }));
    await sleep(5);
    const moved = structuredClone(data.buffer, { transfer: [data.buffer] });
    theirs.resume();
    await expect(sending).rejects.toThrow(/transferred/);
    expect(moved.byteLength).toBe(16 << 20);
    theirs.destroy();
  });
});

describe('RecvMulti', () => {
  test('takes buffers of a ring, and goes on after ENOBUFS', async () => {
    const [receiver, sender] = await fixture.pair(DGRAM);
    const ring = fixture.bearer.buffers.ring({ count: 2, bufferBytes: 64 });
    const stream = fixture.bearer.stream(new RecvMulti({ socket: receiver, group: ring.group }));
    for (let i = 0; i < 6; i++)
      await run(new Send({ socket: sender, data: encode(`datagram ${i}`) }));
    for (let i = 0; i < 6; i++) {
      const { value } = await stream.next();
      const lease = ring.lease(value.bufferId, value.length);
      expect(lease.toString()).toBe(`datagram ${i}`);
      lease.release();
    }
    expect(fixture.bearer.stats().noBuffers).toBeGreaterThan(0);
    await stream.return?.();
  });

  test('ends with the end of the stream', async () => {
    const { ours, theirs } = await fixture.tcp();
    const ring = fixture.bearer.buffers.ring({ count: 8, bufferBytes: 1024 });
    theirs.end('hello');
    const lengths: number[] = [];
    for await (const { length, bufferId } of fixture.bearer.stream(
      new RecvMulti({ socket: ours, group: ring.group }),
    )) {
      lengths.push(length);
      ring.lease(bufferId, length).release();
    }
    expect(lengths.reduce((sum, length) => sum + length)).toBe(5);
    expect(lengths).not.toContain(0);
    theirs.destroy();
  });

  test('with totalBytes ends once so much came, and leaves the rest to the next', async (context) => {
    context.skip(olderThan(fixture.bearer.probe().kernel, '6.17'), 'needs Linux 6.17');
    const { ours, theirs } = await fixture.tcp();
    const ring = fixture.bearer.buffers.ring({ count: 64, bufferBytes: 1024 });
    theirs.end(Buffer.alloc(20_000, 'x'));
    await sleep(50);
    const receive = new RecvMulti({ socket: ours, group: ring.group, totalBytes: 4096 });
    let total = 0;
    let turns = 0;
    for (let over = false; !over; turns++) {
      let turn = 0;
      await new Promise<void>((resolve) => {
        receive.handler = (cqe) => {
          if (cqe.res > 0) ring.recycle(cqe.bufferId);
          else over = true;
          turn += Math.max(0, cqe.res);
          if (!cqe.more) resolve();
        };
        fixture.bearer.push(receive);
      });
      expect(turn).toBeLessThan(4096 + 1024);
      total += turn;
    }
    expect(total).toBe(20_000);
    expect(turns).toBeGreaterThanOrEqual(5);
    theirs.destroy();
  });

  test('one group serves many sockets', async () => {
    const ring = fixture.bearer.buffers.ring({ count: 16, bufferBytes: 64 });
    const pairs = await Promise.all([
      fixture.pair(DGRAM),
      fixture.pair(DGRAM),
      fixture.pair(DGRAM),
    ]);
    const streams = pairs.map(([receiver]) =>
      fixture.bearer.stream(new RecvMulti({ socket: receiver, group: ring.group })),
    );
    for (let i = 0; i < 9; i++) {
      const text = `to ${i % 3}, number ${i}`;
      await run(new Send({ socket: pairs[i % 3]![1], data: encode(text) }));
      const { value } = await streams[i % 3]!.next();
      const lease = ring.lease(value.bufferId, value.length);
      expect(lease.toString()).toBe(text);
      lease.release();
    }
    for (const stream of streams) await stream.return?.();
  });
});

describe('SendZc', () => {
  test('resolves once the memory is free', async (context) => {
    fixture.needs(context, 'SEND_ZC');
    const { ours, theirs } = await fixture.tcp();
    const memory = fixture.bearer.allocate(65_536);
    memory.fill(new Uint8Array(65_536).fill(9));
    const arrived = new Promise<number>((resolve) => {
      let bytes = 0;
      theirs.on('data', (chunk) => {
        bytes += chunk.length;
        if (bytes === 65_536) resolve(bytes);
      });
    });
    expect(await run(new SendZc({ socket: ours, data: memory }))).toEqual({
      length: 65_536,
      released: true,
      copied: true,
    });
    expect(memory.owner.name).toBe('Returned');
    expect(await arrived).toBe(65_536);
    theirs.destroy();
  });

  test('a handler sees two completions, and the record stays until the second', async (context) => {
    fixture.needs(context, 'SEND_ZC');
    const { ours, theirs } = await fixture.tcp();
    const memory = fixture.bearer.allocate(4096);
    const send = new SendZc({ socket: ours, data: memory });
    const seen: [boolean, boolean, string][] = [];
    const used = fixture.bearer.stats().capacity.PendingCompletions.used;
    await new Promise<void>((resolve) => {
      send.handler = (cqe: Cqe) => {
        seen.push([cqe.more, cqe.notification, memory.owner.name]);
        if (!cqe.more) resolve();
        else expect(fixture.bearer.stats().capacity.PendingCompletions.used).toBe(used + 1);
      };
      fixture.bearer.push(send);
    });
    expect(seen).toEqual([
      [true, false, 'Kernel'],
      [false, true, 'Returned'],
    ]);
    theirs.destroy();
  });

  test('an error brings its notification, too', async (context) => {
    fixture.needs(context, 'SEND_ZC');
    const [, sender] = await fixture.pair(STREAM);
    const memory = fixture.bearer.allocate(64);
    const send = new SendZc({ socket: sender, data: memory });
    expect(await failure(send)).toBe('EOPNOTSUPP');
    expect(memory.owner.name).toBe('Returned');
    memory.reuse();
    expect(await failure(send)).toBe('EOPNOTSUPP');
  });

  test('a datagram reaches its destination', async (context) => {
    fixture.needs(context, 'SEND_ZC');
    const { createSocket } = await import('node:dgram');
    const receiver = createSocket('udp4');
    await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', resolve));
    const arrived = new Promise<string>((resolve) =>
      receiver.once('message', (message) => resolve(message.toString())),
    );
    const destination = {
      family: 'IPv4',
      address: '127.0.0.1',
      port: receiver.address().port,
    } as const;
    const sender = await fixture.socket(INET, DGRAM, TargetFd.auto);
    const sent = await run(new SendZc({ socket: sender, data: encode('hello'), destination }));
    expect(sent).toMatchObject({ length: 5, released: true });
    expect(await arrived).toBe('hello');
    receiver.close();
  });
});

describe('ProvideBuffers and RemoveBuffers', () => {
  test('fill a group that Recv and Read pick from, and empty it', async () => {
    const [receiver, sender] = await fixture.pair(DGRAM);
    const group = fixture.bearer.buffers.classicGroup({ count: 4, bufferBytes: 64 });
    const provide = new ProvideBuffers(group.provision()!);
    await run(provide);
    for (let i = 0; i < 6; i++) {
      await run(new Send({ socket: sender, data: encode(`datagram ${i}`) }));
      const { length, bufferId } = await run(
        i % 2 === 0
          ? new Recv({ socket: receiver, group: group.group })
          : new Read({ descriptor: receiver, group: group.group, length: 64 }),
      );
      const lease = group.lease(bufferId, length);
      expect(lease.toString()).toBe(`datagram ${i}`);
      lease.release();
      await run(provide.set(group.provision()!));
    }
    const removed = await run(new RemoveBuffers(group.removal()!));
    expect(removed).toBe(4);
    group.removed(removed);
    await run(new Send({ socket: sender, data: encode('x') }));
    expect(await failure(new Recv({ socket: receiver, group: group.group }))).toBe('ENOBUFS');
  });
  test('a group that was never filled is ENOENT', async () => {
    expect(await failure(new RemoveBuffers({ group: 60_000, count: 1 }))).toBe('ENOENT');
  });
});
