/** Stable codes of {@link BufferError}. */
export type BufferErrorCode =
  /** No buffer, byte or group is left. Nothing here ever grows. */
  | 'AT_CAPACITY'
  /** The lease was released, or its pool or ring is closed: the bytes are somebody else's. */
  | 'BUFFER_RELEASED'
  /** The kernel, or a lease, still has memory that should be freed or changed. */
  | 'BUFFER_IN_USE'
  /** A buffer id came back that was not lent: it was recycled twice, or never picked. */
  | 'BUFFER_NOT_LENT'
  /** A registered buffer was removed or replaced, or is another table's. */
  | 'BUFFER_NOT_REGISTERED'
  /** The pool, ring, group, table or arena is closed. */
  | 'BUFFER_CLOSED';

/** The limits of this package, named as the bearer's capacities are. */
export type BufferCapacityKind = 'Buffers' | 'BufferBytes' | 'RegisteredBuffers';

/** Which limit was hit, and how far. */
export interface BufferCapacity {
  /** Which capacity is exhausted. */
  readonly kind: BufferCapacityKind;
  /** Buffers or bytes there are. */
  readonly limit: number;
  /** Buffers or bytes in use when it was hit. */
  readonly used: number;
}

/** A refusal of an arena, pool, ring, group or lease. Nothing was changed. */
export class BufferError extends Error {
  /** Name of the class. */
  override readonly name = 'BufferError';
  /** Stable, for programs. */
  readonly code: BufferErrorCode;
  /** With AT_CAPACITY: the limit that was hit. */
  readonly capacity: BufferCapacity | null;

  constructor(code: BufferErrorCode, message: string, capacity: BufferCapacity | null = null) {
    super(message);
    this.code = code;
    this.capacity = capacity;
  }
}

/** Makes the AT_CAPACITY error of `kind`. */
export function atCapacity(
  kind: BufferCapacityKind,
  limit: number,
  used: number,
  asked: number,
): BufferError {
  const unit = kind === 'BufferBytes' ? 'bytes' : 'buffers';
  const message = `Cannot take ${asked} ${unit} as ${used} of ${limit} are in use: release some, or make ${kind} larger`;
  return new BufferError('AT_CAPACITY', message, { kind, limit, used });
}
