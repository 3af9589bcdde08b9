import type { OwnerEdge } from './owner-edges.js';
import { type OwnerState, type OwnerStateName, ownerStateName } from './owner-state.js';

/** `OWNER_` and the state that forbade it, in capitals: `'OWNER_KERNEL'`. */
export type OwnerErrorCode = `OWNER_${Uppercase<OwnerStateName>}`;

/** What was refused: an edge of the table, or reading the bytes. */
export type OwnerVerb = OwnerEdge | 'read';

/** Somebody asked for memory its present owner does not let go. The state did not change. */
export class OwnerError extends Error {
  /** Name of the class. */
  override readonly name = 'OwnerError';
  /** Stable, for programs. */
  readonly code: OwnerErrorCode;
  /** The state that forbade it. */
  readonly state: OwnerState;
  /** What was asked for. */
  readonly verb: OwnerVerb;

  constructor(verb: OwnerVerb, state: OwnerState) {
    super(MESSAGES[verb][state]!);
    const name = ownerStateName(state).toUpperCase() as Uppercase<OwnerStateName>;
    this.code = `OWNER_${name}`;
    this.state = state;
    this.verb = verb;
  }
}

const ASKED: Record<OwnerVerb, string> = {
  register: 'register',
  unregister: 'unregister',
  fill: 'fill',
  filled: 'finish filling',
  take: 'take',
  give: 'give the kernel',
  withdraw: 'withdraw from the kernel',
  giveBack: 'give back',
  reuse: 'reuse',
  read: 'read',
};

/** Why not, and what to do, in the order of the states. */
const REASONS = [
  'it is new: fill() or take() it first',
  'it is registered and idle: fill(), take() or unregister() it first',
  'its holder is still filling it: call filled(), or reuse() to give it up',
  'it is taken for an operation: submit that, or reuse() to give it up',
  'the kernel owns it: wait for its completion',
  'it came back from the kernel: read it, then call reuse()',
  'it is idle: fill() or take() it first',
];

// Built once: a hot path must not format a message to find out that it needs none.
const MESSAGES = Object.fromEntries(
  Object.entries(ASKED).map(([verb, asked]) => [
    verb,
    REASONS.map((reason) => `Cannot ${asked} memory as ${reason}`),
  ]),
) as Record<OwnerVerb, string[]>;
