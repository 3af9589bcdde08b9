import { createServer, type IncomingMessage, METHODS, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { rawHandler } from '../src/handlers/raw.js';
import { http1 } from '../src/protocol/http1/http1.js';
import { type MemoryConnection, MemoryRuntime, type Splits } from '../src/runtime/memory/index.js';

/** One message as a server understood it. */
export interface Message {
  readonly method: string;
  readonly target: string;
  readonly fields: string;
  body: string;
  whole: boolean;
}

/** What a server made of one connection. */
export interface Verdict {
  readonly messages: Message[];
  refused: boolean;
}

const METHOD_SET: ReadonlySet<string> = new Set(METHODS);

/** How often one case may be asked again: it has a handful of messages, each with few leniencies. */
export const REPEATS_MAX = 16;

/**
 * Where we accept what llhttp refuses, and why that is no danger.
 *
 * - A method llhttp does not know: RFC 9110 section 9.1 lets any token be a method; the framing does not depend on it.
 * - Content-Length, Transfer-Encoding, Connection or Upgrade as a trailer: llhttp interprets it; we drop it (RFC 9110 section 6.5.1), after the
 *   body's end is known, so it cannot move a boundary.
 * - What follows a request that asks for an upgrade: node:http looks no further; we ignore the wish (RFC 9110 section 7.8) and go on.
 * - What follows `Proxy-Connection: close`: llhttp obeys this name nobody specified (RFC 9112 appendix C.2.2); we do not.
 * - What follows an HTTP/1.0 request whose `keep-alive` has HTAB beside it: whitespace as any other (RFC 9110 section 5.6.3), not to llhttp.
 *
 * node:http stops at each, so what follows has nothing to be compared with. Hence the connection is asked again without the first of them.
 *
 * @param ours the messages up to the one that node:http does not have
 * @returns the connection without it, or null when this is no known leniency
 */
function withoutLeniency(text: string, ours: readonly Message[]): string | null {
  const { method } = ours.at(-1)!;
  if (!METHOD_SET.has(method)) {
    const at = startOf(text, ours);
    return `${text.slice(0, at)}POST${text.slice(at + method.length)}`;
  }
  const trailer =
    /(\r\n0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*?)(?:content-length|transfer-encoding|connection|upgrade):/i;
  if (/transfer-encoding:/i.test(text) && trailer.test(text)) return text.replace(trailer, '$1X:');
  const before = ours.at(-2);
  if (before !== undefined && /(?:^|\n)upgrade\n/i.test(before.fields)) {
    return text.replace(/\r\nupgrade:/i, '\r\nX:');
  }
  if (before !== undefined && /(?:^|\n)proxy-connection\n[^\n]*close/i.test(before.fields)) {
    return text.replace(/\r\nproxy-connection:/i, '\r\nX:');
  }
  const tabbed =
    /( HTTP\/1\.0\r\n(?:[^\r\n]+\r\n)*?connection:(?:[^\r\n]*[ ,])?)(\t*keep-alive)\t*/i;
  if (before !== undefined && /\t/.test(tabbed.exec(text)?.[0] ?? '')) {
    return text.replace(tabbed, (_all, start: string, value: string) => start + value.trim());
  }
  return null;
}

/** Where the last of these messages begins: not before the fields and bodies of the others. */
function startOf(text: string, messages: readonly Message[]): number {
  let start = 0;
  let from = 0;
  for (const { method, target, fields, body } of messages) {
    const line = `${method} ${target} HTTP/`;
    start = text.indexOf(line, from);
    from = start + line.length + fields.length + body.length;
  }
  return start;
}

class Pipe extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
}

const trimmed = (rawHeaders: readonly string[]): string =>
  rawHeaders.map((text) => text.replace(/^[ \t]+|[ \t]+$/g, '')).join('\n');

/** node:http behind pipes: what llhttp makes of a connection. */
export class NodeOracle {
  readonly #verdicts = new WeakMap<object, Verdict>();
  readonly #server: Server;

  constructor() {
    this.#server = createServer({ keepAliveTimeout: 0, connectionsCheckingInterval: 1 << 30 });
    this.#server.headersTimeout = 0;
    this.#server.requestTimeout = 0;
    this.#server.on('request', (request: IncomingMessage, response) => {
      const message: Message = {
        method: request.method ?? '',
        target: request.url ?? '',
        fields: trimmed(request.rawHeaders),
        body: '',
        whole: false,
      };
      this.#verdicts.get(request.socket)?.messages.push(message);
      request.setEncoding('latin1');
      request.on('data', (chunk: string) => {
        message.body += chunk;
      });
      request.on('end', () => {
        message.whole = request.complete;
        response.end('x');
      });
      request.on('error', () => {});
    });
    this.#server.on('clientError', (_error, socket) => {
      const verdict = this.#verdicts.get(socket);
      if (verdict !== undefined) verdict.refused = true;
      // Not at once: requests parsed before the fault have not ended yet.
      setImmediate(() => setImmediate(() => socket.destroy()));
    });
  }

  /** Sends a connection and its FIN, whole or in pieces of `size` bytes. The verdict is complete some turns later. */
  feed(text: string, size = text.length): Verdict {
    const verdict: Verdict = { messages: [], refused: false };
    const pipe = new Pipe();
    pipe.on('error', () => {});
    this.#verdicts.set(pipe, verdict);
    this.#server.emit('connection', pipe);
    const bytes = Buffer.from(text, 'latin1');
    for (let at = 0; at < bytes.length; at += size) pipe.push(bytes.subarray(at, at + size));
    pipe.push(null);
    return verdict;
  }

  close(): void {
    this.#server.close();
  }
}

/** What our machine makes of a connection and its FIN. The verdict is complete once the peer was run for some turns. */
export function feedOurs(
  text: string,
  splits: Splits,
  seed = 1,
): { verdict: Verdict; peer: MemoryConnection } {
  const verdict: Verdict = { messages: [], refused: false };
  const handle = rawHandler(
    async (request, reply) => {
      const message: Message = {
        method: request.method,
        target: request.target,
        fields: trimmed(request.rawHeaders),
        body: '',
        whole: false,
      };
      verdict.messages.push(message);
      const bytes = await request.bytes();
      message.body = Buffer.from(bytes).toString('latin1');
      message.whole = true;
      reply.text('x');
    },
    { onError: () => {} },
  );
  const runtime = new MemoryRuntime(http1({ handle }), { seed });
  const peer = runtime.connect();
  peer.send(text, splits).fin();
  return { verdict, peer };
}

const sameMessage = (a: Message, b: Message): boolean =>
  a.method === b.method && a.target === b.target && a.fields === b.fields && a.body === b.body;

/** The final replies of a wire, as far as a client sees whether its request was taken. */
export function answersOf(wire: string): { status: number; closes: boolean }[] {
  const heads = wire.matchAll(/HTTP\/1\.1 ([2-5]\d\d) [ -~]*\r\n((?:[^\r\n]+\r\n)*)\r\n/g);
  return [...heads].map(([, status, fields]) => ({
    status: Number(status),
    closes: /^connection: close\r$/im.test(fields ?? ''),
  }));
}

/** `OPTIONS *` is answered 204 without the handler, which gives no 204 itself. */
export const isForServer = (message: Message): boolean =>
  message.method === 'OPTIONS' && message.target === '*';

/** Why what we answered hides something, or null. The handler answers 200 to each message it got whole. */
function concealment(wire: string, taken: number, offered: number): string | null {
  const answers = answersOf(wire);
  if (answers.filter(({ status }) => status === 200).length !== taken) {
    return 'a message was not answered';
  }
  if (answers.slice(0, -1).some(({ status, closes }) => status >= 400 || closes)) {
    return 'something was answered after the end';
  }
  const last = answers.at(-1);
  const refused = last !== undefined && (last.status >= 400 || last.closes);
  return taken < offered && !refused ? `message ${taken} was swallowed` : null;
}

/** A contradiction between two verdicts; or the connection to ask next, as this one says nothing about its rest; or null. */
export type Judgement = { readonly why: string } | { readonly again: string } | null;

/** Refusing more than node is fine when the peer is told; everything else is not. */
export function judge(text: string, ours: Verdict, node: Verdict, wire: string): Judgement {
  const mine = ours.messages.filter((message) => message.whole);
  const theirs = node.messages.filter((message) => message.whole && !isForServer(message));
  for (let i = 0; i < mine.length; i++) {
    const own = mine[i]!;
    const other = theirs[i];
    if (other === undefined) {
      const again = withoutLeniency(text, mine.slice(0, i + 1));
      return again === null ? { why: `we accept message ${i}, node does not` } : { again };
    }
    if (!sameMessage(own, other)) return { why: `message ${i} differs` };
  }
  const why = concealment(wire, mine.length, theirs.length);
  return why === null ? null : { why };
}

/** Turns of the event loop a connection gets: it has a handful of messages. */
const TURNS = 12;

/** Lets what was fed come to its end. */
export async function settled(fed: readonly ReturnType<typeof feedOurs>[]): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    for (const { peer } of fed) peer.run();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Why llhttp reads other messages than we do, where we do not refuse and say so; or null. */
export async function disagreement(
  oracle: NodeOracle,
  text: string,
  splits: Splits,
): Promise<string | null> {
  let asked = text;
  for (let repeat = 0; repeat < REPEATS_MAX; repeat++) {
    // Split points belong to the text as it was: what is asked again is sent whole.
    const how = asked === text ? splits : 'none';
    const node = oracle.feed(asked, how === 1 ? 1 : undefined);
    const ours = feedOurs(asked, how);
    await settled([ours]);
    const explain = (why: string): string =>
      `${why}: ${JSON.stringify(asked)}\nours ${JSON.stringify(ours.verdict)}\nanswers ${JSON.stringify(ours.peer.received)}\nnode ${JSON.stringify(node)}`;
    // No hang: FIN came, so every connection is over.
    if (ours.peer.closed === null) return explain('not closed');
    const judgement = judge(asked, ours.verdict, node, ours.peer.received);
    if (judgement === null) return null;
    if ('why' in judgement) return explain(judgement.why);
    asked = judgement.again;
  }
  return `there is always one more leniency: ${JSON.stringify(text)}`;
}
