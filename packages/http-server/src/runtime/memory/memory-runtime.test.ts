import { describe, expect, test } from 'vitest';
import type { Left } from '../../sans-io/left.js';
import type { Orbit } from '../../sans-io/orbit.js';
import { MemoryRuntime } from './memory-runtime.js';

/** An orbit that keeps notes. */
class Recorder implements Orbit {
  readonly left: Left;
  readonly log: unknown[] = [];
  consume = Number.POSITIVE_INFINITY;
  constructor(left: Left) {
    this.left = left;
  }
  receive(bytes: Uint8Array, start: number, end: number): number {
    this.log.push(Buffer.from(bytes.subarray(start, end)).toString());
    return Math.min(this.consume, end - start);
  }
  receiveEnd(): void {
    this.log.push('FIN');
  }
  drained(): void {
    this.log.push('drained');
  }
  tick(now: number): void {
    this.log.push(now);
  }
  shutdown(): void {
    this.log.push('shutdown');
  }
  close(reason: string): void {
    this.log.push(reason);
  }
}

function recorder(options = {}) {
  let orbit: Recorder | undefined;
  const runtime = new MemoryRuntime(
    {
      name: 'recorder',
      instantiate: (left) => {
        orbit = new Recorder(left);
        return orbit;
      },
    },
    options,
  );
  const peer = runtime.connect();
  if (orbit === undefined) throw new Error('not instantiated');
  return { runtime, peer, orbit };
}

describe('MemoryRuntime', () => {
  test('presents kept bytes again at the front of what comes next', () => {
    const { peer, orbit } = recorder();
    orbit.consume = 1;
    peer.send('abcd', [2]).fin().run();
    expect(orbit.log).toEqual(['ab', 'bcd', 'FIN']);
    expect(peer.keptBytesMax).toBe(2);
  });

  test('holds everything back while paused, and gives it after resume', () => {
    const { peer, orbit } = recorder();
    orbit.left.pause();
    peer.send('ab').fin().run();
    expect(orbit.log).toEqual([]);
    orbit.left.resume();
    peer.run();
    expect(orbit.log).toEqual(['ab', 'FIN']);
  });

  test('blocks at the high-water mark and tells of the low one', () => {
    const { peer, orbit } = recorder({ highWaterBytes: 100 });
    peer.reads = false;
    expect(orbit.left.write(new Uint8Array(99), 0, 99)).toBe(true);
    expect(orbit.left.write(new Uint8Array(1), 0, 1)).toBe(false);
    peer.run();
    peer.read(70);
    peer.run();
    expect(orbit.log).toEqual([]);
    peer.read(10);
    peer.run();
    expect(orbit.log).toEqual(['drained']);
  });

  test('ticks once at the deadline', () => {
    const { runtime, orbit } = recorder();
    orbit.left.deadline = 1_000;
    runtime.advance(999);
    expect(orbit.log).toEqual([]);
    runtime.advance(5_000);
    expect(orbit.log).toEqual([1_499]);
    expect(orbit.left.deadline).toBe(0);
  });

  test('closes once, with the reason', () => {
    const ended = recorder();
    ended.orbit.left.write(new Uint8Array(1), 0, 1);
    ended.orbit.left.end();
    ended.orbit.left.write(new Uint8Array(1), 0, 1);
    ended.peer.run().reset();
    expect(ended.orbit.log).toEqual(['ended']);
    expect(ended.peer.receivedBytes.length).toBe(1);
    const aborted = recorder();
    aborted.orbit.left.write(new Uint8Array(1), 0, 1);
    aborted.orbit.left.abort();
    aborted.peer.run();
    expect([aborted.orbit.log, aborted.peer.received]).toEqual([['aborted'], '']);
  });

  test('splits the same way for the same seed', () => {
    const run = (seed: number): unknown[] => {
      const { peer, orbit } = recorder({ seed });
      peer.send('x'.repeat(500), 'random').run();
      return orbit.log;
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });
});
