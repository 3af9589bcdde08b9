import { type OpCode, RECORD_BYTES, SQE_WORDS } from '@ringbearer/io-uring-opcode';
import { formatTrace, type TraceEvent } from './trace-format.js';

/** Events a trace keeps when it is not told. */
const EVENTS_DEFAULT = 4096;
/** 372 bytes each: 390 MB. */
const EVENTS_MAX = 2 ** 20;

const SUBMITTED = 0;
const COMPLETED = 1;
const STALE = 2;

/** Settings of a {@link RingTrace}. */
export interface RingTraceOptions {
  /** The events that are kept, the latest ones: an integer from 1 to 2^20. 372 bytes each, allocated at once. Default 4096. */
  readonly events?: number;
}

/**
 * Records what one bearer hands to the kernel and what comes back: every submission entry with the 256 bytes of its record, and every
 * completion with what the kernel wrote there, with times. Memory is fixed; the oldest events go first.
 *
 * Give it to a bearer as `trace`. A bearer without one pays a comparison with null for each entry and each completion.
 *
 * The record holds socket addresses, paths and times. Memory that is sent or received is not recorded, only its address.
 *
 * @example
 * ```ts
 * import { RingTrace, UringBearer } from '@ringbearer/io-uring-bearer';
 * import { Nop } from '@ringbearer/io-uring-opcode';
 *
 * const trace = new RingTrace({ events: 128 });
 * const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { trace });
 * await bearer.submit(new Nop());
 * await bearer.close();
 * for (const event of trace.events()) console.log(event.type, event.key); // sqe [0, 1], cqe [0, 1]
 * console.log(trace.toJsonLines().split('\n').length); // 3: a header and two events
 * ```
 */
export class RingTrace {
  readonly #times: Float64Array;
  readonly #kinds: Uint8Array;
  readonly #names: string[];
  /** Per event: 16 words of an entry, or slot, generation, res and flags of a completion. */
  readonly #words: Int32Array;
  readonly #records: Uint8Array;
  readonly #size: number;
  #source: Uint8Array | null = null;
  #count = 0;

  /** @throws TypeError, RangeError for `events` out of bounds */
  constructor(options: RingTraceOptions = {}) {
    const { events = EVENTS_DEFAULT } = options;
    if (typeof events !== 'number') {
      throw new TypeError(
        `Cannot trace as events must be a number: current value is ${String(events)}`,
      );
    }
    if (!Number.isInteger(events) || events < 1 || events > EVENTS_MAX) {
      throw new RangeError(
        `Cannot trace as events must be an integer from 1 to ${EVENTS_MAX}: current value is ${events}`,
      );
    }
    this.#size = events;
    this.#times = new Float64Array(events);
    this.#kinds = new Uint8Array(events);
    this.#names = new Array<string>(events).fill('');
    this.#words = new Int32Array(events * SQE_WORDS);
    this.#records = new Uint8Array(events * RECORD_BYTES);
  }

  /** Events since the beginning or the last {@link clear}. */
  get total(): number {
    return this.#count;
  }
  /** Events that were overwritten by later ones. */
  get lost(): number {
    return Math.max(0, this.#count - this.#size);
  }

  /** Forgets all events. */
  clear(): void {
    this.#count = 0;
  }

  /** Takes the records of a bearer. Bearer only. @throws TypeError when it has another's: keys would name two things */
  attach(records: Uint8Array): void {
    if (this.#source !== null) {
      throw new TypeError(
        'Cannot trace this bearer as the trace is of another one: make a RingTrace for each',
      );
    }
    this.#source = records;
  }

  /** An entry is written at word `at` of `entries`. Bearer only. */
  submitted(operation: OpCode<unknown>, slot: number, entries: Int32Array, at: number): void {
    const words = this.#next(SUBMITTED, operation.name, slot);
    for (let word = 0; word < SQE_WORDS; word++) this.#words[words + word] = entries[at + word]!;
  }

  /** A completion is about to be handled; `name` is null when its key names nothing in flight. Bearer only. */
  completed(
    name: string | null,
    slot: number,
    generation: number,
    res: number,
    flags: number,
  ): void {
    const at = this.#next(name === null ? STALE : COMPLETED, name ?? '', name === null ? -1 : slot);
    const words = this.#words;
    words[at] = slot;
    words[at + 1] = generation;
    words[at + 2] = res;
    words[at + 3] = flags;
  }

  /** The events that are kept, the oldest first, as copies. */
  events(): TraceEvent[] {
    const kept = Math.min(this.#count, this.#size);
    return Array.from({ length: kept }, (_, index) =>
      this.#event((this.#count - kept + index) % this.#size),
    );
  }

  /** A header and an event a line, for {@link parseTrace}. docs/decisions/0009 describes it. */
  toJsonLines(): string {
    return formatTrace({ lost: this.lost, events: this.events() });
  }

  #next(kind: number, name: string, slot: number): number {
    const index = this.#count++ % this.#size;
    this.#times[index] = performance.now();
    this.#kinds[index] = kind;
    this.#names[index] = name;
    if (slot >= 0) {
      const from = slot * RECORD_BYTES;
      this.#records.set(this.#source!.subarray(from, from + RECORD_BYTES), index * RECORD_BYTES);
    }
    return index * SQE_WORDS;
  }

  #event(index: number): TraceEvent {
    const at = this.#times[index]!;
    const opcode = this.#names[index]!;
    const words = new Uint32Array(this.#words.subarray(index * SQE_WORDS, (index + 1) * SQE_WORDS));
    if (this.#kinds[index] === SUBMITTED) {
      const key = [words[8]!, words[9]!] as const;
      return { type: 'sqe', at, opcode, key, words, record: this.#record(index) };
    }
    const key = [words[0]!, words[1]!] as const;
    const completion = { at, key, res: words[2]! | 0, flags: words[3]! };
    if (this.#kinds[index] === STALE) return { type: 'stale', ...completion };
    return { type: 'cqe', opcode, ...completion, record: this.#record(index) };
  }

  /** The bytes up to the last that is not zero. */
  #record(index: number): Uint8Array {
    const bytes = this.#records.subarray(index * RECORD_BYTES, (index + 1) * RECORD_BYTES);
    let used = RECORD_BYTES;
    while (used > 0 && bytes[used - 1] === 0) used--;
    return bytes.slice(0, used);
  }
}
