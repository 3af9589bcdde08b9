import { describe, expect, test } from 'vitest';
import { FakeMemory } from '../test-support/fake-memory.js';
import { RECORD_BYTES, RecordMemory } from './record-memory.js';
import { SQE_WORDS, Sqe } from './sqe.js';
import { type GatherPart, VECTOR_PARTS_MAX, Vector } from './vector.js';

function cursor() {
  const words = new Int32Array(SQE_WORDS);
  const record = new Uint8Array(RECORD_BYTES);
  const outside: ArrayBufferView[] = [];
  const sqe = new Sqe(words, new RecordMemory(record, 0x1000, 1), (bytes, out) => {
    outside.push(bytes);
    out.set([0x2000, 2]);
  });
  sqe.open(0, 0, 0, 0);
  return { words, record, outside, sqe };
}
const vector = (parts: readonly GatherPart[], kernelOnly = false) => {
  const made = new Vector();
  made.set('write', 'data', parts, kernelOnly);
  return made;
};
const u64 = (bytes: ArrayBufferView, at: number) =>
  new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at, true);

describe('Vector', () => {
  test('is in the record: addresses and lengths', () => {
    const { words, record, sqe } = cursor();
    const memory = new FakeMemory(8192);
    const made = vector([new Uint8Array(5), memory, { memory, offset: 0x1000, length: 7 }]);
    made.prepare(sqe);
    expect([words[4], words[5], words[6]]).toEqual([0x1000, 1, 3]);
    expect([0, 8, 16, 24, 32, 40].map((at) => u64(record, at))).toEqual([
      0x2_0000_2000n,
      5n,
      0x3_ffff_f000n,
      8192n,
      0x4_0000_0000n,
      7n,
    ]);
    expect([made.count, made.length]).toEqual([3, 8204]);
  });

  test('is outside when the record has no room for it', () => {
    const { words, record, outside, sqe } = cursor();
    vector(new Array(16).fill(new Uint8Array(1))).prepare(sqe);
    expect(words[4]).toBe(0x1000);
    record.fill(0);
    const long = vector(new Array(17).fill(new FakeMemory(9)));
    outside.length = 0;
    long.prepare(sqe);
    expect([words[4], words[5], words[6]]).toEqual([0x2000, 2, 17]);
    expect(record.every((byte) => byte === 0)).toBe(true);
    expect([u64(outside[0]!, 256), u64(outside[0]!, 264)]).toEqual([0x3_ffff_f000n, 9n]);
  });

  test('writeInto() says where it is', () => {
    const { record, sqe } = cursor();
    const made = vector([new FakeMemory(9), new FakeMemory(9)]);
    made.writeInto(sqe, 224, 16);
    expect([u64(record, 16), u64(record, 248)]).toEqual([0x1_0000_10e0n, 9n]);
    made.writeInto(sqe, 225, 16);
    expect(u64(record, 16)).toBe(0x2_0000_2000n);
  });

  test('drives each owner once, and all or none', () => {
    const [one, two] = [new FakeMemory(8), new FakeMemory(8)];
    const made = vector([one, { memory: one, offset: 4 }, two]);
    made.acquire();
    expect([one.owner.name, two.owner.name]).toEqual(['Kernel', 'Kernel']);
    made.release();
    expect([one.owner.name, two.owner.name]).toEqual(['Returned', 'Returned']);
    one.owner.reuse();
    expect(() => made.acquire()).toThrow(expect.objectContaining({ code: 'OWNER_RETURNED' }));
    expect(one.owner.name).toBe('Taken');
    two.owner.reuse();
    made.acquire();
    made.rollback();
    expect([one.owner.name, two.owner.name]).toEqual(['Taken', 'Taken']);
  });

  test('notices arrays that were transferred', () => {
    const bytes = new Uint8Array(5);
    const made = vector([bytes]);
    made.acquire();
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    expect(() => made.assertAttached()).toThrow(/transferred or resized/);
    expect(() => made.acquire()).toThrow(TypeError);
  });

  test.each([
    [null, false, 'Cannot write as data must be an array: current value is null'],
    [
      [],
      false,
      'Cannot write as data.length must be an integer from 1 to 1024: current value is 0',
    ],
    [new Array(VECTOR_PARTS_MAX + 1).fill(new Uint8Array(1)), false, /1025/],
    [
      ['text'],
      false,
      'Cannot write as data[0] must be a Uint8Array or kernel memory: current value is "text"',
    ],
    [
      [new Uint8Array(1)],
      true,
      'Cannot write as data[0] must be kernel memory: current value is an object of type Uint8Array',
    ],
    [
      [{ memory: new FakeMemory(8), offset: 9 }],
      true,
      /data\[0\].offset must be an integer from 0 to 8/,
    ],
    [
      [{ memory: new FakeMemory(8), offset: 3, length: 6 }],
      true,
      /data\[0\].length must be an integer from 0 to 5/,
    ],
    [[null], false, /data\[0\]/],
  ])('refuses %#', (parts, kernelOnly, message) => {
    expect(() => vector(parts as never, kernelOnly)).toThrow(message);
  });
});
