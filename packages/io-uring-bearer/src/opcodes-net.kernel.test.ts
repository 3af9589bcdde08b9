// The opcodes that make and connect sockets, against the kernel this runs on.

import { readFileSync } from 'node:fs';
import { connect as connectNode, createServer, type Socket as NodeSocket } from 'node:net';
import { join } from 'node:path';
import { type Descriptor, FixedFd, TargetFd } from '@ringbearer/io-uring-fd';
import {
  Accept,
  AcceptMulti,
  AddressFamily,
  AsyncCancel,
  Bind,
  Close,
  Connect,
  Listen,
  Recv,
  Send,
  Shutdown,
  ShutdownHow,
  Socket,
  type SocketAddress,
  SocketType,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { encode, KernelFixture, openDescriptors, sleep } from '../test-support/kernel-fixture.js';

const { INET, INET6, UNIX } = AddressFamily;
const { STREAM, DGRAM } = SocketType;
const fixture = new KernelFixture();
const { run, failure } = fixture;

describe('Accept', () => {
  test.each([
    ['127.0.0.1', 'IPv4'],
    ['::1', 'IPv6'],
  ])('knows the peer on %s', async (address, family) => {
    const listener = fixture.bearer.listen({ address });
    const { port } = listener.address as { port: number };
    const client = connectNode(port, address);
    const { descriptor, peer } = await run(new Accept({ listener: listener.descriptor }));
    expect(peer).toEqual({ family, address, port: client.localPort });
    client.destroy();
    await run(new Close({ descriptor }));
    await listener.close();
  });

  test.each([
    ['a path', () => join(fixture.folder, 'peer.sock')],
    ['an abstract name', () => `\0peer-${process.pid}`],
    ['no name', () => ''],
  ])('knows a Unix peer with %s', async (_, path) => {
    const name: SocketAddress = { family: 'Unix', path: path() };
    const address = fixture.address();
    const listener = await fixture.socket(UNIX, STREAM);
    await run(new Bind({ socket: listener, address }));
    await run(new Listen({ socket: listener }));
    const client = await fixture.socket(UNIX, STREAM);
    if (name.path !== '') await run(new Bind({ socket: client, address: name }));
    const accept = new Accept({ listener });
    const [{ descriptor, peer }] = await Promise.all([
      run(accept),
      run(new Connect({ socket: client, address })),
    ]);
    fixture.kept(descriptor);
    expect(peer).toEqual(name);
  });

  test('into a slot, into any slot, without peer, from a direct listener', async () => {
    const address = fixture.address();
    const listener = await fixture.socket(UNIX, STREAM, TargetFd.auto);
    await run(new Bind({ socket: listener, address }));
    await run(new Listen({ socket: listener }));
    for (const into of [TargetFd.slot(9), TargetFd.auto]) {
      const client = await fixture.socket(UNIX, STREAM);
      const [accepted] = await Promise.all([
        run(new Accept({ listener, into, peer: false })),
        run(new Connect({ socket: client, address })),
      ]);
      fixture.kept(accepted.descriptor);
      expect(accepted.descriptor.direct).toBe(true);
      expect(accepted.peer).toBe(null);
      if (into.automatic) expect(accepted.descriptor.number).not.toBe(9);
      else expect(accepted.descriptor.number).toBe(9);
      await run(new Send({ socket: accepted.descriptor, data: encode('hi') }));
      const { length } = await run(
        new Recv({ socket: client, memory: fixture.bearer.allocate(16) }),
      );
      expect(length).toBe(2);
    }
  });

  test('fails on what does not listen, and ends when cancelled', async () => {
    expect(await failure(new Accept({ listener: await fixture.socket(INET, STREAM) }))).toBe(
      'EINVAL',
    );
    const listener = fixture.bearer.listen({});
    const accept = new Accept({ listener: listener.descriptor });
    const ended = failure(accept);
    expect(await run(new AsyncCancel({ key: accept }))).toBe(1);
    expect(await ended).toBe('ECANCELED');
    await listener.close();
  });
});

describe('AcceptMulti', () => {
  test.each([false, true])('accepts one after the other, direct: %s', async (direct) => {
    const listener = fixture.bearer.listen({});
    const { port } = listener.address as { port: number };
    const clients: NodeSocket[] = [];
    const stream = fixture.bearer.stream(
      new AcceptMulti({ listener: listener.descriptor, direct }),
    );
    const numbers = new Set<number>();
    for (let i = 0; i < 5; i++) {
      clients.push(connectNode(port, '127.0.0.1'));
      const { value } = await stream.next();
      expect(value.direct).toBe(direct);
      numbers.add(value.number);
      await run(new Send({ socket: value, data: encode(String(i)) }));
      fixture.kept(value);
    }
    expect(numbers.size).toBe(5);
    await stream.return?.();
    for (const client of clients) client.destroy();
    await listener.close();
  });

  test('EMFILE, here ENFILE of the full table, is an error that ends it', async () => {
    const listener = fixture.bearer.listen({});
    const { port } = listener.address as { port: number };
    const clients = Array.from({ length: 20 }, () => connectNode(port, '127.0.0.1'));
    for (const client of clients) client.on('error', () => {});
    const accepted: Descriptor[] = [];
    const reading = (async () => {
      for await (const one of fixture.bearer.stream(
        new AcceptMulti({ listener: listener.descriptor, direct: true }),
      )) {
        accepted.push(fixture.kept(one));
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'ENFILE', syscall: 'accept' });
    expect(accepted.length).toBeLessThanOrEqual(16);
    expect(accepted.length).toBeGreaterThanOrEqual(15);
    for (const client of clients) client.destroy();
    await listener.close();
  });

  test('connections nobody took are closed', async () => {
    const listener = fixture.bearer.listen({});
    const { port } = listener.address as { port: number };
    const before = openDescriptors();
    const stream = fixture.bearer.stream(new AcceptMulti({ listener: listener.descriptor }));
    const clients = await Promise.all(
      Array.from({ length: 4 }, () => {
        const client = connectNode(port, '127.0.0.1');
        return new Promise<NodeSocket>((resolve) => client.once('connect', () => resolve(client)));
      }),
    );
    let ended = 0;
    for (const client of clients) client.resume().once('close', () => ended++);
    await sleep(20);
    await stream.return?.();
    for (let i = 0; i < 50 && ended < clients.length; i++) await sleep(10);
    expect(ended).toBe(clients.length);
    expect(openDescriptors()).toBeLessThanOrEqual(before);
    await listener.close();
  });
});

describe('Socket', () => {
  test('regular descriptors are close-on-exec, and non-blocking where asked', async () => {
    const flags = (fd: Descriptor) =>
      Number.parseInt(
        /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd.number}`, 'utf8'))![1]!,
        8,
      );
    const blocking = await fixture.socket(INET, STREAM);
    const nonBlocking = fixture.kept(
      await run(new Socket({ family: INET6, type: DGRAM, nonBlocking: true })),
    );
    expect(flags(blocking) & 0o2004000).toBe(0o2000000);
    expect(flags(nonBlocking) & 0o2004000).toBe(0o2004000);
  });
  test('goes into a slot, replacing what was there', async () => {
    for (let i = 0; i < 2; i++) {
      const slot = await run(new Socket({ family: INET, type: STREAM, into: TargetFd.slot(3) }));
      expect(slot).toEqual(new FixedFd(3));
    }
    await run(new Close({ descriptor: new FixedFd(3) }));
  });
  test('fails on families that are none', async () => {
    expect(await failure(new Socket({ family: 255, type: STREAM }))).toBe('EAFNOSUPPORT');
  });
});

describe('Connect', () => {
  test('reaches servers of node:net over IPv4 and IPv6', async () => {
    for (const [family, address, name] of [
      [INET, '127.0.0.1', 'IPv4'],
      [INET6, '::1', 'IPv6'],
    ] as const) {
      const server = createServer((peer) => peer.end('welcome'));
      await new Promise<void>((resolve) => server.listen(0, address, resolve));
      const { port } = server.address() as { port: number };
      const client = await run(new Socket({ family, type: STREAM }));
      await run(new Connect({ socket: client, address: { family: name, address, port } }));
      const memory = fixture.bearer.allocate(64);
      const { length } = await run(new Recv({ socket: client, memory, waitAll: true }));
      expect(memory.toString().slice(0, length)).toBe('welcome');
      await run(new Close({ descriptor: client }));
      await new Promise((resolve) => server.close(resolve));
    }
  });
  test('fails where nobody listens, and works on a second try', async () => {
    const listener = fixture.bearer.listen({});
    const address = listener.address;
    const client = await fixture.socket(INET, STREAM);
    const operation = new Connect({
      socket: client,
      address: { family: 'IPv4', address: '127.0.0.1', port: 1 },
    });
    expect(await failure(operation)).toBe('ECONNREFUSED');
    await run(operation.set(client, address));
    await listener.close();
  });
  test.each([
    ['regular', undefined],
    ['direct', TargetFd.auto],
  ])('of null resets a connection, whose peer is told (%s descriptor)', async (_, into) => {
    const listener = fixture.bearer.listen({});
    const client = await fixture.socket(INET, STREAM, into);
    const [{ descriptor }] = await Promise.all([
      run(new Accept({ listener: listener.descriptor })),
      run(new Connect({ socket: client, address: listener.address })),
    ]);
    fixture.kept(descriptor);
    const memory = fixture.bearer.allocate(8);
    const waiting = failure(new Recv({ socket: descriptor, memory }));
    await run(new Connect({ socket: client, address: null }));
    expect(await waiting).toBe('ECONNRESET');
    await listener.close();
  });
  test('of null is nothing to a Unix socket', async () => {
    const client = await fixture.socket(UNIX, STREAM);
    expect(await failure(new Connect({ socket: client, address: null }))).toBe('EINVAL');
  });
  test('of null lets a datagram socket send to nobody', async () => {
    const [one, other] = [await fixture.socket(INET, DGRAM), await fixture.socket(INET, DGRAM)];
    const address = { family: 'IPv4', address: '127.0.0.1', port: 9 } as const;
    await run(new Connect({ socket: one, address }));
    await run(new Send({ socket: one, data: encode('x') }));
    await run(new Connect({ socket: one, address: null }));
    expect(await failure(new Send({ socket: one, data: encode('x') }))).toBe('EDESTADDRREQ');
    expect(await failure(new Send({ socket: other, data: encode('x') }))).toBe('EDESTADDRREQ');
  });
});

describe('Bind and Listen', () => {
  test('a port bound twice is in use', async (context) => {
    fixture.needs(context, 'BIND', 'LISTEN');
    const listener = fixture.bearer.listen({});
    const bind = new Bind({
      socket: await fixture.socket(INET, STREAM),
      address: listener.address,
    });
    expect(await failure(bind)).toBe('EADDRINUSE');
    await listener.close();
    await run(bind);
  });
  test('datagram sockets do not listen', async (context) => {
    fixture.needs(context, 'LISTEN');
    expect(await failure(new Listen({ socket: await fixture.socket(INET, DGRAM) }))).toBe(
      'EOPNOTSUPP',
    );
  });
});

describe('Shutdown', () => {
  test('ends the other side, and receives in flight', async () => {
    const [receiver, sender] = await fixture.pair(STREAM, TargetFd.auto);
    const reading = run(new Recv({ socket: receiver, memory: fixture.bearer.allocate(16) }));
    fixture.bearer.flush();
    await run(new Shutdown({ socket: sender, how: ShutdownHow.WR }));
    expect((await reading).length).toBe(0);
    expect(
      await failure(
        new Shutdown({ socket: await fixture.socket(INET, STREAM), how: ShutdownHow.RD }),
      ),
    ).toBe('ENOTCONN');
  });
});
