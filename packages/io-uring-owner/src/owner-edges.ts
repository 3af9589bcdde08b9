import { OwnerState } from './owner-state.js';

// Theory.
//
// Memory an operation uses has one owner at a time: its holder (JavaScript) or the kernel. The kernel reads and writes
// without asking, from the moment the submission is committed to the final completion of the operation: the one without
// F_MORE, and for zero-copy sends the notification. All safety follows from three rules:
//
//   1. only `give` leads into Kernel, and only what the kernel reports (`giveBack`), or the proof that it never saw the
//      entry (`withdraw`), leads out of it;
//   2. in Kernel no other edge is legal: nobody fills, takes, frees or registers it anew;
//   3. Returned is not yet Reusable: a second receive cannot overwrite bytes that nobody has read.
//
// The three kinds of memory walk the same cycle and differ in the door they enter by:
//
//   sent      Created -fill-> Filling -filled-> Taken -give-> Kernel -giveBack-> Returned -reuse-> Reusable -fill-> ...
//   received  Created -take-> Taken -give-> Kernel -giveBack-> Returned -reuse-> Reusable -take-> ...
//   provided  the kernel picks which buffer it fills, so all of a group are given at once and come back one by one.
//             io-uring-buffer keeps Kernel or not for each buffer id in one byte instead of an object.
//
// Taken may go back to Filling (the holder thinks again before submitting). Filling, Taken and Returned may be given up
// with `reuse`. Registered says "known to the kernel, never used": after the first use it is Reusable like any other, and
// the table of registered buffers, not the owner, remembers the registration.
//
// One user or many. An exclusive owner admits one operation at a time: two sends of one buffer would each report a
// completion, and the first would free bytes the second still reads. Memory that the kernel only reads and that JavaScript
// reaches through Atomics (a futex word) has a shared owner: `give` is legal in Kernel too and counts users; the last
// `giveBack` goes straight to Reusable, as the kernel leaves nothing to read.

/** One row: the states an edge may start from, and the state it ends in. */
export interface OwnerTransition {
  /** States it leaves from. */
  readonly from: readonly OwnerState[];
  /** State it leads to. */
  readonly to: OwnerState;
}

/** The doors of an {@link Owner}: a method of the same name each. */
export type OwnerEdge =
  | 'register'
  | 'unregister'
  | 'fill'
  | 'filled'
  | 'take'
  | 'give'
  | 'withdraw'
  | 'giveBack'
  | 'reuse';

/** A whole machine. */
export type OwnerEdges = Readonly<Record<OwnerEdge, OwnerTransition>>;

const { Created, Registered, Filling, Taken, Kernel, Returned, Reusable } = OwnerState;

/** The transition table of an exclusive owner. What is not in it throws {@link OwnerError}. */
export const OWNER_EDGES: OwnerEdges = {
  register: { from: [Created, Reusable], to: Registered },
  unregister: { from: [Registered, Reusable], to: Created },
  fill: { from: [Created, Registered, Taken, Reusable], to: Filling },
  filled: { from: [Filling], to: Taken },
  take: { from: [Created, Registered, Reusable], to: Taken },
  give: { from: [Taken], to: Kernel },
  withdraw: { from: [Kernel], to: Taken },
  giveBack: { from: [Kernel], to: Returned },
  reuse: { from: [Filling, Taken, Returned], to: Reusable },
};

/**
 * The rows in which a shared owner differs: it may be given while the kernel has it. `withdraw` and `giveBack` stay in
 * Kernel while other users remain, and end in the state given here with the last one.
 */
export const SHARED_OWNER_EDGES: OwnerEdges = {
  ...OWNER_EDGES,
  give: { from: [Taken, Kernel], to: Kernel },
  withdraw: { from: [Kernel], to: Reusable },
  giveBack: { from: [Kernel], to: Reusable },
};

/** The states of `from` as a bit set: bit n is state n. */
export function ownerMask(transition: OwnerTransition): number {
  let mask = 0;
  for (const state of transition.from) mask |= 1 << state;
  return mask;
}
