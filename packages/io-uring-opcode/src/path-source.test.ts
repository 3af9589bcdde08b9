import { FixedFd, RawFd } from '@ringbearer/io-uring-fd';
import { expect, test } from 'vitest';
import { directoryArgument, PATH_BYTES_MAX, PathSource } from './path-source.js';
import { RECORD_BYTES, RecordMemory } from './record-memory.js';
import { SQE_WORDS, Sqe } from './sqe.js';

function cursor() {
  const words = new Int32Array(SQE_WORDS);
  const record = new Uint8Array(RECORD_BYTES).fill(0xee);
  const outside: ArrayBufferView[] = [];
  const sqe = new Sqe(words, new RecordMemory(record, 0x1000, 1), (bytes, out) => {
    outside.push(bytes);
    out.set([0x2000, 2]);
  });
  sqe.open(0, 0, 0, 0);
  return { words, record, outside, sqe };
}
const source = (path: string | Uint8Array) => {
  const made = new PathSource();
  made.set('open', 'path', path);
  return made;
};

test('short paths are in the record, one behind the other', () => {
  const { words, record, outside, sqe } = cursor();
  const next = source('a/ä').writeAddress(sqe);
  const end = source(Uint8Array.of(0xff)).writeAddress2(sqe, next);
  expect([next, source('c').writeAddress3(sqe, end)]).toEqual([5, 9]);
  expect(Buffer.from(record.subarray(0, 9)).toString('latin1')).toBe('a/\xc3\xa4\0\xff\0c\0');
  expect([words[4], words[2], words[12]]).toEqual([0x1000, 0x1005, 0x1007]);
  expect(outside).toEqual([]);
});

test('long paths are outside, and the record is left alone', () => {
  const { words, record, outside, sqe } = cursor();
  expect(source('x'.repeat(255)).writeAddress(sqe)).toBe(256);
  const long = source('x'.repeat(256));
  record.fill(0xee);
  expect([long.writeAddress(sqe), long.writeAddress2(sqe, 7), long.writeAddress3(sqe, 8)]).toEqual([
    0, 7, 8,
  ]);
  expect([words[4], words[5], words[2], words[3], words[12], words[13]]).toEqual([
    0x2000, 2, 0x2000, 2, 0x2000, 2,
  ]);
  expect(outside.map(({ byteLength }) => byteLength)).toEqual([257, 257, 257]);
  expect(record.every((byte) => byte === 0xee)).toBe(true);
  expect(long.byteLength).toBe(257);
});

test('bytes are copied: what the caller does to his later changes nothing', () => {
  const { record, sqe } = cursor();
  const bytes = new TextEncoder().encode('name');
  const path = source(bytes);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  path.writeAddress(sqe);
  expect(Buffer.from(record.subarray(0, 5)).toString()).toBe('name\0');
});

test.each([
  [
    undefined,
    TypeError,
    'Cannot open as path must be a string or a Uint8Array: current value is undefined',
  ],
  ['', RangeError, 'Cannot open as path must be 1 to 4095 bytes long: current value is 0'],
  ['ä'.repeat(2048), RangeError, /4096$/],
  ['a\0b', RangeError, 'Cannot open as path must have no NUL inside: current value is "a\\u0000b"'],
  [Uint8Array.of(97, 0), RangeError, /no NUL inside/],
])('refuses %j', (path, type, message) => {
  const run = () => source(path as string);
  expect(run).toThrow(type);
  expect(run).toThrow(message);
});

test('the longest and, where it means something, the empty path are taken', () => {
  expect(source('x'.repeat(PATH_BYTES_MAX)).byteLength).toBe(4096);
  const empty = new PathSource();
  empty.set('ask', 'path', '', PATH_BYTES_MAX, true);
  expect(empty.byteLength).toBe(1);
});

test('directoryArgument() is AT_FDCWD or a regular descriptor', () => {
  expect(directoryArgument('open', 'directory')).toBe(-100);
  expect(directoryArgument('open', 'directory', new RawFd(7))).toBe(7);
  expect(() => directoryArgument('open', 'directory', new FixedFd(7))).toThrow(
    'Cannot open as directory must be a RawFd: current value is direct descriptor 7',
  );
});
