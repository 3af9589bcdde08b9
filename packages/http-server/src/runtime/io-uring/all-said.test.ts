import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { rawHandler } from '../../handlers/raw.js';
import { http1 } from '../../protocol/http1/index.js';
import { IoUringRuntime } from './runtime.js';

/** Longer than any test: whatever ends sooner did not linger. */
const LINGER_MS = 3_600_000;
const BODY = Buffer.alloc(12 * 1024, 'b');
const LONG = Buffer.alloc(256 * 1024, 'b');

let runtime: IoUringRuntime | undefined;
const sockets: Socket[] = [];
let release: (() => void) | undefined;
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await runtime?.close(500);
  runtime = undefined;
  release = undefined;
});

function serve(): number {
  const app = http1({
    handle: rawHandler((request, reply) => {
      if (request.target === '/held') {
        return new Promise<void>((resolve) => {
          release = resolve;
        }).then(() => reply.bytes(BODY));
      }
      if (request.target === '/long') return reply.bytes(LONG);
      if (request.target === '/stream') {
        reply.write('some');
        return reply.end(BODY);
      }
      if (request.target === '/later') return Promise.resolve().then(() => reply.bytes(BODY));
      return request.target === '/hello' ? reply.text('hello') : reply.bytes(BODY);
    }),
  });
  runtime = new IoUringRuntime({ app, lingerTimeoutMs: LINGER_MS });
  return (runtime.listen({ port: 0 }).address as { port: number }).port;
}

/** A client that never sends its FIN by itself, and reads nothing yet. */
async function client(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  sockets.push(socket);
  socket.pause();
  await once(socket, 'connect');
  return socket;
}

const gone = (connections = 0) => until(() => runtime!.connections === connections);

async function until(condition: () => boolean): Promise<void> {
  for (let wait = 0; wait < 1000 && !condition(); wait++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(condition()).toBe(true);
}

async function bodyOf(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk as Buffer));
  socket.resume();
  await once(socket, 'end');
  const all = Buffer.concat(chunks);
  return all.subarray(all.indexOf('\r\n\r\n') + 4);
}

const CLOSE = 'Connection: close\r\n';
const LATER = `GET /later HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`;
const get = (fields: string, version = '1.1') =>
  `GET / HTTP/${version}\r\nHost: a\r\n${fields}\r\n`;

describe('Connection, whose peer has said its last', () => {
  it.each([
    ['Connection: close', get(CLOSE)],
    ['HTTP/1.0', get('', '1.0')],
    ['Connection: close, with its own FIN', get(CLOSE), true],
    ['Connection: close, answered later', LATER],
  ])(
    'is closed as soon as all is sent, and the peer gets all of it: %s',
    async (_name, text, fin = false) => {
      const socket = await client(serve());
      if (fin) socket.end(text);
      else socket.write(text);
      await gone();
      // The server is through with the connection before the first byte was read.
      expect((await bodyOf(socket)).equals(BODY)).toBe(true);
    },
  );

  it('takes one receive, one send and one close', async () => {
    const port = serve();
    const ask = async () => {
      const socket = await client(port);
      socket.write(get(CLOSE).replace('/', '/hello'));
      expect((await bodyOf(socket)).toString()).toBe('hello');
      await gone();
      socket.destroy();
    };
    await ask();
    const before = runtime!.stats().ring.submitted;
    for (let count = 0; count < 50; count++) await ask();
    const each = (runtime!.stats().ring.submitted - before) / 50;
    // And the timer now and then.
    expect(each).toBeGreaterThanOrEqual(3);
    expect(each).toBeLessThan(3.5);
  });

  it.each([
    ['more bytes came with the request', get(CLOSE) + get('')],
    ['more bytes than a receive buffer holds came', get(CLOSE) + 'x'.repeat(50_000)],
    ['the request has a body', `POST / HTTP/1.1\r\nHost: a\r\n${CLOSE}Content-Length: 2\r\n\r\nab`],
    ['more came while the handler was at work', `${LATER}more`],
    ['it is not the first request', get('') + get(CLOSE), /b{12288}HTTP\/1.1 200 .*b{12288}$/s],
    ['the reply is long', get(CLOSE).replace('/', '/long'), /^b{262144}$/],
    ['the reply is streamed', get(CLOSE).replace('/', '/stream'), /some\r\n.*b{12288}/s],
  ])('is lingered over when %s', async (_name, text, expected = /^b{12288}$/) => {
    const socket = await client(serve());
    socket.write(text);
    expect((await bodyOf(socket)).toString()).toMatch(expected);
    // What it sends now is read and dropped: no reset.
    socket.write('more of it');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(runtime!.connections).toBe(1);
    socket.end();
    await gone();
    expect(socket.errored).toBeNull();
  });

  it('is lingered over for as long as it sends all the same, however much: its FIN ends it', async () => {
    const socket = await client(serve());
    socket.write(LATER.replace('later', 'held'));
    await until(() => release !== undefined);
    socket.write('more');
    await until(() => runtime!.bytesReceived >= LATER.length - 1 + 4);
    release!();
    expect((await bodyOf(socket)).equals(BODY)).toBe(true);
    // More than a turn of the receive, which ends with nothing left to be received.
    for (let piece = 0; piece < 10; piece++) {
      const before = runtime!.bytesReceived;
      const bytes = 16_384 - (piece === 0 ? 4 : 0);
      socket.write(Buffer.alloc(bytes));
      await until(() => runtime!.bytesReceived === before + bytes);
    }
    socket.end();
    await gone();
    expect(socket.errored).toBeNull();
  });

  it('is lingered over when it is the server that closes', async () => {
    const socket = await client(serve());
    socket.write(get(''));
    await until(() => runtime!.bytesSent > BODY.length);
    const closing = runtime!.close(60_000);
    expect((await bodyOf(socket)).equals(BODY)).toBe(true);
    socket.end();
    await closing;
    runtime = undefined;
    expect(socket.errored).toBeNull();
  });
});
