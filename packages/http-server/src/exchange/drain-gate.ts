/** A promise a writer waits on while its peer is slow. */
export class DrainGate {
  /** What the writer waits on. */
  readonly promise: Promise<void>;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A writer that does not look must not end the process.
    this.promise.catch(() => {});
  }

  /** The peer took enough: the promise resolves. */
  open(): void {
    this.#resolve();
  }

  /** The peer is gone: the promise rejects. */
  fail(error: unknown): void {
    this.#reject(error);
  }
}
