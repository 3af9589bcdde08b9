import { NamedCounts } from './named-counts.js';

const OPENED = 0;
const CLOSED = 1;
const REQUESTS = 2;
const LOST = 3;
const DISCONNECTS = 4;
const LOG_WRITTEN = 5;
const LOG_DROPPED = 6;
/** Six words each, by the first digit of the status. */
const RESPONSES = 8;
const REFUSALS = 14;
const WORDS = 20;
/** There are 39 codes, and 20 limits that are reached rather than kept. */
const FAULTS_MAX = 60;
const LIMITS_MAX = 40;
const FAULTS_START = WORDS * 8;
const LIMITS_START = FAULTS_START + NamedCounts.bytes(FAULTS_MAX);

/**
 * What a server counted since it started. Only additions on the way of a request: the sums are made when somebody asks.
 *
 * The counts are words of memory that threads share, so that every thread has the numbers of all, also of one that is busy, and those of one
 * that ended stay. One thread adds, any thread reads. Doubles count exactly to 2^53: a million requests a second for 285 years.
 */
export class HttpTally {
  /** Bytes of memory one takes, a multiple of 8. */
  static readonly BYTES: number = LIMITS_START + NamedCounts.bytes(LIMITS_MAX);
  /** One word, {@link requests}: where the protocol adds, without a call. */
  readonly begun: Float64Array;
  /** Complete replies of handlers by the first digit of their status. */
  readonly responses: Float64Array;
  /** The server's own replies to faults, likewise. */
  readonly refusals: Float64Array;
  // A word of 8 bytes that is aligned is loaded and stored whole on every machine of 64 bits: no thread sees half a number.
  readonly #words: Float64Array;
  readonly #faults: NamedCounts;
  readonly #limits: NamedCounts;

  /** Goes on with what the memory has. @param byteOffset a multiple of 8 */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(HttpTally.BYTES), byteOffset = 0) {
    this.#words = new Float64Array(memory, byteOffset, WORDS);
    this.begun = new Float64Array(memory, byteOffset + REQUESTS * 8, 1);
    this.responses = new Float64Array(memory, byteOffset + RESPONSES * 8, 6);
    this.refusals = new Float64Array(memory, byteOffset + REFUSALS * 8, 6);
    this.#faults = new NamedCounts(memory, byteOffset + FAULTS_START, FAULTS_MAX);
    this.#limits = new NamedCounts(memory, byteOffset + LIMITS_START, LIMITS_MAX);
  }

  /** Connections that were given to HTTP. */
  get opened(): number {
    return this.#words[OPENED]!;
  }
  set opened(count: number) {
    this.#words[OPENED] = count;
  }
  /** Of those, the ones that are gone. */
  get closed(): number {
    return this.#words[CLOSED]!;
  }
  set closed(count: number) {
    this.#words[CLOSED] = count;
  }
  /** Requests that were given to the handler. */
  get requests(): number {
    return this.begun[0]!;
  }
  /** Of those, the ones that ended without a complete reply of their handler. */
  get lost(): number {
    return this.#words[LOST]!;
  }
  set lost(count: number) {
    this.#words[LOST] = count;
  }
  /** Of those, the ones whose client went away. */
  get disconnects(): number {
    return this.#words[DISCONNECTS]!;
  }
  set disconnects(count: number) {
    this.#words[DISCONNECTS] = count;
  }
  /** Entries of the access log that were written. */
  get logWritten(): number {
    return this.#words[LOG_WRITTEN]!;
  }
  set logWritten(count: number) {
    this.#words[LOG_WRITTEN] = count;
  }
  /** Entries of the access log that were dropped. */
  get logDropped(): number {
    return this.#words[LOG_DROPPED]!;
  }
  set logDropped(count: number) {
    this.#words[LOG_DROPPED] = count;
  }

  /** Faults of peers by code. */
  get faults(): Readonly<Record<string, number>> {
    return this.#faults.read();
  }
  /** Limits that were reached, by the name of their option. */
  get limits(): Readonly<Record<string, number>> {
    return this.#limits.read();
  }

  /** A peer broke the protocol. */
  fault(code: string): void {
    this.#faults.add(code);
  }

  /** A limit was reached. */
  limit(name: string): void {
    this.#limits.add(name);
  }

  /** Requests that are not over: neither replied to nor lost. */
  get active(): number {
    // What is over is read first: another thread may finish a request meanwhile, and there are never fewer than none.
    const over = this.responses.reduce((sum, count) => sum + count, this.lost);
    return Math.max(0, this.requests - over);
  }

  /** Whoever counted here is gone, with its connections and the requests it had: those are lost. */
  abandon(): void {
    this.lost += this.active;
    this.closed = this.opened;
  }
}
