import { UringBearer } from '@ringbearer/io-uring-bearer';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type Segment, SLOT_BYTES, segmentBytes, TransmitQueue } from '../transmit-queue.js';
import { TransmitPool, type TransmitSlot } from './transmit-pool.js';

const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
const pool = new TransmitPool(bearer, 4);
afterAll(() => bearer.close());

function take(queue: TransmitQueue<TransmitSlot>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (
    let segment: Segment<TransmitSlot> | null = queue.shift();
    segment !== null;
    segment = queue.shift()
  ) {
    const bytes = segment instanceof Uint8Array ? segment : segment.bytes;
    const start = segment instanceof Uint8Array ? 0 : segment.start;
    parts.push(bytes.slice(start, start + segmentBytes(segment)));
    if (!(segment instanceof Uint8Array)) pool.give(segment);
  }
  return Buffer.concat(parts);
}

describe('TransmitQueue', () => {
  it('sends what was written, in order, whatever the mix of reserve, write and send', () => {
    const step = fc.record({
      kind: fc.constantFrom('reserve', 'write', 'send', 'shift'),
      length: fc.integer({ min: 0, max: 40_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (script) => {
        const queue = new TransmitQueue(pool);
        const written: Uint8Array[] = [];
        const sent: Uint8Array[] = [];
        let next = 0;
        for (const { kind, length } of script) {
          if (kind === 'shift') {
            sent.push(take(queue));
            continue;
          }
          const size = kind === 'reserve' ? length % (SLOT_BYTES + 1) : length;
          const bytes = Uint8Array.from({ length: size }, () => next++ & 0xff);
          written.push(bytes);
          if (kind === 'write') queue.write(bytes, 0, size);
          else if (kind === 'send') queue.send(bytes);
          else {
            const at = queue.reserve(size);
            queue.out.set(bytes, at);
            queue.commit(at + size);
          }
        }
        sent.push(take(queue));
        expect(queue.bytes).toBe(0);
        expect(Buffer.concat(sent).equals(Buffer.concat(written))).toBe(true);
        // A slot may be open in which nothing was written: the queue has it until it is cleared.
        queue.clear();
        expect(pool.borrowed).toBe(0);
      }),
    );
  });

  it('takes slots from the heap when the pool is empty, and gives them up again', () => {
    const queue = new TransmitQueue(pool);
    queue.write(new Uint8Array(SLOT_BYTES * 6), 0, SLOT_BYTES * 6);
    expect(pool.borrowed).toBe(2);
    queue.clear();
    expect(pool.borrowed).toBe(0);
    expect(queue.bytes).toBe(0);
  });

  it('reserve() refuses more than a slot, commit() what was not reserved', () => {
    const queue = new TransmitQueue(pool);
    expect(() => queue.reserve(SLOT_BYTES + 1)).toThrow(RangeError);
    const at = queue.reserve(10);
    expect(() => queue.commit(SLOT_BYTES + 1)).toThrow(RangeError);
    queue.commit(at + 10);
    queue.reserve(10);
    expect(() => queue.commit(5)).toThrow(RangeError);
    queue.clear();
  });

  it('keeps what stands between pieces of the caller in one slot, which is free when all of it was sent', () => {
    const queue = new TransmitQueue(pool);
    const large = new Uint8Array(20_000);
    const first = pool.take();
    pool.give(first);
    for (let piece = 0; piece < 40; piece++) {
      queue.write(Uint8Array.of(piece, piece), 0, 2);
      queue.send(large);
    }
    const parts: TransmitSlot[] = [];
    for (let segment = queue.shift(); segment !== null; segment = queue.shift()) {
      if (segment instanceof Uint8Array) continue;
      expect(segment.source).toBe(first.source);
      const { start } = segment;
      expect([...segment.bytes.subarray(start, start + segmentBytes(segment))]).toEqual([
        parts.length,
        parts.length,
      ]);
      parts.push(segment);
    }
    expect(parts).toHaveLength(40);
    for (const part of parts.slice(1)) pool.give(part);
    const other = pool.take();
    expect(other.source).not.toBe(first.source);
    pool.give(other);
    pool.give(parts[0]!);
    expect(pool.take().source).toBe(first.source);
    pool.give(first);
    expect(pool.borrowed).toBe(0);
  });

  it('close() ends a slot that was sent in part: what is written next goes elsewhere', () => {
    const queue = new TransmitQueue(pool);
    queue.write(Uint8Array.of(1), 0, 1);
    queue.send(new Uint8Array(20_000));
    queue.write(Uint8Array.of(2), 0, 1);
    const sent = queue.shift() as TransmitSlot;
    queue.close();
    queue.write(Uint8Array.of(3), 0, 1);
    expect(queue.bytes).toBe(20_002);
    expect(queue.shift()).toHaveLength(20_000);
    const [second, third] = [queue.shift() as TransmitSlot, queue.shift() as TransmitSlot];
    expect(second.source).toBe(sent.source);
    expect(third.source).not.toBe(sent.source);
    expect([second, third].map(({ bytes, start, used }) => [bytes[start], used])).toEqual([
      [2, 1],
      [3, 1],
    ]);
    for (const slot of [sent, second, third]) pool.give(slot);
    expect(queue.shift()).toBeNull();
    expect(pool.borrowed).toBe(0);
  });
});
