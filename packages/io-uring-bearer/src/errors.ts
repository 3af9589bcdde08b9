import { release } from 'node:os';
import { errnoName, type OpCode } from '@ringbearer/io-uring-opcode';
import type { BearerCapacityKind } from './capacity.js';

/** Stable codes of {@link BearerError}. */
export type BearerErrorCode =
  | 'AT_CAPACITY'
  | 'BEARER_CLOSED'
  | 'CHAIN_FAILED'
  | 'CHAIN_OPEN'
  | 'LOCKED_MEMORY'
  | 'MULTISHOT_IN_FLIGHT'
  | 'NOT_AT_ONCE'
  | 'NO_BUFFER'
  | 'OPERATION_IN_FLIGHT'
  | 'REGISTRATION_FAILED'
  | 'RESIZE_BUSY'
  | 'RESIZE_FAILED'
  | 'RESTRICTED'
  | 'RING_FAILED'
  | 'SETUP_FAILED'
  | 'SUBMISSION_QUEUE_FULL'
  | 'UNSUPPORTED_FEATURE'
  | 'UNSUPPORTED_OPCODE'
  | 'UNSUPPORTED_REGISTRATION';

/** What the bearer itself refuses. Errors of the kernel's answers are `OpCodeError`. Match on `code`. */
export class BearerError extends Error {
  /** What went wrong: stable, for programs. */
  readonly code: BearerErrorCode;

  constructor(code: BearerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BearerError';
    this.code = code;
  }
}

/** What makes room, for each kind. */
const ADVICE: { readonly [Kind in BearerCapacityKind]: string } = {
  CoreQueue: 'flush what is queued',
  CompletionQueue: 'handle completions',
  RegisteredFd: 'close direct descriptors',
  PendingCompletions: 'wait for completions',
  Buffers: 'release leases of allocate(), and close pools, rings and groups that are done',
  BufferBytes: 'release leases of allocate(), and close pools, rings and groups that are done',
  BufferGroups: 'unregister rings and close groups that are done',
  RegisteredBuffers: 'remove registered buffers, or register a pool as one',
  Futexes: 'release words that are done',
};

/** A capacity given at construction is used up. Nothing was submitted or changed. */
export class AtCapacity extends BearerError {
  /** Which capacity is exhausted. */
  readonly kind: BearerCapacityKind;
  /** The most there may be. */
  readonly limit: number;
  /** In use when more was asked for. */
  readonly used: number;

  constructor(kind: BearerCapacityKind, limit: number, used: number, asked = 1) {
    super(
      'AT_CAPACITY',
      `Cannot take ${asked} more of ${kind} as ${used} of ${limit} are in use: ${ADVICE[kind]}, or give the bearer a larger ${kind}`,
    );
    this.name = 'AtCapacity';
    this.kind = kind;
    this.limit = limit;
    this.used = used;
  }
}

/** In the table of opcodes: the kernel has it, and restrictions take it away. */
export const RESTRICTED = 2;

/** The running kernel does not have this opcode. */
export class UnsupportedOpcodeError extends BearerError {
  /** Name of the operation. */
  readonly opcode: string;
  /** First kernel that has it. */
  readonly since: string;

  constructor(opcode: string, since: string, kernel: string) {
    super(
      'UNSUPPORTED_OPCODE',
      `Cannot submit ${opcode} as this kernel (${kernel}) does not support it: it is in Linux ${since} and later`,
    );
    this.name = 'UnsupportedOpcodeError';
    this.opcode = opcode;
    this.since = since;
  }
}

/** The bearer was made with `restrictions` that do not allow this. Nothing was submitted or changed. */
export class RestrictedError extends BearerError {
  /** The opcode, or the registration. */
  readonly what: string;

  constructor(what: string, list: 'opcodes' | 'registrations', cause?: unknown) {
    super(
      'RESTRICTED',
      `Cannot use ${what} as the restrictions of this bearer do not allow it: add it to restrictions.${list}, or use another bearer`,
      { cause },
    );
    this.name = 'RestrictedError';
    this.what = what;
  }
}

/**
 * The ring could not be set up. `cause` is the system's error, `hint` what to do about it.
 */
export class RingSetupError extends BearerError {
  /** What io_uring_setup(2) answered, positive. */
  readonly errno: number;
  /** What to do about it. */
  readonly hint: string;

  constructor(message: string, errno: number, hint: string, cause: unknown) {
    super('SETUP_FAILED', `${message}: ${hint}`, { cause });
    this.name = 'RingSetupError';
    this.errno = errno;
    this.hint = hint;
  }
}

/** The answer to whoever uses a bearer that is closed, or closing. */
export function closedError(action = 'submit'): BearerError {
  return new BearerError(
    'BEARER_CLOSED',
    `Cannot ${action} as the bearer is closed: make a new one`,
  );
}

/** The answer to whoever submits an object that some bearer has in flight. */
export function inFlightError(operation: OpCode<unknown>): BearerError {
  return new BearerError(
    'OPERATION_IN_FLIGHT',
    `Cannot submit ${operation.name} as this object is in flight: wait for its final completion, or use another object`,
  );
}

/** The answer to an operation that submits while it is asked for its own entry. */
export function writingError(operation: OpCode<unknown>): BearerError {
  return new BearerError(
    'OPERATION_IN_FLIGHT',
    `Cannot submit ${operation.name} as another operation is being submitted: acquire() and prepare() must not submit, nor what they ask`,
  );
}

/** The answer to flags that are none. */
export function flagsError(flags: number): RangeError {
  return new RangeError(
    `Cannot submit with flags ${flags} as they must come from SubmissionFlags, and from a Personality of this bearer that is not released`,
  );
}

export function chainOpenError(): BearerError {
  return new BearerError(
    'CHAIN_OPEN',
    'Cannot submit a chain between the links of another one: push the rest of that first',
  );
}

export function drainInChainError(): BearerError {
  return new BearerError(
    'CHAIN_OPEN',
    'Cannot drain between the links of a chain: give DRAIN to its first element, or push the rest of the chain first',
  );
}

/** The answer to a drain that would wait, with everything behind it, for an operation that does not end by itself. */
export function multishotError({ name }: { readonly name: string }): BearerError {
  return new BearerError(
    'MULTISHOT_IN_FLIGHT',
    `Cannot drain as a multishot ${name} is in flight, and everything would wait for its end: cancel it and wait for its final completion first`,
  );
}

/**
 * The answer to an opcode that `supported` does not have as 1.
 *
 * @param supported one byte per opcode
 */
export function unsupportedError(
  operation: { readonly name: string; readonly since: string; readonly code: number },
  supported: Uint8Array,
): BearerError | TypeError {
  if (!Number.isInteger(operation?.code)) return notAnOperation('submit', operation);
  if (supported[operation.code] === RESTRICTED) {
    return new RestrictedError(operation.name, 'opcodes');
  }
  return new UnsupportedOpcodeError(operation.name, operation.since, release());
}

/** The answer to whoever gives something else in place of an operation. */
export function notAnOperation(action: string, value: unknown): TypeError {
  const shown = typeof value === 'object' && value !== null ? 'an object' : typeof value;
  return new TypeError(
    `Cannot ${action} as it must be an operation, such as new Nop(), no proxy, and of the same copy of io-uring-opcode: current value is ${value === null ? null : shown}`,
  );
}

export function queueFullError(chainOpen: boolean): BearerError {
  return new BearerError(
    'SUBMISSION_QUEUE_FULL',
    chainOpen
      ? 'Cannot queue an operation as its chain of links fills the submission queue: make the chain shorter, or give the bearer a larger CoreQueue'
      : 'Cannot queue an operation as the submission queue is full and the kernel takes none: handle completions first, or give the bearer a larger CoreQueue',
  );
}

export function heldError({ name }: { readonly name: string }): BearerError {
  return new BearerError(
    'OPERATION_IN_FLIGHT',
    `Cannot forget ${name} as the kernel still holds it: wait for its final completion`,
  );
}

export function ringFailedError(errno: number): BearerError {
  return new BearerError(
    'RING_FAILED',
    `The ring cannot submit or wait any more (${errnoName(errno)}): close the bearer and make a new one`,
  );
}
