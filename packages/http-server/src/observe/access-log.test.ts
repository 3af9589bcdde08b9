import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { dial, exchange, until } from '../../test-support/raw-client.js';
import type { ServeOptions } from '../options.js';
import { type Server, serve } from '../server.js';
import type { AccessEntry } from './access-entry.js';
import { combinedLine, jsonLine } from './access-format.js';
import { AccessLog } from './access-log.js';

const running: Server[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close({ drainTimeoutMs: 0 });
});

async function start(options: Partial<ServeOptions>): Promise<Server> {
  const raw: ServeOptions['raw'] = (_request, reply) => reply.text('hello');
  const server = await serve({ port: 0, hostname: '127.0.0.1', raw, ...options } as ServeOptions);
  running.push(server);
  return server;
}

/** A stream that takes lines, and may ask to wait. */
class Sink extends EventEmitter {
  writes: string[] = [];
  slow = false;
  write(text: string): boolean {
    this.writes.push(text);
    return !this.slow;
  }
  get lines(): string[] {
    return this.writes.join('').split('\n').slice(0, -1);
  }
}

const ENTRY: AccessEntry = {
  time: Date.UTC(2000, 9, 10, 13, 55, 36),
  peer: { family: 'IPv4', address: '127.0.0.1', port: 1 },
  method: 'GET',
  target: '/apache_pb.gif',
  httpVersion: '1.0',
  status: 200,
  bytes: 2326,
  durationMs: 1.2345,
  referer: 'http://www.example.com/start.html',
  userAgent: 'Mozilla/4.08 [en] (Win98; I ;Nav)',
  traceId: '',
  loss: null,
  fault: '',
};

describe('combinedLine(), jsonLine()', () => {
  test("are Apache's example, and its JSON", () => {
    expect(combinedLine(ENTRY)).toBe(
      '127.0.0.1 - - [10/Oct/2000:13:55:36 +0000] "GET /apache_pb.gif HTTP/1.0" 200 2326 "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"',
    );
    expect(JSON.parse(jsonLine(ENTRY))).toEqual({
      time: '2000-10-10T13:55:36.000Z',
      peer: '127.0.0.1',
      method: 'GET',
      target: '/apache_pb.gif',
      httpVersion: '1.0',
      status: 200,
      bytes: 2326,
      durationMs: 1.235,
      referer: ENTRY.referer,
      userAgent: ENTRY.userAgent,
    });
  });

  test('keep every byte a client may choose within its line and its quotes', () => {
    const hostile = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
    for (const member of ['method', 'target', 'referer', 'userAgent'] as const) {
      const entry = { ...ENTRY, [member]: `${hostile}\u2028" 200 1 "x` };
      const line = combinedLine(entry);
      expect(line).toMatch(/^[\x20-\x7e]+$/);
      expect(line.match(/"/g)).toHaveLength(6);
      const json = jsonLine(entry);
      expect(json).toMatch(/^[\x20-\x7e]+$/);
      expect(JSON.parse(json)[member]).toBe(entry[member]);
    }
  });

  test('a client that left before its reply is a 499, as nginx has it', () => {
    expect(combinedLine({ ...ENTRY, status: 0, loss: 'peer-gone' })).toContain('" 499 2326 "');
    expect(combinedLine({ ...ENTRY, method: '', peer: null })).toMatch(/^- - - \[.*\] "-" 200/);
  });
});

describe('AccessLog', () => {
  test('writes one batch per turn', async () => {
    const sink = new Sink();
    const log = new AccessLog({ stream: sink });
    for (let i = 0; i < 100; i++) log.push(ENTRY);
    expect(sink.writes).toHaveLength(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect([sink.writes.length, sink.lines.length, log.written]).toEqual([1, 100, 100]);
    log.close();
    expect(sink.listenerCount('error')).toBe(0);
  });

  test('holds what a slow stream does not take up to its bound, drops and counts the rest', async () => {
    const sink = new Sink();
    sink.slow = true;
    const log = new AccessLog({ stream: sink, maxLines: 10 });
    log.push(ENTRY);
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 25; i++) log.push(ENTRY);
    await new Promise((resolve) => setImmediate(resolve));
    expect([sink.lines.length, log.written, log.dropped]).toEqual([1, 1, 15]);
    sink.slow = false;
    sink.emit('drain');
    expect([sink.lines.length, log.written, log.dropped]).toEqual([11, 11, 15]);
    log.push(ENTRY);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.written).toBe(12);
  });

  test('a stream that breaks costs lines, not the process', async () => {
    const sink = new Sink();
    const log = new AccessLog({ stream: sink });
    log.push(ENTRY);
    sink.emit('error', new Error('EPIPE'));
    log.push(ENTRY);
    await new Promise((resolve) => setImmediate(resolve));
    expect([log.written, log.dropped, sink.writes.length]).toEqual([0, 2, 0]);
  });

  test.each([
    [
      { format: 'common' },
      "accessLog.format must be 'combined' or 'json': current value is common",
    ],
    [{ maxLines: 0 }, 'accessLog.maxLines must be an integer >= 1: current value is 0'],
    [{ stream: {} }, 'accessLog.stream must be a writable stream'],
    ['yes', "accessLog must be a boolean, a function or an object: current value is 'yes'"],
    [null, 'accessLog must be a boolean, a function or an object: current value is null'],
  ])('refuses %o', async (accessLog, why) => {
    await expect(start({ accessLog: accessLog as never })).rejects.toThrow(why);
  });
});

describe('accessLog', () => {
  test('logs replies, refusals and clients that left, hostile bytes escaped', async () => {
    const sink = new Sink();
    const server = await start({
      accessLog: { stream: sink },
      raw: (request, reply) => {
        if (request.path === '/wait') return;
        reply.status(201).text('hello');
      },
    });
    await exchange(
      server,
      'GET /a?b HTTP/1.1\r\nHost: h\r\nReferer: x" 200 "y\r\nUser-Agent: a\\b\xe9\x9b\r\n\r\nHEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
    );
    await exchange(server, 'GET /\x1b[2J HTTP/1.1\r\nHost: h\r\n\r\n');
    await exchange(server, 'PUT /big HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n');
    const socket = await dial(server);
    socket.write('GET /wait HTTP/1.1\r\nHost: h\r\n\r\n');
    await until(() => server.stats().active === 1);
    socket.resetAndDestroy();
    await until(() => sink.lines.length === 5);
    const withoutTime = sink.lines.map((line) => line.replace(/\[.*?\]/, '[]'));
    expect(withoutTime[0]).toBe(
      '127.0.0.1 - - [] "GET /a?b HTTP/1.1" 201 5 "x\\x22 200 \\x22y" "a\\x5Cb\\xE9\\x9B"',
    );
    expect(withoutTime[1]).toBe('127.0.0.1 - - [] "HEAD / HTTP/1.1" 201 0 "-" "-"');
    expect(withoutTime[2]).toMatch(/^127\.0\.0\.1 - - \[\] "-" 400 \d+ "-" "-"$/);
    expect(withoutTime[3]).toMatch(
      /^127\.0\.0\.1 - - \[\] "PUT \/big HTTP\/1\.1" 413 \d+ "-" "-"$/,
    );
    expect(withoutTime[4]).toBe('127.0.0.1 - - [] "GET /wait HTTP/1.1" 499 0 "-" "-"');
    expect(server.stats().accessLog).toEqual({ written: 5, dropped: 0 });
  });

  test('gives a function the entries, streamed bytes and trace included, and survives what it throws', async () => {
    const entries: AccessEntry[] = [];
    const server = await start({
      accessLog: (entry) => entries.push(entry),
      fetch: () =>
        new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue(Buffer.from('abc'));
              await new Promise((resolve) => setImmediate(resolve));
              controller.enqueue(Buffer.from('de'));
              controller.close();
            },
          }),
        ),
      raw: undefined as never,
    });
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await (
      await fetch(server.url, { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } })
    ).text();
    await until(() => entries.length === 1);
    expect(entries).toMatchObject([
      {
        method: 'GET',
        target: '/',
        status: 200,
        bytes: 5,
        loss: null,
        traceId,
        httpVersion: '1.1',
      },
    ]);
  });

  test('is written to its end when the server closes, by a stream that had asked to wait too', async () => {
    const sink = new Sink();
    sink.slow = true;
    const server = await start({ accessLog: { stream: sink, format: 'json' } });
    const wire = 'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';
    await exchange(server, wire);
    await until(() => sink.lines.length === 1);
    await exchange(server, wire);
    expect(sink.lines).toHaveLength(1);
    await server.close();
    expect(sink.lines.map((line) => JSON.parse(line).status)).toEqual([200, 200]);
  });
});
