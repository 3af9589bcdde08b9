import {
  duplicateDescriptor,
  IoUringRuntime,
  type IoUringRuntimeOptions,
  ListeningSocket,
  type ListenOptions,
  type RingFactory,
} from './io-uring/index.js';
import { NodeRuntime, type OpenSocket } from './node/index.js';

/** What does the I/O of a server: a ring, or node:net; `'auto'`: node:net where a ring cannot be set up. */
export type RuntimeChoice = 'auto' | 'io-uring' | 'node';

/** The runtimes a server can have. */
export type ServerRuntime = IoUringRuntime | NodeRuntime;

/** A runtime, and why it is not the one that serves faster. */
export interface ChosenRuntime {
  readonly runtime: ServerRuntime;
  /** What kept io_uring from being used, and what to do about it; null when nothing did. */
  readonly fallback: Error | null;
}

const CHOICES: readonly unknown[] = ['auto', 'io-uring', 'node'] satisfies RuntimeChoice[];

/**
 * The choice of the caller, else of the environment, else `'auto'`.
 *
 * @throws TypeError for one that is none
 */
export function runtimeChoice(
  option: RuntimeChoice | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): RuntimeChoice {
  const variable = env.RINGBEARER_RUNTIME;
  const [name, value] =
    option === undefined ? ['RINGBEARER_RUNTIME', variable || 'auto'] : ['runtime', option];
  if (CHOICES.includes(value)) return value as RuntimeChoice;
  const shown = typeof value === 'string' ? `'${value}'` : String(value);
  throw new TypeError(
    `Cannot serve as ${name} must be 'auto', 'io-uring' or 'node': current value is ${shown}`,
  );
}

/**
 * Makes the runtime that was chosen.
 *
 * @param ringFactory tests inject one that fails
 * @throws what io_uring failed with, where it was chosen by name, or lacks what node:net would lack too
 */
export function makeRuntime(
  choice: RuntimeChoice,
  { driver, ...settings }: IoUringRuntimeOptions,
  ringFactory?: RingFactory,
): ChosenRuntime {
  let fallback: Error | null = null;
  if (choice !== 'node') {
    try {
      const options = driver === undefined ? settings : { ...settings, driver };
      return { runtime: new IoUringRuntime(options, ringFactory), fallback };
    } catch (error) {
      if (choice === 'io-uring' || !isUnusable(error)) throw error;
      fallback = error;
    }
  }
  return { runtime: new NodeRuntime({ ...settings, openSocket }), fallback };
}

/** It is the machine that cannot, not the options that are wrong, nor a want that node:net would have too. */
function isUnusable(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof RangeError || error instanceof TypeError)
    return false;
  const { code } = (error.cause ?? error) as NodeJS.ErrnoException;
  return code !== 'EMFILE' && code !== 'ENFILE';
}

/** A socket of the addon's, which can do more than one of node:net; null where the addon is what there is not. */
function openSocket(place: ListenOptions): OpenSocket | null {
  try {
    const socket = ListeningSocket.open(place);
    return {
      // Node.js closes it, whatever ends its thread. One that was given is whoever's it was.
      fd: socket.adopted ? duplicateDescriptor(socket.fd) : socket.fd,
      address: socket.address,
      removePath: () => socket.removePath(),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ADDON_NOT_LOADED') return null;
    throw error;
  }
}
