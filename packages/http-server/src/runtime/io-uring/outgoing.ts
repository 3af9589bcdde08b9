import type { FixedFd } from '@ringbearer/io-uring-fd';
import { type Cqe, type GatherPart, type OpCode, Send, SendMsg } from '@ringbearer/io-uring-opcode';
import { BytesChangedError } from '../bytes-changed.js';
import { SentMarks } from '../sent-marks.js';
import { type Segment, segmentBytes, TransmitQueue } from '../transmit-queue.js';
import type { OpenRoute } from './open-route.js';
import type { TransmitPool, TransmitSlot } from './transmit-pool.js';
import { HELD_SENDS_MAX, ZERO_COPY_PIECE_BYTES, type ZeroCopy, ZeroCopySend } from './zero-copy.js';

/**
 * Most bytes one send names: what the kernel's default lets a socket buffer grow to. It takes what fits and completes, as MSG_WAITALL is not asked for: the
 * write timeout is about progress, and each completion is some.
 */
const PIECE_BYTES = 4 * 1024 * 1024;
/** Most segments one send carries: their vector fits in the operation's record. */
const PARTS_MAX = 12;

/** Whoever sends: hears of what was sent, and knows the way. */
export interface Sender {
  /** Something that was written is never sent. */
  readonly lost: boolean;
  /** A send completed. @param res bytes, or a negated errno */
  onSend(res: number): void;
  /** The way to the peer; null: bytes are copied, undefined: nobody looked. */
  readonly route: OpenRoute | null | undefined;
  /** Looks. */
  findRoute(): OpenRoute | null;
  /**
   * Memory of a zero-copy send was let go.
   *
   * @param copied what that says about the way; null: nothing
   * @param changed it was taken back before
   */
  onReleased(outgoing: Outgoing, copied: boolean | null, changed: boolean): void;
}

/**
 * What a connection has to send, and the one send it has in flight: several segments (a head, a body of the caller's, the next chunk) go in one, without a
 * copy. A connection holds an Outgoing from its first written byte until the last was sent, and none while it is idle.
 */
export class Outgoing {
  readonly queue: TransmitQueue<TransmitSlot>;
  /** The clock's time at which the send in flight is late. */
  deadline = 0;
  /** The clock's time at which memory should have been let go. */
  heldDeadline = 0;
  /** The operation that carries what {@link next} or {@link sent} chose. */
  operation: OpCode<unknown>;
  readonly #pool: TransmitPool;
  readonly #zeroCopy: ZeroCopy;
  /** Zero-copy sends whose memory is not let go, in their order. */
  readonly #held: ZeroCopySend[] = [];
  /** Zero-copy sends so far. */
  #zeroCopySends = 0;
  readonly #send: SendTo;
  #gather: GatherTo | null = null;
  #socket: FixedFd;
  /** What is being sent: the segment in front, and those that go with it. */
  #segment: Segment<TransmitSlot> | null = null;
  readonly #more: Segment<TransmitSlot>[] = [];
  /** Of those, how many the operation names. */
  #named = 0;
  /** The operations have memory of the caller's. */
  #keeps = false;
  /** Bytes of the segment in front that were sent before. */
  #sent = 0;
  /** Bytes of the segment in front and those behind it that are not sent yet, where some are the caller's: as many as when they were chosen. */
  #owed = 0;
  /** Those who wait for what was written to be sent; null: nobody ever did. */
  #marks: SentMarks | null = null;

  constructor(pool: TransmitPool, zeroCopy: ZeroCopy, socket: FixedFd, sender: Sender) {
    this.#pool = pool;
    this.#zeroCopy = zeroCopy;
    this.queue = new TransmitQueue(pool);
    this.#socket = socket;
    this.#send = new SendTo(socket, sender);
    this.operation = this.#send;
  }

  /** Sends to `socket` for `sender` from now on. */
  open(socket: FixedFd, sender: Sender): void {
    this.#socket = socket;
    this.#send.setSocket(socket);
    this.#send.sender = sender;
  }

  /** Something is being sent. */
  get busy(): boolean {
    return this.#segment !== null;
  }

  /** Something waits in the queue or is being sent. */
  get unsent(): boolean {
    return this.#segment !== null || this.queue.bytes > 0;
  }

  /** How many bytes that is. */
  get unsentBytes(): number {
    const segment = this.#segment;
    return this.queue.bytes + (segment === null ? 0 : this.#unsent(segment));
  }

  /** Nothing is queued, being sent, or held by the kernel. */
  get idle(): boolean {
    return !this.unsent && this.#held.length === 0;
  }

  /** Zero-copy sends whose memory the kernel holds. */
  get held(): number {
    return this.#held.length;
  }

  /** The operation is with the kernel, and has no result yet. */
  get sending(): boolean {
    const { operation } = this;
    return operation.inFlight && !(operation instanceof ZeroCopySend && operation.sentBytes >= 0);
  }

  /** Whether everything written so far was sent, once that is known. */
  whenSent(): Promise<boolean> {
    this.#marks ??= new SentMarks();
    return this.#marks.add(this.unsentBytes, this.#zeroCopySends);
  }

  /** Chooses what to send next. False when there is nothing. @throws BytesChangedError what is {@link drop}ped then */
  next(): boolean {
    const { queue } = this;
    this.#named = 0;
    const segment = queue.shift();
    this.#segment = segment;
    if (segment === null) return false;
    this.#sent = 0;
    if (queue.bytes > 0) {
      this.#gatherMore(segmentBytes(segment));
      // What is sent first may be ours, and what follows not.
      this.#keeps ||= this.#more.length > 0;
    }
    queue.close();
    this.#choose(segment);
    if (this.#keeps) this.#owed = this.#unsent(segment);
    return true;
  }

  /**
   * The send has completed.
   *
   * @param bytes its result; negative: what was being sent is dropped
   * @returns whether some of it is left to send: because it is large, or as a signal or memory pressure cut this send short
   * @throws BytesChangedError what is {@link drop}ped then
   */
  sent(bytes: number): boolean {
    let segment = this.#segment;
    this.#takeBack(segment!);
    if (this.#keeps && bytes >= 0) {
      if (this.#unsent(segment!) !== this.#owed) throw new BytesChangedError();
      this.#owed -= bytes;
    }
    if (this.#marks !== null && bytes > 0) {
      this.#marks.sent(bytes, this.#zeroCopySends, this.#heldFrom);
    }
    let sent = bytes < 0 ? Number.POSITIVE_INFINITY : this.#sent + bytes;
    while (segment !== null && sent >= segmentBytes(segment)) {
      sent -= segmentBytes(segment);
      if (!(segment instanceof Uint8Array)) this.#pool.give(segment as TransmitSlot);
      segment = this.#more.length > 0 ? this.#more.shift()! : null;
    }
    this.#segment = segment;
    if (segment === null) return false;
    this.#sent = sent;
    this.#choose(segment);
    return true;
  }

  /** A zero-copy send has its result. */
  zeroCopySent(send: ZeroCopySend, res: number, refused: boolean, more: boolean): void {
    this.#held.push(send);
    const { sender } = this.#send;
    if (refused) sender.route!.copies = true;
    else this.#zeroCopy.sent();
    try {
      sender.onSend(refused ? 0 : res);
    } finally {
      // Not even begun: no notification comes.
      if (!more) this.released(send, false);
    }
  }

  /** The kernel has let go of its memory. */
  released(send: ZeroCopySend, copied: boolean): void {
    const { sender } = this.#send;
    this.#held.splice(this.#held.indexOf(send), 1);
    // It may be another connection's in a moment.
    if (this.operation === send) this.operation = this.#send;
    const { changed } = send;
    const notice = this.#zeroCopy.released(send, copied, !sender.lost);
    sender.onReleased(this, notice, changed);
  }

  /** Those who wait may go on, as far as memory is let go. */
  tellReleased(): void {
    this.#marks?.released(this.#heldFrom);
  }

  get #heldFrom(): number {
    return this.#held[0]?.number ?? Number.POSITIVE_INFINITY;
  }

  /** Nothing is in flight, and the connection is over: forgets what was chosen. */
  drop(): void {
    while (this.busy && this.sent(-1));
    const { operation } = this;
    if (!(operation instanceof ZeroCopySend) || operation.inFlight || operation.sentBytes >= 0) {
      return;
    }
    // It never came to the kernel.
    this.operation = this.#send;
    this.#zeroCopy.give(operation);
  }

  /** Nothing is in flight: forgets what was chosen and queued, and does not keep what was sent from being collected. */
  clear(): void {
    this.drop();
    this.queue.clear();
    this.#marks?.lose();
    if (!this.#keeps) return;
    this.#keeps = false;
    this.#send.set(NOTHING);
    this.#gather?.set([NOTHING]);
  }

  #gatherMore(bytes: number): void {
    let total = bytes;
    while (total < PIECE_BYTES && this.#more.length < PARTS_MAX - 1) {
      const segment = this.queue.shift();
      if (segment === null) return;
      this.#more.push(segment);
      total += segmentBytes(segment);
    }
  }

  /** Bytes that are left of what was chosen. */
  #unsent(segment: Segment<TransmitSlot>): number {
    let bytes = segmentBytes(segment) - this.#sent;
    for (const other of this.#more) bytes += segmentBytes(other);
    return bytes;
  }

  /** The kernel has let go of every slot the operation named. */
  #takeBack(segment: Segment<TransmitSlot>): void {
    if (!(segment instanceof Uint8Array)) segment.recycle();
    for (let index = 0; index < this.#named; index++) {
      const other = this.#more[index]!;
      if (!(other instanceof Uint8Array)) other.recycle();
    }
  }

  #choose(segment: Segment<TransmitSlot>): void {
    const rest = segmentBytes(segment) - this.#sent;
    this.#named = 0;
    const zeroCopyBytes = this.#zeroCopy.bytes;
    if (rest >= zeroCopyBytes && segment instanceof Uint8Array) {
      if (this.#chooseZeroCopy(segment, rest)) return;
    }
    if (this.#more.length > 0 && rest < PIECE_BYTES) {
      if (segmentBytes(this.#more[0]!) < zeroCopyBytes || !this.#leaves(this.#more[0]!)) {
        this.#chooseSeveral(segment, rest, zeroCopyBytes);
        return;
      }
    }
    if (segment instanceof Uint8Array) this.#keeps = true;
    this.#send.set(sourceOf(segment), startOf(segment) + this.#sent, Math.min(rest, PIECE_BYTES));
    this.operation = this.#send;
  }

  /** Whether a long segment may go without a copy, as far as the way to the peer is concerned. */
  #leaves(segment: Segment<TransmitSlot>): boolean {
    const { sender } = this.#send;
    if (!(segment instanceof Uint8Array)) return false;
    const route = sender.route === undefined ? sender.findRoute() : sender.route;
    return route !== null && !route.copies;
  }

  #chooseZeroCopy(segment: Uint8Array, rest: number): boolean {
    if (this.#held.length >= HELD_SENDS_MAX || !this.#leaves(segment)) return false;
    const { sender } = this.#send;
    this.#keeps = true;
    const route = sender.route!;
    if (!route.armed) {
      this.operation = route.arming(() => sender.onSend(0));
      return true;
    }
    const length = Math.min(rest, ZERO_COPY_PIECE_BYTES);
    const send = this.#zeroCopy.take(this.#socket, this, length);
    if (send === null) return false;
    // Where it cannot be made, it is {@link drop}ped with the rest.
    this.operation = send;
    send.aim(segment, this.#sent, length, ++this.#zeroCopySends);
    return true;
  }

  #chooseSeveral(segment: Segment<TransmitSlot>, rest: number, zeroCopyBytes: number): void {
    const parts: GatherPart[] = [part(segment, this.#sent, rest)];
    let room = PIECE_BYTES - rest;
    for (const other of this.#more) {
      if (room <= 0) break;
      // It goes by itself, without a copy.
      if (segmentBytes(other) >= zeroCopyBytes && this.#leaves(other)) break;
      const length = Math.min(room, segmentBytes(other));
      parts.push(part(other, 0, length));
      room -= length;
      this.#named++;
    }
    this.#keeps = true;
    this.#gather ??= new GatherTo(this.#socket, this.#send);
    this.#gather.setSocket(this.#socket).set(parts);
    this.operation = this.#gather;
  }
}

function sourceOf(segment: Segment<TransmitSlot>) {
  return segment instanceof Uint8Array ? segment : segment.source;
}

function startOf(segment: Segment<TransmitSlot>): number {
  return segment instanceof Uint8Array ? 0 : segment.start;
}

function part(segment: Segment<TransmitSlot>, offset: number, length: number): GatherPart {
  const source = sourceOf(segment);
  const start = startOf(segment) + offset;
  if (!(source instanceof Uint8Array)) return { memory: source, offset: start, length };
  return length === source.length ? source : source.subarray(start, start + length);
}

/** Where closed connections write to. */
export class Discarded extends Outgoing {
  override whenSent(): Promise<boolean> {
    return Promise.resolve(false);
  }
}

class SendTo extends Send {
  sender: Sender;

  constructor(socket: FixedFd, sender: Sender) {
    super({ socket, data: NOTHING, waitAll: false });
    this.sender = sender;
    this.handler = tell;
  }
}

class GatherTo extends SendMsg {
  readonly #send: SendTo;

  constructor(socket: FixedFd, send: SendTo) {
    super({ socket, data: [NOTHING], waitAll: false });
    this.#send = send;
    this.handler = (cqe) => this.#send.sender.onSend(cqe.res);
  }
}

// One function for all, called as a method.
function tell(this: unknown, cqe: Cqe): void {
  (this as SendTo).sender.onSend(cqe.res);
}

const NOTHING = new Uint8Array(0);
