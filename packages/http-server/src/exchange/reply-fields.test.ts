import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentKindOf, contentType, KINDS_MAX } from './content-kind.js';
import { ReplyFields } from './reply-fields.js';

const linesOf = (fields: ReplyFields): string[][] =>
  Array.from({ length: fields.size }, (_, i) => [fields.name(i), fields.value(i)]);

const isSafe = (text: string): boolean =>
  [...text].every((c) => c === '\t' || (c >= ' ' && c <= '\xff' && c !== '\x7f'));

describe('ReplyFields', () => {
  test('set() replaces, append() adds, delete() removes, in any case', () => {
    const fields = new ReplyFields();
    fields.set('A', '1');
    fields.append('B', ['2', '3']);
    fields.append('a', 4);
    expect(linesOf(fields)).toEqual([
      ['A', '1'],
      ['B', '2'],
      ['B', '3'],
      ['a', '4'],
    ]);
    fields.set('a', '5');
    fields.delete('b');
    expect(linesOf(fields)).toEqual([['a', '5']]);
    expect([fields.get('A'), fields.get('B'), fields.has('a')]).toEqual(['5', undefined, true]);
  });

  test('keeps framing to itself', () => {
    const fields = new ReplyFields();
    fields.set('Content-Length', 5);
    fields.set('Connection', 'keep-alive, Close');
    fields.set('Keep-Alive', 'timeout=5');
    expect([fields.size, fields.contentLength, fields.close, fields.get('content-length')]).toEqual(
      [0, 5, true, '5'],
    );
    fields.delete('content-length');
    fields.set('Connection', 'keep-alive');
    expect([fields.contentLength, fields.close]).toEqual([-1, false]);
    expect(() => fields.set('Transfer-Encoding', 'chunked')).toThrow(TypeError);
    expect(() => fields.set('X', { toString: () => 'a' } as never)).toThrow(TypeError);
    expect(() => fields.append('X', [5] as never)).toThrow(TypeError);
  });

  test('never holds a byte that would end a line', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 80 }),
        fc.string({ unit: 'binary', maxLength: 12 }),
        (value, name) => {
          const fields = new ReplyFields();
          try {
            fields.append(name, value);
          } catch (error) {
            return error instanceof TypeError || error instanceof RangeError;
          }
          return linesOf(fields).every(([n, v]) => isSafe(n ?? '') && isSafe(v ?? ''));
        },
      ),
      { numRuns: 3_000 },
    );
  });
});

describe('contentKindOf()', () => {
  test('gives each value a number of its own, up to a bound', () => {
    expect(contentType(contentKindOf('text/csv'))).toBe('text/csv');
    expect(contentKindOf('text/csv')).toBe(contentKindOf('text/csv'));
    for (let i = 0; i < KINDS_MAX; i++) contentKindOf(`x/${i}`);
    expect(contentKindOf('x/never')).toBe(-1);
    expect(contentType(contentKindOf('text/csv'))).toBe('text/csv');
  });
});
