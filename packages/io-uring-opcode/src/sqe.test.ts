import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeMemory } from '../test-support/fake-memory.js';
import { RECORD_BYTES, RecordMemory } from './record-memory.js';
import { SQE_WORDS, Sqe } from './sqe.js';

function cursor(): { sqe: Sqe; words: Int32Array } {
  const words = new Int32Array(2 * SQE_WORDS).fill(-1);
  const record = new RecordMemory(new Uint8Array(4 * RECORD_BYTES), 0xffff_ff00, 1);
  const sqe = new Sqe(words, record, (bytes, out) => {
    out[0] = bytes.byteLength;
    out[1] = 7;
  });
  return { sqe, words };
}

test('open() zeroes one entry and leaves its neighbour alone', () => {
  const { sqe, words } = cursor();
  sqe.open(SQE_WORDS, 27 | (16 << 8), 3, 9);
  sqe.seal();
  expect([...words.subarray(0, SQE_WORDS)]).toEqual(new Array(SQE_WORDS).fill(-1));
  expect([...words.subarray(SQE_WORDS)]).toEqual([
    27 | (16 << 8),
    -1,
    0,
    0,
    0,
    0,
    0,
    0,
    3,
    9,
    0,
    0,
    0,
    0,
    0,
    0,
  ]);
});

test('a sealed cursor refuses every write', () => {
  const { sqe, words } = cursor();
  const memory = new FakeMemory(8);
  const writes: (() => void)[] = [
    () => sqe.descriptor(new RawFd(1)),
    () => sqe.fd(1),
    () => sqe.ioprio(1),
    () => sqe.offset(1),
    () => sqe.fileOffset(1),
    () => sqe.address(1, 1),
    () => sqe.address3(1, 1),
    () => sqe.length(1),
    () => sqe.flags(1),
    () => sqe.bufferGroup(1),
    () => sqe.bufferSelect(1),
    () => sqe.fileIndex(1),
    () => sqe.memory(memory),
    () => sqe.callerBytes(new Uint8Array(1)),
    () => sqe.callerAddress(new Uint8Array(1)),
    () => sqe.recordAddress(0),
    () => sqe.recordAddress2(0),
    () => sqe.recordAddress3(0),
    () => sqe.callerAddress2(new Uint8Array(1)),
    () => sqe.callerAddress3(new Uint8Array(1)),
    () => sqe.memoryAddress2(memory, 0),
  ];
  for (const write of writes) expect(write).toThrow(/outside of prepare/);
  sqe.open(0, 0, 0, 0);
  for (const write of writes) write();
  sqe.seal();
  const before = [...words];
  for (const write of writes) expect(write).toThrow(/outside of prepare/);
  expect([...words]).toEqual(before);
});

test('flag bits add up in the first word', () => {
  const { sqe, words } = cursor();
  sqe.open(0, 26 | (2 << 8), 0, 0);
  sqe.descriptor(new FixedFd(4));
  sqe.bufferSelect(0xabcd);
  sqe.ioprio(0x1_0003);
  expect(words[0]! >>> 0).toBe((26 | ((2 | 1 | 32) << 8) | (3 << 16)) >>> 0);
  expect(words[10]).toBe(0xabcd);
});

test('fileOffset() splits every safe integer', () => {
  const { sqe, words } = cursor();
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      sqe.open(0, 0, 0, 0);
      sqe.fileOffset(value);
      expect((words[2]! >>> 0) + words[3]! * 0x1_0000_0000).toBe(value);
    }),
  );
  sqe.fileOffset(-1);
  expect([words[2], words[3]]).toEqual([-1, -1]);
});

test('memory() adds the offset to both halves and stays inside', () => {
  const { sqe, words } = cursor();
  const memory = new FakeMemory(8192);
  sqe.open(0, 0, 0, 0);
  sqe.memory(memory, 0x1000);
  expect([words[4], words[5], words[6]]).toEqual([0, 4, 4096]);
  for (const [offset, length] of [
    [-1, 1],
    [0, 8193],
    [8192, 1],
    [1, -1],
  ] as const) {
    expect(() => sqe.memory(memory, offset, length)).toThrow(RangeError);
  }
});

test('callerBytes() and callerAddress() ask for the address', () => {
  const { sqe, words } = cursor();
  sqe.open(0, 0, 0, 0);
  sqe.callerAddress(new Uint8Array(5));
  expect([words[4], words[5], words[6]]).toEqual([5, 7, 0]);
  sqe.callerBytes(new Uint8Array(6));
  expect([words[4], words[5], words[6]]).toEqual([6, 7, 6]);
});

test('RecordMemory addresses carry into the upper half', () => {
  const { sqe } = cursor();
  sqe.record.select(0);
  expect([sqe.record.addressLow(0), sqe.record.addressHigh(0)]).toEqual([0xffff_ff00, 1]);
  expect([sqe.record.addressLow(255), sqe.record.addressHigh(255)]).toEqual([0xffff_ffff, 1]);
  sqe.record.select(1);
  expect([sqe.record.addressLow(0), sqe.record.addressHigh(0)]).toEqual([0, 2]);
});

test('RecordMemory keeps to its 256 bytes', () => {
  const bytes = new Uint8Array(3 * RECORD_BYTES);
  const record = new RecordMemory(bytes, 0, 0);
  record.select(1);
  record.setUint32(0, 0xdead_beef);
  record.setUint16(252, 0xabcd);
  record.setUint16Network(254, 0x1234);
  record.setSafeInteger(8, 2 ** 53 - 1);
  expect(record.getUint32(0)).toBe(0xdead_beef);
  expect(record.getUint16(252)).toBe(0xabcd);
  expect(record.getUint16Network(254)).toBe(0x1234);
  expect([record.getUint32(8), record.getUint32(12)]).toEqual([0xffff_ffff, 0x001f_ffff]);
  expect(bytes.subarray(0, RECORD_BYTES).every((byte) => byte === 0)).toBe(true);
  expect(bytes.subarray(2 * RECORD_BYTES).every((byte) => byte === 0)).toBe(true);
  const outside: (() => unknown)[] = [
    () => record.setUint32(253, 1),
    () => record.setUint8(256, 1),
    () => record.getUint16(-1),
    () => record.setBytes(200, new Uint8Array(57)),
    () => record.copyBytes(0, 257),
    () => record.clear(-1, 2),
  ];
  for (const access of outside) expect(access).toThrow(RangeError);
  record.clear(0, 256);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
});

test('addresses go into addr2 and addr3, too', () => {
  const { sqe, words } = cursor();
  sqe.open(0, 0, 0, 0);
  sqe.callerAddress2(new Uint8Array(5));
  sqe.callerAddress3(new Uint8Array(6));
  expect([words[2], words[3], words[12], words[13]]).toEqual([5, 7, 6, 7]);
  sqe.memoryAddress2(new FakeMemory(8192), 0x1001);
  sqe.recordAddress3(3);
  expect([words[2], words[3], words[12]! >>> 0, words[13]]).toEqual([1, 4, 0xffff_ff03, 1]);
  expect(() => sqe.memoryAddress2(new FakeMemory(8), 9)).toThrow(RangeError);
  const out = new Uint32Array(2);
  sqe.lookup(new Uint8Array(9), out);
  expect([...out]).toEqual([9, 7]);
  sqe.seal();
  expect(() => sqe.lookup(new Uint8Array(9), out)).toThrow(/outside of prepare/);
});

test('RecordMemory reads signed and 64-bit integers', () => {
  const record = new RecordMemory(new Uint8Array(RECORD_BYTES), 0, 0);
  record.setUint64(0, 0xffff_fffe, 0xffff_ffff);
  expect([record.getInt32(0), record.getInt64(0), record.getBigUint64(0)]).toEqual([
    -2,
    -2,
    2n ** 64n - 2n,
  ]);
  record.setSafeInteger(8, 2 ** 52 + 1);
  expect(record.getInt64(8)).toBe(2 ** 52 + 1);
});
