import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { Blueprint } from '../sans-io/blueprint.js';
import type { Left } from '../sans-io/left.js';
import type { CloseReason, Orbit } from '../sans-io/orbit.js';
import type { ServerRuntime } from './choose-runtime.js';
import type { IoUringRuntimeOptions, ListenOptions, SocketName } from './io-uring/index.js';

/** An app made of the methods a test cares for. */
function app(build: (left: Left) => Partial<Orbit>): Blueprint {
  return {
    name: 'test',
    instantiate: (left) => ({
      receive: (_bytes, start, end) => end - start,
      receiveEnd: () => left.end(),
      drained() {},
      tick() {},
      shutdown: () => left.end(),
      close() {},
      ...build(left),
    }),
  };
}

/** A runtime that serves sockets. */
type SocketRuntime = ServerRuntime;
type Options = Omit<IoUringRuntimeOptions, 'driver'>;

const sockets: Socket[] = [];

async function client(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

async function text(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 500 && !condition(); round++) await sleep(10);
  expect(condition()).toBe(true);
}

/** What every runtime over sockets does, whatever it is made of. */
export function runtimeContract(make: (options: Options) => SocketRuntime): void {
  const running: SocketRuntime[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const runtime of running.splice(0)) await runtime.close(500);
  });

  async function start(
    blueprint: Blueprint,
    options: Partial<Options> = {},
    place: ListenOptions = { port: 0 },
  ): Promise<{ runtime: SocketRuntime; port: number; address: SocketName }> {
    const runtime = make({ app: blueprint, ...options });
    running.push(runtime);
    const { address } = await runtime.listen(place);
    return { runtime, port: (address as { port: number }).port, address };
  }

  it('a Left kept after close() writes to nobody, whoever has the socket slot by then', async () => {
    const lefts: Left[] = [];
    const { runtime, port } = await start(
      app((left) => {
        lefts.push(left);
        return {};
      }),
    );
    const first = await client(port);
    await until(() => lefts.length === 1);
    first.resetAndDestroy();
    await until(() => runtime.stats().connections === 0);
    const second = await client(port);
    await until(() => lefts.length === 2);
    const secret = Buffer.from('secret');
    const stale = lefts[0]!;
    stale.send(secret);
    stale.write(secret, 0, 6);
    const at = stale.reserve(6);
    stale.out.set(secret, at);
    stale.commit(at + 6);
    stale.resume();
    stale.abort();
    stale.end();
    await sleep(50);
    lefts[1]!.write(Buffer.from('yours'), 0, 5);
    await sleep(50);
    lefts[1]!.end();
    expect(await text(second)).toBe('yours');
    expect(stale.peer()).toBeNull();
  });

  it('presents again what was not consumed, after resume() and in front of new bytes', async () => {
    const seen: string[] = [];
    let paused = true;
    let left!: Left;
    const { port } = await start(
      app((mine) => {
        left = mine;
        return {
          receive(bytes, from, to) {
            if (paused) {
              left.pause();
              return 0;
            }
            const length = Math.min(3, to - from);
            seen.push(Buffer.from(bytes.subarray(from, from + length)).toString());
            return length;
          },
        };
      }),
    );
    const socket = await client(port);
    socket.write('abcdefg');
    await sleep(30);
    socket.write('hij');
    await sleep(30);
    paused = false;
    left.resume();
    await until(() => seen.join('') === 'abcdefghij');
    expect(seen).toEqual(['abc', 'def', 'ghi', 'j']);
  });

  it('delivers receiveEnd() once, after every byte, and close() last', async () => {
    const events: string[] = [];
    const { port } = await start(
      app((left) => ({
        receive(bytes, from, to) {
          events.push(Buffer.from(bytes.subarray(from, to)).toString());
          return to - from;
        },
        receiveEnd() {
          events.push('end');
          left.end();
        },
        close: (reason: CloseReason) => void events.push(reason),
      })),
    );
    const socket = await client(port);
    socket.end('bytes');
    await until(() => events.length === 3);
    expect(events).toEqual(['bytes', 'end', 'ended']);
  });

  it('an orbit that throws loses its connection, and the others go on', async () => {
    const reported: string[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => reported.push(error.message));
    try {
      const { runtime, port } = await start(
        app((left) => ({
          receive(bytes, from, to) {
            const word = Buffer.from(bytes.subarray(from, to)).toString();
            if (word === 'throw') throw new Error('from receive');
            left.write(bytes, from, to);
            if (word === 'late') left.deadline = left.clock.now + 1;
            return to - from;
          },
          tick() {
            throw new Error('from tick');
          },
          close() {
            throw new Error('from close');
          },
        })),
      );
      const good = await client(port);
      const bad = await client(port);
      const late = await client(port);
      bad.write('throw');
      expect(await text(bad)).toBe('');
      late.write('late');
      expect(await text(late)).toBe('late');
      good.write('echo');
      const [answer] = (await once(good, 'data')) as [Buffer];
      expect(answer.toString()).toBe('echo');
      await until(() => runtime.stats().connections === 1);
      expect(new Set(reported)).toEqual(new Set(['from receive', 'from close', 'from tick']));
      good.destroy();
      await until(() => runtime.stats().connections === 0);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });

  it('says false and then drained() around its high-water mark, and sends everything', async () => {
    const total = 3_000_000;
    let drains = 0;
    let refused = 0;
    const { port } = await start(
      app((left) => {
        let sent = 0;
        const chunk = Buffer.alloc(10_000, 'x');
        const pump = () => {
          while (sent < total) {
            sent += chunk.length;
            if (!left.write(chunk, 0, chunk.length)) {
              refused++;
              return;
            }
          }
          left.end();
        };
        return {
          receive: (_bytes, from, to) => {
            pump();
            return to - from;
          },
          drained: () => {
            drains++;
            pump();
          },
        };
      }),
    );
    const socket = await client(port);
    socket.write('go');
    expect((await text(socket)).length).toBe(total);
    expect(refused).toBeGreaterThan(5);
    expect(drains).toBe(refused);
  });

  it('gives the peer up that takes nothing for the write timeout', async () => {
    let reason = '';
    const { port } = await start(
      app((left) => ({
        receive: (_bytes, from, to) => {
          left.send(Buffer.alloc(50_000_000));
          return to - from;
        },
        close: (why: CloseReason) => {
          reason = why;
        },
      })),
      { writeTimeoutMs: 300 },
    );
    const socket = await client(port);
    socket.pause();
    socket.write('go');
    await until(() => reason !== '');
    expect(reason).toBe('aborted');
  });

  it('a stream of pieces in both directions arrives whole, while the orbit pauses and resumes', async () => {
    const { port } = await start(
      app((left) => {
        let later: NodeJS.Immediate | undefined;
        return {
          receive(bytes, from, to) {
            const length = Math.min(to - from, 5000);
            left.pause();
            later = setImmediate(() => left.resume());
            left.write(bytes, from, from + length);
            return length;
          },
          close: () => clearImmediate(later),
        };
      }),
    );
    const socket = await client(port);
    const sent = Buffer.alloc(2_000_000, 'the quick brown fox');
    socket.end(sent);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
  });

  it('a paused orbit stops the peer', async () => {
    let left!: Left;
    const { port } = await start(
      app((mine) => {
        left = mine;
        return {
          receive(_bytes, from, to) {
            left.pause();
            return to - from;
          },
        };
      }),
    );
    const socket = await client(port);
    const bytes = 64 * 1024 * 1024;
    socket.write(Buffer.alloc(bytes));
    await sleep(300);
    // Far more than two sockets hold: it counts until the last byte was taken.
    expect(socket.writableLength).toBe(bytes);
    left.abort();
  });

  it('abort() drops what is queued, end() sends it', async () => {
    const { port, runtime } = await start(
      app((left) => ({
        receive(bytes, from, to) {
          const word = Buffer.from(bytes.subarray(from, to)).toString();
          left.write(Buffer.from('queued'), 0, 6);
          if (word === 'abort') left.abort();
          else left.end();
          return to - from;
        },
      })),
    );
    const ended = await client(port);
    ended.write('end');
    expect(await text(ended)).toBe('queued');
    const aborted = await client(port);
    aborted.write('abort');
    expect(await text(aborted).catch(() => '')).toBe('');
    await until(() => runtime.stats().connections === 0);
  });

  it('after end() it listens for the peer no longer than the linger timeout', async () => {
    const reasons: CloseReason[] = [];
    const { port } = await start(
      app((left) => ({
        receive(_bytes, from, to) {
          left.end();
          return to - from;
        },
        close: (reason) => void reasons.push(reason),
      })),
      { lingerTimeoutMs: 300 },
    );
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    sockets.push(socket);
    socket.write('x');
    socket.resume();
    await once(socket, 'end');
    expect(reasons).toEqual([]);
    socket.write('more, which nobody wants');
    await until(() => reasons.length === 1);
    expect(reasons).toEqual(['ended']);
  });

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

  it('tick() comes once, when the clock has reached the deadline', async () => {
    const ticks: number[] = [];
    let left!: Left;
    const { port } = await start(
      app((mine) => {
        left = mine;
        left.deadline = left.clock.now + 400;
        return { tick: (now) => void ticks.push(now) };
      }),
    );
    await client(port);
    await until(() => left !== undefined);
    const { deadline } = left;
    expect(deadline).toBeGreaterThanOrEqual(400);
    await until(() => ticks.length === 1);
    expect(ticks[0]).toBeGreaterThanOrEqual(deadline);
    expect(left.deadline).toBe(0);
    await sleep(600);
    expect(ticks.length).toBe(1);
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
