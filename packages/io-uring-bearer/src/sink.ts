import type { Cqe, OpCode } from '@ringbearer/io-uring-opcode';

/** Receives the completions of one submission in place of the operation's own handler: the Promise and iterator forms. */
export interface Sink {
  /**
   * One completion. `final` says that no more will come; by then the operation can be submitted again.
   */
  complete(operation: OpCode<unknown>, cqe: Cqe, final: boolean): void;
}
