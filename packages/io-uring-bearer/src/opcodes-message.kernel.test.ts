// Messages, vectors and bundles on sockets, against the kernel this runs on.

import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Descriptor, TargetFd } from '@ringbearer/io-uring-fd';
import {
  AddressFamily,
  Bind,
  Close,
  type Cqe,
  OpenAt,
  OpenFlag,
  ProvideBuffers,
  Read,
  Recv,
  RecvMsg,
  RecvMsgMulti,
  RecvMulti,
  RecvZc,
  Send,
  SendGroup,
  SendMsg,
  SendMsgZc,
  Sendv,
  Shutdown,
  ShutdownHow,
  SocketType,
} from '@ringbearer/io-uring-opcode';
import { Owner } from '@ringbearer/io-uring-owner';
import { describe, expect, test } from 'vitest';
import { encode, KernelFixture, openDescriptors } from '../test-support/kernel-fixture.js';

const { INET, UNIX } = AddressFamily;
const { STREAM, DGRAM } = SocketType;
const fixture = new KernelFixture();
const { run, failure } = fixture;

/** A bound UDP socket of node:dgram, and its port. */
const udp = async () => {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, port: socket.address().port };
};
/** A bound datagram socket of ours, and its address. */
const bound = async (into = TargetFd.raw) => {
  const address = fixture.address();
  const socket = await fixture.socket(UNIX, DGRAM, into);
  await run(new Bind({ socket, address }));
  return { socket, address };
};
/** All bytes up to the end of a stream. */
const drain = async (socket: Descriptor): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  const memory = fixture.bearer.allocate(65_536);
  for (;;) {
    const { length } = await run(new Recv({ socket, memory }));
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(memory.toBytes().subarray(0, length));
    memory.reuse();
  }
};

describe('SendMsg and RecvMsg', () => {
  test('UDP: parts, destination and peer', async () => {
    const { socket: theirs, port } = await udp();
    const ours = await fixture.socket(INET, DGRAM);
    await run(
      new Bind({ socket: ours, address: { family: 'IPv4', address: '127.0.0.1', port: 0 } }),
    );
    const arrived = once(theirs, 'message');
    const send = new SendMsg({
      socket: ours,
      data: [encode('a datagram'), encode(' in '), encode('parts')],
      destination: { family: 'IPv4', address: '127.0.0.1', port },
    });
    expect(await run(send)).toBe(19);
    const [message, from] = (await arrived) as [Buffer, { port: number }];
    expect(message.toString()).toBe('a datagram in parts');
    theirs.send('back again', from.port, '127.0.0.1');
    const [head, tail] = [fixture.bearer.allocate(5), fixture.bearer.allocate(64)];
    const receive = new RecvMsg({ socket: ours, memory: [head, tail] });
    expect(await run(receive)).toMatchObject({
      length: 10,
      peer: { family: 'IPv4', address: '127.0.0.1', port },
      truncated: false,
    });
    expect([head.toString(), tail.toString('utf8', 0, 5)]).toEqual(['back ', 'again']);
    head.reuse();
    tail.reuse();
    theirs.send('too long for it', from.port, '127.0.0.1');
    expect(await run(receive.set([{ memory: head, length: 3 }]))).toMatchObject({
      length: 3,
      truncated: true,
    });
    theirs.close();
  });

  test('descriptors are passed, also many, and the rest is closed', async () => {
    const path = join(fixture.folder, 'passed');
    writeFileSync(path, 'passed on');
    const { socket: receiver, address } = await bound();
    const sender = await fixture.socket(UNIX, DGRAM);
    const file = fixture.kept(await run(new OpenAt({ path })));
    const send = (count: number) =>
      run(
        new SendMsg({
          socket: sender,
          data: [encode('x')],
          destination: address,
          descriptors: new Array(count).fill(file),
        }),
      );
    const memory = fixture.bearer.allocate(16);
    const receive = new RecvMsg({
      socket: receiver,
      memory: [memory],
      peer: false,
      descriptorsMax: 46,
    });
    for (const count of [1, 2, 46]) {
      const before = openDescriptors();
      await send(count);
      const { descriptors, controlTruncated } = await run(receive);
      memory.reuse();
      expect([descriptors.length, controlTruncated]).toEqual([count, false]);
      expect(openDescriptors()).toBe(before + count);
      for (const descriptor of descriptors) {
        const info = readFileSync(`/proc/self/fdinfo/${descriptor.number}`, 'utf8');
        const flags = Number.parseInt(/flags:\s+(\d+)/.exec(info)![1]!, 8);
        expect(flags & OpenFlag.CLOEXEC).not.toBe(0);
      }
      const text = fixture.bearer.allocate(32);
      await run(new Read({ descriptor: descriptors[0]!, memory: text, position: 0 }));
      expect(text.toString('utf8', 0, 9)).toBe('passed on');
      for (const descriptor of descriptors) await run(new Close({ descriptor }));
    }
    await send(200);
    const cut = await run(receive);
    // The room is a multiple of 8 bytes, so the kernel may find place for one more.
    expect(cut.descriptors.length).toBeGreaterThanOrEqual(46);
    expect(cut.controlTruncated).toBe(true);
    for (const descriptor of cut.descriptors) await run(new Close({ descriptor }));
  });

  test('a stream of many parts arrives whole', async () => {
    const [receiver, sender] = await fixture.pair(STREAM, TargetFd.auto);
    const parts = Array.from({ length: 200 }, (_, i) => encode(`part ${i} `));
    const sent = run(new SendMsg({ socket: sender, data: parts }));
    const whole = Buffer.concat(parts);
    expect(await sent).toBe(whole.length);
    await run(new Shutdown({ socket: sender, how: ShutdownHow.WR }));
    expect((await drain(receiver)).equals(whole)).toBe(true);
    const memory = fixture.bearer.allocate(8);
    const end = await run(new RecvMsg({ socket: receiver, memory: [memory], pollFirst: true }));
    expect([end.length, end.peer]).toEqual([0, null]);
  });

  test('from a group, and errors', async () => {
    const { socket: receiver, address } = await bound();
    const { socket: sender, address: from } = await bound();
    const ring = fixture.bearer.buffers.ring({ count: 2, bufferBytes: 64 });
    await run(new SendMsg({ socket: sender, data: [encode('grouped')], destination: address }));
    const got = await run(new RecvMsg({ socket: receiver, group: ring.group }));
    const lease = ring.lease(got.bufferId, got.length);
    expect([lease.toString(), got.peer]).toEqual(['grouped', from]);
    lease.release();
    const socket = await fixture.socket(UNIX, STREAM);
    expect(await failure(new SendMsg({ socket, data: [encode('x')] }))).toBe('ENOTCONN');
    const closed = await run(new OpenAt({ path: '/dev/null' }));
    await run(new Close({ descriptor: closed }));
    const bad = new SendMsg({
      socket: sender,
      data: [encode('x')],
      destination: address,
      descriptors: [closed as never],
    });
    expect(await failure(bad)).toBe('EBADF');
    const memory = fixture.bearer.allocate(8);
    expect(await failure(new RecvMsg({ socket: closed, memory: [memory] }))).toBe('EBADF');
    expect(memory.owner.name).toBe('Returned');
  });
});

describe('RecvMsgMulti', () => {
  test('UDP messages with their senders, more than there are buffers', async () => {
    const { socket: theirs, port } = await udp();
    const { socket: others, port: otherPort } = await udp();
    const ours = await fixture.socket(INET, DGRAM);
    const any = { family: 'IPv4', address: '127.0.0.1', port: 0 } as const;
    await run(new Bind({ socket: ours, address: any }));
    const ring = fixture.bearer.buffers.ring({ count: 4, bufferBytes: 256 });
    const receive = new RecvMsgMulti({ socket: ours, group: ring.group });
    // Its own port is learnt from a first message.
    const first = once(theirs, 'message');
    const destination = { ...any, port };
    await run(new Send({ socket: ours, data: encode('?'), destination }));
    const [, from] = (await first) as [Buffer, { port: number }];
    const stream = fixture.bearer.stream(receive);
    for (let i = 0; i < 20; i++) {
      const [sender, senderPort] = i % 2 === 0 ? [theirs, port] : [others, otherPort];
      sender.send(`message ${i}`, from.port, '127.0.0.1');
      const { value } = await stream.next();
      const lease = ring.lease(value.bufferId, value.length);
      const message = receive.message(lease.toBytes());
      expect(Buffer.from(message.payload).toString()).toBe(`message ${i}`);
      expect(message.peer).toEqual({ ...any, port: senderPort });
      lease.release();
    }
    theirs.send(Buffer.alloc(500, 'x'), from.port, '127.0.0.1');
    const { value } = await stream.next();
    const lease = ring.lease(value.bufferId, value.length);
    const long = receive.message(lease.toBytes());
    expect([long.payload.length, long.truncated]).toEqual([256 - receive.headerBytes, true]);
    lease.release();
    await stream.return?.();
    theirs.close();
    others.close();
  });

  test('buffers shorter than the header are EFAULT', async () => {
    const { socket, address } = await bound();
    const sender = await fixture.socket(UNIX, DGRAM);
    await run(new Send({ socket: sender, data: encode('x'), destination: address }));
    const ring = fixture.bearer.buffers.ring({ count: 2, bufferBytes: 64 });
    const stream = fixture.bearer.stream(new RecvMsgMulti({ socket, group: ring.group }));
    await expect(stream.next()).rejects.toMatchObject({ code: 'EFAULT' });
  });
});

describe('Sendv', () => {
  test('head and body in one operation', async (context) => {
    const [receiver, sender] = await fixture.pair(STREAM, TargetFd.auto);
    const body = randomBytes(200_000);
    const send = new Sendv({ socket: sender, data: [encode('head\r\n'), body, encode('tail')] });
    const sending = run(send).catch((error) => {
      if (error.code === 'EINVAL') context.skip('this kernel has no vectorized SEND');
      throw error;
    });
    const whole = drain(receiver);
    expect(await sending).toBe(200_010);
    const lease = fixture.bearer.allocate(4);
    lease.fill(encode('more'));
    expect(await run(send.set([lease, { memory: lease, offset: 2 }]))).toBe(6);
    expect(lease.owner.name).toBe('Returned');
    await run(new Shutdown({ socket: sender, how: ShutdownHow.WR }));
    const expected = Buffer.concat([encode('head\r\n'), body, encode('tailmorere')]);
    expect((await whole).equals(expected)).toBe(true);
  });
});

describe('bundles', () => {
  test('one completion fills a run of buffers', async (context) => {
    if (!fixture.bearer.probe().features.includes('RECVSEND_BUNDLE')) {
      context.skip('this kernel has no bundles');
    }
    for (const multi of [false, true]) {
      const [receiver, sender] = await fixture.pair(STREAM);
      const ring = fixture.bearer.buffers.ring({ count: 8, bufferBytes: 16 });
      await run(new Send({ socket: sender, data: Buffer.from('0123456789abcdef'.repeat(3)) }));
      const options = { socket: receiver, group: ring.group, bundle: true };
      let got = { length: 0, bufferId: -1 };
      if (multi) {
        const stream = fixture.bearer.stream(new RecvMulti(options));
        got = (await stream.next()).value;
        await stream.return?.();
      } else {
        got = await run(new Recv(options));
      }
      expect(got).toMatchObject({ length: 48, bufferId: 0 });
    }
  });

  test('a group is sent in its order, and then it is empty', async (context) => {
    if (!fixture.bearer.probe().features.includes('RECVSEND_BUNDLE')) {
      context.skip('this kernel has no bundles');
    }
    const [receiver, sender] = await fixture.pair(STREAM);
    const memory = fixture.bearer.allocate(40);
    memory.fill(encode('first     second    third     fourth    '));
    const group = 77;
    const provision = {
      owner: new Owner({ shared: true }),
      byteLength: 40,
      unsafe: memory.unsafe,
      group,
      firstBid: 0,
      count: 4,
      bufferBytes: 10,
    };
    await run(new ProvideBuffers(provision));
    const one = new SendGroup({ socket: sender, group });
    const ids: number[] = [];
    for (let i = 0; i < 2; i++) ids.push((await run(one)).bufferId);
    let sent = 0;
    for await (const { length } of fixture.bearer.stream(
      new SendGroup({ socket: sender, group, bundle: true }),
    )) {
      sent += length;
    }
    while ((await run(one)).length > 0) sent += 10;
    await run(new Shutdown({ socket: sender, how: ShutdownHow.WR }));
    expect([ids.length, sent, (await drain(receiver)).length]).toEqual([2, 20, 40]);
  });
});

describe('zero copy', () => {
  test('SendMsgZc reports, notifies and gives the memory back', async () => {
    const { socket: theirs, port } = await udp();
    const socket = await fixture.socket(INET, DGRAM);
    const arrived = once(theirs, 'message');
    const lease = fixture.bearer.allocate(1000);
    lease.fill(randomBytes(1000));
    const send = new SendMsgZc({
      socket,
      data: [encode('head '), lease],
      destination: { family: 'IPv4', address: '127.0.0.1', port },
    });
    const seen: [number, boolean][] = [];
    const done = new Promise<void>((resolve) => {
      send.handler = (cqe: Cqe) => {
        seen.push([cqe.res, cqe.notification]);
        if (!cqe.more) resolve();
        else expect(lease.owner.name).toBe('Kernel');
      };
    });
    fixture.bearer.push(send);
    await done;
    expect(seen.map(([, notification]) => notification)).toEqual([false, true]);
    expect([seen[0]![0], lease.owner.name]).toEqual([1005, 'Returned']);
    expect(((await arrived) as [Buffer])[0].length).toBe(1005);
    lease.reuse();
    expect(await run(send)).toMatchObject({ length: 1005, released: true });
    theirs.close();
    const [, unix] = await fixture.pair(STREAM);
    expect(await failure(new SendMsgZc({ socket: unix, data: [encode('x')] }))).toBe('EOPNOTSUPP');
  });

  test('RecvZc without an interface queue is refused by the kernel', async (context) => {
    fixture.needs(context, 'RECV_ZC');
    const { ours, theirs } = await fixture.tcp();
    const stream = fixture.bearer.stream(new RecvZc({ socket: ours }));
    await expect(stream.next()).rejects.toMatchObject({ code: 'EINVAL' });
    theirs.destroy();
  });
  test('RecvZc receives', (context) => {
    context.skip(
      'needs a network card with header split, CAP_NET_ADMIN, and a ring with 32-byte completions',
    );
  });
});
