import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { TallyObserver } from '../exchange/index.js';
import { rawHandler } from '../handlers/index.js';
import { http1 } from '../protocol/http1/index.js';
import type { ServerRuntime } from './choose-runtime.js';
import { type Make, SocketHouse, text, until } from './socket-house.contract.js';

const MEGABYTES = 1024 * 1024;
/** More than two sockets hold. */
const LARGE = Buffer.alloc(16 * MEGABYTES, 'x');
/** Connections at a time. */
const LANES = 12;

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
const post = (target: string, length: number, more = '') =>
  `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n${more}\r\n`;

/** Everything a handler may be at when its client goes away. */
function makeApp() {
  const observer = new TallyObserver();
  const handle = rawHandler(
    async (request, reply) => {
      switch (request.path) {
        case '/reads':
          return reply.text(`${(await request.bytes()).length}`);
        case '/pieces':
          for await (const _piece of request.body) await turn();
          return reply.text('all');
        case '/streams':
          for (let i = 0; i < 500; i++)
            if (!reply.write(LARGE.subarray(0, 65_536))) await reply.drained();
          return reply.end();
        case '/large':
          return reply.bytes(LARGE);
        case '/hints':
          reply.informational(103, { Link: '</a>' });
          await request.bytes();
          return reply.text('done');
        case '/closes':
          return reply.header('Connection', 'close').text('bye');
        case '/hangs':
          return new Promise(() => {});
        default:
          return reply.text('hello');
      }
    },
    { onError: () => {} },
  );
  const blueprint = http1({
    handle,
    observer,
    // A reset behind a body that nobody reads is heard when the handler's time is over.
    handlerTimeoutMs: 600,
    maxBodyBytes: LARGE.length,
  });
  return { observer, blueprint };
}

/**
 * Clients that go away at every byte and at every stage leave nothing behind: no connection, exchange, descriptor, operation or buffer.
 *
 * @param held everything the runtime holds that could leak, when no connection is open
 */
export function attackContract(make: Make, held: (runtime: ServerRuntime) => unknown): void {
  const { start, sockets } = new SocketHouse(make);

  async function dial(port: number, read = true): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    if (read) socket.resume();
    await once(socket, 'connect');
    return socket;
  }

  /** Runs `work` against a server, and holds what is there afterwards against what was there before. */
  async function attacked(
    work: (port: number, sent: () => number) => Promise<void>,
  ): Promise<void> {
    const { observer, blueprint } = makeApp();
    const { runtime, port } = await start(blueprint, { lingerTimeoutMs: 300 });
    const ask = async () => {
      const socket = await dial(port, false);
      sockets.push(socket);
      socket.end(get('/'));
      expect(await text(socket)).toMatch(/hello$/);
      socket.destroy();
    };
    const { tally } = observer;
    const quiet = () => runtime.stats().connections === 0 && tally.opened === tally.closed;
    await ask();
    await until(quiet);
    const before = held(runtime);
    const files = readdirSync('/proc/self/fd').length;
    await work(port, () => runtime.stats().bytesSent);
    await ask();
    await until(quiet);
    expect(tally.active).toBe(0);
    // Closing completes after the last word of a connection.
    await until(() => JSON.stringify(held(runtime)) === JSON.stringify(before));
    await until(() => readdirSync('/proc/self/fd').length <= files);
  }

  it('clients that reset or close at every byte of their message leave nothing behind', async () => {
    const chunked =
      'POST /TARGET HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n';
    const messages = [
      chunked.replace('TARGET', 'reads') + get('/next'),
      `${post('/pieces', 11, 'Expect: 100-continue\r\n')}hello world${get('/hangs')}`,
      `${post('/unread', 5)}hello${get('/closes')}`,
    ];
    const cuts = messages.flatMap((message) =>
      Array.from({ length: message.length + 1 }, (_, cut) => message.slice(0, cut)),
    );
    await attacked(async (port) => {
      const work = [...cuts];
      const lane = async () => {
        for (let part = work.pop(); part !== undefined; part = work.pop()) {
          for (const way of ['reset', 'reset later', 'close', 'half'] as const) {
            const socket = await dial(port);
            if (part.length > 0) socket.write(part, 'latin1');
            if (way === 'reset later') await sleep(1);
            if (way === 'half') {
              // Whatever was begun is answered or refused, and the connection ends.
              socket.end();
              await once(socket, 'end');
            }
            if (way === 'close' || way === 'half') socket.destroy();
            else socket.resetAndDestroy();
          }
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
    });
  }, 60_000);

  // What is sent, whether the client reads, and what it waits for before it goes.
  const stages: readonly (readonly [
    string,
    readonly (string | Uint8Array)[],
    boolean,
    RegExp | null,
  ])[] = [
    ['before it says anything', [], true, null],
    ['within its head', ['GET / HTTP/1.1\r\nHo'], true, null],
    ['while the handler hangs', [get('/hangs')], true, null],
    ['with more requests behind one that hangs', [get('/hangs') + get('/').repeat(5)], true, null],
    [
      'while it is to be told to continue',
      [post('/reads', 5, 'Expect: 100-continue\r\n')],
      true,
      null,
    ],
    [
      'when it was told to continue',
      [post('/reads', 5, 'Expect: 100-continue\r\n')],
      true,
      /100 Continue/,
    ],
    ['after early hints', [post('/hints', 5)], true, /103 /],
    ['within a body that is read', [post('/reads', 1000), 'abc'], true, null],
    [
      'within a body that is read in pieces',
      [post('/pieces', LARGE.length), LARGE.subarray(0, MEGABYTES)],
      true,
      null,
    ],
    [
      'within a body that nobody reads',
      [post('/hangs', LARGE.length), LARGE.subarray(0, MEGABYTES)],
      true,
      null,
    ],
    ['within a rest that is drained', [post('/unread', 60_000), 'abc'], true, /200 OK/],
    [
      'within a rest that nobody wants',
      [post('/unread', LARGE.length), LARGE.subarray(0, MEGABYTES)],
      true,
      /200 OK/,
    ],
    ['within a stream it does not read', [get('/streams')], false, null],
    ['within a stream it reads', [get('/streams')], true, /x{1000}/],
    ['within a large reply it does not read', [get('/large')], false, null],
    ['within a large reply it reads', [get('/large')], true, /x{1000}/],
    ['while the server lingers', [get('/closes')], true, /bye$/],
    ['when it has its answer', [get('/')], true, /hello$/],
  ];

  it.each(['reset', 'close'] as const)(
    'clients that go away by %s at every stage of an exchange leave nothing behind',
    async (way) => {
      await attacked(async (port) => {
        const work = stages.flatMap((stage) => Array.from({ length: 8 }, () => stage));
        const lane = async () => {
          for (let stage = work.pop(); stage !== undefined; stage = work.pop()) {
            const [what, parts, reads, awaited] = stage;
            const socket = await dial(port, false);
            const seen = reads && awaited !== null ? heard(socket, awaited, what) : null;
            if (reads) socket.resume();
            for (const part of parts) socket.write(part);
            if (seen === null) await sleep(work.length % 8);
            else await seen;
            if (way === 'reset') socket.resetAndDestroy();
            else socket.destroy();
          }
        };
        await Promise.all(Array.from({ length: LANES }, lane));
      });
    },
    60_000,
  );
}

/** Resolves when the peer was sent what it waits for. */
function heard(socket: Socket, awaited: RegExp, what: string): Promise<void> {
  let seen = '';
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      seen = (seen + chunk.toString('latin1')).slice(-2_000);
      if (awaited.test(seen)) resolve();
    });
    socket.on('close', () => reject(new Error(`${what}: closed before it got ${awaited}`)));
  });
}
