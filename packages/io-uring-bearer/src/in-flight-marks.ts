import type { OpCode } from '@ringbearer/io-uring-opcode';
import { type InFlightMark, markOf } from '@ringbearer/io-uring-opcode/in-flight';
import { inFlightError, notAnOperation } from './errors.js';

/**
 * The mark of an operation that the kernel does not hold: of no ring, as an operation has one mark. Nothing the operation says of itself
 * is asked.
 *
 * @throws BearerError `OPERATION_IN_FLIGHT`
 * @throws TypeError for what is no operation: a look-alike, a proxy, an operation of another copy of io-uring-opcode
 */
export function idleMark(operation: OpCode<unknown>): InFlightMark {
  const mark = markOf(operation);
  if (mark === null) throw notAnOperation('submit', operation);
  if (mark.slot >= 0) throw inFlightError(operation);
  return mark;
}

/** The marks of what is in flight here, by slot. Hot path: allocates nothing. */
export class InFlightMarks {
  readonly #marks: (InFlightMark | null)[];

  constructor(slots: number) {
    this.#marks = new Array<InFlightMark | null>(slots).fill(null);
  }

  /** The operation is in flight from now on. */
  occupy(slot: number, generation: number, mark: InFlightMark): void {
    this.#marks[slot] = mark;
    mark.slot = slot;
    mark.generation = generation;
  }

  /** The kernel is done with the operation: it may be submitted again. */
  vacate(slot: number): void {
    this.#marks[slot]!.slot = -1;
  }
}
