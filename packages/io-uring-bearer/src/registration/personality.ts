import type { Registrar } from './registrar.js';

/**
 * Credentials the kernel keeps for a ring: those this thread had when it was registered. `registration.registerPersonality` makes one.
 * Give {@link flags} to `push` or `submit`, with SubmissionFlags if need be, and that operation runs with these credentials instead
 * of those the thread has at that time.
 *
 * Kernel 5.6. io_uring_register(2), IORING_REGISTER_PERSONALITY.
 */
export class Personality {
  /** The kernel's number for it. */
  readonly id: number;
  /** For the flags of a submission. */
  readonly flags: number;
  readonly #registrar: Registrar;
  readonly #live: Set<number>;

  /** @internal Only the bearer makes one. */
  constructor(registrar: Registrar, live: Set<number>) {
    this.#registrar = registrar;
    this.#live = live;
    this.id = registrar.call('REGISTER_PERSONALITY', null, 0, {
      EBUSY: 'a ring has at most 65535 personalities: release some',
    });
    this.flags = this.id << 16;
    live.add(this.id);
  }

  /** Released, or its bearer closed. */
  get released(): boolean {
    return !this.#live.has(this.id);
  }

  /**
   * Lets the kernel forget the credentials. Operations in flight keep theirs. Calling it again does nothing.
   * @throws BearerError `BEARER_CLOSED`; RestrictedError
   */
  release(): void {
    if (this.released) return;
    this.#registrar.call('UNREGISTER_PERSONALITY', null, this.id);
    this.#live.delete(this.id);
  }

  /** {@link release}, for `using`. */
  [Symbol.dispose](): void {
    this.release();
  }
}
