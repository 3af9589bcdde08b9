import type { Slabbable } from './slabbable.js';

/** The first committed value that `matches`, or undefined. Looks at every slot: not for hot paths. */
export function findRecord<T>(
  slab: Slabbable<T>,
  matches: (value: T, slot: number) => boolean,
): T | undefined {
  for (let slot = 0, left = slab.used; left > 0 && slot < slab.capacity; slot++) {
    const value = slab.get(slot, slab.generation(slot));
    if (value === undefined) continue;
    if (matches(value, slot)) return value;
    left--;
  }
  return undefined;
}
