import { olderThan } from '@ringbearer/io-uring-bearer';
import type { FixedFd } from '@ringbearer/io-uring-fd';
import { type Cqe, Recv, RecvMulti } from '@ringbearer/io-uring-opcode';

/**
 * A receive ends after this many bytes and is begun again when somebody wants more. The kernel goes on receiving before we have a say, 512 KiB at a time and
 * longer: that is what a peer could make us keep for a handler that does not read.
 */
const TURN_BYTES = 64 * 1024;

/** Bytes of one receive, where the kernel can count them: since 6.17. @param kernel its release, as uname(2) says */
export function turnBytes(kernel: string): number | undefined {
  return olderThan(kernel, '6.17') ? undefined : TURN_BYTES;
}

/** Hears of what arrived. */
export interface Receiver {
  onReceive(cqe: Cqe): void;
}

/**
 * The first receive of a connection takes what is there and ends. Many connections are for one request, and one that has no receive in flight can be closed as
 * soon as it is answered; others go on with a {@link Receive}.
 */
export class FirstReceive extends Recv {
  receiver: Receiver;

  /** @param group buffer group to receive into */
  constructor(socket: FixedFd, group: number, receiver: Receiver) {
    super({ socket, group });
    this.receiver = receiver;
    this.handler = tell;
  }
}

/** The receive that a connection has in flight for as long as it is open. */
export class Receive extends RecvMulti {
  receiver: Receiver;

  /**
   * @param group buffer group to receive into
   * @param totalBytes after which it ends; undefined: never
   */
  constructor(socket: FixedFd, group: number, receiver: Receiver, totalBytes: number | undefined) {
    super({ socket, group, ...(totalBytes === undefined ? {} : { totalBytes }) });
    this.receiver = receiver;
    this.handler = tell;
  }
}

// One function for all, called as a method: a closure for each would cost as much as the operation.
function tell(this: unknown, cqe: Cqe): void {
  (this as Receive | FirstReceive).receiver.onReceive(cqe);
}
