import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { echo, field, post, start } from '../../../test-support/http1-outcome.js';
import { GET, type Handler, hello } from '../../../test-support/http1-peer.js';
import { RUNTIMES, repliesTo, stages } from '../../../test-support/stage.js';
import { fetchHandler } from '../../handlers/index.js';
import type { Left } from '../../sans-io/left.js';
import type { Orbit } from '../../sans-io/orbit.js';

/** Behaviours 3, 19, 34 to 36 and 55 to 69 of docs/conformance/http1-behaviours.md: heads, bodies, expectations and upgrades, on every runtime. */
const open = stages(afterEach);

/** A promise to be kept from outside. */
function gate(): { readonly passed: Promise<void>; open: () => void } {
  let pass: () => void = () => {};
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  return { passed, open: () => pass() };
}

/** Another protocol, which says back what it is told. */
const echoed = {
  name: 'echo',
  instantiate: (left: Left): Orbit => ({
    receive(bytes, from, to) {
      left.write(bytes, from, to);
      return to - from;
    },
    receiveEnd: () => left.end(),
    drained() {},
    tick() {},
    shutdown: () => left.end(),
    close() {},
  }),
};

describe.each(RUNTIMES)('$name', (kind) => {
  test('behaviour 3: a head split anywhere is the same head', async () => {
    const stage = await open(kind, echo);
    const head = 'GET /a?b HTTP/1.1\r\nHost: h:1\r\nX: y\r\n\r\n';
    for (let at = 1; at < head.length; at++) {
      const peer = await stage.connect();
      await peer.send(head.slice(0, at));
      await peer.send(head.slice(at));
      await stage.until('it is answered', () => peer.received.endsWith('GET /a b h:1 '));
      peer.fin();
    }
  });

  test('behaviour 19: + is a space in URLSearchParams only; %2b is a plus', async () => {
    const handle = fetchHandler((request) => {
      const url = new URL(request.url);
      return new Response(`${url.pathname} ${url.searchParams.get('q')}`);
    });
    const stage = await open(kind, (request, reply) => handle(request, reply));
    const wire = start('GET /a+b%2bc?q=a+b%2bc HTTP/1.1');
    const { replies } = await repliesTo(stage, wire, 1);
    expect(replies.map(({ body }) => body)).toEqual(['/a+b%2bc a b+c']);
  });

  test('behaviour 34: a small head may be followed by a large body', async () => {
    const body = 'b'.repeat(70_000);
    const stage = await open(kind, echo);
    const wire = post('Content-Length: 70000', body) + GET;
    const { replies } = await repliesTo(stage, wire, 2);
    expect(replies.map((reply) => reply.body)).toEqual([`POST /  a ${body}`, 'GET /  a ']);
  });

  test('behaviour 35: names in any case, order kept, duplicates joined', async () => {
    const stage = await open(kind, (request, reply) => {
      reply.json([request.header('x-tWO'), [...request], request.rawHeaders.length]);
    });
    const { replies } = await repliesTo(stage, field('X-Two: 1\r\na: b\r\nx-TWO: 2'), 1);
    const raw = [
      ['Host', 'a'],
      ['X-Two', '1'],
      ['a', 'b'],
      ['x-TWO', '2'],
    ];
    expect(JSON.parse(replies[0]!.body)).toEqual(['1, 2', raw, 8]);
  });

  test('behaviour 36: Cookie lines are joined with a semicolon', async () => {
    const stage = await open(kind, (request, reply) => reply.text(request.header('cookie')!));
    const { replies } = await repliesTo(stage, field('Cookie: a=1; b=2\r\ncookie: c=3'), 1);
    expect(replies[0]!.body).toBe('a=1; b=2; c=3');
  });

  test.each([
    ['a length', post('Content-Length: 9', 'hello')],
    ['a chunk', post('Transfer-Encoding: chunked', '9\r\nhello')],
    ['the last chunk', post('Transfer-Encoding: chunked', '5\r\nhello\r\n0\r\n')],
  ])(
    'behaviour 55: FIN within %s fails the reader, is answered 400 and ends',
    async (_what, wire) => {
      const codes: unknown[] = [];
      const stage = await open(kind, async (request, reply) => {
        try {
          reply.text(await request.text());
        } catch (error) {
          codes.push((error as { code: string }).code);
          throw error;
        }
      });
      const peer = await stage.connect();
      await peer.send(wire);
      peer.fin();
      await stage.until('it is over', () => peer.over !== null && codes.length > 0);
      expect([peer.received.slice(0, 12), peer.over]).toEqual(['HTTP/1.1 400', 'ended']);
      expect(codes).toEqual(['BODY_INVALID']);
    },
  );

  test('behaviour 57: a small rest is drained, a large one ends the connection', async () => {
    const stage = await open(kind, hello);
    const small = await repliesTo(stage, post('Content-Length: 1000', 'b'.repeat(1_000)) + GET, 2);
    expect(small.replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(small.peer.over).toBe(null);
    const large = await repliesTo(stage, post('Content-Length: 100000', 'b'), 1);
    expect(large.replies[0]!.fields.connection).toBe('close');
    await stage.until('it is over', () => large.peer.over !== null);
    expect(large.peer.over).toBe('ended');
  });

  test('behaviour 58: a reply before the end of a body is delivered, without a reset', async () => {
    const stage = await open(kind, (_request, reply) => reply.status(403).text('no'));
    const peer = await stage.connect();
    const body = 'b'.repeat(100_000);
    await peer.send(post(`Content-Length: ${body.length * 2}`, body));
    await stage.until('the server ended', () => peer.over !== null);
    expect([peer.received.slice(0, 12), peer.over]).toEqual(['HTTP/1.1 403', 'ended']);
  });

  test('behaviour 59: a handler that stops reading stops the peer', async () => {
    const { passed, open: go } = gate();
    const length = 24 * 1024 * 1024;
    let first = 0;
    const stage = await open(
      kind,
      async (request, reply) => {
        first = (await request.body.read())!.length;
        await passed;
        let bytes = first;
        for await (const chunk of request.body) bytes += chunk.length;
        reply.text(String(bytes));
      },
      { maxBodyBytes: length },
    );
    const peer = await stage.connect();
    await peer.send(post(`Content-Length: ${length}`));
    for (let sent = 0; sent < length; sent += 65_536) await peer.send('b'.repeat(65_536));
    await stage.until('the first bytes were read', () => first > 0);
    let pending = -1;
    // Until no more of it leaves the peer: what the kernel holds and no more is under way.
    await stage.until('the peer is stopped', () => {
      const still = pending === peer.pendingBytes;
      pending = peer.pendingBytes;
      return still;
    });
    expect(pending).toBeGreaterThan(length / 4);
    go();
    await stage.until('it is answered', () => peer.received.endsWith(`\r\n\r\n${length}`));
  });

  test('behaviour 60: the first bytes of a body are there before the last', async () => {
    const seen: string[] = [];
    const stage = await open(kind, async (request, reply) => {
      for await (const chunk of request.body) seen.push(Buffer.from(chunk).toString());
      reply.text('done');
    });
    const peer = await stage.connect();
    await peer.send(post('Content-Length: 6', 'one'));
    await stage.until('the first bytes were seen', () => seen.length === 1);
    expect(peer.received).toBe('');
    await peer.send('two');
    await stage.until('it is answered', () => peer.received.endsWith('done'));
    expect(seen).toEqual(['one', 'two']);
  });

  test('behaviour 61: a coded body is handed on as it is', async () => {
    const stage = await open(kind, async (request, reply) => reply.bytes(await request.bytes()));
    const coded = '\x1f\x8bnot really gzip';
    const wire = post(`Content-Encoding: gzip\r\nContent-Length: ${coded.length}`, coded);
    const { replies } = await repliesTo(stage, wire, 1);
    expect(replies[0]!.body).toBe(coded);
  });

  test('behaviour 62: 100 is sent when the handler first reads', async () => {
    const { passed, open: go } = gate();
    const stage = await open(kind, async (request, reply) => {
      await passed;
      reply.text(await request.text());
    });
    const peer = await stage.connect();
    await peer.send(post('Content-Length: 5\r\nExpect: 100-Continue'));
    expect(peer.received).toBe('');
    go();
    await stage.until('100 came', () => peer.received === 'HTTP/1.1 100 Continue\r\n\r\n');
    await peer.send('hello');
    await stage.until('it is answered', () => peer.received.endsWith('\r\n\r\nhello'));
  });

  test('behaviour 63: no 100 when the body is there, or there is none', async () => {
    const stage = await open(kind, echo);
    const there = await repliesTo(
      stage,
      post('Content-Length: 5\r\nExpect: 100-continue', 'hello'),
      1,
    );
    const none = await repliesTo(stage, field('Expect: 100-continue'), 1);
    for (const { replies } of [there, none]) {
      expect(replies.map(({ status }) => status)).toEqual([200]);
    }
  });

  test('behaviour 64: a refusal without reading comes alone, and closes', async () => {
    const stage = await open(kind, (_request, reply) => reply.status(401).text('no'));
    const { peer, replies } = await repliesTo(
      stage,
      post('Content-Length: 5\r\nExpect: 100-continue'),
      1,
    );
    expect(replies.map(({ status, fields }) => [status, fields.connection])).toEqual([
      [401, 'close'],
    ]);
    await stage.until('it is over', () => peer.over !== null);
    expect(peer.over).toBe('ended');
  });

  /** A handshake the way an application makes it; the server's part is the 101 and the bytes behind it. */
  const webSocket: Handler = (request, reply) => {
    const key = request.header('sec-websocket-key') ?? '';
    if (request.header('upgrade')?.toLowerCase() !== 'websocket') return reply.text('plain');
    if (key.length !== 24) return reply.status(400).text('no key');
    if (request.header('sec-websocket-version') !== '13') {
      return reply.status(426).header('Sec-WebSocket-Version', '13').text('13');
    }
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    reply.upgrade('websocket', echoed, { 'Sec-WebSocket-Accept': accept.digest('base64') });
  };
  const handshake = (upgrade: string, key: string, version: string): string =>
    field(
      `Connection: keep-alive, Upgrade\r\nUpgrade: ${upgrade}\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: ${version}`,
    );
  const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

  test('behaviour 66: a WebSocket handshake gets its 101, in any case of the token', async () => {
    const stage = await open(kind, webSocket);
    for (const token of ['websocket', 'WebSocket']) {
      const peer = await stage.connect();
      await peer.send(handshake(token, KEY, '13'));
      await stage.until('101 came', () => peer.received.endsWith('\r\n\r\n'));
      expect(peer.received).toMatch(/^HTTP\/1\.1 101 /);
      expect(peer.received).toContain('\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
    }
  });

  test('behaviour 67: a bad handshake is an ordinary request, whose reply the application chooses', async () => {
    const stage = await open(kind, webSocket);
    const wire = handshake('websocket', 'short', '13') + handshake('websocket', KEY, '8') + GET;
    const { replies } = await repliesTo(stage, wire, 3);
    expect(replies.map(({ status }) => status)).toEqual([400, 426, 200]);
    expect(replies[1]!.fields['sec-websocket-version']).toBe('13');
  });

  test('behaviour 67: an upgrade the request did not ask for cannot be given', async () => {
    const stage = await open(kind, webSocket);
    const wire = field(
      `Upgrade: websocket\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13`,
    );
    const { replies } = await repliesTo(stage, wire, 1);
    expect(replies.map(({ status }) => status)).toEqual([500]);
  });

  test('behaviour 68: an upgrade on HTTP/1.0 or with a body is not to be had', async () => {
    const ask = 'Host: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n';
    const codes: unknown[] = [];
    const stage = await open(kind, (_request, reply) => {
      try {
        reply.upgrade('echo', { name: 'echo', instantiate: () => expect.fail('instantiated') });
      } catch (error) {
        codes.push((error as { code: string }).code);
        reply.text('no');
      }
    });
    const wires = [
      `GET / HTTP/1.0\r\n${ask}\r\n`,
      `POST / HTTP/1.1\r\n${ask}Content-Length: 2\r\n\r\nab`,
      `POST / HTTP/1.1\r\n${ask}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ];
    for (const wire of wires) {
      const { replies } = await repliesTo(stage, wire, 1);
      expect(replies.map(({ status }) => status)).toEqual([200]);
    }
    expect(codes).toEqual(wires.map(() => 'REPLY_STARTED'));
  });

  test('behaviour 69: 101 has no framing, and what follows the head is the new protocol’s', async () => {
    const stage = await open(kind, (_request, reply) => reply.upgrade('echo', echoed));
    const peer = await stage.connect();
    await peer.send(`${field('Connection: upgrade\r\nUpgrade: echo')}\0bytes`);
    await stage.until('they came back', () => peer.received.endsWith('\0bytes'));
    expect(peer.received).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n\0bytes',
    );
  });
});
