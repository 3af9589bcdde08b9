import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatIPv4, formatIPv6 } from './ip-text.js';
import {
  decodeSocketAddress,
  encodeSocketAddress,
  SOCKET_ADDRESS_BYTES,
  type SocketAddress,
} from './socket-address.js';

const port = fc.nat(65_535);
const u32 = fc.integer({ min: 1, max: 0xffff_ffff });
const ipv4 = fc.record({
  family: fc.constant('IPv4' as const),
  address: fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => formatIPv4(bytes)),
  port,
});
const ipv6 = fc.record(
  {
    family: fc.constant('IPv6' as const),
    address: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => formatIPv6(bytes)),
    port,
    scopeId: u32,
    flowInfo: u32,
  },
  { requiredKeys: ['family', 'address', 'port'] },
);
const byteLength = (text: string) => new TextEncoder().encode(text).length;
const path = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 });
const unix = fc.record({
  family: fc.constant('Unix' as const),
  path: fc.oneof(
    fc.constant(''),
    path.filter((text) => byteLength(text) <= 107 && !text.includes('\0')),
    path.filter((text) => byteLength(text) <= 107).map((text) => `\0${text}`),
  ),
});

test('decodeSocketAddress() undoes encodeSocketAddress()', () => {
  fc.assert(
    fc.property(fc.oneof(ipv4, ipv6, unix), (address) => {
      const bytes = encodeSocketAddress(address as SocketAddress);
      expect(decodeSocketAddress(bytes)).toEqual(address);
      // The kernel writes into a larger place and says how much of it counts.
      const storage = new Uint8Array(SOCKET_ADDRESS_BYTES).fill(0xee);
      storage.set(bytes);
      expect(decodeSocketAddress(storage, bytes.length)).toEqual(address);
    }),
    { numRuns: 2000 },
  );
});

test('encodeSocketAddress() lays addresses out as the kernel does', () => {
  const hex = (address: SocketAddress) => Buffer.from(encodeSocketAddress(address)).toString('hex');
  expect(hex({ family: 'IPv4', address: '127.0.0.1', port: 8080 })).toBe(
    '02001f907f0000010000000000000000',
  );
  expect(hex({ family: 'IPv6', address: '::1', port: 443, scopeId: 2, flowInfo: 1 })).toBe(
    `0a0001bb00000001${'00'.repeat(15)}0102000000`,
  );
  expect(hex({ family: 'Unix', path: '/a' })).toBe('01002f6100');
  expect(hex({ family: 'Unix', path: '\0a' })).toBe('01000061');
  expect(hex({ family: 'Unix', path: '' })).toBe('0100');
});

test('decodeSocketAddress() answers null to what it cannot read', () => {
  const ok = encodeSocketAddress({ family: 'IPv4', address: '1.2.3.4', port: 5 });
  expect(decodeSocketAddress(ok, 15)).toBe(null);
  expect(decodeSocketAddress(ok, 17)).toBe(null);
  expect(decodeSocketAddress(ok, 0)).toBe(null);
  expect(decodeSocketAddress(Uint8Array.of(40, 0, 1, 2))).toBe(null); // AF_VSOCK
  expect(
    decodeSocketAddress(encodeSocketAddress({ family: 'IPv6', address: '::', port: 0 }), 27),
  ).toBe(null);
});

test('decodeSocketAddress() never throws', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 140 }),
      fc.integer({ min: -1, max: 140 }),
      (bytes, length) => {
        decodeSocketAddress(bytes, length);
      },
    ),
  );
});

test.each([
  [
    { family: 'IPv4', address: '256.0.0.1', port: 1 },
    RangeError,
    /IPv4 address: current value is "256.0.0.1"/,
  ],
  [{ family: 'IPv4', address: '::1', port: 1 }, RangeError, /IPv4/],
  [
    { family: 'IPv4', address: '1.2.3.4', port: 65_536 },
    RangeError,
    /port must be an integer from 0 to 65535: current value is 65536/,
  ],
  [
    { family: 'IPv4', address: '1.2.3.4', port: '80' },
    TypeError,
    /port must be a number: current value is "80"/,
  ],
  [{ family: 'IPv6', address: 'localhost', port: 1 }, RangeError, /IPv6/],
  [{ family: 'IPv6', address: 'fe80::1%eth0', port: 1 }, RangeError, /without a zone/],
  [{ family: 'IPv6', address: '::', port: 1, scopeId: -1 }, RangeError, /scopeId/],
  [
    { family: 'Unix', path: 'x'.repeat(108) },
    RangeError,
    /at most 107 bytes: current value is 108/,
  ],
  [{ family: 'Unix', path: `\0${'x'.repeat(108)}` }, RangeError, /at most 108 bytes/],
  [{ family: 'Unix', path: 'a\0b' }, RangeError, /no NUL/],
  [{ family: 'Unix', path: 7 }, TypeError, /path must be a string/],
  [
    { family: 'ipv4', address: '1.2.3.4', port: 1 },
    TypeError,
    /family must be IPv4, IPv6 or Unix: current value is "ipv4"/,
  ],
  [null, TypeError, /family/],
  [undefined, TypeError, /family/],
])('encodeSocketAddress() refuses %j', (address, type, message) => {
  const run = () => encodeSocketAddress(address as SocketAddress);
  expect(run).toThrow(type);
  expect(run).toThrow(message);
});
