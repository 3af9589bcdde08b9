import { type BufferArrivals, BufferError } from '@ringbearer/io-uring-buffer';
import { type Cqe, CqeFlag, type OpCode } from '@ringbearer/io-uring-opcode';
import { markOf } from '@ringbearer/io-uring-opcode/in-flight';
import { reportError } from './report-error.js';
import type { Slabbable } from './slab/slabbable.js';

const { BUFFER, BUF_MORE } = CqeFlag;

/**
 * Where completions that name a provided buffer are entered in the books of its group, before any handler, Promise or stream sees
 * them: the only way by which a buffer leaves the kernel. Groups connect when they are made.
 */
export class ArrivalDesk {
  readonly #slab: Slabbable<OpCode<unknown>>;
  readonly #ports = new Map<number, BufferArrivals>();
  // The group asked for last: mostly there is one.
  #group = -1;
  #port: BufferArrivals | undefined;
  /** Incremental rings there are. */
  incremental = 0;

  constructor(slab: Slabbable<OpCode<unknown>>) {
    this.#slab = slab;
  }

  connect(group: number, port: BufferArrivals): void {
    this.#ports.set(group, port);
    if (port.incremental) this.incremental++;
    this.#group = -1;
  }

  disconnect(group: number): void {
    if (this.#ports.get(group)?.incremental === true) this.incremental--;
    this.#ports.delete(group);
    this.#group = -1;
  }

  /** The completion has IORING_CQE_F_BUFFER. One that brought no bytes does not have it any more afterwards: its buffer is back. */
  arrived(group: number, cqe: Cqe): void {
    if (group !== this.#group) {
      this.#port = this.#ports.get(group);
      this.#group = group;
    }
    cqe.bufferOffset = 0;
    const port = this.#port;
    if (port === undefined) return;
    const { res, flags } = cqe;
    const more = (flags & BUF_MORE) !== 0;
    try {
      if (res > 0) cqe.bufferOffset = port.arrived(flags >>> 16, res, more);
      else {
        cqe.flags = flags & 0xffff & ~BUFFER;
        port.unused(flags >>> 16, more);
      }
    } catch (error) {
      reportError(error); // A caller's onRoom or whoever was refilled: the completion goes on to its own handler.
    }
  }

  /** Brings back what a completion named and nobody took. */
  giveBack(group: number, bid: number, offset: number): void {
    this.#ports.get(group)?.giveBack(bid, offset);
  }

  /** @throws TypeError for an operation that needs buffers whole, and an incremental ring. Ask where there are some */
  check(operation: OpCode<unknown>): void {
    if (operation.wholeBuffers && this.#ports.get(operation.bufferGroup)?.incremental === true) {
      throw new TypeError(
        `Cannot submit ${operation.name} in this form as the ring of group ${operation.bufferGroup} is incremental: messages with headers, bundles, waitAll and a length of its own need whole buffers, so use a ring that is not`,
      );
    }
  }

  /** @throws BufferError `BUFFER_IN_USE` while an operation that uses the group is in flight */
  assertUnused(group: number): void {
    const slab = this.#slab;
    for (let slot = 0; slot < slab.capacity; slot++) {
      const operation = slab.get(slot, slab.generation(slot));
      // A record that a manual handler retained is not in flight.
      if (operation === undefined || markOf(operation)?.slot !== slot) continue;
      if (operation.bufferGroup === group) {
        throw new BufferError(
          'BUFFER_IN_USE',
          `Cannot close buffer group ${group} as ${operation.name} uses it: cancel that and wait for its final completion`,
        );
      }
    }
  }
}
