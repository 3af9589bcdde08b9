import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { inheritedSockets } from './inherited-sockets.js';
import type { ListenAddress } from './listen-address.js';
import { listenError } from './listen-error.js';
import { listenPlaces } from './listen-places.js';

describe('inheritedSockets()', () => {
  const env = { LISTEN_FDS: '3', LISTEN_PID: '42', LISTEN_FDNAMES: 'http:admin:http' };
  test('all of them, or those of a name', () => {
    expect(inheritedSockets(undefined, env, 42)).toEqual([3, 4, 5]);
    expect(inheritedSockets('http', env, 42)).toEqual([3, 5]);
    expect(inheritedSockets('admin', env, 42)).toEqual([4]);
    expect(inheritedSockets(undefined, { LISTEN_FDS: '1', LISTEN_PID: '42' }, 42)).toEqual([3]);
  });
  test.each([
    [{}, undefined, /LISTEN_FDS and LISTEN_PID are not set: start this program by a \.socket unit/],
    [{ ...env, LISTEN_PID: '41' }, undefined, /passed to process 41, and this is 42/],
    [
      { ...env, LISTEN_FDS: '0' },
      undefined,
      /must be an integer from 1 to 1024: current value is '0'/,
    ],
    [{ ...env, LISTEN_FDS: '1e9' }, undefined, /must be an integer/],
    [{ ...env, LISTEN_FDS: 'three' }, undefined, /must be an integer/],
    [env, 'web', /none is named 'web': there are 'http', 'admin', 'http'/],
    [{ LISTEN_FDS: '1', LISTEN_PID: '42' }, 'web', /there are no names/],
  ])('%o, %s: refuses', (given, name, why) => {
    expect(() => inheritedSockets(name, given, 42)).toThrow(why);
  });
});

describe('listenPlaces()', () => {
  test('defaults', async () => {
    expect(await listenPlaces({})).toEqual([
      { address: '0.0.0.0', port: 3000, reusePort: false, ipv6Only: false },
    ]);
    expect(await listenPlaces({ path: '/a', mode: 0o600, backlog: 5 })).toEqual([
      { path: '/a', mode: 0o600, backlog: 5, replaceStale: true },
    ]);
    expect(await listenPlaces({ fd: 7 })).toEqual([{ fd: 7 }]);
  });
  test('a name without an address: what to choose', async () => {
    await expect(listenPlaces({ hostname: '' })).rejects.toThrow(
      /hostname must be a name or an address/,
    );
    await expect(listenPlaces({ hostname: 'nowhere.invalid' })).rejects.toThrow(
      /^Cannot listen on nowhere\.invalid as the address of that name cannot be found: choose .* \(E\w+\)$/,
    );
  });
  test.each<[ListenAddress, RegExp]>([
    [{ path: '/a', port: 0 }, /path and port are both given/],
    [{ path: '/a', fd: 3 }, /path and fd are both given/],
    [{ fd: 3, hostname: '::' }, /fd and hostname are both given/],
    [{ fd: 3, listen: 'systemd' }, /fd and listen are both given/],
    [{ listen: 'systemd', port: 80 }, /listen and port are both given/],
    [{ port: 80, mode: 0o600 }, /mode is for the file of a path/],
    [{ port: 80, fdName: 'web' }, /fdName is for the sockets of systemd/],
    [{ listen: 'inetd' as 'systemd' }, /listen must be 'systemd': current value is 'inetd'/],
  ])('refuses %o', async (where, why) => {
    await expect(listenPlaces(where)).rejects.toThrow(why);
  });
});

describe('listenError()', () => {
  const failed = (code: string) =>
    Object.assign(new Error(`bind failed: ${code}`), { code, errno: -1, syscall: 'bind' });
  test.each([
    [
      'EADDRINUSE',
      { address: '::', port: 80 },
      /^Cannot listen on \[::\]:80 as another program does: .*sport = :80" \(EADDRINUSE\)$/,
    ],
    ['EACCES', { address: '0.0.0.0', port: 80 }, /ip_unprivileged_port_start/],
    [
      'EADDRNOTAVAIL',
      { address: '192.0.2.1', port: 80 },
      /192\.0\.2\.1:80 as this machine has no such address/,
    ],
    ['EAFNOSUPPORT', { address: '::', port: 80 }, /no IPv6/],
    ['EADDRINUSE', { path: '/run/a.sock' }, /^Cannot listen on \/run\/a\.sock as it exists/],
    ['ENOENT', { path: '/no/a.sock' }, /folder does not exist/],
    ['EBADF', { fd: 9 }, /^Cannot listen on descriptor 9 as it is no open socket/],
    [
      'EADDRINUSE',
      { path: '\0name' },
      /^Cannot listen on @name as another program does: choose another name/,
    ],
  ])('%s at %o says what to do', (code, place, message) => {
    const error = failed(code);
    expect(listenError(error, place)).toBe(error);
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code, errno: -1, syscall: 'bind' });
  });
  test('a path that somebody listens behind is told from one that is no socket', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'listen-'));
    const file = path.join(folder, 'a.sock');
    const server = createServer().listen(file);
    await once(server, 'listening');
    const error = failed('EADDRINUSE');
    listenError(error, { path: file });
    expect(error.message).toBe(
      `Cannot listen on ${file} as another program does: choose another path, or find that program with "ss -lxp src ${file}" (EADDRINUSE)`,
    );
    server.close();
    rmSync(folder, { recursive: true });
  });
  test('leaves alone what it has no advice for', () => {
    for (const [error, place] of [
      [failed('ENOBUFS'), { port: 1 }],
      [new TypeError('not ours'), { port: 1 }],
    ] as const) {
      const { message } = error;
      expect(listenError(error, place)).toBe(error);
      expect(error.message).toBe(message);
    }
  });
});
