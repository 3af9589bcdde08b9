import { existsSync, lstatSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Socket as NodeSocket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TargetFd } from '@ringbearer/io-uring-fd';
import {
  Accept,
  AcceptMulti,
  AddressFamily,
  Close,
  Connect,
  Nop,
  Socket,
  SocketType,
  SubmissionFlags,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker, settled } from '../test-support/bearers.js';
import { reportOf } from '../test-support/child.js';
import { KernelFixture, openDescriptors } from '../test-support/kernel-fixture.js';
import type { Listener, ListenOptions } from './index.js';

const fixture = new KernelFixture();
const make = bearerMaker();

const dial = (options: NetConnectOpts) =>
  new Promise<NodeSocket>((resolve, reject) => {
    const socket = connect(options, () => resolve(socket));
    socket.on('error', reject);
  });
const destination = ({ address }: Listener): NetConnectOpts =>
  address.family === 'Unix'
    ? { path: address.path }
    : { host: address.address, port: address.port };

describe.each([
  ['embedded', 'raw'],
  ['embedded', 'direct'],
  ['owner', 'raw'],
  ['owner', 'direct'],
] as const)('driver %s, %s descriptors: listen()', (driver, kind) => {
  const direct = kind === 'direct';
  const bearerOf = () =>
    make(driver, direct ? { RegisteredFd: 64 } : {}, direct ? { manualFiles: 4 } : {});
  const into = direct ? TargetFd.auto : TargetFd.raw;

  const places: [string, () => ListenOptions][] = [
    ['IPv4', () => ({ address: '127.0.0.1' })],
    ['IPv6', () => ({ address: '::1' })],
    ['a Unix path', () => ({ path: join(fixture.folder, `${driver}-${kind}.sock`) })],
  ];
  test.each(places)('on %s', async (_, options) => {
    const bearer = bearerOf();
    const listener = bearer.listen(options());
    expect(listener.descriptor.direct).toBe(direct);
    const [{ descriptor }, client] = await Promise.all([
      bearer.submit(new Accept({ listener: listener.descriptor, into })),
      dial(destination(listener)),
    ]);
    const peer = bearer.peerName(descriptor);
    if (peer.family !== 'Unix')
      expect(peer).toMatchObject({ address: client.localAddress, port: client.localPort });
    expect(peer.family).toBe(listener.address.family);
    client.destroy();
    await bearer.submit(new Close({ descriptor }));
    await listener.close();
    await listener.close();
    if (listener.address.family === 'Unix') {
      expect(existsSync(listener.address.path)).toBe(false);
      bearer.listen({ path: listener.address.path });
    }
  });

  test('on an abstract name, which needs no file', async () => {
    const bearer = bearerOf();
    const path = `\0ringbearer-listen-${driver}-${kind}-${process.pid}`;
    const listener = bearer.listen({ path });
    expect(listener.address).toEqual({ family: 'Unix', path });
    const client = await bearer.submit(
      new Socket({ family: AddressFamily.UNIX, type: SocketType.STREAM }),
    );
    const [{ descriptor }] = await Promise.all([
      bearer.submit(new Accept({ listener: listener.descriptor, into })),
      bearer.submit(new Connect({ socket: client, address: { family: 'Unix', path } })),
    ]);
    await bearer.submit(new Close({ descriptor }));
    await bearer.submit(new Close({ descriptor: client }));
    await listener.close();
    await bearer.listen({ path }).close();
  });

  test('peerName() works inside of handlers, behind a drain, and refuses within a chain', async () => {
    const bearer = bearerOf();
    const listener = bearer.listen({});
    const accept = new AcceptMulti({ listener: listener.descriptor, direct });
    const ports: number[] = [];
    const descriptors: ReturnType<typeof accept.complete>[] = [];
    const seen = new Promise<void>((resolve) => {
      accept.handler = (cqe) => {
        if (cqe.res < 0) return;
        const descriptor = accept.complete(cqe);
        descriptors.push(descriptor);
        ports.push((bearer.peerName(descriptor) as { port: number }).port);
        // The batch goes on as if nothing had happened.
        bearer.push(new Nop());
        if (ports.length === 5) resolve();
      };
    });
    bearer.push(accept);
    const clients = await Promise.all(Array.from({ length: 5 }, () => dial(destination(listener))));
    await seen;
    expect(ports.sort()).toEqual(clients.map(({ localPort }) => localPort!).sort());
    if (direct) {
      const fds = openDescriptors();
      bearer.push(new Nop(), SubmissionFlags.LINK);
      expect(() => bearer.peerName(descriptors[0]!)).toThrow(
        expect.objectContaining({ code: 'CHAIN_OPEN' }),
      );
      bearer.push(new Nop());
      const timeout = new Timeout({ milliseconds: 20 });
      bearer.push(timeout);
      expect(() => bearer.push(new Nop(), SubmissionFlags.DRAIN)).toThrow(
        expect.objectContaining({ code: 'MULTISHOT_IN_FLIGHT' }),
      );
      bearer.cancel(accept);
      while (accept.inFlight) await sleep(1);
      bearer.push(new Nop(), SubmissionFlags.DRAIN);
      expect(bearer.peerName(descriptors[0]!)).toMatchObject({ port: ports[0] });
      bearer.cancel(timeout);
      await settled(bearer);
      expect(openDescriptors()).toBe(fds);
    }
    for (const client of clients) client.destroy();
    for (const descriptor of descriptors) await bearer.submit(new Close({ descriptor }));
  });

  test('EADDRINUSE is thrown with code, errno and syscall, and takes nothing', async () => {
    const bearer = bearerOf();
    const { port } = bearer.listen({}).address as { port: number };
    const fds = openDescriptors();
    for (let i = 0; i < 20; i++) {
      expect(() => bearer.listen({ port })).toThrow(
        expect.objectContaining({
          code: 'EADDRINUSE',
          errno: -98,
          syscall: expect.stringMatching(/bind|listen/),
          address: '127.0.0.1',
          port,
          message: expect.stringMatching(new RegExp(`EADDRINUSE.*: 127\\.0\\.0\\.1:${port}$`)),
        }),
      );
    }
    expect(() => bearer.listen({ address: '2001:db8::1', port: 81 })).toThrow(
      /: \[2001:db8::1\]:81$/,
    );
    expect(() => bearer.listen({ path: '/proc/none/here' })).toThrow(
      expect.objectContaining({
        path: '/proc/none/here',
        message: expect.stringMatching(/ENOENT.*: \/proc\/none\/here$/),
      }),
    );
    expect(openDescriptors()).toBe(fds);
    expect(() => bearer.listen({ port: 65_536 })).toThrow(RangeError);
    expect(() => bearer.listen({ port: -1 })).toThrow(RangeError);
    expect(() => bearer.listen({ backlog: 0 })).toThrow(RangeError);
    expect(() => bearer.listen({ address: 'localhost' })).toThrow(TypeError);
    expect(() => bearer.listen({ path: '' })).toThrow(RangeError);
    expect(() => bearer.listen({ path: 'x'.repeat(108) })).toThrow(RangeError);
  });

  test('the port is free when close() resolves: two hundred times, accepts armed, connections open', async () => {
    const bearer = bearerOf();
    let port = 0;
    const open: NodeSocket[] = [];
    for (let round = 0; round < 200; round++) {
      const listener = bearer.listen({ port });
      port = (listener.address as { port: number }).port;
      const accept = new AcceptMulti({ listener: listener.descriptor, direct });
      const accepted = new Promise<void>((resolve) => {
        accept.handler = (cqe) => {
          if (cqe.res >= 0) bearer.push(new Close({ descriptor: accept.complete(cqe) }));
          resolve();
        };
      });
      bearer.push(accept);
      if (round % 2 === 1) bearer.push(new Accept({ listener: listener.descriptor, into }));
      if (round % 10 === 0) {
        open.push(await dial({ host: '127.0.0.1', port }));
        await accepted;
      }
      await listener.close();
    }
    // Anybody may have it now, not only this process.
    const server = createServer();
    await new Promise<void>((resolve, reject) =>
      server.once('error', reject).listen(port, '127.0.0.1', resolve),
    );
    await new Promise((resolve) => server.close(resolve));
    for (const socket of open) socket.destroy();
    await settled(bearer);
    if (direct) expect(bearer.files!.manualUsed).toBe(0);
  });

  test('bearer.close() frees the ports and paths of its listeners', async () => {
    const fds = openDescriptors();
    let port = 0;
    const path = join(fixture.folder, `gone-${driver}-${kind}.sock`);
    for (let round = 0; round < 20; round++) {
      const bearer = bearerOf();
      const listener = bearer.listen({ port });
      bearer.listen({ path });
      port = (listener.address as { port: number }).port;
      bearer.push(new AcceptMulti({ listener: listener.descriptor }));
      const closing = listener.close();
      await bearer.close();
      await closing;
      await listener.close();
      expect(existsSync(path)).toBe(false);
    }
    expect(openDescriptors()).toBe(fds);
  });

  test('close() of a bearer that is full cancels the accept that fills it', async () => {
    const bearer = make(driver, { PendingCompletions: 1, ...(direct ? { RegisteredFd: 8 } : {}) });
    const listener = bearer.listen({});
    const accept = bearer.submit(new Accept({ listener: listener.descriptor, into }));
    const refused = expect(accept).rejects.toMatchObject({ code: 'ECANCELED' });
    await listener.close();
    await refused;
    await listener.close();
    await bearer.listen({ port: (listener.address as { port: number }).port }).close();
    await settled(bearer);
  });

  test('close() while a chain is open, and while something else fills the bearer', async () => {
    const bearer = make(driver, { PendingCompletions: 2 });
    const listener = bearer.listen({});
    bearer.push(new Nop(), SubmissionFlags.LINK);
    const closing = listener.close();
    bearer.push(new Timeout({ milliseconds: 60_000 }));
    await closing;
    await bearer.close();
  });

  test('close() keeps the process until it is done, and no longer', async () => {
    const source = `
      const listener = bearerWith().listen({});
      await listener.close();
      report('closed');`;
    expect(await reportOf(driver, source)).toEqual(['closed']);
  });

  test.each(['a file', 'another socket'])(
    'close() leaves %s that took the place of its path alone',
    async (what) => {
      const bearer = bearerOf();
      const path = join(fixture.folder, `taken-${driver}-${kind}-${what.length}.sock`);
      const listener = bearer.listen({ path });
      if (what === 'a file') {
        unlinkSync(path);
        writeFileSync(path, 'mine');
      } else {
        renameSync(path, `${path}.old`); // keeps its inode from being used again
        bearer.listen({ path });
      }
      const { ino } = lstatSync(path);
      await listener.close();
      expect(lstatSync(path).ino).toBe(ino);
    },
  );

  test('a relative path is removed where it was made, wherever the process has gone', async () => {
    const source = `
      import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
      import { tmpdir } from 'node:os';
      import { join } from 'node:path';
      const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'listener-')));
      const bearer = bearerWith(${direct ? '{ manualFiles: 4 }, { RegisteredFd: 8 }' : ''});
      process.chdir(folders[0]);
      const listener = bearer.listen({ path: 'it.sock' });
      const made = existsSync(join(folders[0], 'it.sock'));
      process.chdir(folders[1]);
      writeFileSync('it.sock', 'mine');
      await listener.close();
      report([made, ...folders.map((folder) => existsSync(join(folder, 'it.sock')))]);
      await bearer.close();
      for (const folder of folders) rmSync(folder, { recursive: true });`;
    expect(await reportOf(driver, source)).toEqual([[true, false, true]]);
  });

  test('a listener that closes leaves the next one in its slot alone', async () => {
    const bearer = bearerOf();
    const first = bearer.listen({});
    const closing = first.close();
    const second = bearer.listen({});
    await closing;
    const third = bearer.listen({});
    for (const listener of [second, third]) {
      const [{ descriptor }, client] = await Promise.all([
        bearer.submit(new Accept({ listener: listener.descriptor })),
        dial(destination(listener)),
      ]);
      client.destroy();
      await bearer.submit(new Close({ descriptor }));
    }
  });
});

test('reusePort: several listeners on one port', async () => {
  const bearer = make('embedded');
  const { port } = bearer.listen({ reusePort: true }).address as { port: number };
  bearer.listen({ reusePort: true, port });
  expect(() => bearer.listen({ port })).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
});
