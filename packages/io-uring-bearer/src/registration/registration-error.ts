import type { RegisterOp } from '@ringbearer/io-uring-opcode';
import { BearerError } from '../errors.js';

/** What can be registered with a ring, by the name io_uring_register(2) has for it without `IORING_`: `'REGISTER_EVENTFD'`. */
export type RegistrationName = Exclude<
  keyof typeof RegisterOp,
  'REGISTER_USE_REGISTERED_RING' | 'REGISTER_FILES_SKIP'
>;

/**
 * The kernel refused a registration: `code` is `'REGISTRATION_FAILED'`, `cause` the system's error, `hint` what to do about it.
 */
export class RegistrationError extends BearerError {
  /** What was to be registered. */
  readonly registration: RegistrationName;
  /** Negated, as everywhere in Node.js. */
  readonly errno: number;
  /** What to do about it. */
  readonly hint: string;

  constructor(
    registration: RegistrationName,
    reason: string,
    errno: number,
    hint: string,
    cause: unknown,
  ) {
    const advice = hint === '' ? 'see io_uring_register(2) for what this error means' : hint;
    super(
      'REGISTRATION_FAILED',
      `Cannot ${registration.replace('_', ' ')} (${reason}): ${advice}`,
      { cause },
    );
    this.name = 'RegistrationError';
    this.registration = registration;
    this.errno = errno;
    this.hint = advice;
  }
}

/** The running kernel does not have this registration. */
export class UnsupportedRegistrationError extends BearerError {
  /** What was to be registered. */
  readonly registration: RegistrationName;
  /** First kernel that has it. */
  readonly since: string;

  constructor(registration: RegistrationName, since: string, kernel: string, cause: unknown) {
    super(
      'UNSUPPORTED_REGISTRATION',
      `Cannot ${registration.replace('_', ' ')} as this kernel (${kernel}) does not support it: it is in Linux ${since} and later`,
      { cause },
    );
    this.name = 'UnsupportedRegistrationError';
    this.registration = registration;
    this.since = since;
  }
}
