import { describe, expect, test } from 'vitest';
import { sharedStats } from './shared-stats.js';
import { StatsRow } from './stats-row.js';
import { StatsTable, THREADS_MAX } from './stats-table.js';

const STATS = {
  connections: 2,
  maxConnections: 50,
  accepted: 3,
  connectionsRefused: 0,
  bytesReceived: 10,
  bytesSent: 20,
  acceptPaused: false,
  zeroCopySends: 0,
  zeroCopyCopied: 0,
  zeroCopyPaused: false,
};

describe('StatsTable', () => {
  test('sums up rows by worker and workers by server, in any thread', () => {
    const table = StatsTable.of([34, 33]);
    const reader = new StatsTable(table.memory);
    expect(reader.read()).toMatchObject({
      requests: 0,
      connections: 0,
      maxConnections: 67,
      acceptPaused: false,
      zeroCopySends: 0,
      zeroCopyCopied: 0,
      zeroCopyPaused: false,
      ring: null,
      workers: [{ index: 0, state: 'restarting', threadId: null }, { index: 1 }],
    });
    for (const [worker, row] of [
      [0, 0],
      [0, 3],
      [1, THREADS_MAX - 1],
    ] as const) {
      const { board, tally } = table.row(worker, row);
      board.publish({ ...STATS, acceptPaused: worker === 1 });
      tally.opened += 2;
      tally.begun[0]! += 4;
      tally.responses[2]! += 2;
      tally.responses[4]!++;
      tally.refusals[4]!++;
      tally.fault('HOST');
      tally.fault(`CODE_${worker}`);
      tally.limit('headerReadTimeoutMs');
      tally.limit('maxHeaders');
    }
    table.report(0, { threadId: 5, state: 'serving', draining: 1, restarts: 2 });
    table.report(1, { threadId: null, state: 'ended', draining: 0, restarts: 1 });
    table.reloaded();
    const stats = reader.read();
    expect(stats).toMatchObject({
      requests: 12,
      active: 3,
      idle: 3,
      connections: 6,
      maxConnections: 67,
      accepted: 9,
      bytesSent: 60,
      acceptPaused: true,
      zeroCopySends: 0,
      zeroCopyCopied: 0,
      zeroCopyPaused: false,
      responses: { '1xx': 0, '2xx': 6, '3xx': 0, '4xx': 6, '5xx': 0 },
      refused: 3,
      protocolErrors: { HOST: 3, CODE_0: 2, CODE_1: 1 },
      limits: { headerReadTimeoutMs: 3, maxHeaders: 3 },
      timeouts: { headerReadTimeoutMs: 3 },
      restarts: 3,
      reloads: 1,
    });
    expect(stats.workers).toMatchObject([
      { index: 0, threadId: 5, state: 'serving', draining: 1, restarts: 2, requests: 8 },
      { index: 1, threadId: null, state: 'ended', restarts: 1, requests: 4, maxConnections: 33 },
    ]);
  });

  test('rows do not touch each other, whatever is counted in them', () => {
    const table = StatsTable.of([1, 1]);
    const { tally } = table.row(0, THREADS_MAX - 1);
    for (let name = 0; name < 200; name++) {
      tally.fault(`FAULT_${name}`);
      tally.limit(`limit-${name}`);
    }
    tally.logDropped++;
    table.row(0, 0).board.publish(STATS);
    const { workers } = table.read();
    expect(workers[1]).toMatchObject({ requests: 0, connections: 0, protocolErrors: {} });
    expect(workers[0]!.accessLog).toEqual({ written: 0, dropped: 1 });
    expect(StatsRow.BYTES % 128).toBe(0);
  });

  test('a thread that is gone has nothing open any more, its counters stay and its successor goes on', () => {
    const table = StatsTable.of([10]);
    const first = table.row(0, 0);
    first.board.publish(STATS);
    first.tally.opened += 3;
    first.tally.begun[0]! += 3;
    first.tally.responses[2]!++;
    expect(table.read()).toMatchObject({ active: 2, idle: 1, lost: 0 });
    first.abandon();
    const gone = { connections: 0, active: 0, idle: 0, lost: 2, requests: 3, accepted: 3 };
    expect(table.read()).toMatchObject(gone);
    const next = new StatsTable(table.memory).row(0, 0);
    next.board.publish({ ...STATS, connections: 1, accepted: 1 });
    next.tally.opened++;
    next.tally.begun[0]!++;
    expect(table.read()).toMatchObject({ connections: 1, active: 1, requests: 4, accepted: 4 });
  });
});

test('sharedStats() says what to do where there is no worker of start()', () => {
  expect(() => sharedStats()).toThrow(
    'Cannot read the counters of all workers as this thread must be a worker of start(): elsewhere ask the server itself, server.stats()',
  );
});
