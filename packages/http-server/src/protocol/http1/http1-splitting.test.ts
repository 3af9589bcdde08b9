import { describe, expect, test } from 'vitest';
import { connect, GET, repliesOf, statuses } from '../../../test-support/http1-peer.js';
import type { HttpReply, HttpRequest } from '../../exchange/index.js';
import { FastResponse, fetchHandler } from '../../handlers/fetch/index.js';
import { MemoryRuntime } from '../../runtime/memory/index.js';
import type { Blueprint } from '../../sans-io/blueprint.js';
import { http1 } from './http1.js';

const EVIL = 'a\r\nX-Evil: 1\r\n\r\nHTTP/1.1 200 OK\r\n';
/** Passes for a harmless string as long as nobody makes it one. */
const DISGUISED = { length: 1, charCodeAt: () => 0x61, toString: () => EVIL } as unknown as string;
const OF_STRINGS = [
  EVIL,
  'a\nb',
  'a\rb',
  'a\0b',
  'a\x7fb',
  'a\u2028b',
  '\u010d\u010a',
  DISGUISED,
  new String(EVIL) as string,
];

const NOBODY: Blueprint = {
  name: 'nobody',
  instantiate: () => {
    throw new Error('must not be reached');
  },
};

test('fields that reply while they are read add nothing to the reply', () => {
  const fields = (reply: HttpReply) => ({
    get 'X-A'(): string {
      if (!reply.finished) reply.text('done');
      return 'b';
    },
  });
  const ask = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n';
  for (const way of [
    (reply: HttpReply) => reply.informational(103, fields(reply)),
    (reply: HttpReply) => reply.upgrade('x', NOBODY, fields(reply)),
  ]) {
    const peer = connect((_request, reply) => way(reply)).send(ask);
    expect(statuses(peer.run())).toEqual([200]);
    expect(peer.received).toMatch(/done$/);
  }
});

type Attempt = (reply: HttpReply, evil: string) => unknown;

/** Every way a string gets from a handler into a head, interim head or trailer section. */
const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  'header name': (reply, evil) => reply.header(evil, 'x').text(''),
  'header value': (reply, evil) => reply.header('X', evil).text(''),
  'header value in an array': (reply, evil) => reply.header('X', ['a', evil]).text(''),
  'append name': (reply, evil) => reply.append(evil, 'x').text(''),
  'append value': (reply, evil) => reply.append('X', evil).text(''),
  'Content-Type': (reply, evil) => reply.header('Content-Type', evil).text(''),
  'Content-Type in an array': (reply, evil) => reply.header('content-type', [evil]).text(''),
  'Content-Length': (reply, evil) => reply.header('Content-Length', evil).text(''),
  Connection: (reply, evil) => reply.header('Connection', evil).text(''),
  'Keep-Alive': (reply, evil) => reply.header('Keep-Alive', evil).text(''),
  Date: (reply, evil) => reply.header('Date', evil).text(''),
  'redirect location': (reply, evil) => reply.redirect(evil),
  'redirect status': (reply, evil) => reply.redirect('/', evil as never),
  status: (reply, evil) => reply.status(evil as never).text(''),
  'empty status': (reply, evil) => reply.empty(evil as never),
  'trailer name': (reply, evil) => reply.trailer(evil, 'x').end(),
  'trailer value': (reply, evil) => reply.trailer('X', evil).end(),
  'trailer value in an array': (reply, evil) => reply.trailer('X', [evil]).end(),
  'interim name': (reply, evil) => reply.informational(103, { [evil]: 'x' }),
  'interim value': (reply, evil) => reply.informational(103, { Link: evil }),
  'interim status': (reply, evil) => reply.informational(evil as never),
  'upgrade protocol': (reply, evil) => reply.upgrade(evil, NOBODY),
  'upgrade field name': (reply, evil) => reply.upgrade('echo', NOBODY, { [evil]: 'x' }),
  'upgrade field value': (reply, evil) => reply.upgrade('echo', NOBODY, { X: evil }),
};

const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n';

describe('no string splits a response', () => {
  test.each(Object.keys(ATTEMPTS))('%s', (name) => {
    for (const evil of OF_STRINGS) {
      let thrown: unknown;
      const peer = connect((_request, reply) => {
        try {
          ATTEMPTS[name]?.(reply, evil);
        } catch (error) {
          thrown = error;
        }
        if (!reply.started) reply.text('unharmed');
      });
      peer.send(UPGRADE).run();
      expect([TypeError, RangeError]).toContain((thrown as Error | undefined)?.constructor);
      expect(peer.received.toLowerCase()).not.toContain('evil');
      expect(repliesOf(peer.received).map((reply) => reply.body)).toEqual(['unharmed']);
    }
  });

  test('of an upgrade that is no token', () => {
    for (const protocol of ['', 'a b', 'a, b', 'a/', '/a', 'a/b/c']) {
      const peer = connect((_request, reply) => reply.upgrade(protocol, NOBODY));
      expect(statuses(peer.send(UPGRADE).run())).toEqual([500]);
    }
  });

  test('of a body that is none', () => {
    const bodies = [5, null, {}, ['a'], new ArrayBuffer(3), new Uint16Array(3), DISGUISED];
    const ways: ((reply: HttpReply, body: never) => unknown)[] = [
      (reply, body) => reply.text(body),
      (reply, body) => reply.html(body),
      (reply, body) => reply.bytes(body),
      (reply, body) => reply.end(body),
      (reply, body) => reply.write(body),
    ];
    for (const way of ways) {
      for (const body of bodies) {
        const peer = connect((_request, reply) => void way(reply, body as never))
          .send(GET + GET)
          .run();
        expect(statuses(peer)).toEqual([500, 500]);
      }
    }
  });

  test('of a Response that is made or has changed', async () => {
    const made = [
      () => new FastResponse('', { statusText: EVIL }),
      () => new FastResponse('', { headers: { X: EVIL } }),
      () => new FastResponse('', { headers: { [EVIL]: 'x' } }),
      () => new FastResponse('', { headers: [['X', EVIL]] }),
      () => FastResponse.redirect(EVIL),
      () => {
        class Liar extends FastResponse {
          override get headers(): Headers {
            return [['x', EVIL]] as unknown as Headers;
          }
        }
        return new Liar('', { headers: [['a', 'b']] });
      },
      () => {
        class Liar extends FastResponse {
          override get status(): number {
            return EVIL as never;
          }
        }
        return new Liar('');
      },
    ];
    for (const make of made) {
      const handle = fetchHandler(make as never, { onError: () => {} });
      const peer = new MemoryRuntime(http1({ handle })).connect().send(GET);
      await peer.settle();
      expect(statuses(peer)).toEqual([500]);
      expect(peer.received.toLowerCase()).not.toContain('x-evil');
    }
  });

  test('of a status nobody defined: the reason stays empty', () => {
    const peer = connect((_request, reply) => reply.status(599).text(''));
    expect(peer.send(GET).run().received).toMatch(/^HTTP\/1\.1 599 \r\n/);
  });
});

describe('names that mean something to JavaScript', () => {
  const NAMES = ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf'];
  const text = `GET / HTTP/1.1\r\nHost: a\r\n${NAMES.map((n) => `${n}: ${n}!\r\n`).join('')}\r\n`;
  const values = NAMES.map((name) => `${name}!`);

  test('are fields like others, both ways', () => {
    const seen: unknown[] = [];
    const peer = connect((request: HttpRequest, reply) => {
      seen.push(NAMES.map((name) => request.header(name)));
      seen.push(request.header('isPrototypeOf'));
      for (const name of NAMES) reply.header(name, `${name}!`);
      reply.informational(103, JSON.parse('{"__proto__": "x"}'));
      reply.empty();
    });
    peer.send(text).run();
    expect(seen).toEqual([values, undefined]);
    for (const name of NAMES) expect(peer.received).toContain(`\r\n${name}: ${name}!\r\n`);
    expect(peer.received).toMatch(/^HTTP\/1\.1 103 Early Hints\r\n__proto__: x\r\n\r\n/);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test('are fields of a Request and of a Response like others', async () => {
    const seen: unknown[] = [];
    const handle = fetchHandler((request) => {
      seen.push(NAMES.map((name) => request.headers.get(name)));
      seen.push([...request.headers].length, request.headers.get('isPrototypeOf'));
      const headers = JSON.parse(`{${NAMES.map((name) => `"${name}": "${name}!"`).join()}}`);
      return new FastResponse('', { headers }) as unknown as Response;
    });
    const peer = new MemoryRuntime(http1({ handle })).connect().send(text);
    await peer.settle();
    expect(seen).toEqual([values, NAMES.length + 1, null]);
    for (const name of NAMES) expect(peer.received).toContain(`${name.toLowerCase()}: ${name}!`);
  });
});
