import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** What is read of /proc/self. */
export type ReadOfSelf = (name: 'limits' | 'status' | 'uid_map') => string;

/** Bit of CAP_IPC_LOCK in `CapEff`: capability.h. */
const CAP_IPC_LOCK = 14;
/** Rings are charged to the same limit, and a worker that is started again needs one: zero copy takes no more than this part of it, in all threads. */
const PART = 4;

/**
 * Bytes that one of several rings may lock for a while: its share of a quarter of RLIMIT_MEMLOCK, as there is at most one ring for each processor. Infinity for
 * those who are not counted.
 *
 * @param read tests give it other machines
 */
export function lockedMemoryShare(
  read: ReadOfSelf = readOfSelf,
  rings: number = availableParallelism(),
): number {
  try {
    const limit = /^Max locked memory\s+(\d+|unlimited)/m.exec(read('limits'))?.[1];
    if (limit === undefined) return 0;
    if (limit === 'unlimited' || mayLock(read)) return Number.POSITIVE_INFINITY;
    return Math.floor(Number(limit) / PART / rings);
  } catch {
    return 0; // no /proc here
  }
}

/** Whether the kernel counts nothing: with CAP_IPC_LOCK, and that not of a user namespace. */
function mayLock(read: ReadOfSelf): boolean {
  const effective = /^CapEff:\s+([0-9a-f]+)/m.exec(read('status'))?.[1] ?? '0';
  if (((BigInt(`0x${effective}`) >> BigInt(CAP_IPC_LOCK)) & 1n) === 0n) return false;
  return /^\s*0\s+0\s+4294967295\s*$/.test(read('uid_map'));
}

function readOfSelf(name: string): string {
  return readFileSync(`/proc/self/${name}`, 'utf8');
}
