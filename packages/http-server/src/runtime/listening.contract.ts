import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Left } from '../sans-io/left.js';
import { app, type Make, SocketHouse, text, until } from './socket-house.contract.js';

/** How every runtime over sockets listens, accepts and closes. */
export function listeningContract(make: Make): void {
  const house = new SocketHouse(make);
  const { start, client, running, sockets } = house;

  it('peer() says who it is: TCP, Unix, and nobody once it is gone', async () => {
    const names: unknown[] = [];
    const lefts: Left[] = [];
    const who = app((left) => {
      lefts.push(left);
      return {
        receive(_bytes, from, to) {
          names.push(left.peer());
          left.end();
          return to - from;
        },
      };
    });
    const { port, runtime } = await start(who);
    const folder = mkdtempSync(path.join(tmpdir(), 'ringbearer-contract-'));
    const local = path.join(folder, 'socket');
    await runtime.listen({ path: local });
    const tcp = await client(port);
    const { localPort } = tcp;
    tcp.write('x');
    await until(() => names.length === 1);
    const unix = connect(local);
    sockets.push(unix);
    unix.write('x');
    await until(() => names.length === 2);
    expect(names).toEqual([
      { family: 'IPv4', address: '127.0.0.1', port: localPort },
      { family: 'Unix', path: '' },
    ]);
    tcp.destroy();
    const silent = await client(port);
    await until(() => lefts.length === 3);
    silent.destroy();
    await until(() => runtime.stats().connections === 0);
    expect(lefts[2]!.peer()).toBeNull();
    rmSync(folder, { recursive: true });
  });

  it('above maxConnections nobody is served, and nobody lost', async () => {
    const { port, runtime } = await start(
      app((left) => ({
        receive(bytes, from, to) {
          left.write(bytes, from, to);
          return to - from;
        },
      })),
      { maxConnections: 2 },
    );
    const inside = [await client(port), await client(port)];
    await until(() => runtime.stats().connections === 2);
    const outside = [await client(port), await client(port), await client(port)];
    for (const socket of [...inside, ...outside]) socket.write('hello');
    for (const socket of inside) await once(socket, 'data');
    await sleep(100);
    expect(runtime.stats()).toMatchObject({
      connections: 2,
      accepted: 2,
      acceptPaused: true,
      maxConnections: 2,
    });
    expect(outside.every((socket) => socket.bytesRead === 0)).toBe(true);
    for (const socket of inside) socket.destroy();
    await Promise.all(
      outside.map(async (socket) => {
        await once(socket, 'data');
        socket.destroy();
      }),
    );
    expect(runtime.stats().accepted).toBe(5);
  });

  it('close() tells orbits to finish, kills them at the drain timeout, and frees the port', async () => {
    const events: string[] = [];
    let built = 0;
    const blueprint = app((left) => {
      const stubborn = ++built === 1;
      return {
        shutdown() {
          events.push('shutdown');
          if (!stubborn) left.end();
        },
        close: (reason) => void events.push(reason),
      };
    });
    const runtime = make({ app: blueprint });
    const { address } = await runtime.listen({ port: 0 });
    const { port } = address as { port: number };
    await client(port);
    await until(() => built === 1);
    await client(port);
    await until(() => built === 2);
    await runtime.close(300);
    expect(events).toEqual(['shutdown', 'shutdown', 'ended', 'shutdown']);
    expect(runtime.stats().connections).toBe(0);
    await start(blueprint, {}, { port });
  });

  it('a blueprint that throws costs its connection, not the listener', async () => {
    const reported: string[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => reported.push(error.message));
    try {
      let built = 0;
      const { port } = await start(
        app((left) => {
          if (++built === 1) throw new Error('cannot build');
          return {
            receive(bytes, from, to) {
              left.write(bytes, from, to);
              return to - from;
            },
          };
        }),
      );
      const bad = await client(port);
      expect(await text(bad)).toBe('');
      const good = await client(port);
      good.write('echo');
      await once(good, 'data');
      expect(reported).toEqual(['cannot build']);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });

  it.each([
    [{ port: 70_000 }, RangeError, /port must be an integer from 0 to 65535/],
    [{ backlog: 0 }, RangeError, /backlog must be an integer/],
    [{ address: 'localhost' }, TypeError, /literal/],
    [{ path: 'x'.repeat(200) }, RangeError, /1 to 107 bytes/],
    [{ path: 'a\0b' }, TypeError, /NUL inside/],
    [{ fd: -1 }, RangeError, /fd must be an integer/],
  ])('refuses to listen on %o', async (place, type, message) => {
    const runtime = make({ app: app(() => ({})) });
    running.push(runtime);
    const error = await (async () => runtime.listen(place))().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(type);
    expect((error as Error).message).toMatch(message);
  });

  it('a port in use is EADDRINUSE', async () => {
    const { port, runtime } = await start(app(() => ({})));
    const error = await (async () => runtime.listen({ port }))().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: expect.any(String) });
  });

  it('a Unix path: permissions, a stale file, EADDRINUSE, and the file goes with it', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ringbearer-contract-'));
    try {
      const file = path.join(folder, 'socket');
      const runtime = make({ app: app(() => ({})) });
      const { address } = await runtime.listen({ path: file, mode: 0o620 });
      expect(address).toEqual({ family: 'Unix', path: file });
      expect(statSync(file).mode & 0o777).toBe(0o620);
      const other = make({ app: app(() => ({})) });
      running.push(other);
      const again = (async () => other.listen({ path: file, replaceStale: true }))();
      await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE' });
      await runtime.close(0);
      expect(existsSync(file)).toBe(false);
      // What a process leaves that is killed.
      const program = `require('net').createServer().listen(${JSON.stringify(file)}, () => process.kill(process.pid, 'SIGKILL'))`;
      spawnSync(process.execPath, ['--eval', program]);
      expect(existsSync(file)).toBe(true);
      await other.listen({ path: file, replaceStale: true });
      const socket = connect(file);
      sockets.push(socket);
      await once(socket, 'connect');
    } finally {
      for (const runtime of running.splice(0)) await runtime.close(0);
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.each([
    ['with room for the whole queue', 8192],
    ['near its limit', 100],
  ])('acceptAgain() %s loses no connection, however often it looks', async (_what, most) => {
    const { runtime, port } = await start(
      app((left) => ({
        receive(bytes, from, to) {
          left.write(bytes, from, to);
          return to - from;
        },
      })),
      { maxConnections: most },
    );
    for (let round = 1; round <= 20; round++) {
      runtime.acceptAgain();
      const socket = await client(port);
      runtime.acceptAgain();
      socket.end('echo');
      expect(await text(socket)).toBe('echo');
      expect(runtime.stats().accepted).toBe(round);
    }
  });

  it('a gentle close() waits for idle connections until endIdle()', async () => {
    const told: (boolean | undefined)[] = [];
    const { runtime, port } = await start(
      app((left) => ({
        shutdown(gently) {
          told.push(gently);
          if (!gently) left.end();
        },
      })),
    );
    running.splice(running.indexOf(runtime), 1);
    const socket = await client(port);
    await until(() => runtime.stats().connections === 1);
    runtime.endIdle(); // nothing closes yet
    const closed = runtime.close(60_000, true);
    await until(() => told.length === 1);
    expect(runtime.stats().connections).toBe(1);
    runtime.endIdle();
    expect(await text(socket)).toBe('');
    await closed;
    runtime.endIdle();
    runtime.acceptAgain();
    expect(told).toEqual([true, false]);
  });
}
