import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LastText } from './last-text.js';

it('LastText gives every value as it is, whatever came before', () => {
  const value = fc.oneof(
    fc.constantFrom('', 'a', 'example.com', 'example.org', 'example.com:80'),
    fc.string({ unit: 'binary-ascii', maxLength: 300 }),
  );
  fc.assert(
    fc.property(fc.array(value), fc.nat(5), (values, offset) => {
      const last = new LastText();
      for (const text of values) {
        const bytes = Buffer.from(`${'x'.repeat(offset)}${text}tail`, 'latin1');
        expect(last.of(bytes, offset, offset + text.length)).toBe(text);
      }
    }),
  );
});
