import type { FixedFd } from '@ringbearer/io-uring-fd';
import { type Cqe, RecvMulti } from '@ringbearer/io-uring-opcode';

/** Hears of what arrived. */
export interface Receiver {
  onReceive(cqe: Cqe): void;
}

/** The receive that a connection has in flight for as long as it is open. */
export class Receive extends RecvMulti {
  receiver: Receiver;

  /** @param group buffer group to receive into */
  constructor(socket: FixedFd, group: number, receiver: Receiver) {
    super({ socket, group });
    this.receiver = receiver;
    this.handler = tell;
  }
}

// One function for all, called as a method: a closure for each would cost as much as the operation.
function tell(this: unknown, cqe: Cqe): void {
  (this as Receive).receiver.onReceive(cqe);
}
