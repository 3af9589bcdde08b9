import type { FixedFd } from '@ringbearer/io-uring-fd';
import { type Cqe, Send } from '@ringbearer/io-uring-opcode';
import type { TransmitPool, TransmitSlot } from './transmit-pool.js';
import { type Segment, segmentBytes, TransmitQueue } from './transmit-queue.js';

/** Most bytes one Send carries. */
const PIECE_BYTES = 256 * 1024;

/** Hears of what was sent. */
export interface Sender {
  onSend(cqe: Cqe): void;
}

/**
 * What a connection has to send, and the one send it has in flight. A connection holds one from its first written byte until the last was
 * sent, and none while it is idle.
 */
export class Outgoing {
  readonly queue: TransmitQueue;
  /** The clock's time at which the send in flight is late. */
  deadline = 0;
  readonly #pool: TransmitPool;
  readonly #send: SendTo;
  #segment: Segment | null = null;
  #sent = 0;

  constructor(pool: TransmitPool, socket: FixedFd, sender: Sender) {
    this.#pool = pool;
    this.queue = new TransmitQueue(pool);
    this.#send = new SendTo(socket, sender);
  }

  /** Sends to `socket` for `sender` from now on. */
  open(socket: FixedFd, sender: Sender): void {
    this.#send.setSocket(socket);
    this.#send.sender = sender;
  }

  /** The operation, set to what {@link next} or {@link sent} chose. */
  get send(): Send {
    return this.#send;
  }
  /** A segment is being sent. */
  get busy(): boolean {
    return this.#segment !== null;
  }
  /** Nothing is queued, nothing is being sent. */
  get idle(): boolean {
    return this.#segment === null && this.queue.bytes === 0;
  }

  /** Chooses what to send next. False when there is nothing. */
  next(): boolean {
    this.#segment = this.queue.shift();
    if (this.#segment === null) return false;
    this.#sent = 0;
    this.#choose(this.#segment);
    return true;
  }

  /**
   * The send has completed.
   *
   * @param bytes its result; negative: the segment is dropped
   * @returns whether a piece of the segment is left to send: because it is large, or as a signal or memory pressure cut this one short
   */
  sent(bytes: number): boolean {
    const segment = this.#segment!;
    const ours = !(segment instanceof Uint8Array);
    if (ours) segment.recycle();
    this.#sent += bytes;
    if (bytes >= 0 && this.#sent < segmentBytes(segment)) {
      this.#choose(segment);
      return true;
    }
    this.#segment = null;
    if (ours) this.#pool.give(segment as TransmitSlot);
    return false;
  }

  /** The send has completed, and the connection is over. */
  drop(): void {
    this.sent(-1);
  }

  /** In pieces: the write timeout is about progress, and one piece is what counts as progress. */
  #choose(segment: Segment): void {
    const source = segment instanceof Uint8Array ? segment : segment.source;
    const rest = segmentBytes(segment) - this.#sent;
    this.#send.set(source, this.#sent, Math.min(rest, PIECE_BYTES));
  }
}

class SendTo extends Send {
  sender: Sender;

  constructor(socket: FixedFd, sender: Sender) {
    super({ socket, data: NOTHING });
    this.sender = sender;
    this.handler = tell;
  }
}

// One function for all, called as a method.
function tell(this: unknown, cqe: Cqe): void {
  (this as SendTo).sender.onSend(cqe);
}

const NOTHING = new Uint8Array(0);
