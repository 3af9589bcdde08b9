import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkedDecoder } from './chunked-decoder.js';
import { faultStatus } from './faults.js';
import { HTTP1_LIMITS } from './limits.js';

interface Outcome {
  readonly body: string;
  readonly rest: string;
  readonly fault: number;
  readonly done: boolean;
  readonly trailers: readonly (readonly [string, string])[];
}

/** Decodes in pieces, keeping what the decoder leaves, as a Left does. */
function decode(text: string, offsets: readonly number[] = [], limits = {}): Outcome {
  const decoder = new ChunkedDecoder({ ...HTTP1_LIMITS, ...limits });
  const bytes = Buffer.from(text, 'latin1');
  let body = '';
  const sink = {
    push: (from: Uint8Array, start: number, end: number): void => {
      body += Buffer.from(from.subarray(start, end)).toString('latin1');
    },
  };
  let p = 0;
  for (const end of [...offsets, bytes.length]) {
    while (p < end && !decoder.done) {
      const next = decoder.decode(bytes, p, end, sink);
      if (next < 0) {
        return { body, rest: '', fault: faultStatus(next), done: false, trailers: [] };
      }
      if (next === p) break;
      p = next;
    }
  }
  return { body, rest: text.slice(p), fault: 0, done: decoder.done, trailers: decoder.trailers };
}

const hello = '5\r\nhello\r\n0\r\n\r\n';

describe('ChunkedDecoder.decode()', () => {
  test('reads a body split anywhere and leaves what follows', () => {
    for (const text of [hello, `${hello}GET / HTTP/1.1\r\n`]) {
      for (let at = 0; at < text.length; at++) {
        const { body, done, rest } = decode(text, at === 0 ? [] : [at]);
        expect([body, done, rest]).toEqual(['hello', true, text.slice(hello.length)]);
      }
    }
  });

  // Behaviours 47 to 54.
  test.each([
    ['A\r\n0123456789\r\n0\r\n\r\n', '0123456789'],
    ['a\r\n0123456789\r\n0\r\n\r\n', '0123456789'],
    ['0000000000000005\r\nhello\r\n00\r\n\r\n', 'hello'],
    ['5;a=b\r\nhello\r\n0;c\r\n\r\n', 'hello'],
    ['5;a;b=c;d="e;\\"\r\nhello\r\n0\r\n\r\n'.replace('\\"', '\\"f"'), 'hello'],
    ['0\r\n\r\n', ''],
  ])('accepts %j', (text, expected) => {
    const { body, done, fault } = decode(text);
    expect([body, done, fault]).toEqual([expected, true, 0]);
  });

  test.each([
    '0x5\r\nhello\r\n0\r\n\r\n',
    '+5\r\nhello\r\n0\r\n\r\n',
    '-5\r\nhello\r\n0\r\n\r\n',
    ' 5\r\nhello\r\n0\r\n\r\n',
    '5 \r\nhello\r\n0\r\n\r\n',
    '5\nhello\r\n0\r\n\r\n',
    '5\rhello\r\n0\r\n\r\n',
    '00000000000000005\r\nhello\r\n0\r\n\r\n',
    'FFFFFFFFFFFFFFFF\r\nhello',
    '20000000000000\r\nhello',
    '\r\n',
    ';x\r\n',
    '5;\r\nhello',
    '5; a\r\nhello',
    '5;a=\r\nhello',
    '5;a="b\r\nhello',
    '5;a\nb\r\nhello',
    '5;a\0\r\nhello',
    `5;${'a'.repeat(4097)}\r\nhello`,
    '5\r\nhello\n\n0\r\n\r\n',
    '5\r\nhello\r\r0\r\n\r\n',
    '5\r\nhelloo\r\n0\r\n\r\n',
    '0\n\n',
    '0\r\r',
    '0\r\n\n\n',
    '0\r\n\r\r',
    '0\r\n folded\r\n\r\n',
    '0\r\nX : y\r\n\r\n',
    '0\r\nX: y\n\r\n',
  ])('refuses %j, whole and byte by byte', (text) => {
    expect(decode(text).fault).toBe(400);
    expect(
      decode(
        text,
        Array.from(text.slice(1), (_, i) => i + 1),
      ).fault,
    ).toBe(400);
  });

  test('gives trailers without the fields that do not belong there', () => {
    const text =
      '1\r\na\r\n0\r\nX-Sum: abc\r\nContent-Length: 5\r\nhost: b\r\nAuthorization: c\r\nIf-None-Match: "e"\r\nPragma: f\r\nx-sum: d\r\n\r\nrest';
    for (let at = 0; at < text.length; at++) {
      const { trailers, rest } = decode(text, at === 0 ? [] : [at]);
      expect(trailers).toEqual([
        ['X-Sum', 'abc'],
        ['x-sum', 'd'],
      ]);
      expect(rest).toBe('rest');
    }
  });

  test('holds to its limits', () => {
    expect(decode('5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n', [], { maxBodyBytes: 10 }).body).toBe(
      'hellohello',
    );
    expect(decode('5\r\nhello\r\n6\r\nhello', [], { maxBodyBytes: 10 }).fault).toBe(413);
    expect(decode('1\r\n', [], { maxBodyBytes: 0 }).fault).toBe(413);
    expect(decode('0\r\n\r\n', [], { maxBodyBytes: 0 }).done).toBe(true);
    const long = `0\r\nX: ${'y'.repeat(20_000)}`;
    expect(
      decode(
        long,
        Array.from({ length: 20 }, (_, i) => 1000 * (i + 1)),
      ).fault,
    ).toBe(431);
    expect(decode(`0\r\n${'X: y\r\n'.repeat(101)}\r\n`).fault).toBe(431);
  });

  test('round-trips any chunks at any splits', () => {
    const chunk = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(fc.array(chunk), fc.array(fc.nat(400)), (chunks, cuts) => {
        const text = `${chunks.map((c) => `${c.length.toString(16)}\r\n${c}\r\n`).join('')}0\r\n\r\n`;
        const offsets = [...new Set(cuts.filter((at) => at > 0 && at < text.length))].sort(
          (a, b) => a - b,
        );
        const { body, done, rest } = decode(text, offsets);
        expect([body, done, rest]).toEqual([chunks.join(''), true, '']);
      }),
      { numRuns: 1_000 },
    );
  });
});
