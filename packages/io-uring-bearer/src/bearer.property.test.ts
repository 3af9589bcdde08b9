// Random programs against the kernel: whatever is pushed, cancelled, aborted or closed, every submission completes exactly once.

import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { RawFd } from '@ringbearer/io-uring-fd';
import {
  Nop,
  type OpCode,
  Read,
  Recv,
  RecvMulti,
  Send,
  SocketType,
  SubmissionFlags,
  Timeout,
  Write,
} from '@ringbearer/io-uring-opcode';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { KernelFixture } from '../test-support/kernel-fixture.js';
import { AtCapacity, type BearerError, HashSlab, UringBearer } from './index.js';

const fixture = new KernelFixture();
const opened: number[] = [];
afterAll(() => {
  for (const fd of opened) closeSync(fd);
});
let pipes = 0;
function pipe(): RawFd {
  const path = join(fixture.folder, `pipe-${pipes++}`);
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, 'r+');
  opened.push(fd);
  return new RawFd(fd);
}

const KINDS = [
  'nop',
  'nop',
  'fail',
  'short',
  'long',
  'ticks',
  'send',
  'recv',
  'recvMulti',
  'write',
  'read',
] as const;
const { NONE, LINK, HARD_LINK, DRAIN, ASYNC, SKIP_SUCCESS, BACKGROUND } = SubmissionFlags;
/** What is refused with nothing changed: among them drains within a chain, and beside multishot operations. */
const REFUSED = new Set(['SUBMISSION_QUEUE_FULL', 'CHAIN_OPEN', 'MULTISHOT_IN_FLIGHT']);
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      what: fc.constantFrom('push', 'push', 'submit', 'stream', 'again'),
      kind: fc.constantFrom(...KINDS),
      flags: fc.constantFrom(
        NONE,
        NONE,
        NONE,
        NONE,
        LINK,
        HARD_LINK,
        DRAIN,
        ASYNC,
        SKIP_SUCCESS,
        BACKGROUND,
      ),
      pick: fc.nat(1000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constantFrom('cancel', 'abort', 'return', 'flush', 'turn', 'turn'),
      kind: fc.constant('nop' as const),
      flags: fc.constant(NONE),
      pick: fc.nat(1000),
    }),
  },
);
const setup = fc.record({
  CoreQueue: fc.constantFrom(1, 2, 8, 64),
  CompletionQueue: fc.constantFrom(64, 128),
  PendingCompletions: fc.constantFrom(1, 3, 20, 1000),
  hashed: fc.boolean(),
});

describe.each(['embedded', 'owner', 'manual'] as const)('driver %s', (driver) => {
  test('every submission completes exactly once, and nothing is left', async () => {
    const file = pipe();
    const [ours, theirs] = await fixture.pair(SocketType.STREAM);
    await fc.assert(
      fc.asyncProperty(
        setup,
        fc.array(step, { maxLength: 60 }),
        async ({ hashed, ...capacity }, steps) => {
          const bearer = UringBearer.withCapacity(capacity, {
            driver,
            ...(hashed ? { slab: (count: number) => new HashSlab<OpCode<unknown>>(count) } : {}),
          });
          const ring = bearer.buffers.ring({ count: 4, bufferBytes: 32 });
          const pool = bearer.buffers.pool({ count: 100, bufferBytes: 32 });
          const leases = new Set<ReturnType<typeof pool.take>>();
          const pushed: {
            operation: OpCode<unknown>;
            key: number;
            finals: number;
            skip: boolean;
            flags: number;
          }[] = [];
          const promises: Promise<unknown>[] = [];
          const aborts: AbortController[] = [];
          const streams: AsyncIterableIterator<unknown>[] = [];
          let rejected = 0;

          const memory = () => {
            const lease = pool.take();
            leases.add(lease);
            return lease;
          };
          const operationOf = (kind: (typeof KINDS)[number], pick: number): OpCode<unknown> => {
            switch (kind) {
              case 'nop':
                return new Nop();
              case 'fail':
                return new Nop({ result: -5 });
              case 'short':
                return new Timeout({ milliseconds: pick % 3 });
              case 'long':
                return new Timeout({ milliseconds: 60_000 });
              case 'ticks':
                return new Timeout({ milliseconds: 1, repeat: 1 + (pick % 3) });
              case 'send':
                return new Send({ socket: theirs, data: memory(), length: 8 });
              case 'recv':
                return new Recv({ socket: ours, memory: memory() });
              case 'recvMulti':
                return new RecvMulti({ socket: ours, group: ring.group });
              case 'write':
                return new Write({ descriptor: file, data: memory(), length: 8 });
              case 'read':
                return new Read({ descriptor: file, memory: memory() });
            }
          };
          const turn = async () => {
            if (driver === 'manual') {
              bearer.submitAndWait(0);
              bearer.handleCompletions(5);
            }
            await immediate();
          };
          const attempt = (body: () => void) => {
            try {
              body();
            } catch (error) {
              if (!(error instanceof AtCapacity) && !REFUSED.has((error as BearerError).code))
                throw error;
              rejected++;
            }
          };

          for (const { what, kind, flags, pick } of steps) {
            if (what === 'push') {
              const operation = operationOf(kind, pick);
              const entry = { operation, key: -1, finals: 0, skip: flags === SKIP_SUCCESS, flags };
              operation.handler = (cqe) => {
                if (cqe.hasBuffer) {
                  ring.recycle(cqe.bufferId);
                  ring.publish();
                }
                if (!cqe.more) entry.finals++;
              };
              attempt(() => {
                entry.key = bearer.push(operation, flags);
                pushed.push(entry);
              });
            } else if (what === 'again') {
              const entry = pushed[pick % (pushed.length || 1)];
              if (entry === undefined || entry.operation.inFlight || entry.flags !== NONE) continue;
              if (
                entry.finals === 0 ||
                entry.operation.name === 'SEND' ||
                entry.operation.name === 'RECV'
              )
                continue;
              if (!['NOP', 'TIMEOUT'].includes(entry.operation.name)) continue;
              attempt(() => {
                bearer.push(entry.operation);
                entry.finals--;
              });
            } else if (what === 'submit') {
              const operation = operationOf(kind, pick);
              const abort = new AbortController();
              aborts.push(abort);
              const promise = bearer.submit(operation, { signal: abort.signal, flags });
              promises.push(
                promise.then(
                  () => 'ok',
                  (error: Error & { code?: string }) => error.code ?? error.name,
                ),
              );
            } else if (what === 'stream') {
              if (kind !== 'ticks' && kind !== 'recvMulti') continue;
              const abort = new AbortController();
              aborts.push(abort);
              attempt(() =>
                streams.push(
                  bearer.stream(operationOf(kind, pick), { signal: abort.signal, highWater: 2 }),
                ),
              );
            } else if (what === 'cancel') {
              const entry = pushed[pick % (pushed.length || 1)];
              if (entry !== undefined) bearer.cancel(pick % 2 === 0 ? entry.key : entry.operation);
            } else if (what === 'abort') {
              aborts[pick % (aborts.length || 1)]?.abort();
            } else if (what === 'return') {
              const stream = streams[pick % (streams.length || 1)];
              if (stream !== undefined) promises.push(stream.return!());
            } else if (what === 'flush') {
              bearer.flush();
            } else await turn();
            const { used, limit } = bearer.stats().capacity.PendingCompletions;
            expect(used).toBeLessThanOrEqual(limit);
          }

          const half = Math.floor(aborts.length / 2);
          for (const abort of aborts.slice(half)) abort.abort();
          await turn();
          await bearer.close();
          await Promise.all(promises);
          for (const stream of streams) await stream.return!();
          for (const { operation, finals, skip } of pushed) {
            expect(operation.inFlight).toBe(false);
            if (skip) expect(finals).toBeLessThanOrEqual(1);
            else expect(finals).toBe(1);
          }
          for (const lease of leases) {
            if (lease.owner.name === 'Kernel') throw new Error('memory was left with the kernel');
            lease.release();
          }
          const stats = bearer.stats();
          expect(stats).toMatchObject({ stale: 0, dropped: stats.dropped });
          expect(stats.capacity.PendingCompletions.used).toBe(0);
          expect(stats.completed).toBeGreaterThanOrEqual(stats.submitted);
          expect(ring.outstanding).toBe(0);
          expect(rejected).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 150, endOnFailure: false },
    );
  }, 120_000);
});
