/**
 * The door to the private marks of operations, for bearers and for what stands in for one: replay, the conformance kit, tests. Not part
 * of the package's API: whoever says of an operation that the kernel does not hold it, and is wrong, corrupts memory.
 *
 * @internal
 */
import type { InFlightMark } from './in-flight-mark.js';
import { markOf, type OpCode } from './opcode.js';

export type { InFlightMark } from './in-flight-mark.js';
export { markOf } from './opcode.js';

/**
 * Marks an idle operation as a bearer does that submits it. Setting `slot` of what it returns to -1 ends that.
 *
 * @throws {TypeError} `operation` is none
 * @throws {Error} it is in flight already: only who marked it may say that it is not
 */
export function occupy(operation: OpCode<unknown>, slot = 0, generation = 0): InFlightMark {
  const mark = markOf(operation);
  if (mark === null) throw new TypeError(NO_OPERATION);
  if (mark.slot >= 0) throw new Error(OCCUPIED);
  mark.slot = slot;
  mark.generation = generation;
  return mark;
}

const NO_OPERATION =
  'Cannot mark an object as in flight as it must be an operation: current value has no mark';
const OCCUPIED =
  'Cannot mark an operation as in flight as it is already: wait for its final completion, or use another object';
