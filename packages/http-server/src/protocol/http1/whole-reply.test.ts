import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MemoryRuntime } from '../../runtime/memory/memory-runtime.js';
import { http1 } from './http1.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** The body a client gets when the handler replies with `text`, and what was declared of it. */
function reply(text: string, status = 200, fields: Record<string, string> = {}) {
  const app = http1({
    handle: (_request, reply) => {
      reply.status(status);
      for (const [name, value] of Object.entries(fields)) reply.header(name, value);
      reply.text(text);
    },
  });
  const peer = new MemoryRuntime(app).connect().send(GET).run();
  const bytes = peer.receivedBytes;
  const end = bytes.indexOf('\r\n\r\n') + 4;
  const declared = /^content-length: (\d+)\r$/im.exec(bytes.toString('latin1', 0, end));
  return { body: bytes.subarray(end), declared: Number(declared![1]) };
}

const text = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  // Lone surrogates too.
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c)) }),
  // ASCII up to its last character.
  fc
    .tuple(fc.string({ unit: 'binary-ascii', maxLength: 300 }), fc.string({ unit: 'binary' }))
    .map(([a, b]) => a + b),
);

it('a reply in text has its bytes in UTF-8 and their number, whatever the text', () => {
  fc.assert(
    fc.property(text, fc.constantFrom(200, 404), fc.boolean(), (body, status, field) => {
      const got = reply(body, status, field ? { 'X-A': 'b' } : {});
      const want = Buffer.from(body, 'utf8');
      expect(got.body.equals(want)).toBe(true);
      expect(got.declared).toBe(want.length);
    }),
    { numRuns: 500 },
  );
});

it('as does one of any length around what a reservation holds', () => {
  for (const last of ['x', 'é', '€', '😀']) {
    for (let length = 16_384 - 600; length < 16_384 + 8; length++) {
      const body = 'x'.repeat(length) + last;
      const got = reply(body);
      const want = Buffer.from(body, 'utf8');
      expect(got.declared).toBe(want.length);
      if (!got.body.equals(want)) throw new Error(`wrong body of ${length} and ${last}`);
    }
  }
});

it('a declared length is checked, whatever the text', () => {
  expect(reply('four', 200, { 'Content-Length': '4' }).declared).toBe(4);
  expect(reply('é', 200, { 'Content-Length': '2' }).declared).toBe(2);
  expect(reply('é', 200, { 'Content-Length': '1' }).body.toString()).toBe(
    'Internal Server Error\n',
  );
});
