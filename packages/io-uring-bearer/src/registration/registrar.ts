import { release } from 'node:os';
import { errnoName, REGISTER_OP_SINCE, RegisterOp } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import { closedError, RestrictedError } from '../errors.js';
import { olderThan } from '../kernel-version.js';
import {
  RegistrationError,
  type RegistrationName,
  UnsupportedRegistrationError,
} from './registration-error.js';

/** What to do about an error, by the name of its number. */
export type Hints = Readonly<Record<string, string>>;

/** What a {@link Registrar} needs of its bearer. */
export interface RegistrarHost {
  /** The bearer is closed, or closing. */
  closed(): boolean;
  /** The ring was set up with restrictions: EACCES is their answer. */
  readonly restricted: boolean;
}

/** io_uring_register(2) on one ring, with errors that say what to do. */
export class Registrar {
  readonly #raw: Pick<RawRing, 'register'>;
  readonly #host: RegistrarHost;
  readonly #kernel: string;

  constructor(raw: Pick<RawRing, 'register'>, host: RegistrarHost, kernel: string = release()) {
    this.#raw = raw;
    this.#host = host;
    this.#kernel = kernel;
  }

  /**
   * @param argument laid out as the kernel wants it; it may write its answer there
   * @throws BearerError `BEARER_CLOSED`, {@link RegistrationError}, {@link UnsupportedRegistrationError}, {@link RestrictedError}
   */
  call(
    name: RegistrationName,
    argument: ArrayBufferView | null,
    count: number,
    hints: Hints = {},
  ): number {
    if (this.#host.closed()) throw closedError();
    try {
      return this.#raw.register(RegisterOp[name], argument, count);
    } catch (error) {
      throw this.#host.restricted && (error as NodeJS.ErrnoException).code === 'EACCES'
        ? new RestrictedError(name, 'registrations', error)
        : registrationError(name, error, hints, this.#kernel);
    }
  }
}

/** The error to throw in place of the system's. One that is none of the system's stays. */
export function registrationError(
  name: RegistrationName,
  error: unknown,
  hints: Hints,
  kernel: string = release(),
): unknown {
  const { errno } = error as NodeJS.ErrnoException;
  if (errno === undefined) return error;
  const code = errnoName(-errno);
  const since = REGISTER_OP_SINCE[name];
  // The kernel says the same of an opcode it does not know and of an argument it does not like.
  if (code === 'EINVAL' && olderThan(kernel, since)) {
    return new UnsupportedRegistrationError(name, since, kernel, error);
  }
  return new RegistrationError(name, code, errno, hints[code] ?? '', error);
}
