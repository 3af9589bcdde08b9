import { BearerError } from '@ringbearer/io-uring-bearer';

/** Stable codes of {@link EpollError}. */
export type EpollErrorCode =
  /** All registrations the handler may have are in use. */
  | 'AT_CAPACITY'
  /** The handler is closed, or closing. */
  | 'EPOLL_CLOSED'
  /** The kernel reports a descriptor that no registration is for. */
  | 'ORPHANED_INTEREST'
  /** The registration was deleted, or its descriptor was closed. */
  | 'REGISTRATION_ENDED'
  /** Somebody waits already. */
  | 'WAIT_IN_PROGRESS';

/** What the handler itself refuses. Errors of the kernel's answers are `OpCodeError`. Match on `code`. */
export class EpollError extends Error {
  /** `'EpollError'`. */
  override readonly name = 'EpollError';
  /** Stable, for programs. */
  readonly code: EpollErrorCode;

  constructor(code: EpollErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export const closedError = (): EpollError =>
  new EpollError('EPOLL_CLOSED', 'Cannot use the epoll handler as it is closed: make a new one');

export const endedError = (number: number): EpollError =>
  new EpollError(
    'REGISTRATION_ENDED',
    `Cannot change the registration of descriptor ${number} as it has ended: add the descriptor again`,
  );

export const orphanedError = (): EpollError =>
  new EpollError(
    'ORPHANED_INTEREST',
    'The epoll instance reports a descriptor that no registration is for: it was closed before its registration was deleted while a duplicate stays open, or somebody else added it. Close the duplicate, or make a new handler; delete first, close second',
  );

export const bearerClosedError = (): BearerError =>
  new BearerError('BEARER_CLOSED', 'Cannot use epoll as the bearer is closed: make a new one');
