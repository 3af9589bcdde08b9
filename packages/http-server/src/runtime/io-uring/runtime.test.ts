import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Blueprint } from '../../sans-io/blueprint.js';
import type { Left } from '../../sans-io/left.js';
import type { CloseReason, Orbit } from '../../sans-io/orbit.js';
import { IoUringRuntime } from './runtime.js';

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

const running: IoUringRuntime[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const runtime of running.splice(0)) await runtime.close(500);
});

function start(blueprint: Blueprint, options = {}): { runtime: IoUringRuntime; port: number } {
  const runtime = new IoUringRuntime({ app: blueprint, ...options });
  running.push(runtime);
  const { address } = runtime.listen({ port: 0 });
  return { runtime, port: (address as { port: number }).port };
}

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

describe('IoUringRuntime', () => {
  it('a Left kept after close() writes to nobody, whoever has the socket slot by then', async () => {
    const lefts: Left[] = [];
    const { runtime, port } = start(
      app((left) => {
        lefts.push(left);
        return {};
      }),
    );
    const first = await client(port);
    await until(() => lefts.length === 1);
    first.resetAndDestroy();
    await until(() => runtime.connections === 0);
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
    const { port } = start(
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
    const { port } = start(
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
      const { runtime, port } = start(
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
      await until(() => runtime.connections === 1);
      expect(new Set(reported)).toEqual(new Set(['from receive', 'from close', 'from tick']));
      good.destroy();
      await until(() => runtime.connections === 0);
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });

  it('says false and then drained() around its high-water mark, and sends everything', async () => {
    const total = 3_000_000;
    let drains = 0;
    let refused = 0;
    const { port } = start(
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
    const { port } = start(
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

  it.each([
    ['with room for the whole queue', 8192],
    ['near its limit', 100],
  ])('acceptAgain() %s loses no connection, however often it looks', async (_what, most) => {
    const { runtime, port } = start(
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
    const { runtime, port } = start(
      app((left) => ({
        shutdown(gently) {
          told.push(gently);
          if (!gently) left.end();
        },
      })),
    );
    running.splice(running.indexOf(runtime), 1);
    const socket = await client(port);
    await until(() => runtime.connections === 1);
    runtime.endIdle(); // nothing closes yet
    const closed = runtime.close(60_000, true);
    await until(() => told.length === 1);
    expect(runtime.connections).toBe(1);
    runtime.endIdle();
    expect(await text(socket)).toBe('');
    await closed;
    runtime.endIdle();
    runtime.acceptAgain();
    expect(told).toEqual([true, false]);
  });
});
