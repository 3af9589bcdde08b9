import { type Cqe, type OpCode, OpCodeError } from '@ringbearer/io-uring-opcode';
import type { Sink } from './sink.js';

/**
 * Settles a Promise with the final completion: resolved with what it decodes to, or rejected with the first error there was. An
 * aborted submission still settles here only, so that memory and descriptors are accounted for: it rejects with the signal's reason
 * when the kernel did cancel it, and resolves when it had won.
 */
export class PromiseSink<Result> implements Sink {
  readonly promise: Promise<Result>;
  #resolve!: (value: Result) => void;
  #reject!: (reason: unknown) => void;
  #failed = false;
  #error: unknown;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: (() => void) | undefined;

  constructor(signal: AbortSignal | undefined, onAbort: () => void) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#signal = signal;
    if (signal !== undefined) {
      this.#onAbort = onAbort;
      signal.addEventListener('abort', onAbort, { once: true });
    }
  }

  complete(operation: OpCode<unknown>, cqe: Cqe, final: boolean): void {
    let value: unknown;
    if (!this.#failed) {
      try {
        value = operation.complete(cqe);
      } catch (error) {
        this.#failed = true;
        this.#error =
          this.#signal?.aborted === true && isCancellation(error) ? this.#signal.reason : error;
      }
    }
    if (!final) return;
    this.detach();
    if (this.#failed) this.#reject(this.#error);
    else this.#resolve(value as Result);
  }

  /** Stops listening to the signal. */
  detach(): void {
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

/** What a cancelled operation ends with: EINTR when it was interrupted in a worker thread of the kernel. */
function isCancellation(error: unknown): boolean {
  return error instanceof OpCodeError && (error.code === 'ECANCELED' || error.code === 'EINTR');
}
