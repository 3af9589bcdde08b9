import type { Cqe, OpCode } from '@ringbearer/io-uring-opcode';
import type { StreamOptions } from './options.js';
import type { Sink } from './sink.js';

const ECANCELED = -125;
const ENOBUFS = -105;
const HIGH_WATER = 128;

/** What a stream needs of its bearer. */
export interface StreamHost {
  submit(sink: Sink): void;
  cancel(): void;
  /** Submits what frees a result nobody will take. */
  discard(follow: OpCode<unknown>): void;
  /** Calls back once the buffer group has buffers; returns how to stop waiting. */
  whenRefilled(group: number, resume: () => void): () => void;
  isOpen(): boolean;
}

type State = 'armed' | 'idle' | 'waiting' | 'ended';

interface Waiter<Result> {
  resolve(result: IteratorResult<Result>): void;
  reject(reason: unknown): void;
}

/**
 * A multishot operation as an async iterator.
 *
 * armed: the kernel holds the operation. idle: not submitted (before the first `next`, or paused by back-pressure). waiting: it
 * ended with ENOBUFS and is submitted again once its group has buffers. ended: final, for whatever reason.
 */
export class StreamSink<Result> implements Sink, AsyncIterableIterator<Result> {
  readonly #host: StreamHost;
  readonly #operation: OpCode<Result>;
  readonly #signal: AbortSignal | undefined;
  readonly #highWater: number;
  readonly #queue: Result[] = [];
  readonly #waiters: Waiter<Result>[] = [];
  #state: State = 'idle';
  #pausing = false;
  #stopping = false;
  #failed = false;
  #error: unknown;
  #stopWaiting: (() => void) | null = null;
  #onStopped: (() => void)[] = [];
  readonly #onAbort = () => this.#abort();

  constructor(host: StreamHost, operation: OpCode<Result>, options: StreamOptions) {
    const { signal, highWater = HIGH_WATER } = options;
    if (!Number.isInteger(highWater) || highWater < 1) {
      throw new RangeError(`Cannot stream as highWater must be an integer >= 1: current value is ${highWater}`);
    }
    this.#host = host;
    this.#operation = operation;
    this.#signal = signal;
    this.#highWater = highWater;
    signal?.throwIfAborted();
    // At once and not with the first next(): what is wrong with the operation is the caller's to see here.
    this.#arm();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Result>> {
    if (this.#queue.length > 0) {
      const value = this.#queue.shift() as Result;
      if (this.#queue.length === 0 && this.#state === 'idle' && !this.#stopping) this.#arm();
      return Promise.resolve({ done: false, value });
    }
    if (this.#state === 'ended') return this.#last();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Cancels the operation and waits until the kernel is done with it. Results nobody took are freed. */
  async return(): Promise<IteratorResult<Result>> {
    this.#stop();
    if (this.#state !== 'ended') await new Promise<void>((resolve) => this.#onStopped.push(resolve));
    return { done: true, value: undefined };
  }

  complete(operation: OpCode<unknown>, cqe: Cqe, final: boolean): void {
    if (this.#stopping) {
      this.#free(operation, cqe);
      if (final) this.#end();
      return;
    }
    const canceled = final && cqe.res === ECANCELED && (this.#pausing || this.#signal?.aborted === true);
    const rearms = final && operation.rearms(cqe);
    if (!canceled && !(rearms && cqe.res < 0)) {
      try {
        this.#deliver(this.#operation.complete(cqe));
      } catch (error) {
        this.#fail(error);
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
    if (this.#failed || !this.#host.isOpen()) this.#end();
    else if (paused && (canceled || rearms)) {
      this.#state = 'idle';
      if (this.#queue.length === 0) this.#arm();
    } else if (!rearms) this.#end();
    else if (cqe.res === ENOBUFS) this.#wait();
    else this.#arm();
  }

  #arm(): void {
    this.#state = 'armed';
    try {
      this.#host.submit(this);
    } catch (error) {
      this.#fail(error);
      if (this.#waiters.length === 0 && this.#queue.length === 0 && this.#state === 'armed') {
        this.#state = 'ended';
        throw error;
      }
      this.#end();
    }
  }

  #wait(): void {
    this.#state = 'waiting';
    const group = (this.#operation as { readonly bufferGroup?: number }).bufferGroup ?? -1;
    this.#stopWaiting = this.#host.whenRefilled(group, () => {
      this.#stopWaiting = null;
      if (this.#state === 'waiting') this.#arm();
    });
  }

  #deliver(value: Result): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) waiter.resolve({ done: false, value });
    else this.#queue.push(value);
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#error = error;
  }

  #abort(): void {
    this.#fail(this.#signal?.reason);
    this.#stop();
  }

  #stop(): void {
    if (this.#stopping || this.#state === 'ended') return;
    this.#stopping = true;
    for (const value of this.#queue.splice(0)) this.#dispose(value);
    this.#stopWaiting?.();
    if (this.#state === 'armed') this.#host.cancel();
    else this.#end();
  }

  #end(): void {
    this.#state = 'ended';
    this.#signal?.removeEventListener('abort', this.#onAbort);
    for (const resolve of this.#onStopped.splice(0)) resolve();
    for (const waiter of this.#waiters.splice(0)) this.#last().then(waiter.resolve, waiter.reject);
  }

  /** The answer after the last result: the error once, then done. */
  #last(): Promise<IteratorResult<Result>> {
    if (!this.#failed) return Promise.resolve({ done: true, value: undefined });
    this.#failed = false;
    return Promise.reject(this.#error);
  }

  /** A completion for which nobody is left: what it carries (a descriptor, a buffer) goes back. */
  #free(operation: OpCode<unknown>, cqe: Cqe): void {
    const follow = operation.discard(cqe);
    if (follow !== null) this.#host.discard(follow);
  }

  #dispose(value: Result): void {
    const disposable = value as { [Symbol.dispose]?: () => void } | null;
    if (typeof disposable === 'object' && disposable !== null) disposable[Symbol.dispose]?.();
  }
}
