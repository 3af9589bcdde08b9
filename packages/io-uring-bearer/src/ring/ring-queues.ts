import { Errno, RingFlag } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import { controlWords } from '@ringbearer/native/ring';

const { CQ_OVERFLOW, TASKRUN } = {
  CQ_OVERFLOW: RingFlag.SQ_CQ_OVERFLOW,
  TASKRUN: RingFlag.SQ_TASKRUN,
};
const EINTR = -Errno.EINTR;
const ETIME = -Errno.ETIME;
/** Attempts of one flush when signals interrupt it. */
const INTERRUPTED_MAX = 16;
/** The longest single wait the control words hold: microseconds in an int32, rounded down. */
const WAIT_MS_MAX = 2_000_000;

/**
 * The mapped queues of one ring: the only code that touches their memory. Indices are 32-bit and wrap; comparisons are differences.
 *
 * The submission tail needs no barrier: the kernel reads it in io_uring_enter, on this thread. The completion tail is read with
 * Atomics (the kernel's worker threads write it), and the completion head is published with Atomics after the entries were read.
 */
export class RingQueues {
  readonly control: Int32Array;
  readonly #raw: RawRing;
  // What follows changes with `adopt` alone.
  /** Submission entries, 16 words each. */
  entries!: Int32Array;
  entriesMask!: number;
  /** Head, tail and completion entries. */
  words!: Int32Array;
  completionsAt!: number;
  completionsMask!: number;
  #sqHead!: number;
  #sqTail!: number;
  #sqFlags!: number;
  #sqSize!: number;
  #cqHead!: number;
  #cqTail!: number;
  #cqOverflow!: number;
  #seenHead!: number;
  /** Called when `entries` is another array. */
  onAdopt: ((entries: Int32Array) => void) | null = null;

  constructor(raw: RawRing) {
    this.#raw = raw;
    this.control = new Int32Array(raw.control);
    this.adopt();
  }

  /** Takes the queues that the ring has now: those it had before are dead. */
  adopt(): void {
    const raw = this.#raw;
    this.entries = new Int32Array(raw.sqes);
    this.entriesMask = raw.sqEntries - 1;
    this.words = new Int32Array(raw.rings);
    this.completionsAt = raw.cqes >> 2;
    this.completionsMask = raw.cqEntries - 1;
    this.#sqHead = raw.sqHead >> 2;
    this.#sqTail = raw.sqTail >> 2;
    this.#sqFlags = raw.sqFlags >> 2;
    this.#sqSize = raw.sqEntries;
    this.#cqHead = raw.cqHead >> 2;
    this.#cqTail = raw.cqTail >> 2;
    this.#cqOverflow = raw.cqOverflow >> 2;
    this.#seenHead = Atomics.load(this.words, this.#sqHead);
    this.onAdopt?.(this.entries);
  }

  /** Entries queued that the kernel has not taken. */
  get unsubmitted(): number {
    return (this.words[this.#sqTail]! - Atomics.load(this.words, this.#sqHead)) | 0;
  }
  /**
   * Whether `count` entries can be queued now. The kernel's head only moves forward, so the one seen last is enough until the queue
   * looks full against it: reading it costs a builtin call.
   */
  hasRoom(count: number): boolean {
    const free = this.#sqSize - count;
    const tail = this.words[this.#sqTail]!;
    if (((tail - this.#seenHead) | 0) <= free) return true;
    this.#seenHead = Atomics.load(this.words, this.#sqHead);
    return ((tail - this.#seenHead) | 0) <= free;
  }
  /** Word index of the entry that {@link advance} queues when called `ahead` + 1 times. */
  entryAhead(ahead: number): number {
    return ((this.words[this.#sqTail]! + ahead) & this.entriesMask) << 4;
  }
  /** Queues the entry at `entryAhead(0)`. */
  advance(): void {
    this.words[this.#sqTail] = (this.words[this.#sqTail]! + 1) | 0;
  }

  /** Completions the queue holds. */
  get completionsMax(): number {
    return this.completionsMask + 1;
  }
  get completionHead(): number {
    return this.words[this.#cqHead]!;
  }
  get completionTail(): number {
    return Atomics.load(this.words, this.#cqTail);
  }
  /** Tells the kernel that entries before `head` were read. */
  publishHead(head: number): void {
    Atomics.store(this.words, this.#cqHead, head);
  }
  /** The result of the completion with this key, looked for from `head` on and left where it is; null when it is not there. */
  resultOf(slot: number, generation: number, head: number): number | null {
    const { words, completionsMask } = this;
    for (const tail = this.completionTail; head !== tail; head = (head + 1) | 0) {
      const at = this.completionsAt + ((head & completionsMask) << 2);
      if (words[at] === slot && words[at + 1]! >>> 0 === generation) return words[at + 2]!;
    }
    return null;
  }
  /** Completions in the queue. */
  get unread(): number {
    return (this.completionTail - this.completionHead) | 0;
  }
  get hasCompletions(): boolean {
    return this.words[this.#cqHead]! !== Atomics.load(this.words, this.#cqTail);
  }
  /** Completions the kernel had to keep outside of the full queue, or could not keep at all (wraps). */
  get dropped(): number {
    return this.words[this.#cqOverflow]! >>> 0;
  }
  /** The kernel holds completions back until it is entered. */
  get overflowing(): boolean {
    return (Atomics.load(this.words, this.#sqFlags) & CQ_OVERFLOW) !== 0;
  }
  /** Errno of the last submission or wait that the loop hooks made, 0 when it went well. */
  get loopError(): number {
    return this.control[controlWords.loopError]!;
  }
  /** Entering the kernel would bring something: deferred work, or completions kept back. */
  get needsEnter(): boolean {
    return (Atomics.load(this.words, this.#sqFlags) & (CQ_OVERFLOW | TASKRUN)) !== 0;
  }

  /**
   * Submits what is queued and runs deferred work. A signal repeats the call; so does a kernel that stops at an entry it refuses.
   *
   * @param hold entries at the end of the queue that stay there
   * @returns entries the kernel took, or a negated errno: EAGAIN and EBUSY mean that the rest stays queued until completions were
   * read
   */
  enter(hold = 0): number {
    let submitted = 0;
    for (let interrupted = 0; interrupted < INTERRUPTED_MAX; ) {
      const wanted = Math.max(0, this.unsubmitted - hold);
      const result = this.#call(wanted, 0, 0, 0);
      if (result === EINTR) {
        interrupted++;
      } else if (result < 0) {
        return submitted > 0 ? submitted : result;
      } else {
        submitted += result;
        if (result === 0 || result >= wanted) return submitted;
      }
    }
    return submitted;
  }

  /**
   * As {@link enter}, and waits until there are `minComplete` completions, or as many as the queue holds.
   *
   * @param milliseconds bound on the wait, Infinity for none
   * @param minWaitUs microseconds after which one completion is enough, Infinity for never
   */
  enterAndWait(
    minComplete: number,
    milliseconds: number,
    minWaitUs = Number.POSITIVE_INFINITY,
  ): number {
    const begin = performance.now();
    const deadline = begin + milliseconds;
    const enoughAt = begin + minWaitUs / 1000;
    const wanted = Math.min(minComplete, this.completionsMax);
    const submitted = this.enter();
    while (this.unread < wanted) {
      // A wait of its own: the result of a submission hides that the wait behind it was interrupted or timed out.
      const now = performance.now();
      if (this.unread > 0 && now >= enoughAt) break;
      const left = Math.min(WAIT_MS_MAX, deadline - now);
      if (left <= 0) break;
      const bound = milliseconds === Number.POSITIVE_INFINITY ? 0 : Math.ceil(left * 1000);
      // The kernel looks at the bound only after the minimum.
      const minimum = Math.min(enoughAt - now, left);
      let result: number;
      if (minWaitUs === Number.POSITIVE_INFINITY) result = this.#call(0, wanted, bound, 0);
      else if (minimum <= 0) result = this.#call(0, 1, bound, 0);
      else result = this.#call(0, wanted, bound, Math.ceil(minimum * 1000));
      if (result < 0 && result !== EINTR && result !== ETIME) break;
    }
    return submitted;
  }

  #call(toSubmit: number, minComplete: number, waitUs: number, minWaitUs: number): number {
    const { control } = this;
    control[controlWords.toSubmit] = toSubmit;
    control[controlWords.minComplete] = minComplete;
    control[controlWords.waitMicroseconds] = waitUs;
    control[controlWords.minWaitMicroseconds] = minWaitUs;
    this.#raw.enter();
    return control[controlWords.result]!;
  }
}
