import type { Socket } from 'node:net';
import { BytesChangedError } from '../bytes-changed.js';
import { SentMarks } from '../sent-marks.js';
import { type Segment, segmentBytes, TransmitQueue } from '../transmit-queue.js';
import type { HeapSlots } from './heap-slots.js';

/** Most bytes one write carries: the write timeout is about progress, and one write is what counts as progress. */
const PIECE_BYTES = 64 * 1024;

/** What a connection has to send, and the one write it has under way. A connection holds one from its first written byte until it is idle. */
export class Outgoing {
  readonly queue: TransmitQueue<{ readonly bytes: Uint8Array; used: number }>;
  /** The clock's time at which the write under way is late. */
  deadline = 0;
  readonly #slots: HeapSlots;
  #segment: Segment | null = null;
  #sent = 0;
  /** Bytes of the segment when it was chosen. */
  #length = 0;
  /** Bytes of the write under way. */
  pieceBytes = 0;
  /** Those who wait for what was written to be sent; null: nobody. */
  marks: SentMarks | null = null;

  constructor(slots: HeapSlots) {
    this.#slots = slots;
    this.queue = new TransmitQueue(slots);
  }

  /** A segment is being written. */
  get busy(): boolean {
    return this.#segment !== null;
  }

  /** Nothing is queued or being written. */
  get idle(): boolean {
    return this.#segment === null && this.queue.bytes === 0;
  }

  /** Whether everything written so far was sent, once that is known. */
  whenSent(): Promise<boolean> {
    this.marks ??= new SentMarks();
    return this.marks.add(this.queue.bytes + (this.busy ? this.#length - this.#sent : 0));
  }

  /** Chooses what to write next. False when there is nothing. @throws BytesChangedError */
  next(): boolean {
    this.#segment = this.queue.shift();
    if (this.#segment === null) return false;
    this.#sent = 0;
    this.#length = segmentBytes(this.#segment);
    return true;
  }

  /** Writes the next piece of the segment. */
  write(socket: Socket, done: (error?: Error | null) => void): void {
    const segment = this.#segment!;
    const bytes = segment instanceof Uint8Array ? segment : segment.bytes;
    const end = Math.min(this.#length, this.#sent + PIECE_BYTES);
    this.pieceBytes = end - this.#sent;
    socket.write(bytes.subarray(this.#sent, end), done);
  }

  /** The piece is written. Returns whether one of the same segment is left. @throws BytesChangedError */
  written(): boolean {
    const segment = this.#segment!;
    if (segmentBytes(segment) !== this.#length) throw new BytesChangedError();
    this.#sent += this.pieceBytes;
    this.marks?.sent(this.pieceBytes);
    if (this.#sent < this.#length) return true;
    this.#segment = null;
    if (!(segment instanceof Uint8Array)) this.#slots.give(segment);
    return false;
  }

  /** The connection is over. What node:net may still read is left to the garbage collector. */
  drop(): void {
    this.#segment = null;
    this.queue.clear();
  }
}
