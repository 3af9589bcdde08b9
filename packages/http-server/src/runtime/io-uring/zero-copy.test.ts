import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { heldBy } from '../../../test-support/held-by.js';
import type { Left } from '../../sans-io/left.js';
import type { CloseReason } from '../../sans-io/orbit.js';
import { attackContract } from '../attack.contract.js';
import { leftContract } from '../left.contract.js';
import { sentContract } from '../sent.contract.js';
import { app, type Options, SocketHouse, until } from '../socket-house.contract.js';
import { IoUringRuntime } from './runtime.js';
import { HELD_SENDS_MAX, type ZeroCopyTrials } from './zero-copy.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** The kernel takes this of a peer that does not read, and the peer's socket does not. */
const HELD_BYTES = MIB;
/** More than both take. */
const MUCH = 50 * MIB;

/** Loopback is a route as any other, and that it copies no reason to stop. */
const FORCED: ZeroCopyTrials = { anyRoute: true, ignoreCopied: true };
const make =
  (trials: ZeroCopyTrials | undefined = FORCED) =>
  (options: Options): IoUringRuntime =>
    new IoUringRuntime({ minZeroCopyBytes: 64 * KIB, ...options }, undefined, trials);

describe('IoUringRuntime with zero copy', () => {
  leftContract(make());
  sentContract(make());
  attackContract(
    (options) => make()({ ...options, minZeroCopyBytes: 16 * KIB }),
    (runtime) => heldBy(runtime as IoUringRuntime),
  );
});

/** A runtime whose connections do what `go` says when asked. */
function serving(trials?: ZeroCopyTrials) {
  const house = new SocketHouse(make(trials));
  const reasons: CloseReason[] = [];
  const lefts: Left[] = [];
  const start = async (go: (left: Left) => void, options: Partial<Options> = {}, host?: string) => {
    reasons.length = 0;
    lefts.length = 0;
    const { port, runtime } = await house.start(
      app((left) => {
        lefts.push(left);
        return {
          receive: (_bytes, from, to) => {
            go(left);
            return to - from;
          },
          close: (reason) => void reasons.push(reason),
        };
      }),
      options,
      host === undefined ? { port: 0 } : { port: 0, address: host },
    );
    return { port, runtime: runtime as IoUringRuntime };
  };
  /** A peer that asks, and does not read yet. */
  const ask = async (port: number, host = '127.0.0.1'): Promise<Socket & { ended: string }> => {
    const socket = Object.assign(connect({ port, host, allowHalfOpen: true }), { ended: '' });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      socket.ended = error.code ?? error.message;
    });
    socket.pause();
    house.sockets.push(socket);
    await once(socket, 'connect');
    socket.write('go');
    return socket;
  };
  /** Nothing is left: no connection, operation, descriptor. */
  const empty = async (runtime: IoUringRuntime): Promise<void> => {
    await until(() => runtime.connections === 0);
    await until(() => runtime.stats().ring.capacity.PendingCompletions.used <= 2);
  };
  return { start, ask, empty, reasons, lefts, running: house.running };
}

async function read(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** It was reset before it got everything. libuv takes a reset behind bytes for an end, at times. */
async function cutOff(socket: Socket & { ended: string }, length: number): Promise<void> {
  let over = false;
  socket.on('end', () => {
    over = true;
  });
  socket.resume();
  await until(() => over || socket.ended === 'ECONNRESET');
  expect(socket.bytesRead).toBeLessThan(length);
}

/** Bytes that tell where they come from. */
const pattern = (length: number, seed: number): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at ^ (seed * 0x9e37)) >>> 0, at);
  return bytes;
};

describe('pieces without a copy', () => {
  const { start, ask, empty } = serving();

  it('arrive whole and in order with what is copied, of all sizes around the threshold', async () => {
    const sizes = [
      10,
      64 * KIB - 1,
      64 * KIB,
      64 * KIB + 1,
      300,
      MIB - 1,
      MIB,
      MIB + 1,
      9000,
      5 * MIB,
      70_000,
      1,
    ];
    const { port, runtime } = await start((left) => {
      for (const [index, size] of sizes.entries()) left.send(pattern(size, index));
      left.end();
    });
    const expected = Buffer.concat(sizes.map(pattern));
    for (let round = 0; round < 3; round++) {
      const socket = await ask(port);
      socket.end();
      expect((await read(socket)).equals(expected)).toBe(true);
    }
    expect(runtime.stats().zeroCopySends).toBeGreaterThanOrEqual(3 * 11);
    await empty(runtime);
  });

  it('are held by the kernel in bounded number: the rest is copied', async () => {
    const pieces = 100;
    const { port, runtime } = await start((left) => {
      for (let i = 0; i < pieces; i++) left.send(pattern(64 * KIB, i));
      left.end();
    });
    const socket = await ask(port);
    let sends = -1;
    // Until the kernel takes no more.
    for (let quiet = 0; quiet < 10; quiet++) {
      const { zeroCopySends } = runtime.stats();
      if (zeroCopySends !== sends) quiet = 0;
      sends = zeroCopySends;
      await sleep(10);
    }
    const { used } = runtime.stats().ring.capacity.PendingCompletions;
    expect(sends).toBeGreaterThanOrEqual(HELD_SENDS_MAX);
    // Those, a send or receive under way, an accept and the timer.
    expect(used).toBeLessThanOrEqual(HELD_SENDS_MAX + 5);
    socket.end();
    const expected = Buffer.concat(Array.from({ length: pieces }, (_, i) => pattern(64 * KIB, i)));
    expect((await read(socket)).equals(expected)).toBe(true);
    await empty(runtime);
  });

  it('are not let go before the peer has acknowledged them: whenSent() waits, and then says true', async () => {
    let sent: boolean | undefined;
    const { port, runtime } = await start((left) => {
      left.send(pattern(HELD_BYTES, 1));
      void left.whenSent().then((all) => {
        sent = all;
      });
    });
    const socket = await ask(port);
    await until(() => runtime.stats().bytesSent === HELD_BYTES);
    await sleep(50);
    expect(sent).toBeUndefined();
    socket.resume();
    await until(() => sent === true);
    socket.destroy();
    await empty(runtime);
  });

  it('memory that is taken back before it is let go ends the connection', async () => {
    const warnings: unknown[] = [];
    const warned = (warning: Error & { code?: string }) => void warnings.push(warning.code);
    process.on('warning', warned);
    let bytes = new Uint8Array();
    const { port, runtime } = await start((left) => {
      bytes = new Uint8Array(HELD_BYTES);
      left.send(bytes);
    });
    const socket = await ask(port);
    await until(() => runtime.stats().bytesSent === HELD_BYTES);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    socket.resume();
    await until(() => runtime.connections === 0);
    await until(() => warnings.length === 1);
    process.off('warning', warned);
    expect(warnings).toEqual(['RINGBEARER_BYTES_CHANGED']);
    await empty(runtime);
  });
});

describe('a peer that acknowledges nothing', () => {
  const { start, ask, empty, reasons, running } = serving();

  it.each([
    ['with all of it sent', HELD_BYTES, false],
    ['with a send under way', MUCH, false],
    ['with FIN sent', HELD_BYTES, true],
  ])('is reset after the write timeout, and memory is let go: %s', async (_when, length, ends) => {
    let sent: boolean | undefined;
    const { port, runtime } = await start(
      (left) => {
        left.send(new Uint8Array(length));
        void left.whenSent().then((all) => {
          sent = all;
        });
        if (ends) left.end();
      },
      { writeTimeoutMs: 400, lingerTimeoutMs: 200 },
    );
    const socket = await ask(port);
    await until(() => runtime.stats().zeroCopySends > 0);
    await empty(runtime);
    expect(sent).toBe(false);
    expect(reasons).toEqual([ends ? 'ended' : 'aborted']);
    await cutOff(socket, length);
  });

  it('and one that reads slowly is waited for, though nothing is let go until it is through', async () => {
    const { port, runtime } = await start(
      (left) => {
        left.send(pattern(HELD_BYTES, 2));
        left.end();
      },
      { writeTimeoutMs: 500, lingerTimeoutMs: 200 },
    );
    const socket = await ask(port);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      socket.pause();
      setTimeout(() => socket.resume(), 60);
    });
    socket.resume();
    await once(socket, 'end');
    expect(Buffer.concat(chunks).equals(pattern(HELD_BYTES, 2))).toBe(true);
    socket.end();
    await empty(runtime);
    expect(reasons).toEqual(['ended']);
  });

  it('and one that reads slowly is waited for with every reply of a connection, and with copied bytes between them', async () => {
    const round = [pattern(HELD_BYTES, 3), pattern(60 * KIB, 4), pattern(200 * KIB, 5)];
    const { port, runtime } = await start(
      (left) => {
        for (const bytes of round) left.send(bytes);
      },
      { writeTimeoutMs: 500 },
    );
    const socket = await ask(port);
    const expected = Buffer.concat(round);
    const chunks: Buffer[] = [];
    let read = 0;
    let over = false;
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      read += chunk.length;
      socket.pause();
      setTimeout(() => socket.resume(), 60);
    });
    socket.once('close', () => {
      over = true;
    });
    socket.once('end', () => {
      over = true;
    });
    socket.resume();
    for (let count = 1; count <= 3; count++) {
      await until(() => over || read >= count * expected.length);
      expect([over, read]).toEqual([false, count * expected.length]);
      if (count < 3) socket.write('go');
    }
    expect(Buffer.concat(chunks).equals(Buffer.concat([expected, expected, expected]))).toBe(true);
    socket.destroy();
    await empty(runtime);
  }, 30_000);

  it.each(['open', 'ended', 'half-closed', 'sending'] as const)(
    'does not keep the server from closing: %s',
    async (state) => {
      const { port, runtime } = await start((left) => {
        left.send(new Uint8Array(state === 'sending' ? MUCH : HELD_BYTES));
        if (state === 'ended') left.end();
      });
      const peers = [await ask(port), await ask(port), await ask(port)];
      if (state === 'half-closed') for (const peer of peers) peer.end();
      await until(() => runtime.stats().bytesSent >= 3 * HELD_BYTES);
      running.length = 0;
      await runtime.close(100);
      expect(runtime.connections).toBe(0);
      for (const peer of peers) await cutOff(peer, HELD_BYTES);
    },
  );

  it('and leaves by reset at any time leaves nothing behind', async () => {
    const { port, runtime } = await start((left) => {
      for (let i = 0; i < 20; i++) left.send(new Uint8Array(200_000));
    });
    for (let round = 0; round < 30; round++) {
      const socket = await ask(port);
      await sleep(round % 10);
      if (round % 3 === 0) socket.resume();
      socket.resetAndDestroy();
    }
    await empty(runtime);
    expect(runtime.transmit.borrowed).toBe(0);
  });
});

describe('an end in peace', () => {
  const { start, ask, empty, reasons } = serving();

  it('waits for what the peer has not read yet, longer than for its FIN, and is no reset', async () => {
    const { port, runtime } = await start(
      (left) => {
        left.send(pattern(HELD_BYTES, 3));
        left.end();
      },
      { lingerTimeoutMs: 100 },
    );
    const socket = await ask(port);
    await until(() => reasons.length === 1);
    expect(reasons).toEqual(['ended']);
    expect((await read(socket)).equals(pattern(HELD_BYTES, 3))).toBe(true);
    socket.destroy();
    await empty(runtime);
    expect(socket.ended).not.toBe('ECONNRESET');
  });

  it('of a client that half-closed first: FIN follows the last byte at once', async () => {
    const { port, runtime } = await start((left) => {
      left.send(pattern(HELD_BYTES, 4));
    });
    const socket = await ask(port);
    socket.end();
    await until(() => reasons.length === 1);
    expect((await read(socket)).equals(pattern(HELD_BYTES, 4))).toBe(true);
    await empty(runtime);
    expect(socket.ended).not.toBe('ECONNRESET');
  });

  it('of a connection that goes on after its long replies', async () => {
    const { port, runtime } = await start((left) => {
      left.send(pattern(100_000, 5));
    });
    const socket = await ask(port);
    socket.resume();
    for (let round = 1; round <= 5; round++) {
      await until(() => socket.bytesRead === round * 100_000);
      if (round < 5) socket.write('go');
    }
    expect(runtime.stats().zeroCopySends).toBe(5);
    socket.end();
    await once(socket, 'end');
    await empty(runtime);
    expect([socket.ended, reasons]).toEqual(['', ['ended']]);
  });
});

describe('a route that copies', () => {
  const { start, ask, empty } = serving({ anyRoute: true });

  it('is left off by the connection at once, and by the ring after several', async () => {
    const { port, runtime } = await start((left) => {
      left.send(pattern(100_000, 6));
    });
    const counts = () => {
      const { zeroCopySends, zeroCopyCopied, zeroCopyPaused } = runtime.stats();
      return [zeroCopySends, zeroCopyCopied, zeroCopyPaused];
    };
    for (let client = 1; client <= 10; client++) {
      const socket = await ask(port);
      socket.resume();
      for (let round = 1; round <= 3; round++) {
        await until(() => socket.bytesRead === round * 100_000);
        // The first one's notification may come a moment later.
        const known = Math.min(client, 8);
        await until(() => runtime.stats().zeroCopyCopied === known);
        expect(counts()).toEqual([known, known, client >= 8]);
        if (round < 3) socket.write('go');
      }
      socket.end();
      await once(socket, 'end');
    }
    await empty(runtime);
  });
});

describe('a route within this machine', () => {
  const { start, ask } = serving({});
  const own = Object.values(networkInterfaces())
    .flat()
    .find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address;
  const hosts: [string, string][] = [
    ['0.0.0.0', '127.0.0.1'],
    ['0.0.0.0', '127.9.9.9'],
    ['::', '::1'],
    ['::', '127.0.0.1'],
  ];
  if (own === undefined)
    console.log('skipped: an own address, as this machine has none but loopback');
  else hosts.push(['0.0.0.0', own], ['::', own]);

  it.each(hosts)('is not even tried: listening on %s, asked at %s', async (host, address) => {
    const { port, runtime } = await start((left) => left.send(pattern(MIB, 7)), {}, host);
    const socket = await ask(port, address);
    socket.resume();
    await until(() => socket.bytesRead === MIB);
    expect(runtime.stats().zeroCopySends).toBe(0);
  });
});
