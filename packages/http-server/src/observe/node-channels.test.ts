import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { allOf, exchange, GET, until } from '../../test-support/raw-client.js';
import type { ServeOptions } from '../options.js';
import { type Server, serve } from '../server.js';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function start(options: Partial<ServeOptions>): Promise<Server> {
  const server = await serve({ port: 0, hostname: '127.0.0.1', ...options } as ServeOptions);
  undo.push(() => server.close({ drainTimeoutMs: 0 }));
  return server;
}

// biome-ignore lint/suspicious/noExplicitAny: the payloads of Node's channels have no type
type Payload = any;

function hear(name: string, listener: (message: Payload) => void): void {
  const heard = (message: unknown): void => listener(message);
  subscribe(name, heard);
  undo.push(() => unsubscribe(name, heard));
}

/** What a tool reads of the payloads, in the order it was told. */
function noteNodeChannels(): unknown[] {
  const log: unknown[] = [];
  const note = (event: string, { request, response, socket, server }: Payload): void => {
    log.push([
      event,
      request.method,
      request.url,
      request.httpVersion,
      request.headers,
      request.rawHeaders,
      response.statusCode,
      response.headersSent,
      response.req === request,
      request.socket.remoteAddress,
      socket === undefined ? undefined : socket === request.socket,
      server === undefined ? undefined : typeof server.address().port,
    ]);
  };
  for (const event of ['request.start', 'response.created', 'response.finish']) {
    hear(`http.server.${event}`, (message) => note(event, message));
  }
  return log;
}

const WIRE =
  'GET /a?b HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nUser-Agent: first\r\nUser-Agent: second\r\nCookie: a=1\r\nCookie: b=2\r\nConnection: close\r\n\r\n';

describe("Node's channels", () => {
  test.each(['sync', 'async'])('say of a reply (%s) what node:http says', async (when) => {
    const log = noteNodeChannels();
    const ours = await start({
      raw: async (_request, reply) => {
        if (when === 'async') await new Promise((resolve) => setImmediate(resolve));
        reply.status(201).text('hi');
      },
    });
    await exchange(ours, WIRE);
    await until(() => log.length >= 3);
    const here = log.splice(0);
    const theirs = createServer((_request, response) => response.writeHead(201).end('hi'));
    await new Promise<void>((resolve) => theirs.listen(0, '127.0.0.1', resolve));
    undo.push(() => theirs.close());
    const socket = connect((theirs.address() as { port: number }).port, '127.0.0.1');
    socket.write(WIRE);
    await allOf(socket);
    await until(() => log.some((entry) => (entry as unknown[])[0] === 'response.finish'));
    // Node 20 has no response.created of its own; where it has, it is the first.
    const names = here.map((entry) => (entry as unknown[])[0]);
    expect(names).toEqual(['response.created', 'request.start', 'response.finish']);
    const known = new Set(log.map((entry) => (entry as unknown[])[0]));
    const same = here.filter((entry) => known.has((entry as unknown[])[0]));
    expect(JSON.parse(JSON.stringify(same))).toEqual(JSON.parse(JSON.stringify(log)));
  });

  test('a subscriber may set fields of the reply before the handler runs, and is told of finish and close', async () => {
    const log: string[] = [];
    hear('http.server.request.start', ({ response, request }) => {
      response.setHeader('Server-Timing', 'a;dur=1');
      response.once('finish', () => log.push(`finish ${response.statusCode} ${response.finished}`));
      response.once('close', () => log.push(`close ${response.getHeader('server-timing')}`));
      request.once('close', () => log.push(`request close ${request.complete}`));
    });
    const server = await start({ fetch: () => new Response('hi', { status: 202 }) });
    const response = await fetch(server.url, { headers: { connection: 'close' } });
    expect(response.headers.get('server-timing')).toBe('a;dur=1');
    await response.text();
    expect(log).toEqual(['finish 202 true', 'close a;dur=1', 'request close true']);
  });

  test('say of a client that leaves what node:http says: aborted and close, and no finish', async () => {
    const log: string[] = [];
    const note = (mine: string): void => {
      hear('http.server.request.start', ({ request, response }) => {
        for (const name of ['aborted', 'close'])
          request.once(name, () => log.push(`${mine} request ${name}`));
        for (const name of ['finish', 'close'])
          response.once(name, () => log.push(`${mine} response ${name}`));
      });
      hear('http.server.response.finish', () => log.push(`${mine} finished`));
    };
    /** A client that resets within a reply. */
    const leave = async (port: number): Promise<void> => {
      const socket = connect(port, '127.0.0.1');
      socket.write(GET);
      await new Promise((resolve) => socket.once('data', resolve));
      socket.resetAndDestroy();
      await until(() => log.some((line) => line.endsWith('request close')));
      await until(() => log.some((line) => line.endsWith('response close')));
    };
    note('it:');
    const ours = await start({ raw: (_request, reply) => void reply.write('half') });
    await leave((ours.address() as { port: number }).port);
    const here = log.splice(0).sort();
    const theirs = createServer((_request, response) => void response.write('half'));
    await new Promise<void>((resolve) => theirs.listen(0, '127.0.0.1', resolve));
    undo.push(() => theirs.close());
    await leave((theirs.address() as { port: number }).port);
    expect(here).toEqual(['it: request aborted', 'it: request close', 'it: response close']);
    expect(here).toEqual(log.sort());
  });

  test('keep the socket of a connection the same, and another of another', async () => {
    const sockets: object[] = [];
    hear('http.server.request.start', ({ socket }) => sockets.push(socket));
    const server = await start({ raw: (_request, reply) => reply.text('hi') });
    await exchange(server, GET + GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    await exchange(server, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    expect(sockets).toHaveLength(3);
    expect(sockets[0]).toBe(sockets[1]);
    expect(sockets[2]).not.toBe(sockets[0]);
    await until(() => sockets.every((socket) => (socket as { destroyed: boolean }).destroyed));
  });

  test("a subscriber's enterWith reaches its handler, and no other request of the same batch", async () => {
    const storage = new AsyncLocalStorage<number>();
    let count = 0;
    hear('http.server.request.start', () => {
      count++;
      // Only the first: the second must find nothing.
      if (count === 1) storage.enterWith(count);
    });
    const seen: unknown[] = [];
    const server = await start({
      raw: (_request, reply) => {
        seen.push(storage.getStore());
        reply.text('hi');
      },
    });
    await exchange(server, GET + GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
    expect(seen).toEqual([1, undefined]);
  });
});
