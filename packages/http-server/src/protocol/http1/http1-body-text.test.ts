import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rawHandler } from '../../handlers/raw.js';
import { MemoryRuntime } from '../../runtime/memory/index.js';
import { http1 } from './http1.js';

const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text, 'utf8')),
  // With a byte order mark.
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(`\ufeff${text}`, 'utf8')),
);

/** What handlers read of `body`, sent in two pieces or one. */
async function read(body: Uint8Array, at: number, chunks: boolean, maxBytes: number) {
  const seen: { text?: string; code?: unknown } = {};
  const handle = rawHandler(
    async (request, reply) => {
      try {
        seen.text = await request.text({ maxBytes });
      } catch (error) {
        seen.code = (error as { code?: unknown }).code;
      }
      reply.empty();
    },
    { onError: () => {} },
  );
  const peer = new MemoryRuntime(http1({ handle })).connect();
  const framed = chunks
    ? Buffer.concat([
        Buffer.from(`${body.length.toString(16)}\r\n`),
        body,
        Buffer.from('\r\n0\r\n\r\n'),
      ])
    : body;
  const whole = body.length === 0 && chunks ? Buffer.from('0\r\n\r\n') : framed;
  const framing = chunks ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const message = Buffer.concat([
    Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`),
    whole,
  ]);
  const split = 1 + (at % message.length);
  await peer.send(message, split === message.length ? 'none' : [split]).settle();
  return seen;
}

it('text is what TextDecoder makes of the bytes, in one piece or in two, however framed', async () => {
  await fc.assert(
    fc.asyncProperty(bodies, fc.nat(), fc.boolean(), async (body, at, chunks) => {
      const { text } = await read(body, at, chunks, 1000);
      expect(text).toBe(new TextDecoder().decode(body));
    }),
    { numRuns: 500 },
  );
});

it('text has the bound of bytes, in one piece or in two, however framed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(20),
      fc.nat(20),
      fc.nat(),
      fc.boolean(),
      async (length, max, at, chunks) => {
        const { text, code } = await read(Buffer.alloc(length, 'x'), at, chunks, max);
        expect(length > max ? code : text).toBe(
          length > max ? 'BODY_TOO_LARGE' : 'x'.repeat(length),
        );
      },
    ),
    { numRuns: 300 },
  );
});
