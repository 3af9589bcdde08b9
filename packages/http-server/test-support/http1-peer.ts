import type { HttpReply, HttpRequest } from '../src/exchange/index.js';
import { rawHandler } from '../src/handlers/raw.js';
import { type Http1Options, http1 } from '../src/protocol/http1/http1.js';
import { type MemoryConnection, MemoryRuntime } from '../src/runtime/memory/index.js';

export type Handler = (request: HttpRequest, reply: HttpReply) => void | Promise<void>;

export const DATE = 'Date: Sun, 06 Nov 1994 08:49:37 GMT';
export const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

export function runtimeOf(handler: Handler, options: Partial<Http1Options> = {}): MemoryRuntime {
  return new MemoryRuntime(
    http1({ handle: rawHandler(handler, { onError: () => {} }), ...options }),
  );
}

export function connect(handler: Handler, options: Partial<Http1Options> = {}): MemoryConnection {
  return runtimeOf(handler, options).connect();
}

export const hello: Handler = (_request, reply) => reply.text('Hello, World!');

/** A reply read back from the wire. */
export interface Reply {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Reads replies to requests of `methods`, strictly; what is left over is the last element. `repeats`: names may come twice. */
export function repliesOf(
  wire: string,
  methods: readonly string[] = [],
  repeats = false,
): [...Reply[]] {
  const replies: Reply[] = [];
  let rest = wire;
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) throw new Error(`no head in ${JSON.stringify(rest)}`);
    const [start, ...lines] = rest.slice(0, end).split('\r\n');
    const match = /^HTTP\/1\.1 (\d{3}) ([ -~]*)$/.exec(start ?? '');
    if (match === null) throw new Error(`no status line in ${JSON.stringify(start)}`);
    const status = Number(match[1]);
    // Without a prototype: `__proto__` is a name like any other.
    const fields: Record<string, string> = Object.create(null);
    for (const line of lines) {
      const colon = line.indexOf(': ');
      const name = line.slice(0, colon).toLowerCase();
      if (name in fields && name !== 'set-cookie' && !repeats) throw new Error(`twice: ${line}`);
      fields[name] =
        name in fields ? `${fields[name]}|${line.slice(colon + 2)}` : line.slice(colon + 2);
    }
    rest = rest.slice(end + 4);
    let body = '';
    const method = methods[replies.filter((reply) => reply.status >= 200).length] ?? 'GET';
    const bodyless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
    if (bodyless) {
      // Nothing follows.
    } else if (fields['transfer-encoding'] === 'chunked') {
      for (;;) {
        const size = Number.parseInt(/^([0-9a-f]+)\r\n/.exec(rest)?.[1] ?? 'x', 16);
        const from = rest.indexOf('\r\n') + 2;
        if (size === 0) {
          const trailers = rest.slice(from, rest.indexOf('\r\n\r\n', from - 2) + 2);
          if (trailers.length > 2) fields.trailers = trailers.trim();
          rest = rest.slice(rest.indexOf('\r\n\r\n', from - 2) + 4);
          break;
        }
        if (!(size > 0)) throw new Error(`bad chunk in ${JSON.stringify(rest)}`);
        body += rest.slice(from, from + size);
        rest = rest.slice(from + size + 2);
      }
    } else {
      const length = fields['content-length'];
      body = length === undefined ? rest : rest.slice(0, Number(length));
      rest = rest.slice(body.length);
    }
    replies.push({ status, fields, body });
  }
  return replies;
}

/** {@link repliesOf}, none while the last one is on its way. */
export function wholeReplies(wire: string, methods: readonly string[] = []): readonly Reply[] {
  try {
    const replies = repliesOf(wire, methods);
    const { fields = {}, body = '' } = replies.at(-1) ?? {};
    const length = fields['content-length'];
    return length !== undefined && body !== '' && body.length < Number(length) ? [] : replies;
  } catch {
    return [];
  }
}

export const statuses = (peer: MemoryConnection): number[] =>
  repliesOf(peer.received).map((r) => r.status);
