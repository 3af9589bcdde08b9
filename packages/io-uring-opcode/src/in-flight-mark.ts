/**
 * Whether the kernel holds an operation, and under which key: what the bearer goes by. Each operation has one in a private field, so no
 * code but the bearer's can change or replace it: who could would have memory given back that the kernel still writes.
 *
 * An object of its own, as all operations share its shape: bearers write it without asking which class an operation is of.
 */
export class InFlightMark {
  /** Slot of the record, -1 while idle. */
  slot = -1;
  /** Generation of that slot, that of the last submission while idle. */
  generation = 0;
}
