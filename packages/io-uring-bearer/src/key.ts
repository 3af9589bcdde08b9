import type { OpCode, OperationKey } from '@ringbearer/io-uring-opcode';
import { notAnOperation } from './errors.js';

/** Slots have 20 bits and generations 32: together a safe integer. */
const SLOTS = 2 ** 20;

/**
 * Names one submission for as long as the bearer lives: slot and generation of its record in one safe integer. A key whose operation
 * has completed names nothing; cancelling it harms nobody.
 */
export type SubmissionKey = number;

export function encodeKey(slot: number, generation: number): SubmissionKey {
  return (generation >>> 0) * SLOTS + slot;
}

/** @throws RangeError when `key` is none that `push` returned */
export function decodeKey(key: SubmissionKey): OperationKey {
  if (!Number.isSafeInteger(key) || key < 0) {
    throw new RangeError(
      `Cannot use the key as it must be one that push() returned: current value is ${key}`,
    );
  }
  return { slot: key % SLOTS, generation: Math.floor(key / SLOTS) };
}

/** @throws TypeError, RangeError when `target` is neither a key nor an operation */
export function keyOf(target: SubmissionKey | OpCode<unknown>): OperationKey {
  if (typeof target === 'number') return decodeKey(target);
  if (!Number.isInteger(target?.code)) throw notAnOperation('cancel', target);
  return target;
}
