/**
 * Bytes in memory that was received into and is used again: whoever holds them gives them back, and nobody looks at them after that.
 * The safe form for handlers is `BodyLease`.
 */
export interface HeldBytes {
  /** How many. */
  readonly byteLength: number;
  /**
   * The bytes themselves, of which no view may be kept.
   *
   * @throws once they were given back, and while an operation has them
   */
  readonly bytes: Uint8Array;
  /** An operation of the kernel's has them. */
  readonly busy: boolean;
  /** Gives the memory back. Again: nothing happens. While an operation has it, it is used again only after that. */
  release(): void;
  /** The same bytes for another holder, for whom this one can do nothing any more. @throws as {@link bytes} */
  move(): HeldBytes;
}

/** A message in such memory, piece by piece: `BodyLease` is one. */
export interface HeldMessage {
  /** In order. */
  readonly unsafe: readonly HeldBytes[];
}

/** A piece of such memory was used after it was given back. */
export class HeldBytesError extends Error {
  /** Of the class. */
  override readonly name = 'HeldBytesError';
  /** As the code of the `HttpServerError` that the lease itself throws then. */
  readonly code = 'LEASE_RELEASED';
}
