import fc from 'fast-check';
import type { HttpReply } from '../../src/exchange/index.js';
import { connect, GET, repliesOf } from '../http1-peer.js';

/** What a handler tries: fields, a status, and a body whole or in pieces. */
export interface ReplyInput {
  readonly fields: readonly (readonly [name: string, value: string | readonly string[]])[];
  readonly status: number;
  /** One piece: sent whole. */
  readonly pieces: readonly string[];
}

const EVIL = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ':',
  ' ',
  '\t',
  '\x7f',
  '\x1f',
  '\u0100',
  '\u{1f480}',
  'é',
  '\r\nX: y',
  '',
];
const NAMES = [
  'X',
  'x-a',
  'Content-Type',
  'Content-Length',
  'Connection',
  'Transfer-Encoding',
  'Upgrade',
  'Date',
  'Set-Cookie',
  'Keep-Alive',
  '__proto__',
  'constructor',
];
const VALUES = ['a', 'close', 'keep-alive', '5', 'chunked', 'text/html'];
const text = (good: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...good) },
    {
      weight: 2,
      arbitrary: fc
        .array(fc.oneof(fc.constantFrom(...good), fc.constantFrom(...EVIL)), { maxLength: 4 })
        .map((parts) => parts.join('')),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  );

export const replyInput: fc.Arbitrary<ReplyInput> = fc.record({
  fields: fc.array(
    fc.tuple(
      text(NAMES),
      fc.oneof(
        { weight: 5, arbitrary: text(VALUES) },
        { weight: 1, arbitrary: fc.array(text(VALUES), { minLength: 1, maxLength: 2 }) },
      ),
    ),
    { maxLength: 8 },
  ),
  status: fc.oneof(
    fc.constantFrom(200, 204, 205, 304, 404, 500),
    fc.integer({ min: -1, max: 1_001 }),
  ),
  pieces: fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { minLength: 1, maxLength: 4 }),
});

/** Sets what can be set; what throws must throw a TypeError or RangeError. Returns what was taken, by lower-case name. */
function attempt(
  reply: HttpReply,
  { fields, status }: ReplyInput,
  taken: Map<string, readonly string[]>,
): string | null {
  const tries = [
    () => void reply.status(status),
    ...fields.map(([name, value]) => () => {
      reply.header(name, value);
      taken.set(name.toLowerCase(), typeof value === 'string' ? [value] : value);
    }),
  ];
  for (const one of tries) {
    try {
      one();
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof RangeError)) return String(error);
    }
  }
  return null;
}

/** The values of the lines of a name in the first reply. */
const sentLines = (wire: string, name: string): string[] =>
  wire
    .slice(0, wire.indexOf('\r\n\r\n'))
    .split('\r\n')
    .slice(1)
    .filter((line) => line.slice(0, line.indexOf(':')).toLowerCase() === name)
    .map((line) => line.slice(line.indexOf(':') + 2));

/** Answers two requests, the first as told: whatever it was, a strict reader finds what was set, and the second reply behind it. */
export async function replyProblem(input: ReplyInput): Promise<string | null> {
  const taken = new Map<string, readonly string[]>();
  let wrong: string | null = null;
  let asked = 0;
  const peer = connect(async (_request, reply) => {
    if (asked++ > 0) return reply.text('second');
    wrong = attempt(reply, input, taken);
    const { pieces } = input;
    if (pieces.length === 1) return reply.text(pieces[0]!);
    for (const piece of pieces) reply.write(piece);
    return reply.end();
  });
  await peer.send(GET + GET).settle();
  if (wrong !== null) return wrong;
  // A declared length that the body contradicts ends the connection; so may `Connection: close`.
  if (peer.closed === 'aborted') return taken.has('content-length') ? null : 'aborted';
  let replies: ReturnType<typeof repliesOf>;
  try {
    // Several lines of a name are what was asked for; they are compared below.
    replies = repliesOf(peer.received, [], true);
  } catch (error) {
    return `${String(error)} in ${JSON.stringify(peer.received)}`;
  }
  const [first, second] = replies;
  if (first === undefined) return 'no reply';
  const { status } = input;
  const wanted = status >= 200 && status <= 599 ? status : 200;
  // A length that the body contradicts is a mistake of the handler.
  const mistaken = first.status === 500 && taken.has('content-length');
  if (!mistaken) {
    if (first.status !== wanted) return `status ${first.status} instead of ${wanted}`;
    for (const [name, values] of taken) {
      if (['connection', 'content-length', 'keep-alive'].includes(name)) continue;
      const sent = sentLines(peer.received, name);
      // An empty Content-Type is none, and what has no content needs none.
      const none = name === 'content-type' && sent.length === 0;
      if (none && (values.join('') === '' || [204, 205, 304].includes(first.status))) continue;
      if (JSON.stringify(sent) !== JSON.stringify(values))
        return `${name}: ${JSON.stringify(values)} became ${JSON.stringify(sent)}`;
    }
  }
  if (peer.closed === null && (second?.body !== 'second' || replies.length !== 2)) {
    return `no second reply in ${JSON.stringify(peer.received)}`;
  }
  return null;
}
