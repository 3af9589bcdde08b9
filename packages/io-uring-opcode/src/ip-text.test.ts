import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatIPv4, formatIPv6, parseIPv4, parseIPv6 } from './ip-text.js';

const group = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff));
const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => {
  const bytes = new Uint8Array(16);
  groups.forEach((value, i) => {
    bytes[2 * i] = value >>> 8;
    bytes[2 * i + 1] = value & 0xff;
  });
  return bytes;
});

test('formatIPv6() and parseIPv6() are inverse, and Node.js writes the same text', () => {
  fc.assert(
    fc.property(ipv6, (bytes) => {
      const text = formatIPv6(bytes);
      expect(new SocketAddress({ address: text, family: 'ipv6' }).address).toBe(text);
      const back = new Uint8Array(16).fill(0xaa);
      expect(parseIPv6(text, back)).toBe(true);
      expect(back).toEqual(bytes);
    }),
    { numRuns: 2000 },
  );
});

test('parseIPv6() takes every spelling Node.js takes, and no other', () => {
  const part = fc.constantFrom(
    ':',
    '::',
    '0',
    '1',
    'ffff',
    '00000',
    'F',
    'g',
    '.',
    '1.2.3.4',
    '256.1.1.1',
    '%',
    '-',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 18 }), (parts) => {
      const text = parts.join('');
      if (text.includes('%')) return;
      expect([text, parseIPv6(text, new Uint8Array(16))]).toEqual([text, isIPv6(text)]);
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  '::',
  '::1',
  '1::',
  '::ffff:1.2.3.4',
  '::1.2.3.4',
  '1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:1.2.3.4',
  '1::8',
  '0:0:1::',
])('parseIPv6() reads %s', (text) => {
  const bytes = new Uint8Array(16);
  expect(parseIPv6(text, bytes)).toBe(true);
  expect(formatIPv6(bytes)).toBe(new SocketAddress({ address: text, family: 'ipv6' }).address);
});

test.each([
  '',
  ':',
  ':::',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1::2::3',
  '1.2.3.4',
  '1.2.3.4::',
  '::1.2.3',
  '12345::',
  '1:2:3:4:5:6:7::8',
  '::1 ',
  'fe80::1%2',
])('parseIPv6() refuses "%s"', (text) => expect(parseIPv6(text, new Uint8Array(16))).toBe(false));

test('formatIPv4() and parseIPv4() are inverse', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
      const back = new Uint8Array(4);
      expect(parseIPv4(formatIPv4(bytes), back)).toBe(true);
      expect(back).toEqual(bytes);
    }),
  );
});

test('parseIPv4() takes what Node.js takes, and no other', () => {
  const part = fc.constantFrom('.', '0', '1', '25', '255', '256', '01', '-1', ' ', 'a', '1.2.3');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 9 }), (parts) => {
      const text = parts.join('');
      expect([text, parseIPv4(text, new Uint8Array(4))]).toEqual([text, isIPv4(text)]);
    }),
    { numRuns: 10_000 },
  );
});
