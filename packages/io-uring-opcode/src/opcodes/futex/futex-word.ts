import type { KernelMemory } from '@ringbearer/io-uring-owner';
import { FutexFlag } from '../../abi.generated.js';
import { show } from '../../argument.js';

/** 32-bit words that only threads of this process share: the kernel finds waiters by address alone. */
export const FUTEX_PRIVATE_32 = FutexFlag.SIZE_U32 | FutexFlag.PRIVATE;

/** Every waiter, whatever its bits: FUTEX_BITSET_MATCH_ANY. */
export const FUTEX_MATCH_ANY = FutexFlag.FUTEX_BITSET_MATCH_ANY;

/** `word` when it is kernel memory of exactly one aligned 32-bit word. */
export function wordArgument(action: string, word: KernelMemory): KernelMemory {
  if (typeof word !== 'object' || word === null || !('owner' in word)) {
    throw new TypeError(
      `Cannot ${action} as word must be a FutexWord: current value is ${show(word)}`,
    );
  }
  if (word.byteLength !== 4) {
    throw new RangeError(
      `Cannot ${action} as word must be 4 bytes long: current value is ${word.byteLength}`,
    );
  }
  if ((word.unsafe.addressLow & 3) !== 0) {
    throw new RangeError(
      `Cannot ${action} as word must be at a multiple of 4: current value is ${word.unsafe.addressLow & 3} bytes beyond`,
    );
  }
  return word;
}
