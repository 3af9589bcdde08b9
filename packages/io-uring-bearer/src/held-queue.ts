import { type OpCode, OpNumber, SQE_WORDS, SubmissionFlags } from '@ringbearer/io-uring-opcode';
import { drainInChainError, multishotError, queueFullError } from './errors.js';
import type { ManualHandler } from './options.js';
import { INTERNAL, LINKS } from './record-flags.js';
import { reportError } from './report-error.js';
import type { RingQueues } from './ring/ring-queues.js';

const { DRAIN, LINK } = SubmissionFlags;
/** The flags of an entry are the second byte of its first word. */
const LINKS_OF_WORD = LINKS << 8;
const OPCODE_OF_WORD = 0xff;

/** What a {@link HeldQueue} needs of its engine. */
export interface HeldHost {
  /** Records in flight, those of entries held here included. */
  inFlight(): number;
  /** An operation in flight that may complete without end. */
  findMultishot(): OpCode<unknown> | undefined;
  /** An unfinished chain waits at the end of the submission queue. */
  chainOpen(): boolean;
  /** An entry with these flags was moved to the submission queue. */
  queued(flags: number): void;
  /** Completes a record as the kernel does for what was cancelled. */
  cancelled(slot: number, manual: ManualHandler | null): void;
  /** Handles completions, which ends with {@link HeldQueue.tend}. */
  turn(): void;
}

/** An entry that is written, and that the kernel has not seen. */
interface HeldEntry {
  readonly slot: number;
  flags: number;
  readonly words: Int32Array;
}

/**
 * Entries that wait for a drain, in the order of their submission: those with DRAIN until nothing else is in flight, those behind
 * one until it has completed. The kernel is never asked to drain: docs/decisions/0012 says why.
 *
 * A unit is an entry, or a chain of them: it waits and goes as one. Bounded by the records of the slab, as each entry has one.
 */
export class HeldQueue {
  readonly #host: HeldHost;
  readonly #queues: RingQueues;
  readonly #entries: HeldEntry[] = [];
  /** Slots of entries that were cancelled here, whose completions are to be delivered. */
  readonly #cancelled: number[] = [];
  /** A unit with DRAIN was given to the kernel and has not completed: what comes behind it waits. */
  #running = false;
  readonly #usesLoop: boolean;
  #awake = false;

  /** @param usesLoop an event loop turns: false for the manual driver */
  constructor(host: HeldHost, queues: RingQueues, usesLoop: boolean) {
    this.#host = host;
    this.#queues = queues;
    this.#usesLoop = usesLoop;
  }

  /** Submissions are to ask {@link holds}, and {@link tend} has something to do. */
  get active(): boolean {
    return this.#running || this.#entries.length > 0 || this.#cancelled.length > 0;
  }
  /** Records of which the kernel knows nothing. */
  get count(): number {
    return this.#entries.length + this.#cancelled.length;
  }
  /** Those that were cancelled: their completions are delivered by {@link tend}. */
  get cancelled(): number {
    return this.#cancelled.length;
  }
  /** How many the kernel completes of `wanted`: what is held completes after the rest was handled, or has completed. */
  awaited(wanted: number): number {
    return Math.min(wanted - this.#cancelled.length, this.#host.inFlight() - this.count);
  }
  /** Entries of the longest unit. */
  get longest(): number {
    let longest = 0;
    let length = 0;
    for (const { flags } of this.#entries) {
      longest = Math.max(longest, ++length);
      if ((flags & LINKS) === 0) length = 0;
    }
    return longest;
  }
  /** Entries at the end that link to the entry to come. */
  get chain(): number {
    let count = 0;
    while (((this.#entries.at(-1 - count)?.flags ?? 0) & LINKS) !== 0) count++;
    return count;
  }

  /**
   * Whether an entry that is about to be written has to wait here.
   * @throws BearerError for a drain that would never come, or between the links of a chain
   */
  holds(flags: number): boolean {
    if ((flags & INTERNAL) !== 0) return false;
    const drains = (flags & DRAIN) !== 0;
    const { chain } = this;
    const chainOpen = this.#host.chainOpen();
    if (drains && (chainOpen || chain > 0)) throw drainInChainError();
    if (chain > this.#queues.entriesMask) throw queueFullError(true);
    if (drains) {
      const multishot = this.#host.findMultishot();
      if (multishot !== undefined) throw multishotError(multishot);
      return this.#running || this.#host.inFlight() > 0;
    }
    // The rest of a chain follows its head.
    return !chainOpen && (this.#running || this.#entries.length > 0);
  }

  /** Takes the entry at word `at` of the submission queue. */
  hold(slot: number, flags: number, at: number): void {
    const words = this.#queues.entries.slice(at, at + SQE_WORDS);
    this.#entries.push({ slot, flags, words });
    // The kernel ends a chain with the last entry it is given in a turn.
    if ((flags & LINKS) !== 0) this.#wake();
  }

  /** An entry with DRAIN need not wait here. */
  run(): void {
    this.#running = true;
  }

  /** Ends an unfinished chain with the entry it has now. */
  cut(): void {
    const last = this.#entries.at(-1);
    if (last === undefined) return;
    last.flags &= ~LINKS;
    last.words[0]! &= ~LINKS_OF_WORD;
  }

  /**
   * After completions were handled: delivers at most `limit` of those that were cancelled here, and gives to the kernel what need not
   * wait any longer.
   *
   * @returns completions delivered
   */
  tend(limit: number, manual: ManualHandler | null): number {
    const count = Math.min(this.#cancelled.length, limit);
    for (let left = count; left > 0; left--) {
      try {
        this.#host.cancelled(this.#cancelled.shift()!, manual);
      } catch (error) {
        reportError(error);
      }
    }
    this.#release();
    if (this.#cancelled.length > 0) this.#wake();
    return count;
  }

  /**
   * Cancels an entry, and those of its chain that would not run without it.
   *
   * @returns 'later' for one in an unfinished chain: it can be cancelled once that is finished
   */
  cancel(slot: number): 'cancelled' | 'later' | 'absent' {
    if (this.count === 0) return 'absent';
    const entries = this.#entries;
    const index = entries.findIndex((entry) => entry.slot === slot);
    if (index < 0) return this.#cancelled.includes(slot) ? 'cancelled' : 'absent';
    if (index >= entries.length - this.chain) return 'later';
    // As in the kernel, what others link to cannot be cancelled before they have run.
    if (index > 0 && (entries[index - 1]!.flags & LINKS) !== 0) return 'cancelled';
    let end = index + 1;
    while (takesAlong(entries[end - 1]!, entries[end])) end++;
    const removed = entries.splice(index, end - index);
    // What is hard-linked runs in any case, and waits for what its chain was to wait for.
    if ((removed.at(-1)!.flags & LINKS) !== 0) entries[index]!.flags |= removed[0]!.flags & DRAIN;
    for (const each of removed) this.#cancelled.push(each.slot);
    this.#wake();
    return 'cancelled';
  }

  /** Cancels all entries. */
  cancelAll(): void {
    for (const { slot } of this.#entries.splice(0)) this.#cancelled.push(slot);
    if (this.#cancelled.length > 0) this.#wake();
  }

  /** Looks after what is here when this turn of the event loop is over. */
  #wake(): void {
    if (this.#awake || !this.#usesLoop) return;
    this.#awake = true;
    setImmediate(() => {
      this.#awake = false;
      this.cut();
      this.#host.turn();
    });
  }

  /** Gives to the kernel what need not wait any longer. */
  #release(): void {
    const entries = this.#entries;
    const queues = this.#queues;
    for (;;) {
      const idle = this.#host.inFlight() === this.count;
      if (idle) this.#running = false;
      const head = entries[0];
      if (head === undefined || this.#running) return;
      const drains = (head.flags & DRAIN) !== 0;
      if (drains && !idle) return;
      let count = 1;
      while (count < entries.length && (entries[count - 1]!.flags & LINKS) !== 0) count++;
      if (!queues.hasRoom(count)) queues.enter();
      if (!queues.hasRoom(count)) return;
      for (const { words, flags } of entries.splice(0, count)) {
        queues.entries.set(words, queues.entryAhead(0));
        queues.advance();
        this.#host.queued(flags);
      }
      this.#running = drains;
    }
  }
}

/** Whether `next` fails with the operation in front of it: it is linked to that, or is its time limit. */
function takesAlong({ flags }: HeldEntry, next: HeldEntry | undefined): boolean {
  if (next === undefined || (flags & LINKS) === 0) return false;
  return (flags & LINKS) === LINK || (next.words[0]! & OPCODE_OF_WORD) === OpNumber.LINK_TIMEOUT;
}
