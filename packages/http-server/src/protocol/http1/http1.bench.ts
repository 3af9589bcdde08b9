import { bench, describe } from 'vitest';
import { rawHandler } from '../../handlers/raw.js';
import { ServerObserver } from '../../observe/server-observer.js';
import type { Clock } from '../../sans-io/clock.js';
import { type Left, RESERVE_BYTES_MAX } from '../../sans-io/left.js';
import { http1 } from './http1.js';

/**
 * `npx vitest bench packages/http-server/src/protocol` compares changes; for absolute figures run the built code, since vitest turns every import into a getter, which
 * makes this five times slower.
 */

/** A Left that sends into nothing: what is measured is the protocol alone. */
class NullLeft implements Left {
  readonly clock: Clock = {
    now: 1,
    date: Buffer.from('Sun, 06 Nov 1994 08:49:37 GMT', 'latin1'),
  };
  readonly out = new Uint8Array(RESERVE_BYTES_MAX * 2);
  readonly blocked = false;
  deadline = 0;
  sent = 0;
  reserve(): number {
    return 64;
  }
  commit(end: number): void {
    this.sent += end - 64;
  }
  write(_bytes: Uint8Array, start: number, end: number): boolean {
    this.sent += end - start;
    return true;
  }
  send(bytes: Uint8Array): boolean {
    this.sent += bytes.length;
    return true;
  }
  whenSent(): Promise<boolean> {
    return Promise.resolve(true);
  }
  end(): void {
    throw new Error('the connection must stay');
  }
  abort(): void {
    throw new Error('the connection must stay');
  }
  pause(): void {}
  resume(): void {}
  gather(): number {
    return 0;
  }
  hold(): null {
    return null;
  }
  sendHeld(): boolean {
    throw new Error('nothing is held');
  }
  peer(): null {
    return null;
  }
}

const WRK = 'GET / HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n\r\n';
const BROWSER =
  'GET /articles/2024/hello?utm_source=x&page=2 HTTP/1.1\r\nHost: www.example.com\r\nConnection: keep-alive\r\n' +
  'sec-ch-ua: "Chromium";v="124", "Not-A.Brand";v="99"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: "Linux"\r\n' +
  'Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\r\n' +
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n' +
  'Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n' +
  'Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\nCookie: session=0123456789abcdef; theme=dark\r\n\r\n';

const app = http1({
  handle: rawHandler((_request, reply) => reply.text('Hello, World!')),
  connectionTimeoutMs: Number.POSITIVE_INFINITY,
});

/** Requests per iteration, so that the harness costs nothing next to them: divide its time by this. */
const REQUESTS = 1_000;

describe(`${REQUESTS} requests`, () => {
  for (const [name, request] of [
    ["wrk's request", WRK],
    ["a browser's request", BROWSER],
  ] as const) {
    const left = new NullLeft();
    const connection = app.instantiate(left);
    const bytes = Buffer.from(request, 'latin1');
    bench(`receive() and reply.text() for ${name}`, () => {
      for (let i = 0; i < REQUESTS; i++) connection.receive(bytes, 0, bytes.length);
    });
  }

  for (const [name, observer] of [
    ['a server that nobody observes', new ServerObserver()],
    ['an access log', new ServerObserver({ accessLog: () => {} })],
  ] as const) {
    const observed = http1({
      handle: rawHandler((_request, reply) => reply.text('Hello, World!')),
      connectionTimeoutMs: Number.POSITIVE_INFINITY,
      observer,
    }).instantiate(new NullLeft());
    const request = Buffer.from(WRK, 'latin1');
    bench(`receive() and reply.text() with ${name}`, () => {
      for (let i = 0; i < REQUESTS; i++) observed.receive(request, 0, request.length);
    });
  }

  const left = new NullLeft();
  const connection = app.instantiate(left);
  const bytes = Buffer.from(WRK.repeat(16), 'latin1');
  bench('receive() and reply.text() for 16 pipelined requests', () => {
    for (let i = 0; i < REQUESTS; i += 16) connection.receive(bytes, 0, bytes.length);
  });
});
