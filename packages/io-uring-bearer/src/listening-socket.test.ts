import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Accept, Close } from '@ringbearer/io-uring-opcode';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { ListeningSocket, UringBearer } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'listening-'));
const sockets: ListeningSocket[] = [];
const bearers: UringBearer[] = [];
const servers: Server[] = [];
afterEach(async () => {
  for (const bearer of bearers.splice(0)) await bearer.close();
  for (const socket of sockets.splice(0)) socket.close();
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

function open(options: Parameters<typeof ListeningSocket.open>[0]): ListeningSocket {
  const socket = ListeningSocket.open(options);
  sockets.push(socket);
  return socket;
}
function make(manualFiles = 4): UringBearer {
  const bearer = UringBearer.withCapacity({ CoreQueue: 8, RegisteredFd: 8 }, { manualFiles });
  bearers.push(bearer);
  return bearer;
}
const portOf = (socket: ListeningSocket): number => (socket.address as { port: number }).port;
async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}
const openSockets = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;

describe.each([
  ['a direct descriptor', 4],
  ['a regular descriptor', 0],
])('bearer.listen({ fd }) as %s', (_kind, manual) => {
  test('accepts what waited while no ring listened, and leaves the socket open when it ends', async () => {
    const socket = open({});
    const before = openSockets();
    for (let round = 0; round < 5; round++) {
      const client = await dial(portOf(socket));
      const bearer = make(manual);
      const listener = bearer.listen({ fd: socket.fd });
      expect(listener.address).toEqual(socket.address);
      const { descriptor } = await bearer.submit(new Accept({ listener: listener.descriptor }));
      if (round % 2 === 0) await listener.close();
      await bearer.submit(new Close({ descriptor }));
      await bearer.close();
      client.destroy();
      await once(client, 'close');
    }
    (await dial(portOf(socket))).destroy();
    await expect.poll(openSockets).toBe(before);
    socket.close();
    socket.close();
    expect(openSockets()).toBe(before - 1);
    const again = createServer().listen(portOf(socket), '127.0.0.1');
    servers.push(again);
    await once(again, 'listening');
  });
});

test('bearer.listen({ fd }) waits on a socket that somebody made non-blocking', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const socket = open({ fd });
  expect(socket.adopted).toBe(true);
  const bearer = make();
  const accepted = bearer.submit(
    new Accept({ listener: bearer.listen({ fd: socket.fd }).descriptor }),
  );
  // A turn in which an accept that does not wait would have failed. libuv accepts too, of course: one of them gets it.
  await expect(Promise.race([accepted, new Promise((r) => setTimeout(r, 30))])).resolves.toBe(
    undefined,
  );
  accepted.catch(() => {});
  await bearer.close();
  expect(server.listening).toBe(true);
});

test.each([
  ['a file', 'ENOTSOCK'],
  ['a closed descriptor', 'EBADF'],
])('ListeningSocket.open() refuses %s with %s', (_what, code) => {
  const file = openSync('/dev/null', 'r');
  if (code === 'EBADF') closeSync(file);
  expect(() => open({ fd: file })).toThrow(
    expect.objectContaining({ syscall: 'getsockopt', code }),
  );
  if (code !== 'EBADF') closeSync(file);
});

test('ListeningSocket.open() refuses what does not listen, and numbers that are no descriptor', async () => {
  const socket = open({});
  const client = await dial(portOf(socket));
  const { fd } = (client as unknown as { _handle: { fd: number } })._handle;
  expect(() => open({ fd })).toThrow(/no listening stream socket/);
  client.destroy();
  for (const bad of [-1, 1.5, Number.NaN]) expect(() => open({ fd: bad })).toThrow(RangeError);
  for (const mode of [-1, 0o1000, 1.5]) {
    expect(() => open({ path: join(folder, 'never'), mode })).toThrow(RangeError);
  }
  expect(existsSync(join(folder, 'never'))).toBe(false);
});

describe('claim', () => {
  test('takes a port alone, then lets others join', () => {
    const first = open({ reusePort: true, claim: true });
    const port = portOf(first);
    for (let joined = 0; joined < 3; joined++) open({ reusePort: true, port });
    expect(() => open({ reusePort: true, claim: true, port })).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE' }),
    );
    expect(() => open({ port })).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
  });

  test('the kernel spreads connections over all of them', async () => {
    const first = open({ reusePort: true, claim: true });
    const others = [1, 2, 3].map(() => open({ reusePort: true, port: portOf(first) }));
    const clients = await Promise.all(Array.from({ length: 64 }, () => dial(portOf(first))));
    const bearer = make(8);
    let some = 0;
    for (const socket of [first, ...others]) {
      const listener = bearer.listen({ fd: socket.fd });
      const accepted = await bearer.submit(new Accept({ listener: listener.descriptor }));
      await bearer.submit(new Close({ descriptor: accepted.descriptor }));
      some++;
    }
    expect(some).toBe(4);
    for (const client of clients) client.destroy();
  });
});

describe('Unix paths', () => {
  test('mode: the permissions of the file, whatever the umask', () => {
    const before = process.umask(0o077);
    try {
      for (const mode of [0o600, 0o660, 0o666]) {
        const path = join(folder, `mode-${mode}`);
        open({ path, mode });
        expect(lstatSync(path).mode & 0o777).toBe(mode);
      }
    } finally {
      process.umask(before);
    }
  });

  test('replaceStale: takes the place of a socket that nobody listens behind', () => {
    const path = join(folder, 'stale');
    const program = `
      require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'));`;
    expect(() => execFileSync(process.execPath, ['-e', program])).toThrow();
    expect(lstatSync(path).isSocket()).toBe(true);
    expect(() => open({ path })).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
    const socket = open({ path, replaceStale: true });
    expect(socket.address).toEqual({ family: 'Unix', path });
    socket.close();
    expect(existsSync(path)).toBe(false);
  });

  test('replaceStale: leaves a live socket, a file and an abstract name alone', () => {
    const path = join(folder, 'live');
    open({ path });
    expect(() => open({ path, replaceStale: true })).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE' }),
    );
    expect(lstatSync(path).isSocket()).toBe(true);
    const file = join(folder, 'file');
    writeFileSync(file, 'mine');
    expect(() => open({ path: file, replaceStale: true })).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE' }),
    );
    expect(lstatSync(file).isFile()).toBe(true);
    const name = `\0ringbearer-${process.pid}`;
    open({ path: name });
    expect(() => open({ path: name, replaceStale: true })).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE' }),
    );
  });
});
