import { readFileSync } from 'node:fs';
import { integerOf, shown } from './argument.js';
import type { Registrar } from './registrar.js';

/** CPU_SETSIZE of sched_setaffinity(2): numbers beyond it name no processor anywhere. */
const CPUS_MAX = 1024;

const HINTS = { EINVAL: 'the cpuset of this process must have every processor' };

/** Confines the worker pool of this thread to some processors. */
export function setWorkerCpus(registrar: Registrar, cpus: readonly number[]): void {
  if (!Array.isArray(cpus) || cpus.length === 0) {
    throw new TypeError(
      `Cannot choose processors as they must be an array of numbers that is not empty: current value is ${shown(cpus)}`,
    );
  }
  const allowed = allowedCpus();
  const mask = new Uint8Array(CPUS_MAX / 8);
  for (const cpu of cpus) {
    integerOf('choose processors', 'each', cpu, 0, CPUS_MAX - 1);
    // The kernel ignores those it does not have, and would be left with none.
    if (allowed !== null && !allowed.has(cpu)) {
      throw new RangeError(
        `Cannot choose processor ${cpu} as this process may use ${[...allowed].join(', ')} only`,
      );
    }
    mask[cpu >> 3]! |= 1 << (cpu & 7);
  }
  registrar.call('REGISTER_IOWQ_AFF', mask, mask.byteLength, HINTS);
}

/** Lets the worker pool run anywhere again. */
export function clearWorkerCpus(registrar: Registrar): void {
  registrar.call('UNREGISTER_IOWQ_AFF', null, 0);
}

/** Processors this thread may run on, null where there is no /proc to say so. */
function allowedCpus(): ReadonlySet<number> | null {
  let status: string;
  try {
    status = readFileSync('/proc/thread-self/status', 'utf8');
  } catch {
    return null;
  }
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
  return list === undefined ? null : new Set(list.split(',').flatMap(cpusOf));
}

/** `'2-4'` or `'2'`. */
function cpusOf(range: string): number[] {
  const [first = 0, last = first] = range.split('-').map(Number);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
