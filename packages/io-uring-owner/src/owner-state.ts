/**
 * Who may touch a piece of memory, a descriptor or a word whose address the kernel may be given.
 *
 * Numbers, so that an edge costs a compare and a store; {@link ownerStateName} has the names.
 */
export const OwnerState = {
  /** It exists. Nobody has used it and the kernel does not know it. */
  Created: 0,
  /** The kernel has it in a table (fixed buffers), and does not use it. */
  Registered: 1,
  /** Its holder is writing it. */
  Filling: 2,
  /** It is complete and set aside for one operation that is not submitted yet. */
  Taken: 3,
  /** The kernel may read or write it at any moment. Nobody else does. */
  Kernel: 4,
  /** The final completion arrived. Its holder reads what the kernel left. */
  Returned: 5,
  /** Its holder is done with it. It may be filled or taken again. */
  Reusable: 6,
} as const;

/** One of the seven numbers of the table. */
export type OwnerState = (typeof OwnerState)[keyof typeof OwnerState];

/** Name of a state, as in the {@link OwnerState} table. */
export type OwnerStateName = keyof typeof OwnerState;

const NAMES = Object.keys(OwnerState) as OwnerStateName[];

/** The name of a state: `'Kernel'` for 4. */
export function ownerStateName(state: OwnerState): OwnerStateName {
  return NAMES[state]!;
}
