import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Left } from '../sans-io/left.js';
import type { CloseReason } from '../sans-io/orbit.js';
import { app, type Make, SocketHouse, text, until } from './socket-house.contract.js';

/** TCP_LISTEN, as /proc/net/tcp says it. */
const LISTENS = '0A';

/** What every runtime over sockets is to an orbit, whatever it is made of. */
export function leftContract(make: Make): void {
  const house = new SocketHouse(make);
  const { start, client, sockets } = house;

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
    // By a reset: after FIN the kernel would keep for minutes what it was to send.
    const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
    const held = () =>
      readFileSync('/proc/net/tcp', 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter(([, address, , state]) => address === local && state !== LISTENS);
    await until(() => held().length === 0);
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

  it('abort(true) ends by a reset, also when the orbit asks for it within close(); abort() by FIN', async () => {
    const { port, runtime } = await start(
      app((left) => {
        let word = '';
        return {
          receive(bytes, from, to) {
            word = Buffer.from(bytes.subarray(from, to)).toString();
            left.write(Buffer.from('sent'), 0, 4);
            setTimeout(() => left.abort(word === 'reset'), 20);
            return to - from;
          },
          close() {
            if (word === 'within') left.abort(true);
          },
        };
      }),
    );
    for (const [word, end] of [
      ['fin', 'end'],
      ['reset', 'ECONNRESET'],
      ['within', 'ECONNRESET'],
      ['fin', 'end'],
    ] as const) {
      const socket = await client(port);
      const over = new Promise((resolve) => {
        socket.on('end', () => resolve('end'));
        socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
      });
      socket.resume().write(word);
      expect([word, await over]).toEqual([word, end]);
    }
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

  it('after end() it listens on to a peer that sends on, tenfold, not to one that trickles', async () => {
    const gone: string[] = [];
    const { port } = await start(
      app((left) => {
        let name = '';
        return {
          receive(bytes, from, to) {
            name = Buffer.from(bytes.subarray(from, to)).toString();
            left.end();
            return to - from;
          },
          close: () => void gone.push(name),
        };
      }),
      { lingerTimeoutMs: 300 },
    );
    const open = async (name: string): Promise<Socket> => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', () => {});
      sockets.push(socket);
      socket.resume().write(name);
      await once(socket, 'end');
      return socket;
    };
    const sending = await open('sending');
    const trickling = await open('trickling');
    await open('silent');
    const clock = setInterval(() => {
      sending.write(Buffer.alloc(8192));
      trickling.write('x');
    }, 50);
    try {
      await until(() => gone.length >= 2);
      expect([...gone].sort()).toEqual(['silent', 'trickling']);
      await until(() => gone.length === 3);
    } finally {
      clearInterval(clock);
    }
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
}
