import { integerArgument, show, UINT32_MAX } from './argument.js';

/**
 * Names one submission: the halves of its `user_data`. A bearer never gives two submissions that may still complete the
 * same key, so a key that outlived its operation names nothing and cancelling it harms nobody.
 *
 * Every operation in flight is its own key.
 */
export interface OperationKey {
  /** Low 32 bits of `user_data`: the slot of the record. */
  readonly slot: number;
  /** High 32 bits of `user_data`: how often that slot had been used. */
  readonly generation: number;
}

/** `key` when it can name a submission. */
export function keyArgument(action: string, key: unknown): OperationKey {
  if (typeof key !== 'object' || key === null) {
    throw new TypeError(
      `Cannot ${action} as key must be an operation in flight or its key: current value is ${show(key)}`,
    );
  }
  const { slot, generation } = key as OperationKey;
  integerArgument(action, 'key.slot', slot, 0, UINT32_MAX);
  // Signed or unsigned: the halves are 32 bits either way.
  integerArgument(action, 'key.generation', generation, -0x8000_0000, UINT32_MAX);
  return key as OperationKey;
}
