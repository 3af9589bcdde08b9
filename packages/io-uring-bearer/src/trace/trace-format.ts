import { RECORD_BYTES, SQE_WORDS } from '@ringbearer/io-uring-opcode';

/** `user_data`: slot and generation of a record, unsigned. */
export type TraceKey = readonly [slot: number, generation: number];

/** An entry that was queued. */
export interface TracedSubmission {
  /** An entry was queued. */
  readonly type: 'sqe';
  /** When, in milliseconds of performance.now(). */
  readonly at: number;
  /** Its submission. */
  readonly key: TraceKey;
  /** The operation's name: `'RECV'`. */
  readonly opcode: string;
  /** `struct io_uring_sqe`: 16 words. */
  readonly words: Uint32Array;
  /** What the operation wrote into its record, without the zeros at the end. */
  readonly record: Uint8Array;
}

/** A completion that was delivered. */
export interface TracedCompletion {
  /** A completion was handled. */
  readonly type: 'cqe';
  /** When it was handled, in milliseconds of performance.now(). */
  readonly at: number;
  /** Its submission. */
  readonly key: TraceKey;
  /** Name of the operation. */
  readonly opcode: string;
  /** Result, or a negated errno. */
  readonly res: number;
  /** IORING_CQE_F_* bits. */
  readonly flags: number;
  /** The record as the kernel left it, without the zeros at the end. */
  readonly record: Uint8Array;
}

/** A completion whose key named nothing in flight. */
export interface TracedStale {
  /** A completion that belonged to nothing in flight. */
  readonly type: 'stale';
  /** Milliseconds since the trace began. */
  readonly at: number;
  /** Its submission. */
  readonly key: TraceKey;
  /** Result, or a negated errno. */
  readonly res: number;
  /** IORING_CQE_F_* bits. */
  readonly flags: number;
}

/** One event of a trace. */
export type TraceEvent = TracedSubmission | TracedCompletion | TracedStale;

/** A trace as read from its text. */
export interface Trace {
  /** Events before the first that is kept. */
  readonly lost: number;
  /** What happened, in order. */
  readonly events: readonly TraceEvent[];
}

const FORMAT = 'ringbearer-trace';
const VERSION = 1;
const WORDS_HEX = SQE_WORDS * 8;

/** A trace as JSON lines: a header, then an event a line. Words and records are hexadecimal. */
export function formatTrace({ lost, events }: Trace): string {
  const lines = [JSON.stringify({ format: FORMAT, version: VERSION, lost })];
  for (const event of events) {
    const line: Record<string, unknown> = { ...event, at: Math.round(event.at * 1000) / 1000 };
    if (event.type === 'sqe') {
      line.words = Array.from(event.words, (word) => word.toString(16).padStart(8, '0')).join('');
    }
    if (event.type !== 'stale') line.record = Buffer.from(event.record).toString('hex');
    lines.push(JSON.stringify(line));
  }
  return lines.join('\n');
}

/**
 * Reads what `RingTrace.toJsonLines()` wrote.
 *
 * @throws SyntaxError naming the line that is wrong
 *
 * @example
 * ```ts
 * import { parseTrace, RingTrace } from '@ringbearer/io-uring-bearer';
 *
 * const { lost, events } = parseTrace(new RingTrace({ events: 1 }).toJsonLines());
 * console.log(lost, events.length); // 0 0
 * ```
 */
export function parseTrace(text: string): Trace {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const header = readLine(lines[0] ?? '', 1);
  if (header.format !== FORMAT || header.version !== VERSION) {
    throw wrong(1, `the header must say format ${FORMAT}, version ${VERSION}`);
  }
  if (!isCount(header.lost)) throw wrong(1, 'lost must be an integer >= 0');
  const events = lines
    .slice(1)
    .map((line, index) => readEvent(readLine(line, index + 2), index + 2));
  return { lost: header.lost, events };
}

function readLine(line: string, number: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw wrong(number, 'it is no JSON');
  }
  if (typeof value !== 'object' || value === null) throw wrong(number, 'it is no object');
  return value as Record<string, unknown>;
}

function readEvent(line: Record<string, unknown>, number: number): TraceEvent {
  const { type, at, key } = line;
  if (typeof at !== 'number') throw wrong(number, 'at must be a number');
  if (!Array.isArray(key) || key.length !== 2 || !key.every(isWord)) {
    throw wrong(number, 'key must be two unsigned 32-bit integers');
  }
  const [slot, generation] = key as [number, number];
  const common = { at, key: [slot, generation] as const };
  if (type === 'stale') return { type, ...common, ...readResult(line, number) };
  if (type !== 'sqe' && type !== 'cqe') throw wrong(number, 'type must be sqe, cqe or stale');
  const { opcode } = line;
  if (typeof opcode !== 'string') throw wrong(number, 'opcode must be a string');
  const record = readHex(line.record, 'record', number);
  if (record.length > RECORD_BYTES) throw wrong(number, `record must be <= ${RECORD_BYTES} bytes`);
  if (type === 'cqe') return { type, opcode, ...common, ...readResult(line, number), record };
  const hex = line.words;
  if (readHex(hex, 'words', number).length * 2 !== WORDS_HEX) {
    throw wrong(number, `words must be ${WORDS_HEX} hexadecimal digits`);
  }
  const words = Uint32Array.from({ length: SQE_WORDS }, (_, index) =>
    Number.parseInt((hex as string).slice(index * 8, index * 8 + 8), 16),
  );
  return { type, opcode, ...common, words, record };
}

function readResult(line: Record<string, unknown>, number: number): { res: number; flags: number } {
  const { res, flags } = line;
  if (typeof res !== 'number' || (res | 0) !== res) {
    throw wrong(number, 'res must be a signed 32-bit integer');
  }
  if (!isWord(flags)) throw wrong(number, 'flags must be an unsigned 32-bit integer');
  return { res, flags };
}

function readHex(value: unknown, name: string, number: number): Uint8Array {
  if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})*$/.test(value)) {
    throw wrong(number, `${name} must be pairs of hexadecimal digits`);
  }
  return new Uint8Array(Buffer.from(value, 'hex'));
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
const isWord = (value: unknown): value is number => isCount(value) && value <= 0xffff_ffff;

function wrong(line: number, why: string): SyntaxError {
  return new SyntaxError(`Cannot read line ${line} of the trace as ${why}`);
}
