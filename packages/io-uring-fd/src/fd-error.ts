/** Stable codes of {@link FdError}. */
export type FdErrorCode =
  /** The table, or the part of it that was asked for, is full. */
  | 'AT_CAPACITY'
  /** The slot holds no descriptor. */
  | 'FD_NOT_REGISTERED'
  /** The slot already holds one, or is set aside. */
  | 'FD_IN_USE'
  /** A descriptor of another kind is needed. */
  | 'FD_WRONG_KIND'
  /** The table is not registered with a ring yet, or not any more. */
  | 'FD_TABLE_CLOSED';

/** Which limit was hit, and how far. */
export interface FdCapacity {
  /** Which capacity is exhausted. */
  readonly kind: 'RegisteredFd';
  /** Slots there are. */
  readonly limit: number;
  /** Slots in use: at the time of the error, all of them. */
  readonly used: number;
}

/** A refusal of the fixed-file table. Nothing was changed. */
export class FdError extends Error {
  /** Name of the class. */
  override readonly name = 'FdError';
  /** Stable, for programs. */
  readonly code: FdErrorCode;
  /** Slot of the table it is about, or -1. */
  readonly slot: number;
  /** With AT_CAPACITY: the limit that was hit. */
  readonly capacity: FdCapacity | null;

  constructor(code: FdErrorCode, message: string, slot = -1, capacity: FdCapacity | null = null) {
    super(message);
    this.code = code;
    this.slot = slot;
    this.capacity = capacity;
  }
}
