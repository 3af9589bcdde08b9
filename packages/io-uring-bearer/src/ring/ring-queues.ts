import { RingFlag } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import { controlWords } from '@ringbearer/native/ring';

const { CQ_OVERFLOW, TASKRUN } = {
  CQ_OVERFLOW: RingFlag.SQ_CQ_OVERFLOW,
  TASKRUN: RingFlag.SQ_TASKRUN,
};
const EINTR = -4;
const ETIME = -62;
/** Attempts of one flush when signals interrupt it. */
const INTERRUPTED_MAX = 16;

/**
 * The mapped queues of one ring: the only code that touches their memory. Indices are 32-bit and wrap; comparisons are differences.
 *
 * The submission tail needs no barrier: the kernel reads it in io_uring_enter, on this thread. The completion tail is read with
 * Atomics (the kernel's worker threads write it), and the completion head is published with Atomics after the entries were read.
 */
export class RingQueues {
  /** Submission entries, 16 words each. */
  readonly entries: Int32Array;
  readonly entriesMask: number;
  /** Head, tail and completion entries. */
  readonly words: Int32Array;
  readonly completionsAt: number;
  readonly completionsMask: number;
  readonly control: Int32Array;
  readonly #raw: RawRing;
  readonly #sqHead: number;
  readonly #sqTail: number;
  readonly #sqFlags: number;
  readonly #sqSize: number;
  readonly #cqHead: number;
  readonly #cqTail: number;
  readonly #cqOverflow: number;

  constructor(raw: RawRing) {
    this.#raw = raw;
    this.entries = new Int32Array(raw.sqes);
    this.entriesMask = raw.sqEntries - 1;
    this.words = new Int32Array(raw.rings);
    this.control = new Int32Array(raw.control);
    this.completionsAt = raw.cqes >> 2;
    this.completionsMask = raw.cqEntries - 1;
    this.#sqHead = raw.sqHead >> 2;
    this.#sqTail = raw.sqTail >> 2;
    this.#sqFlags = raw.sqFlags >> 2;
    this.#sqSize = raw.sqEntries;
    this.#cqHead = raw.cqHead >> 2;
    this.#cqTail = raw.cqTail >> 2;
    this.#cqOverflow = raw.cqOverflow >> 2;
  }

  /** Entries queued that the kernel has not taken. */
  get unsubmitted(): number {
    return (this.words[this.#sqTail]! - Atomics.load(this.words, this.#sqHead)) | 0;
  }
  /** Entries that can be queued now. */
  get room(): number {
    return this.#sqSize - this.unsubmitted;
  }
  /** Word index of the entry that the next {@link advance} queues. */
  get nextEntry(): number {
    return (this.words[this.#sqTail]! & this.entriesMask) << 4;
  }
  /** Queues the entry at {@link nextEntry}. */
  advance(): void {
    this.words[this.#sqTail] = (this.words[this.#sqTail]! + 1) | 0;
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
  /** Entering the kernel would bring something: deferred work, or completions kept back. */
  get needsEnter(): boolean {
    return (Atomics.load(this.words, this.#sqFlags) & (CQ_OVERFLOW | TASKRUN)) !== 0;
  }

  /**
   * Submits what is queued and runs deferred work, waiting for `minComplete` completions, at most `waitMicroseconds` (0: no bound).
   * A signal repeats the call; so does a kernel that stops at an entry it refuses.
   *
   * @param hold entries at the end of the queue that stay there
   * @returns entries the kernel took, or a negated errno: EAGAIN and EBUSY mean that the rest stays queued until completions were
   * read
   */
  enter(minComplete = 0, waitMicroseconds = 0, hold = 0): number {
    const { control } = this;
    let submitted = 0;
    for (let interrupted = 0; interrupted < INTERRUPTED_MAX; ) {
      const wanted = Math.max(0, this.unsubmitted - hold);
      control[controlWords.toSubmit] = wanted;
      control[controlWords.minComplete] = minComplete;
      control[controlWords.waitMicroseconds] = waitMicroseconds;
      this.#raw.enter();
      const result = control[controlWords.result]!;
      if (result === EINTR) {
        interrupted++;
      } else if (result < 0) {
        return submitted > 0 || result === ETIME ? submitted : result;
      } else {
        submitted += result;
        if (result === 0 || result >= wanted) return submitted;
      }
    }
    return submitted;
  }
}
