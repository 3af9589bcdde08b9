import { type Cqe, Errno, type OpCode } from '@ringbearer/io-uring-opcode';
import { BearerError } from './errors.js';
import type { StreamOptions } from './options.js';
import { reportError } from './report-error.js';
import type { Sink } from './sink.js';

const ECANCELED = -Errno.ECANCELED;
const ENOBUFS = -Errno.ENOBUFS;
const HIGH_WATER = 128;
/** The longest wait before a stream that found the bearer full is submitted again. */
const ROOM_MS_MAX = 32;

/** What a stream needs of its bearer. */
export interface StreamHost {
  submit(sink: Sink): void;
  cancel(): void;
  /** Submits what frees a result nobody will take. */
  followUp(operation: OpCode<unknown>): void;
  /** Brings back what a completion named and no consumer saw. */
  giveBack(group: number, bid: number, offset: number): void;
  /**
   * Calls back once the buffer group has buffers; returns how to stop waiting.
   * @param failures times in a row that it said so and there was none
   */
  whenRefilled(group: number, failures: number, resume: () => void): () => void;
  /** The stream ended: the bearer need not close it. */
  ended(stream: StreamSink<never>): void;
}

type State = 'armed' | 'idle' | 'waiting' | 'ended';

interface Waiter<Result> {
  resolve(result: IteratorResult<Result>): void;
  reject(reason: unknown): void;
}

/** A result that waits for the consumer, and the provided buffer it is in, or -1, from which byte on. */
interface Queued<Result> {
  readonly value: Result;
  readonly bid: number;
  readonly offset: number;
}

/**
 * A multishot operation as an async iterator.
 *
 * armed: the kernel holds the operation. idle: not submitted, paused by back-pressure. waiting: it ended with ENOBUFS
 * and is submitted again once its group has buffers, or the bearer was full and is tried again. ended: final, for whatever reason.
 */
export class StreamSink<Result> implements Sink, AsyncIterableIterator<Result> {
  readonly #host: StreamHost;
  readonly #operation: OpCode<Result>;
  readonly #signal: AbortSignal | undefined;
  readonly #highWater: number;
  readonly #queue: Queued<Result>[] = [];
  readonly #waiters: Waiter<Result>[] = [];
  #state: State = 'idle';
  #pausing = false;
  #stopping = false;
  #failed = false;
  #error: unknown;
  /** ENOBUFS in a row without a result between. */
  #starved = 0;
  /** Submissions in a row that found the bearer full. */
  #crowded = 0;
  #stopWaiting: (() => void) | null = null;
  #onStopped: (() => void)[] = [];
  readonly #onAbort = () => this.stop(this.#signal?.reason);

  /** Submits at once and not with the first next(): what is wrong with the operation is the caller's to see here. */
  constructor(host: StreamHost, operation: OpCode<Result>, options: StreamOptions) {
    const { signal, highWater = HIGH_WATER } = options;
    if (!Number.isInteger(highWater) || highWater < 1) {
      throw new RangeError(
        `Cannot stream as highWater must be an integer >= 1: current value is ${highWater}`,
      );
    }
    this.#host = host;
    this.#operation = operation;
    this.#signal = signal;
    this.#highWater = highWater;
    signal?.throwIfAborted();
    host.submit(this);
    this.#state = 'armed';
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Result>> {
    const queued = this.#queue.shift();
    if (queued === undefined) {
      if (this.#state === 'ended') return this.#last();
      return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
    }
    if (this.#queue.length === 0 && this.#state === 'idle' && !this.#stopping) this.#arm();
    return Promise.resolve({ done: false, value: queued.value });
  }

  /** Cancels the operation and waits until the kernel is done with it. Results nobody took are freed. */
  async return(): Promise<IteratorResult<Result>> {
    this.#stop();
    if (this.#state !== 'ended') {
      await new Promise<void>((resolve) => {
        this.#onStopped.push(resolve);
      });
    }
    return { done: true, value: undefined };
  }

  /** As {@link return}, but the consumer's next call rejects with `reason`: the signal was aborted, or the bearer closes. */
  stop(reason: unknown): void {
    if (this.#stopping || this.#state === 'ended') return;
    this.#fail(reason);
    this.#stop();
  }

  complete(operation: OpCode<unknown>, cqe: Cqe, final: boolean): void {
    const bid = cqe.hasBuffer ? cqe.bufferId : -1;
    if (this.#stopping) {
      this.#discard(() => operation.discard(cqe), bid, cqe.bufferOffset);
      if (final) this.#end();
      return;
    }
    const canceled = final && cqe.res === ECANCELED && this.#pausing;
    const rearms = final && operation.rearms(cqe);
    const ends = final && operation.ends(cqe);
    if (!canceled && !ends && !(rearms && cqe.res < 0)) {
      try {
        this.#deliver(this.#operation.complete(cqe), bid, cqe.bufferOffset);
      } catch (error) {
        this.#fail(error);
        this.#discard(() => null, bid, cqe.bufferOffset);
      }
    }
    if (!final) {
      if (this.#queue.length >= this.#highWater && !this.#pausing) {
        this.#pausing = true;
        this.#host.cancel();
      }
      return;
    }
    const paused = this.#pausing;
    this.#pausing = false;
    if (this.#failed || ends || !(rearms || canceled)) this.#end();
    else if (cqe.res === ENOBUFS) this.#wait();
    else if ((paused || this.#queue.length >= this.#highWater) && this.#queue.length > 0) {
      this.#state = 'idle';
    } else this.#arm();
  }

  #arm(): void {
    this.#state = 'armed';
    try {
      this.#host.submit(this);
      this.#crowded = 0;
    } catch (error) {
      if (isFull(error)) {
        this.#waitForRoom();
        return;
      }
      this.#fail(error);
      this.#end();
    }
  }

  /** Others have all the room there is, for the moment: their completions make some. */
  #waitForRoom(): void {
    this.#state = 'waiting';
    const delay = Math.min(2 ** this.#crowded++, ROOM_MS_MAX);
    const timer = setTimeout(() => {
      this.#stopWaiting = null;
      if (this.#state === 'waiting') this.#arm();
    }, delay);
    this.#stopWaiting = () => clearTimeout(timer);
  }

  #wait(): void {
    this.#state = 'waiting';
    this.#stopWaiting = this.#host.whenRefilled(
      this.#operation.bufferGroup,
      this.#starved++,
      () => {
        this.#stopWaiting = null;
        if (this.#state === 'waiting') this.#arm();
      },
    );
  }

  #deliver(value: Result, bid: number, offset: number): void {
    this.#starved = 0;
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) waiter.resolve({ done: false, value });
    else this.#queue.push({ value, bid, offset });
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#error = error;
  }

  #stop(): void {
    if (this.#stopping || this.#state === 'ended') {
      this.#discardQueue();
      return;
    }
    this.#stopping = true;
    this.#discardQueue();
    this.#stopWaiting?.();
    if (this.#state === 'armed') this.#host.cancel();
    else this.#end();
  }

  #end(): void {
    this.#state = 'ended';
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#host.ended(this as unknown as StreamSink<never>);
    for (const resolve of this.#onStopped.splice(0)) resolve();
    for (const waiter of this.#waiters.splice(0)) this.#last().then(waiter.resolve, waiter.reject);
  }

  /** The answer after the last result: the error once, then done. */
  #last(): Promise<IteratorResult<Result>> {
    if (!this.#failed) return Promise.resolve({ done: true, value: undefined });
    this.#failed = false;
    return Promise.reject(this.#error);
  }

  #discardQueue(): void {
    for (const { value, bid, offset } of this.#queue.splice(0)) {
      this.#discard(() => this.#operation.discardResult(value), bid, offset);
    }
  }

  /** A result for which nobody is left: what it carries (a descriptor, a buffer) goes back. Never throws: a stop goes on. */
  #discard(followUpOf: () => OpCode<unknown> | null, bid: number, offset: number): void {
    try {
      const followUp = followUpOf();
      if (followUp !== null) this.#host.followUp(followUp);
    } catch (error) {
      reportError(error);
    }
    try {
      if (bid >= 0) this.#host.giveBack(this.#operation.bufferGroup, bid, offset);
    } catch (error) {
      reportError(error);
    }
  }
}

const isFull = (error: unknown): boolean =>
  error instanceof BearerError &&
  (error.code === 'AT_CAPACITY' || error.code === 'SUBMISSION_QUEUE_FULL');
