import { describe, expect, test } from 'vitest';
import { type RingTotals, StatsBoard } from './stats-board.js';

const use = { limit: 4, used: 2, peak: 3 };
const capacity = {
  CoreQueue: use,
  CompletionQueue: use,
  RegisteredFd: { limit: 9, used: 8, peak: 8 },
  PendingCompletions: use,
  Buffers: use,
  BufferBytes: use,
  BufferGroups: use,
  RegisteredBuffers: use,
  Futexes: use,
};
const ring: RingTotals = {
  submitted: 1,
  completed: 2,
  enters: 3,
  overflows: 4,
  dropped: 0,
  stale: 5,
  noBuffers: 2 ** 40,
  capacity,
};
const stats = {
  connections: 6,
  maxConnections: 7,
  accepted: 8,
  connectionsRefused: 3,
  bytesReceived: 9,
  bytesSent: 10,
  acceptPaused: true,
  zeroCopySends: 0,
  zeroCopyCopied: 0,
  zeroCopyPaused: false,
};

describe('StatsBoard', () => {
  test('what one thread writes another one reads, with a ring and without', () => {
    const board = new StatsBoard();
    const reader = new StatsBoard(board.memory);
    board.publish({ ...stats, ring: null });
    expect(reader.read()).toEqual({ ...stats, ring: null });
    board.publish({ ...stats, ring });
    expect(reader.read()).toEqual({ ...stats, ring });
    board.accepted(9, 10);
    board.closed(8);
    expect(reader.read()).toMatchObject({ connections: 8, accepted: 10, maxConnections: 7 });
  });

  test('goes on counting where another one ended: counters never fall, the rest is as it is now', () => {
    const first = new StatsBoard();
    first.publish({ ...stats, ring });
    first.abandon();
    const gone = first.read();
    expect(gone).toMatchObject({
      connections: 0,
      maxConnections: 0,
      acceptPaused: false,
      zeroCopySends: 0,
      zeroCopyCopied: 0,
      zeroCopyPaused: false,
      accepted: 8,
      bytesSent: 10,
      ring: { submitted: 1, noBuffers: 2 ** 40 },
    });
    expect(gone.ring!.capacity.RegisteredFd).toEqual({ limit: 0, used: 0, peak: 0 });
    const second = new StatsBoard(first.memory);
    second.accepted(1, 1);
    const now = { ...stats, accepted: 2, bytesReceived: 0, bytesSent: 5, connectionsRefused: 0 };
    second.publish({ ...now, ring: { ...ring, submitted: 0 } });
    second.publish({ ...now, ring });
    expect(second.read()).toMatchObject({
      accepted: 10,
      bytesReceived: 9,
      bytesSent: 15,
      connectionsRefused: 3,
      connections: 6,
      ring: { submitted: 2, enters: 6, noBuffers: 2 ** 41, capacity },
    });
  });

  test('is exact above 2^32, also for what the kernel counts in 32 bits', () => {
    const board = new StatsBoard();
    for (const enters of [2 ** 32 - 1, 5, 2 ** 31, 2])
      board.publish({ ...stats, bytesSent: 2 ** 53 - 1, ring: { ...ring, enters } });
    expect(board.read()).toMatchObject({
      bytesSent: Number.MAX_SAFE_INTEGER,
      ring: { enters: 2 ** 33 + 2 },
    });
  });
});
