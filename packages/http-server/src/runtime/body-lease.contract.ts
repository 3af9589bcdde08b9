import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import type { BodyLease } from '../exchange/index.js';
import { FastResponse, fetchHandler } from '../handlers/fetch/index.js';
import { type RawHandler, rawHandler } from '../handlers/raw.js';
import { http1 } from '../protocol/http1/http1.js';
import type { ServerRuntime } from './choose-runtime.js';
import { type Make, SocketHouse, until } from './socket-house.contract.js';

const MIB = 1 << 20;
export const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');
export const appOf = (handler: RawHandler) =>
  http1({
    handle: rawHandler(handler, { onError: () => {} }),
    maxBodyBytes: 8 * MIB,
    maxRaisedBodyBytes: 8 * MIB,
  });

/** Posts `body` and returns what came back behind the head. */
export async function post(socket: Socket, body: Uint8Array, path = '/'): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let missing = Number.POSITIVE_INFINITY;
  const answered = new Promise<void>((resolve, reject) => {
    const collect = (chunk: Buffer): void => {
      chunks.push(chunk);
      missing -= chunk.length;
      if (missing === Number.POSITIVE_INFINITY) {
        const all = Buffer.concat(chunks);
        const head = all.indexOf('\r\n\r\n');
        if (head < 0) return;
        const length = /content-length: (\d+)/i.exec(all.toString('latin1', 0, head))![1]!;
        missing = head + 4 + Number(length) - all.length;
      }
      if (missing > 0) return;
      socket.off('data', collect);
      resolve();
    };
    socket.on('data', collect);
    socket.once('close', () => reject(new Error('closed before the reply')));
  });
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
  socket.write(body);
  await answered;
  const all = Buffer.concat(chunks);
  return all.subarray(all.indexOf('\r\n\r\n') + 4);
}

/**
 * What `request.lease()` and `reply.lease()` are on every runtime over sockets.
 *
 * @param held what the runtime has borrowed, to be as it was when a test is through
 */
export function bodyLeaseContract(make: Make, held: (runtime: ServerRuntime) => number): void {
  const house = new SocketHouse(make);
  const echo: RawHandler = async (request, reply) => reply.lease(await request.lease());

  it('echoes bodies of every size from where they are, one after the other on one connection', async () => {
    const { runtime, port } = await house.start(appOf(echo));
    const socket = await house.client(port);
    for (const size of [1, 20_000, 131_072, MIB - 1, MIB, MIB + 1, 3 * MIB + 200_000, 5, 700_000]) {
      const body = randomBytes(size);
      expect(digest(await post(socket, body))).toBe(digest(body));
    }
    await until(() => held(runtime) === 0);
  });

  it('serves more at once than there is memory to lease, none of them with the bytes of another', async () => {
    const { runtime, port } = await house.start(appOf(echo));
    const rounds = Array.from({ length: 80 }, async (_, index) => {
      const socket = await house.client(port);
      for (let round = 0; round < 3; round++) {
        const body = Buffer.alloc(300_000, index + 1);
        body.writeUInt32LE(round, 150_000);
        expect(digest(await post(socket, body))).toBe(digest(body));
      }
    });
    await Promise.all(rounds);
    await until(() => held(runtime) === 0);
  }, 30_000);

  it('handlers that hold a hundred leases stop nobody, whose bodies come by another way', async () => {
    const leases: BodyLease[] = [];
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const { runtime, port } = await house.start(
      appOf(async (request, reply) => {
        const lease = await request.lease();
        if (request.path === '/hold') {
          leases.push(lease);
          await gate;
        }
        reply.lease(lease);
      }),
      { maxConnections: 200 },
    );
    const bodies = Array.from({ length: 100 }, (_, index) => Buffer.alloc(200_000, index + 1));
    const answers = bodies.map(async (body) => post(await house.client(port), body, '/hold'));
    await until(() => leases.length === 100);
    const other = randomBytes(2 * MIB);
    expect(digest(await post(await house.client(port), other))).toBe(digest(other));
    goOn();
    expect((await Promise.all(answers)).map(digest).sort()).toEqual(bodies.map(digest).sort());
    await until(() => held(runtime) === 0);
  }, 30_000);

  it('a peer that goes away while its own bytes are sent to it: they come back, and nobody else gets them', async () => {
    const { runtime, port } = await house.start(appOf(echo));
    for (let round = 0; round < 30; round++) {
      const socket = await house.client(port);
      socket.pause();
      socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${4 * MIB}\r\n\r\n`);
      socket.write(Buffer.alloc(4 * MIB, 'x'));
      if (round % 3 > 0) {
        socket.resume();
        await once(socket, 'data');
      } else await until(() => runtime.stats().bytesReceived > 0);
      socket.resetAndDestroy();
      const body = randomBytes(400_000);
      expect(digest(await post(await house.client(port), body))).toBe(digest(body));
    }
    for (const socket of house.sockets.splice(0)) socket.destroy();
    await until(() => runtime.stats().connections === 0);
    await until(() => held(runtime) === 0);
  }, 30_000);

  it.each(['release', 'forget', 'throw', 'keep'])(
    '%s: what the handler does not send is used again',
    async (how) => {
      const kept: BodyLease[] = [];
      const { runtime, port } = await house.start(
        appOf(async (request, reply) => {
          const lease = await request.lease();
          if (how === 'keep') kept.push(lease);
          if (how === 'throw') throw new Error('a bug');
          reply.text(digest(lease.bytes()));
          if (how === 'release') lease.release();
        }),
      );
      const socket = await house.client(port);
      for (let round = 0; round < 70; round++) {
        const body = randomBytes(200_000);
        const answer = await post(socket, body);
        if (how !== 'throw') expect(answer.toString()).toBe(digest(body));
        expect(held(runtime)).toBeLessThan(2);
      }
      await until(() => held(runtime) === 0);
      for (const lease of kept) expect(() => lease.bytes()).toThrow(/released/);
    },
  );

  it('the server is closed while handlers hold leases: they may be read and released, and it closes', async () => {
    const leases: BodyLease[] = [];
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const read: string[] = [];
    const { runtime, port } = await house.start(
      appOf(async (request, reply) => {
        const lease = await request.lease();
        leases.push(lease);
        await gate;
        read.push(digest(lease.bytes()));
        reply.lease(lease);
      }),
    );
    const body = randomBytes(500_000);
    for (let count = 0; count < 3; count++) {
      const socket = await house.client(port);
      socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
    }
    await until(() => leases.length === 3);
    house.running.length = 0;
    await runtime.close(0);
    goOn();
    await until(() => leases.every((lease) => !lease.held));
    // All of them: closing takes nothing from a handler at work.
    expect(read).toEqual(Array(3).fill(digest(body)));
  });

  it('large responses that their handlers write to at once arrive as they were, in memory that is used again', async () => {
    const handle = fetchHandler(
      async (request) => {
        const bytes = new Uint8Array(await request.arrayBuffer());
        const response = new FastResponse(bytes);
        bytes.fill(0xee);
        return response as unknown as Response;
      },
      { onError: () => {} },
    );
    const { runtime, port } = await house.start(http1({ handle, maxBodyBytes: 8 * MIB }));
    const rounds = Array.from({ length: 24 }, async (_, index) => {
      const socket = await house.client(port);
      for (const size of [33_000, MIB, 16_000, 2 * MIB + index, 400_000]) {
        const body = Buffer.alloc(size, index + 1);
        expect(digest(await post(socket, body))).toBe(digest(body));
        const gone = await house.client(port);
        gone.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
        gone.write(body);
        gone.once('data', () => gone.resetAndDestroy());
      }
    });
    await Promise.all(rounds);
    await until(() => held(runtime) === 0);
  }, 30_000);
}
