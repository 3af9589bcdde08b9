import fc from 'fast-check';
import { ChunkedDecoder } from '../../src/protocol/http1/chunked-decoder.js';
import { HeadParser } from '../../src/protocol/http1/head-parser.js';
import { HTTP1_LIMITS } from '../../src/protocol/http1/limits.js';
import { POISON, VALID } from '../fragments.js';
import { answersOf, disagreement, feedOurs, NodeOracle, settled } from '../http1-oracle.js';
import { type Line, referenceChunks, referenceHead } from './reference.js';
import { type ReplyInput, replyInput, replyProblem } from './reply-target.js';

/** Bytes of a connection, as latin1, and where they are cut. */
export interface WireInput {
  readonly text: string;
  readonly cuts: readonly number[];
}

/** One codec to be fuzzed: its inputs, and what is wrong with what it does with one, or null. */
export interface Target<T> {
  readonly what: string;
  readonly input: fc.Arbitrary<T>;
  problem(input: T): string | null | Promise<string | null>;
}

export type TargetName = 'head' | 'chunks' | 'trailers' | 'connection' | 'reply';

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const noise = fc.array(byte, { maxLength: 4 }).map((bytes) => bytes.join(''));

/** Pieces of `grammar`, mostly; some poison and noise. */
function wire(first: readonly string[], grammar: readonly string[]): fc.Arbitrary<WireInput> {
  const piece = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...grammar) },
    { weight: 1, arbitrary: fc.constantFrom(...POISON) },
    { weight: 1, arbitrary: noise },
  );
  const begin = first.length === 0 ? fc.constant('') : fc.constantFrom(...first);
  const text = fc
    .tuple(begin, fc.array(piece, { maxLength: 24 }))
    .map(([start, pieces]) => start + pieces.join(''));
  const cuts = fc
    .array(fc.integer({ min: 1, max: 300 }), { maxLength: 6 })
    .map((points) => [...new Set(points)].sort((a, b) => a - b));
  return fc.record({ text, cuts });
}

const head = new HeadParser(HTTP1_LIMITS, false);

/** Parses as a connection does: again from the first incomplete line whenever a line may be complete. */
function parseInPieces(bytes: Uint8Array, cuts: readonly number[]): number {
  let line = 0;
  let result = 0;
  for (const end of [...cuts.filter((cut) => cut < bytes.length), bytes.length]) {
    result = head.resume(bytes, 0, line, end);
    if (result !== 0) return result;
    line = head.line;
  }
  return result;
}

function headProblem({ text, cuts }: WireInput): string | null {
  const bytes = Buffer.from(text, 'latin1');
  const expected = referenceHead(text);
  const whole = head.parse(bytes, 0, bytes.length);
  if (whole > 0 !== (expected !== null))
    return `accepted: ${whole > 0}, by the grammar: ${expected !== null}`;
  if (expected !== null) {
    const lines: Line[] = [];
    for (let i = 0; i < head.fieldCount; i++) lines.push([head.fieldName(i), head.fieldValue(i)]);
    const found = {
      method: head.method,
      target: head.target,
      version: head.httpVersion,
      lines,
      length: head.contentLength,
      chunked: head.chunked,
      end: whole,
    };
    if (JSON.stringify(found) !== JSON.stringify(expected)) return `found ${JSON.stringify(found)}`;
  }
  const split = parseInPieces(bytes, cuts);
  if (split === whole) return null;
  // In pieces a line is looked at again when it is complete: until then what is wrong with it need not be known.
  const later =
    split === 0 && whole < 0 && parseInPieces(Buffer.from(`${text}\n`, 'latin1'), cuts) < 0;
  return later ? null : `whole ${whole}, in pieces ${split}`;
}

function decode(bytes: Uint8Array, cuts: readonly number[]) {
  const decoder = new ChunkedDecoder(HTTP1_LIMITS);
  let data = '';
  const push = (from: Uint8Array, start: number, end: number): void => {
    data += Buffer.from(from.subarray(start, end)).toString('latin1');
  };
  let p = 0;
  for (const end of [...cuts.filter((cut) => cut < bytes.length), bytes.length]) {
    while (p < end && !decoder.done) {
      const next = decoder.decode(bytes, p, end, { push });
      if (next < 0) return { fault: next, data, trailers: [], end: -1 };
      if (next > end) throw new Error(`consumed up to ${next} of ${end}`);
      if (next === p) break;
      p = next;
    }
  }
  const { done, trailers } = decoder;
  return { fault: 0, data, trailers, end: done ? p : -1 };
}

const DROPPED =
  /^(?:age|authorization|cache-control|connection|content-(?:encoding|length|range|type)|cookie|date|expect|expires|host|if-(?:match|modified-since|none-match|range|unmodified-since)|keep-alive|location|max-forwards|pragma|proxy-(?:authenticate|authorization|connection)|range|retry-after|set-cookie|te|trailer|transfer-encoding|upgrade|vary|www-authenticate)$/i;

function chunksProblem({ text, cuts }: WireInput): string | null {
  const bytes = Buffer.from(text, 'latin1');
  const expected = referenceChunks(text, HTTP1_LIMITS.maxBodyBytes);
  const whole = decode(bytes, []);
  if (whole.end >= 0 !== (expected !== null)) {
    return `accepted: ${whole.end >= 0} (${whole.fault}), by the grammar: ${expected !== null}`;
  }
  if (expected !== null) {
    const kept = {
      ...expected,
      trailers: expected.trailers.filter(([name]) => !DROPPED.test(name)),
    };
    const { data, trailers, end } = whole;
    if (JSON.stringify({ data, trailers, end }) !== JSON.stringify(kept)) {
      return `found ${JSON.stringify(whole)}`;
    }
  }
  const split = decode(bytes, cuts);
  if (JSON.stringify(split) === JSON.stringify(whole)) return null;
  const later = split.fault === 0 && whole.fault < 0 && split.data === whole.data;
  return later && decode(Buffer.from(`${text}\n`, 'latin1'), cuts).fault < 0
    ? null
    : `whole ${JSON.stringify(whole)}, in pieces ${JSON.stringify(split)}`;
}

let oracle: NodeOracle | null = null;

async function connectionProblem({ text, cuts }: WireInput): Promise<string | null> {
  oracle ??= new NodeOracle();
  const found = await disagreement(
    oracle,
    text,
    cuts.filter((cut) => cut < text.length),
  );
  if (found !== null) return found;
  const whole = feedOurs(text, 'none');
  const bytewise = feedOurs(text, 1);
  await settled([whole, bytewise]);
  const outcome = ({ peer, verdict }: typeof whole): string =>
    JSON.stringify([answersOf(peer.received), verdict, peer.closed]);
  return outcome(whole) === outcome(bytewise)
    ? null
    : `whole ${outcome(whole)}, byte by byte ${outcome(bytewise)}`;
}

const HEADS = [
  'GET / HTTP/1.1\r\n',
  'POST /a?b HTTP/1.1\r\n',
  'GET http://b/ HTTP/1.1\r\n',
  'OPTIONS * HTTP/1.1\r\n',
  'GET / HTTP/1.0\r\n',
  'CONNECT a:1 HTTP/1.1\r\n',
  '',
];
const LINES = [
  'Host: a\r\n',
  'X: y\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  '\r\n',
  'a',
  ':',
  ' ',
  '\t',
  '\r\n',
  'Host',
  'content-length',
  '12',
];
const CHUNKS = [
  '5\r\nhello\r\n',
  '1\r\nx\r\n',
  '0\r\n',
  '\r\n',
  'a',
  'F',
  '0',
  ';',
  '=',
  '"',
  '\\',
  'b',
  'A\r\n0123456789\r\n',
  '0\r\n\r\n',
  ';a=b',
  ';c="d"',
];
const TRAILERS = [
  'X: y\r\n',
  'Host: a\r\n',
  'Content-Length: 5\r\n',
  'x-b:\r\n',
  '\r\n',
  'Trailer: X\r\n',
  'A',
  ':',
  ' ',
  '\t',
];

/** Every codec, by the name `npm run fuzz -- --target` knows it by. */
export const TARGETS: Readonly<Record<Exclude<TargetName, 'reply'>, Target<WireInput>>> & {
  readonly reply: Target<ReplyInput>;
} = {
  head: {
    what: 'the parser of heads against the grammar',
    input: wire(HEADS, LINES),
    problem: headProblem,
  },
  chunks: {
    what: 'the decoder of chunks against the grammar',
    input: wire([], CHUNKS),
    problem: chunksProblem,
  },
  trailers: {
    what: 'trailer sections against the grammar',
    input: wire(['0\r\n', '1\r\nx\r\n0\r\n', '0;a=b\r\n'], TRAILERS),
    problem: chunksProblem,
  },
  connection: {
    what: 'a whole connection against node:http, and against itself byte by byte',
    input: wire([], [...VALID, ...VALID, ...POISON]),
    problem: connectionProblem,
  },
  reply: {
    what: 'the writer of replies against a strict reader',
    input: replyInput,
    problem: replyProblem,
  },
};
