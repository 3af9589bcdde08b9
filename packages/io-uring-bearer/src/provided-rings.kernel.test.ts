import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket as NetSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BufferError,
  type ProvidedBufferRing,
  type ReplenishPolicy,
} from '@ringbearer/io-uring-buffer';
import { RawFd } from '@ringbearer/io-uring-fd';
import {
  Accept,
  Close,
  type OpCode,
  OpenAt,
  Read,
  type Received,
  Recv,
  RecvMsgMulti,
  RecvMulti,
  SendGroup,
  SubmissionFlags,
} from '@ringbearer/io-uring-opcode';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UringBearer } from './index.js';

let bearer: UringBearer;

beforeEach(() => {
  bearer = UringBearer.withCapacity({ CoreQueue: 64 });
});
afterEach(() => bearer.close());

/** A connection: ours through the ring, theirs of node:net. */
async function connection(): Promise<{ ours: RawFd; theirs: NetSocket }> {
  const listener = bearer.listen({ address: '127.0.0.1' });
  const theirs = connect((listener.address as { port: number }).port, '127.0.0.1');
  theirs.on('error', () => {});
  const { descriptor } = await bearer.submit(new Accept({ listener: listener.descriptor }));
  await listener.close();
  return { ours: descriptor as RawFd, theirs };
}

/** Bytes of which each tells where it is: a byte out of place shows. */
const pattern = (length: number, from = 0) =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => ((from + i) * 31 + ((from + i) >>> 8)) & 0xff));

function code(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(BufferError);
    return (error as BufferError).code;
  }
  return 'no error';
}

/** Skips, and says why, where the kernel has no bundles. */
function needsBundles(context: { skip(reason: string): void }): void {
  if (!bearer.probe().features.includes('RECVSEND_BUNDLE')) {
    context.skip('bundles need kernel 6.10');
  }
}

/** Skips, and says why, where an incremental ring was not granted. */
function needsIncremental(context: { skip(reason: string): void }, ring: ProvidedBufferRing): void {
  if (!ring.incremental) context.skip('incremental buffer rings need kernel 6.12');
}

describe('an incremental ring', () => {
  test('fills one buffer with many arrivals, which come back in any order', async (context) => {
    const ring = bearer.buffers.ring({ count: 2, bufferBytes: 64, incremental: true });
    needsIncremental(context, ring);
    const { ours, theirs } = await connection();
    const receive = new RecvMulti({ socket: ours, group: ring.group });
    const stream = bearer.stream(receive);
    const got: Received[] = [];
    for (const text of ['first ', 'second ', 'third ']) {
      theirs.write(text);
      got.push((await stream.next()).value);
    }
    expect(
      got.map(({ bufferId, bufferOffset, length }) => [bufferId, bufferOffset, length]),
    ).toEqual([
      [0, 0, 6],
      [0, 6, 7],
      [0, 13, 6],
    ]);
    const leases = got.map((each) => bearer.buffers.lease(receive, each));
    expect(leases.map((lease) => lease.toString()).join('')).toBe('first second third ');
    expect(leases.map(({ group, id, offset, length }) => [group, id, offset, length])[1]).toEqual([
      ring.group,
      0,
      6,
      7,
    ]);
    // The kernel goes on with it: it is not outside.
    expect(ring).toMatchObject({ outstanding: 0, available: 2 });
    leases[1]!.release();
    expect(leases[0]!.toString() + leases[2]!.toString()).toBe('first third ');
    expect(code(() => leases[1]!.toString())).toBe('BUFFER_RELEASED');
    theirs.write(pattern(45)); // what is left of the buffer
    const rest = await stream.next();
    expect(rest.value).toMatchObject({ bufferId: 0, bufferOffset: 19, length: 45 });
    expect(ring).toMatchObject({ outstanding: 1, available: 1 });
    leases[2]!.release();
    ring.recycle(0, 19);
    expect(ring.outstanding).toBe(1); // one piece is still out
    leases[0]!.release();
    expect(ring).toMatchObject({ outstanding: 0, available: 2 });
    await stream.return?.();
    theirs.destroy();
    await bearer.submit(new Close({ descriptor: ours }));
  });

  test('leases nothing of a buffer but the pieces that completions named', async (context) => {
    const ring = bearer.buffers.ring({ count: 2, bufferBytes: 64, incremental: true });
    needsIncremental(context, ring);
    const { ours, theirs } = await connection();
    theirs.write('12345678');
    const receive = new Recv({ socket: ours, group: ring.group });
    const got = await bearer.submit(receive);
    for (const offset of [1, 8, 64, -1, 0.5, Number.NaN]) {
      expect(code(() => ring.lease(got.bufferId, 1, offset))).toBe('BUFFER_NOT_LENT');
      expect(code(() => ring.recycle(got.bufferId, offset))).toBe('BUFFER_NOT_LENT');
    }
    // The bytes behind are the kernel's.
    expect(() => ring.lease(got.bufferId, 9)).toThrow(RangeError);
    const lease = bearer.buffers.lease(receive, got);
    expect(code(() => bearer.buffers.lease(receive, got))).toBe('BUFFER_NOT_LENT');
    lease.release();
    expect(code(() => ring.lease(got.bufferId, 8))).toBe('BUFFER_NOT_LENT');
    theirs.destroy();
    await bearer.submit(new Close({ descriptor: ours }));
  });

  test('gets buffers back that the kernel gave up before they were full: files and worker threads', async (context) => {
    const ring = bearer.buffers.ring({ count: 1, bufferBytes: 4096, incremental: true });
    needsIncremental(context, ring);
    const path = join(tmpdir(), `ringbearer-incremental-${process.pid}`);
    writeFileSync(path, pattern(1000));
    const descriptor = await bearer.submit(new OpenAt({ path }));
    for (const flags of [SubmissionFlags.NONE, SubmissionFlags.ASYNC]) {
      for (const position of [0, 700, 1000, 5]) {
        const read = new Read({ descriptor, group: ring.group, position });
        const got = await bearer.submit(read, { flags });
        expect(got.length).toBe(1000 - position);
        if (got.length > 0) {
          const lease = bearer.buffers.lease(read, got);
          expect(Buffer.from(lease.toBytes())).toEqual(pattern(got.length, position));
          lease.release();
        }
        expect(ring.available).toBe(1);
      }
    }
    await bearer.submit(new Close({ descriptor }));
  });

  test('is refused to operations that need buffers whole, before anything is submitted', async (context) => {
    const ring = bearer.buffers.ring({ count: 2, bufferBytes: 64, incremental: true });
    needsIncremental(context, ring);
    const socket = new RawFd(0);
    const { group } = ring;
    const before = bearer.stats().submitted;
    const refused: OpCode<unknown>[] = [
      new Recv({ socket, group, bundle: true }),
      new Recv({ socket, group, waitAll: true }),
      new Recv({ socket, group, length: 10 }),
      new Read({ descriptor: socket, group, length: 10 }),
      new RecvMulti({ socket, group, bundle: true }),
      new RecvMsgMulti({ socket, group }),
    ];
    for (const operation of refused) {
      expect(() => bearer.push(operation)).toThrow('need whole buffers');
      expect(operation.inFlight).toBe(false);
    }
    expect(bearer.stats().submitted).toBe(before);
  });
});

describe('a bundle', () => {
  test('is leased as a run, in the ring order, which need not be that of ids', async (context) => {
    needsBundles(context);
    const { ours, theirs } = await connection();
    const ring = bearer.buffers.ring({ count: 8, bufferBytes: 16 });
    const receive = new Recv({ socket: ours, group: ring.group, bundle: true });
    // Take four buffers one by one and bring them back in another order.
    const single = new Recv({ socket: ours, group: ring.group });
    const ids: number[] = [];
    for (let i = 0; i < 4; i++) {
      theirs.write(`${i}`);
      ids.push((await bearer.submit(single)).bufferId);
    }
    for (const at of [2, 0, 3, 1]) ring.recycle(ids[at]!);
    ring.publish();
    const sent = pattern(120);
    theirs.write(sent);
    const seen: Buffer[] = [];
    const order: number[] = [];
    for (let bytes = 0; bytes < sent.length; ) {
      const got = await bearer.submit(receive);
      if (got.length > 16) expect(() => bearer.buffers.lease(receive, got)).toThrow(RangeError);
      const run = bearer.buffers.leaseRun(receive, got);
      expect(run.length).toBe(got.length);
      expect([...run].map(({ length }) => length).slice(0, -1)).toEqual(
        Array.from({ length: run.leases.length - 1 }, () => 16),
      );
      seen.push(Buffer.from(run.toBytes()));
      order.push(...run.leases.map(({ id }) => id));
      expect(code(() => bearer.buffers.leaseRun(receive, got))).toBe('BUFFER_NOT_LENT');
      bytes += got.length;
      run.release();
      run.release();
    }
    expect(Buffer.concat(seen)).toEqual(sent);
    expect(order.slice(0, 8)).toEqual([4, 5, 6, 7, ids[2], ids[0], ids[3], ids[1]]);
    expect(ring).toMatchObject({ outstanding: 0, available: 8 });
    theirs.destroy();
    await bearer.submit(new Close({ descriptor: ours }));
  });

  test('can be read in place, buffer by buffer', async (context) => {
    needsBundles(context);
    const { ours, theirs } = await connection();
    const ring = bearer.buffers.ring({ count: 4, bufferBytes: 32 });
    const sent = pattern(5000);
    theirs.end(sent);
    const receive = new RecvMulti({ socket: ours, group: ring.group, bundle: true });
    const seen: Buffer[] = [];
    await new Promise<void>((resolve, reject) => {
      receive.handler = (cqe) => {
        if (cqe.hasBuffer) {
          let left = cqe.res;
          for (let bid = cqe.bufferId; bid >= 0; ) {
            const length = ring.lengthOf(bid);
            const at = ring.unsafe.offset(bid);
            seen.push(Buffer.from(ring.unsafe.bytes.slice(at, at + length)));
            left -= length;
            const next = ring.next(bid);
            ring.recycle(bid);
            bid = next;
          }
          expect(left).toBe(0);
          ring.publish();
        }
        if (cqe.more) return;
        if (receive.ends(cqe)) resolve();
        else if (receive.rearms(cqe)) bearer.push(receive);
        else reject(new Error(`receive ended with ${cqe.res}`));
      };
      bearer.push(receive);
    });
    expect(Buffer.concat(seen)).toEqual(sent);
    expect(ring.available).toBe(4);
    await bearer.submit(new Close({ descriptor: ours }));
  });

  test('that no consumer took comes back whole', async (context) => {
    needsBundles(context);
    const { ours, theirs } = await connection();
    const ring = bearer.buffers.ring({ count: 4, bufferBytes: 16 });
    const stream = bearer.stream(new RecvMulti({ socket: ours, group: ring.group, bundle: true }));
    theirs.write(pattern(400));
    while (ring.outstanding < 4) await new Promise((resolve) => setImmediate(resolve));
    await stream.return?.();
    expect(ring).toMatchObject({ outstanding: 0, available: 4 });
    theirs.destroy();
    await bearer.submit(new Close({ descriptor: ours }));
  });
});

describe('replenishing', () => {
  const policies: ReplenishPolicy[] = ['release', 'batch', 'half-empty'];
  const shapes = [
    { bundle: false, incremental: false },
    { bundle: true, incremental: false },
    { bundle: false, incremental: true },
  ];
  test.for(policies.flatMap((replenish) => shapes.map((shape) => ({ replenish, ...shape }))))(
    '%j: a stream through two buffers neither stalls nor spins',
    async (options, context) => {
      const { replenish, bundle, incremental } = options;
      if (bundle) needsBundles(context);
      const ring = bearer.buffers.ring({ count: 2, bufferBytes: 512, incremental, replenish });
      const { ours, theirs } = await connection();
      const sent = pattern(60_000);
      theirs.end(sent);
      const receive = new RecvMulti({ socket: ours, group: ring.group, bundle });
      const seen: Buffer[] = [];
      let rounds = 0;
      for await (const received of bearer.stream(receive)) {
        rounds++;
        const run = bearer.buffers.leaseRun(receive, received);
        seen.push(Buffer.from(run.toBytes()));
        if (rounds % 16 === 0) await new Promise((resolve) => setImmediate(resolve)); // holds it a while
        run.release();
      }
      expect(Buffer.concat(seen).equals(sent)).toBe(true);
      // An ENOBUFS without a result between would be a spin.
      expect(bearer.stats().noBuffers).toBeLessThanOrEqual(rounds + 1);
      await new Promise((resolve) => setImmediate(resolve));
      ring.publish();
      expect(ring).toMatchObject({ outstanding: 0, available: 2 });
      await bearer.submit(new Close({ descriptor: ours }));
    },
  );
});

describe('a send ring', () => {
  test('is drained in order by bundles, and its room comes back', async (context) => {
    needsBundles(context);
    const { ours, theirs } = await connection();
    let rooms = 0;
    const queue = bearer.buffers.sendRing({
      count: 8,
      bufferBytes: 100,
      onRoom: () => {
        rooms++;
      },
    });
    const total = 100_000;
    const seen: Buffer[] = [];
    theirs.on('data', (chunk: Buffer) => seen.push(chunk));
    let written = 0;
    while (written < total || queue.queued > 0) {
      while (written < total) {
        const taken = queue.write(pattern(Math.min(37, total - written), written));
        written += taken;
        if (taken < 37) break;
      }
      expect(written === total || queue.room === 0).toBe(true);
      queue.publish();
      const send = new SendGroup({ socket: ours, group: queue.group, bundle: true });
      for await (const { length } of bearer.stream(send)) if (length === 0) break;
    }
    expect(queue).toMatchObject({ queued: 0, sent: total, room: 800 });
    expect(rooms).toBeGreaterThan(0);
    await bearer.submit(new Close({ descriptor: ours }));
    await once(theirs, 'close');
    expect(Buffer.concat(seen).equals(pattern(total))).toBe(true);
    queue.close();
    queue.close();
    expect(queue.write(Buffer.from('late'))).toBe(0);
  });

  test('refuses what is no Uint8Array, and to close while a send uses it', async (context) => {
    needsBundles(context);
    const { ours, theirs } = await connection();
    theirs.pause();
    const queue = bearer.buffers.sendRing({ count: 8, bufferBytes: 1 << 20 });
    expect(() => queue.write('text' as unknown as Uint8Array)).toThrow(TypeError);
    queue.write(Buffer.alloc(8 << 20)); // more than the socket takes
    queue.publish();
    const send = new SendGroup({ socket: ours, group: queue.group, bundle: true });
    const stream = bearer.stream(send);
    bearer.flush();
    expect(code(() => queue.close())).toBe('BUFFER_IN_USE');
    await stream.return?.();
    queue.close();
    expect(bearer.stats().capacity.BufferGroups.used).toBe(0);
    theirs.destroy();
    await bearer.submit(new Close({ descriptor: ours }));
  });
});

describe('who owns a provided buffer', () => {
  test('a ring does not close while a receive uses its group', async () => {
    const ring = bearer.buffers.ring({ count: 2, bufferBytes: 64 });
    const { ours, theirs } = await connection();
    const stream = bearer.stream(new RecvMulti({ socket: ours, group: ring.group }));
    expect(code(() => ring.unregister())).toBe('BUFFER_IN_USE');
    await stream.return?.();
    ring.unregister();
    theirs.destroy();
    await bearer.submit(new Close({ descriptor: ours }));
  });

  test('no call reaches a buffer that the kernel has, whatever the sequence', async () => {
    const step = fc.record({
      what: fc.constantFrom(
        'send',
        'take',
        'take',
        'lease',
        'recycle',
        'release',
        'forge',
        'publish',
      ),
      pick: fc.nat(10_000),
    });
    const setup = fc.record({
      count: fc.constantFrom(1, 2, 4),
      incremental: fc.boolean(),
      bundle: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(setup, fc.array(step, { maxLength: 60 }), async (shape, steps) => {
        const incremental = shape.incremental && !shape.bundle;
        const bundle = shape.bundle && bearer.probe().features.includes('RECVSEND_BUNDLE');
        const ring = bearer.buffers.ring({ count: shape.count, bufferBytes: 32, incremental });
        const { ours, theirs } = await connection();
        const receive = new Recv({ socket: ours, group: ring.group, bundle });
        let sent = 0;
        let received = 0;
        /** Pieces that completions named and nobody took: [bid, offset, length, where they are in the stream]. */
        const named: [number, number, number, number][] = [];
        const leases: { lease: ReturnType<typeof ring.lease>; at: number }[] = [];
        const forge = (pick: number) => {
          const bid = (pick % (shape.count + 2)) - 1;
          const offset = incremental ? (pick >> 4) % 33 : 0;
          const mine = named.some(([id, from]) => id === bid && from === offset);
          if (mine) return;
          for (const use of [
            () => ring.lease(bid, 1, offset),
            () => ring.lease(bid, 0, offset),
            () => ring.leaseRun(bid, offset),
            () => ring.recycle(bid, offset),
            () => ring.recycleRun(bid, offset),
          ]) {
            expect(code(use)).toBe('BUFFER_NOT_LENT');
          }
        };
        for (const { what, pick } of steps) {
          if (what === 'send') {
            const bytes = pattern(1 + (pick % 70), sent);
            sent += bytes.length;
            await new Promise((resolve) => theirs.write(bytes, resolve));
          } else if (what === 'take' && received < sent) {
            const got = await bearer.submit(receive).catch((error) => error.code as string);
            if (typeof got === 'string') {
              expect(got).toBe('ENOBUFS');
              continue;
            }
            let offset = got.bufferOffset;
            for (let bid = got.bufferId; bid >= 0; offset = 0) {
              const length = ring.lengthOf(bid, offset);
              named.push([bid, offset, length, received]);
              received += length;
              bid = ring.next(bid, offset);
            }
          } else if (what === 'lease' && named.length > 0) {
            const [bid, offset, length, at] = named.splice(pick % named.length, 1)[0]!;
            expect(() => ring.lease(bid, length + 1, offset)).toThrow(RangeError);
            const lease = ring.lease(bid, length, offset);
            expect([lease.id, lease.offset, lease.length]).toEqual([bid, offset, length]);
            leases.push({ lease, at });
          } else if (what === 'recycle' && named.length > 0) {
            const [bid, offset] = named.splice(pick % named.length, 1)[0]!;
            ring.recycle(bid, offset);
          } else if (what === 'release' && leases.length > 0) {
            const { lease } = leases.splice(pick % leases.length, 1)[0]!;
            lease.release();
            expect(code(() => lease.toBytes())).toBe('BUFFER_RELEASED');
          } else if (what === 'forge') forge(pick);
          else if (what === 'publish') ring.publish();
          // What is leased stays as it arrived: the kernel has not written there, whatever else happened.
          for (const { lease, at } of leases) {
            expect(Buffer.from(lease.toBytes()).equals(pattern(lease.length, at))).toBe(true);
          }
        }
        for (const { lease } of leases) lease.release();
        for (const [bid, offset] of named) ring.recycle(bid, offset);
        ring.publish();
        expect(ring).toMatchObject({ outstanding: 0, available: shape.count });
        theirs.destroy();
        await bearer.submit(new Close({ descriptor: ours }));
        ring.unregister();
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
