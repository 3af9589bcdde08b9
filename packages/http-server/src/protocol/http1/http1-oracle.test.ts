import { createServer, type IncomingMessage, METHODS, type Server } from 'node:http';
import { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rawHandler } from '../../handlers/raw.js';
import { type MemoryConnection, MemoryRuntime, Random } from '../../runtime/memory/index.js';
import { http1 } from './http1.js';

/** Set ORACLE_SEED to repeat a failure, ORACLE_CASES to search longer. */
const SEED = Number(process.env.ORACLE_SEED ?? 20_261_121);
const CASES = Number(process.env.ORACLE_CASES ?? 10_000);
const BATCH = 250;
/** Turns of the event loop a batch gets; the longest case has a handful of messages. */
const TURNS = 16;

/** One message as a server understood it. */
interface Message {
  readonly method: string;
  readonly target: string;
  readonly fields: string;
  body: string;
  whole: boolean;
}

/** What a server made of one connection. */
interface Verdict {
  readonly messages: Message[];
  refused: boolean;
}

const METHOD_SET: ReadonlySet<string> = new Set(METHODS);

/** How often one case may be asked again: it has a handful of messages, each with few leniencies. */
const REPEATS_MAX = 16;

/**
 * Where we accept what llhttp refuses, and why that is no danger.
 *
 * - A method llhttp does not know: RFC 9110 section 9.1 lets any token be a method; the framing does not depend on it.
 * - Content-Length, Transfer-Encoding, Connection or Upgrade as a trailer: llhttp interprets it; we drop it (RFC 9110 section 6.5.1), after the
 *   body's end is known, so it cannot move a boundary.
 * - What follows a request that asks for an upgrade: node:http looks no further; we ignore the wish (RFC 9110 section 7.8) and go on.
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

const verdicts = new WeakMap<object, Verdict>();
let server: Server;

beforeAll(() => {
  server = createServer({ keepAliveTimeout: 0, connectionsCheckingInterval: 1 << 30 });
  server.headersTimeout = 0;
  server.requestTimeout = 0;
  server.on('request', (request: IncomingMessage, response) => {
    const message: Message = {
      method: request.method ?? '',
      target: request.url ?? '',
      fields: trimmed(request.rawHeaders),
      body: '',
      whole: false,
    };
    verdicts.get(request.socket)?.messages.push(message);
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
  server.on('clientError', (_error, socket) => {
    const verdict = verdicts.get(socket);
    if (verdict !== undefined) verdict.refused = true;
    // Not at once: requests parsed before the fault have not ended yet.
    setImmediate(() => setImmediate(() => socket.destroy()));
  });
});

afterAll(() => {
  server.close();
});

function feedNode(text: string): Verdict {
  const verdict: Verdict = { messages: [], refused: false };
  const pipe = new Pipe();
  pipe.on('error', () => {});
  verdicts.set(pipe, verdict);
  server.emit('connection', pipe);
  pipe.push(Buffer.from(text, 'latin1'));
  pipe.push(null);
  return verdict;
}

function feedOurs(text: string, seed: number): { verdict: Verdict; peer: MemoryConnection } {
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
  const random = new Random(seed);
  const peer = runtime.connect();
  peer.send(text, random.oneIn(2) ? 'none' : random.oneIn(4) ? 1 : 'random').fin();
  return { verdict, peer };
}

const VALID = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /x?y=z HTTP/1.1\r\nHost: a.example:80\r\nAccept: */*\r\nUser-Agent: t\r\nConnection: keep-alive\r\n\r\n',
  'HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'PUT /p HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nGET / HTTP/1',
  'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\nA\r\n0123456789\r\n0\r\nX-T: y\r\n\r\n',
  'DELETE /d HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n',
  'OPTIONS /o HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://b/abs HTTP/1.1\r\nHost: b\r\n\r\n',
  'GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'GET /close HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
] as const;

/** What tends to divide parsers. */
const POISON = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\n\n',
  '\r\r',
  ' ',
  '\t',
  '\0',
  '\x0b',
  '\x7f',
  '\x80',
  '\xff',
  ':',
  ';',
  ',',
  '=',
  '"',
  '#',
  '/',
  '0',
  '5',
  'f',
  '+',
  '-',
  '0x',
  ' \r\n',
  '\r\n ',
  '\r\n\t',
  ': ',
  ' :',
  'Content-Length: 3\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Content-Length : 5\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: 5, 5\r\n',
  'Content-Length: \r\n',
  'content-length:5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: Chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: chunked, identity\r\n',
  'Transfer-Encoding:\tchunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding\r\n',
  'Transfer-Encoding: chunked \r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding: chunked\r\n chunked\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Connection: Content-Length\r\n',
  'Connection: upgrade\r\nUpgrade: x\r\n',
  'Upgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  'Expect: x\r\n',
  'Host: b\r\n',
  'Host:\r\n',
  'Trailer: Host\r\n',
  'X: y\r\n',
  'X:\r\n',
  ': y\r\n',
  'HTTP/1.0',
  'HTTP/1.1',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'GET',
  'get',
  'QUERY',
  'FOO',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '*',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  '5 \r\nhello\r\n',
  '5;a\r\nhello\r\n',
  '5;\r\nhello\r\n',
  '05\r\nhello\r\n',
  '00000000000000005\r\nhello\r\n',
] as const;

function caseOf(random: Random): { text: string; mutations: number } {
  let text = '';
  const count = 1 + random.below(4);
  for (let i = 0; i < count; i++) text += VALID[random.below(VALID.length)];
  const mutations = random.oneIn(10) ? 0 : 1 + random.below(random.oneIn(3) ? 6 : 2);
  for (let i = 0; i < mutations; i++) text = mutated(text, random);
  return { text, mutations };
}

function mutated(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const poison = POISON[random.below(POISON.length)] ?? '';
  switch (random.below(8)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random.below(3));
    case 2:
      return text.slice(0, at) + poison + text.slice(at);
    case 3:
      return text.slice(0, at) + poison + text.slice(at + poison.length);
    case 4: {
      // Insert at the start of a line: where a field would be.
      const line = text.indexOf('\r\n', at) + 2;
      return text.slice(0, line) + poison + text.slice(line);
    }
    case 5: {
      // Repeat a line.
      const from = text.lastIndexOf('\r\n', at) + 2;
      const to = text.indexOf('\r\n', from) + 2;
      return to < from + 2 ? text : text.slice(0, to) + text.slice(from, to) + text.slice(to);
    }
    case 6: {
      // Replace a value.
      const colon = text.indexOf(': ', at);
      const end = text.indexOf('\r\n', colon);
      return colon < 0 || end < 0
        ? text
        : text.slice(0, colon + 2) + poison.trim() + text.slice(end);
    }
    default:
      return text.slice(0, at);
  }
}

const sameMessage = (a: Message, b: Message): boolean =>
  a.method === b.method && a.target === b.target && a.fields === b.fields && a.body === b.body;

/** The final replies of a wire, as far as a client sees whether its request was taken. */
function answersOf(wire: string): { status: number; closes: boolean }[] {
  const heads = wire.matchAll(/HTTP\/1\.1 ([2-5]\d\d) [ -~]*\r\n((?:[^\r\n]+\r\n)*)\r\n/g);
  return [...heads].map(([, status, fields]) => ({
    status: Number(status),
    closes: /^connection: close\r$/im.test(fields ?? ''),
  }));
}

/** `OPTIONS *` is answered 204 without the handler, which gives no 204 itself. */
const isForServer = (message: Message): boolean =>
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
type Judgement = { readonly why: string } | { readonly again: string } | null;

/** Refusing more than node is fine when the peer is told; everything else is not. */
function judge(text: string, ours: Verdict, node: Verdict, wire: string): Judgement {
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

interface Case {
  readonly text: string;
  readonly mutations: number;
  readonly number: number;
  /** How many leniencies were taken out of it. */
  readonly repeats: number;
}

/** What both make of each. */
async function ask(cases: readonly Case[]) {
  const asked = cases.map((one) => ({
    ...one,
    node: feedNode(one.text),
    ours: feedOurs(one.text, SEED + one.number),
  }));
  for (let turn = 0; turn < TURNS; turn++) {
    for (const { ours } of asked) ours.peer.run();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return asked;
}

describe('Http1Connection against llhttp', () => {
  test(`sees the same messages as node:http, or refuses, in ${CASES} mutated connections`, async () => {
    const random = new Random(SEED);
    let agreed = 0;
    let stricter = 0;
    let untouched = 0;
    let repeated = 0;
    for (let done = 0; done < CASES; done += BATCH) {
      let cases: Case[] = Array.from({ length: BATCH }, (_, i) => ({
        ...caseOf(random),
        number: done + i,
        repeats: 0,
      }));
      while (cases.length > 0) {
        const again: Case[] = [];
        for (const { node, ours, ...one } of await ask(cases)) {
          const { text, mutations, number, repeats } = one;
          const explain = (why: string): string =>
            `${why}: ORACLE_SEED=${SEED}, case ${number}, without ${repeats} leniencies\n${JSON.stringify(text)}\nours ${JSON.stringify(ours.verdict)}\nanswers ${JSON.stringify(ours.peer.received)}\nnode ${JSON.stringify(node)}`;
          // No hang: FIN came, so every connection is over.
          expect(ours.peer.closed, explain('not closed')).not.toBe(null);
          const judgement = judge(text, ours.verdict, node, ours.peer.received);
          if (judgement !== null && 'again' in judgement) {
            expect(repeats, explain('asked too often')).toBeLessThan(REPEATS_MAX);
            again.push({ ...one, text: judgement.again, repeats: repeats + 1 });
            repeated++;
            continue;
          }
          expect(judgement, explain(judgement?.why ?? '')).toBe(null);
          const mine = ours.verdict.messages.filter((message) => message.whole).length;
          const theirs = node.messages.filter((message) => message.whole).length;
          if (mine === theirs) agreed++;
          else stricter++;
          if (mutations === 0) {
            untouched++;
            expect(mine, explain('a valid connection differs')).toBe(theirs);
          }
        }
        cases = again;
      }
    }
    console.log(
      `oracle: seed ${SEED}, ${agreed} agreed, ${stricter} stricter, ${repeated} asked again, ${untouched} untouched`,
    );
    expect(agreed).toBeGreaterThan(CASES / 2);
    expect(untouched).toBeGreaterThan(0);
  }, 120_000);
});
