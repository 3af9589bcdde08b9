import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Blueprint } from '../../sans-io/blueprint.js';
import type { Left } from '../../sans-io/left.js';
import { IoUringRuntime } from './runtime.js';

let runtime: IoUringRuntime | undefined;
afterEach(async () => {
  await runtime?.close(500);
  runtime = undefined;
});

/** What an app writes: small pieces are copied, large ones sent from where they are. */
type Piece = { readonly how: 'reserve' | 'write' | 'send'; readonly length: number };

const pieces = fc.array(
  fc.record({
    how: fc.constantFrom<Piece['how']>('reserve', 'write', 'send'),
    length: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 400_000 })),
  }),
  { minLength: 1, maxLength: 40 },
);

/** Writes the pieces, all at once, and ends. Returns what they come to. */
function writeAll(left: Left, all: readonly Piece[]): Buffer {
  const written: Buffer[] = [];
  all.forEach(({ how, length }, index) => {
    const bytes = Buffer.alloc(how === 'reserve' ? Math.min(length, 4096) : length, index + 1);
    written.push(bytes);
    if (how === 'send') left.send(bytes);
    else if (how === 'write') left.write(bytes, 0, bytes.length);
    else {
      const at = left.reserve(bytes.length);
      left.out.set(bytes, at);
      left.commit(at + bytes.length);
    }
  });
  left.end();
  return Buffer.concat(written);
}

function serving(write: (left: Left) => void): number {
  const app: Blueprint = {
    name: 'writer',
    instantiate: (left) => ({
      receive: (_bytes, start, end) => {
        write(left);
        return end - start;
      },
      receiveEnd: () => left.end(),
      drained() {},
      tick() {},
      shutdown: () => left.end(),
      close() {},
    }),
  };
  runtime = new IoUringRuntime({ app });
  return (runtime.listen({ port: 0 }).address as { port: number }).port;
}

async function ask(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('go');
  return socket;
}

describe('Outgoing', () => {
  it('sends segments of every kind in order and whole, several in one operation', async () => {
    let next: readonly Piece[] = [];
    let expected: Buffer = Buffer.alloc(0);
    const port = serving((left) => {
      expected = writeAll(left, next);
    });
    await fc.assert(
      fc.asyncProperty(pieces, async (all) => {
        next = all;
        const chunks: Buffer[] = [];
        for await (const chunk of await ask(port)) chunks.push(chunk as Buffer);
        expect(Buffer.concat(chunks).equals(expected)).toBe(true);
        expect(runtime!.transmit.borrowed).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('takes fewer operations than there are segments', async () => {
    const all: Piece[] = Array.from({ length: 8 }, (_, index) => ({
      how: index % 2 === 0 ? 'reserve' : 'send',
      length: index % 2 === 0 ? 10 : 20_000,
    }));
    const port = serving((left) => void writeAll(left, all));
    const before = runtime!.stats().ring.submitted;
    const socket = await ask(port);
    let bytes = 0;
    for await (const chunk of socket) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(4 * 20_010);
    // The receive of the connection, one send, shutdown and close; a timer and accepts beside.
    expect(runtime!.stats().ring.submitted - before).toBeLessThan(8);
  });

  it('a peer that leaves in the middle of a gathered send costs no slot', async () => {
    const port = serving(
      (left) =>
        void writeAll(
          left,
          Array.from({ length: 30 }, (_, index) => ({
            how: index % 2 === 0 ? 'reserve' : 'send',
            length: 100_000,
          })),
        ),
    );
    for (let round = 0; round < 20; round++) {
      const socket = await ask(port);
      socket.on('error', () => {});
      await once(socket, 'data');
      socket.resetAndDestroy();
    }
    for (let wait = 0; wait < 500 && runtime!.connections > 0; wait++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(runtime!.connections).toBe(0);
    expect(runtime!.transmit.borrowed).toBe(0);
    expect(runtime!.stats().ring.capacity.PendingCompletions.used).toBeLessThan(12);
  });
});
