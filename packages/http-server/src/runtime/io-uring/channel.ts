import type { FixedFd } from '@ringbearer/io-uring-fd';
import {
  Close,
  type Cqe,
  RecvMulti,
  Send,
  Shutdown,
  ShutdownHow,
} from '@ringbearer/io-uring-opcode';
import { Carry } from './carry.js';
import type { TransmitPool } from './transmit-pool.js';
import { TransmitQueue } from './transmit-queue.js';

/** What a {@link Channel} tells the connection that holds it. */
export interface ChannelUser {
  onReceive(cqe: Cqe): void;
  onSend(cqe: Cqe): void;
  onShutdown(): void;
  onClose(): void;
}

/**
 * The operations and queues of one connection at a time. They are reused from socket to socket, so that an accept allocates little;
 * the connection itself is not, so that a protocol which kept its Left for too long writes to nobody instead of to the next peer.
 */
export class Channel {
  readonly recv: RecvMulti;
  readonly send: Send;
  readonly shutdown: Shutdown;
  readonly close: Close;
  readonly carry = new Carry();
  readonly transmit: TransmitQueue;
  #user: ChannelUser = NOBODY;

  /** @param group buffer group to receive into */
  constructor(socket: FixedFd, group: number, pool: TransmitPool) {
    this.transmit = new TransmitQueue(pool);
    this.recv = new RecvMulti({ socket, group });
    this.send = new Send({ socket, data: new Uint8Array(0) });
    this.shutdown = new Shutdown({ socket, how: ShutdownHow.WR });
    this.close = new Close({ descriptor: socket });
    this.recv.handler = (cqe) => this.#user.onReceive(cqe);
    this.send.handler = (cqe) => this.#user.onSend(cqe);
    this.shutdown.handler = () => this.#user.onShutdown();
    this.close.handler = () => this.#user.onClose();
  }

  /** None of its operations is in flight: the socket may be closed, or the channel used again. */
  get quiet(): boolean {
    return !(
      this.recv.inFlight ||
      this.send.inFlight ||
      this.shutdown.inFlight ||
      this.close.inFlight
    );
  }

  /** Serves `socket` for `user` from now on. */
  open(socket: FixedFd, user: ChannelUser): void {
    this.recv.set(socket);
    this.send.setSocket(socket);
    this.shutdown.set(socket);
    this.close.set(socket);
    this.#user = user;
  }

  /** Serves nobody. */
  release(): void {
    this.#user = NOBODY;
    this.carry.clear();
    this.transmit.clear();
  }
}

const NOBODY: ChannelUser = { onReceive() {}, onSend() {}, onShutdown() {}, onClose() {} };
