import type { FixedFd } from '@ringbearer/io-uring-fd';
import { type Cqe, Errno } from '@ringbearer/io-uring-opcode';
import type { Clock } from '../../sans-io/clock.js';
import type { Left, PeerAddress } from '../../sans-io/left.js';
import type { CloseReason, Orbit } from '../../sans-io/orbit.js';
import type { Carry } from './carry.js';
import type { Channel, ChannelUser } from './channel.js';
import type { IoUringRuntime } from './runtime.js';
import type { TransmitSlot } from './transmit-pool.js';
import {
  HIGH_WATER_BYTES,
  LOW_WATER_BYTES,
  type Segment,
  segmentBytes,
  type TransmitQueue,
} from './transmit-queue.js';

const ENOBUFS = -Errno.ENOBUFS;
const ECANCELED = -Errno.ECANCELED;
/** Most bytes one Send carries. */
const PIECE_BYTES = 256 * 1024;
/** A peer that goes on sending is listened to for at most this many linger timeouts. */
const LINGER_TIMES_MAX = 10;

/**
 * open → ending (FIN once all is sent) → lingering (waiting for the peer's FIN) → gone (waiting for the last completions) → free.
 * aborting: the orbit gave up; its Left calls it back only after its own call returned, so the end of the batch does the rest.
 */
type State = 'open' | 'ending' | 'lingering' | 'aborting' | 'gone' | 'free';

/**
 * One accepted socket: the outermost Left. Its operations belong to a {@link Channel}, so serving a request allocates nothing here.
 */
export class Connection implements Left, ChannelUser {
  deadline = 0;
  /** Index in the runtime's list of live connections. */
  index = -1;
  /** In the runtime's list of connections to flush. */
  dirty = false;

  readonly clock: Clock;
  readonly #runtime: IoUringRuntime;
  readonly #channel: Channel;
  readonly #socket: FixedFd;
  readonly #carry: Carry;
  #transmit: TransmitQueue;
  #orbit: Orbit = NO_ORBIT;
  #state: State = 'open';
  #inFlight: Segment | null = null;
  #sent = 0;
  #sendDeadline = 0;
  #lingerDeadline = 0;
  #lingerEnd = 0;
  #paused = false;
  #presenting = false;
  #receiving = false;
  #receiveEnded = false;
  #endDelivered = false;
  #stoppedReceiving = false;
  #wasBlocked = false;
  #peer: PeerAddress | null | undefined;

  constructor(runtime: IoUringRuntime, channel: Channel, socket: FixedFd) {
    this.#runtime = runtime;
    this.clock = runtime.clock;
    this.#channel = channel;
    this.#socket = socket;
    this.#carry = channel.carry;
    this.#transmit = channel.transmit;
    channel.open(socket, this);
  }

  /** Builds the pipeline and starts to receive. */
  open(): void {
    this.#orbit = this.#runtime.instantiate(this);
    this.#receive();
  }

  // ---- Left

  get out(): Uint8Array {
    return this.#transmit.out;
  }
  get blocked(): boolean {
    return this.#transmit.bytes >= HIGH_WATER_BYTES;
  }
  reserve(length: number): number {
    return this.#transmit.reserve(length);
  }
  commit(end: number): void {
    this.#transmit.commit(end);
    this.#written();
  }
  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#transmit.write(bytes, start, end);
    return this.#written();
  }
  send(bytes: Uint8Array): boolean {
    this.#transmit.send(bytes);
    return this.#written();
  }
  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#touch();
  }
  abort(): void {
    if (this.#state === 'gone' || this.#state === 'free') return;
    this.#state = 'aborting';
    this.#touch();
  }
  pause(): void {
    this.#paused = true;
  }
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#touch();
  }
  peer(): PeerAddress | null {
    this.#peer ??= this.#state === 'open' ? this.#runtime.peerOf(this.#socket) : null;
    return this.#peer;
  }

  // ---- Runtime

  /** The server is closing. */
  shutdown(): void {
    if (this.#state === 'open') this.#orbit.shutdown();
  }

  /** Closes now, whatever is under way. */
  kill(reason: CloseReason): void {
    this.#leave(reason);
  }

  /** The coarse timer: everything with a deadline. */
  tick(now: number): void {
    if (this.deadline !== 0 && now >= this.deadline && this.#state === 'open') {
      this.deadline = 0;
      this.#orbit.tick(now);
    }
    if (this.#inFlight !== null && now >= this.#sendDeadline) this.#leave('aborted');
    if (this.#state === 'lingering' && now >= this.#lingerDeadline) this.#leave('ended');
  }

  /** End of the batch: presents what waited for `resume`, then sends what was written. */
  flush(): void {
    if (this.#state === 'gone' || this.#state === 'free') {
      this.#transmit.clear();
      return;
    }
    if (this.#state === 'aborting') {
      this.#leave('aborted');
      return;
    }
    const waiting = this.#carry.length > 0 || this.#receiveEnded || this.#stoppedReceiving;
    if (waiting && !this.#paused && this.#state === 'open') this.#present();
    if (this.#inFlight !== null) return;
    const segment = this.#transmit.shift();
    if (segment !== null) this.#push(segment);
    else if (this.#state === 'ending') this.#finish();
  }

  // ---- receiving

  #receive(): void {
    this.#receiving = true;
    this.#stoppedReceiving = false;
    this.#runtime.push(this.#channel.recv);
  }

  onReceive(cqe: Cqe): void {
    const { res } = cqe;
    if (res > 0) {
      const bid = cqe.bufferId;
      const ring = this.#runtime.receive;
      ring.pick(bid);
      try {
        if (this.#state === 'open') this.#take(ring.unsafe.bytes, ring.unsafe.offset(bid), res);
        else if (this.#state === 'lingering') this.#linger();
      } finally {
        ring.recycle(bid);
      }
      if (cqe.more) return;
    } else if (cqe.more) return;
    this.#receiving = false;
    if (this.#state === 'gone') {
      this.#release();
    } else if (res > 0) {
      if (this.#stoppedReceiving) this.#stopped();
      else this.#receive();
    } else if (res === 0) {
      this.#receiveEnded = true;
      if (this.#state === 'lingering') this.#leave('ended');
      else if (this.#state === 'open') this.#present();
    } else if (res === ENOBUFS) {
      this.#runtime.receiveLater(this);
    } else if (res === ECANCELED && this.#stoppedReceiving) {
      this.#stopped();
    } else {
      this.#leave('peer-reset');
    }
  }

  /** Receiving was stopped for an orbit that had enough, which may want more by now. */
  #stopped(): void {
    // Once the orbit has ended, the rest is read and dropped: closing over unread bytes would cost the peer our last ones.
    if (this.#state === 'ending' || this.#state === 'lingering') this.#receive();
    else if (!this.#paused) this.#touch();
  }

  /** The group has buffers again. */
  receiveAgain(): void {
    if (!this.#receiving && this.#state !== 'gone' && this.#state !== 'free') this.#receive();
  }

  #take(bytes: Uint8Array, start: number, length: number): void {
    const end = start + length;
    if (this.#paused || this.#carry.length > 0) {
      this.#carry.append(bytes, start, end);
      if (!this.#paused) this.#present();
      else if (!this.#stoppedReceiving) {
        this.#stoppedReceiving = true;
        this.#runtime.cancel(this.#channel.recv);
      }
      return;
    }
    const consumed = this.#offer(bytes, start, end);
    if (consumed < length && this.#state === 'open')
      this.#carry.append(bytes, start + consumed, end);
  }

  /** An orbit that throws has a bug: its connection ends, and the process hears of it. */
  #offer(bytes: Uint8Array, start: number, end: number): number {
    this.#presenting = true;
    try {
      return this.#orbit.receive(bytes, start, end);
    } catch (error) {
      this.abort();
      throw error;
    } finally {
      this.#presenting = false;
    }
  }

  /** Presents what was kept, then the end of the stream. */
  #present(): void {
    if (this.#presenting) return;
    const carry = this.#carry;
    // The orbit may take a part, pause and resume in one call: what is left is presented until it takes no more.
    while (carry.length > 0 && !this.#paused && this.#state === 'open') {
      const consumed = this.#offer(carry.bytes, carry.start, carry.start + carry.length);
      if (consumed === 0) break;
      carry.consume(consumed);
    }
    if (this.#paused || this.#state !== 'open') return;
    if (this.#receiveEnded) {
      if (!this.#endDelivered) {
        this.#endDelivered = true;
        this.#orbit.receiveEnd();
      }
    } else if (!this.#receiving && this.#stoppedReceiving) this.#receive();
  }

  // ---- sending

  #touch(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.#runtime.flushLater(this);
  }

  #written(): boolean {
    this.#touch();
    if (this.#transmit.bytes < HIGH_WATER_BYTES) return true;
    this.#wasBlocked = true;
    return false;
  }

  #push(segment: Segment): void {
    this.#inFlight = segment;
    this.#sent = 0;
    this.#pushRest(segment);
  }

  /** In pieces: the write timeout is about progress, and one piece is what counts as progress. */
  #pushRest(segment: Segment): void {
    const total = segmentBytes(segment);
    const source = segment instanceof Uint8Array ? segment : segment.source;
    const { send } = this.#channel;
    send.set(source, this.#sent, Math.min(total - this.#sent, PIECE_BYTES));
    this.#sendDeadline = this.clock.now + this.#runtime.writeTimeoutMs;
    this.#runtime.push(send);
  }

  onSend(cqe: Cqe): void {
    const segment = this.#inFlight!;
    const { res } = cqe;
    if (!(segment instanceof Uint8Array)) segment.recycle();
    if (this.#state === 'gone') {
      this.#drop(segment);
      this.#release();
      return;
    }
    if (res < 0) {
      this.#drop(segment);
      this.#leave('peer-reset');
      return;
    }
    this.#sent += res;
    // More pieces; or a signal or memory pressure cut this one short.
    if (this.#sent < segmentBytes(segment)) {
      this.#pushRest(segment);
      return;
    }
    this.#drop(segment);
    if (this.#wasBlocked && this.#transmit.bytes <= LOW_WATER_BYTES && this.#state === 'open') {
      this.#wasBlocked = false;
      this.#orbit.drained();
    }
    if (this.#transmit.bytes > 0 || this.#state === 'ending') this.#touch();
  }

  #drop(segment: Segment): void {
    this.#inFlight = null;
    if (!(segment instanceof Uint8Array)) this.#runtime.transmit.give(segment as TransmitSlot);
  }

  // ---- ending

  /** Everything is sent: FIN, unless the peer's FIN is here and closing says it all. */
  #finish(): void {
    this.deadline = 0;
    if (this.#receiveEnded) {
      this.#leave('ended');
      return;
    }
    this.#state = 'lingering';
    this.#lingerEnd = this.clock.now + this.#runtime.lingerTimeoutMs * LINGER_TIMES_MAX;
    this.#linger();
    this.#runtime.push(this.#channel.shutdown);
    this.#carry.clear();
    if (!this.#receiving) this.#receive();
  }

  /**
   * Closing while the peer still sends makes the kernel reset the connection, and the peer may lose the reply it has not read:
   * so what arrives is thrown away for a while, longer as long as something does.
   */
  #linger(): void {
    this.#lingerDeadline = Math.min(
      this.clock.now + this.#runtime.lingerTimeoutMs,
      this.#lingerEnd,
    );
  }

  onShutdown(): void {
    if (this.#state === 'gone') this.#release();
  }

  /** The connection is over: tells the orbit, cancels what is in flight, and closes once that has completed. */
  #leave(reason: CloseReason): void {
    if (this.#state === 'gone' || this.#state === 'free') return;
    const told = this.#state === 'lingering' ? 'ended' : reason;
    this.#state = 'gone';
    this.deadline = 0;
    this.#carry.clear();
    this.#transmit.clear();
    if (this.#receiving) this.#runtime.cancel(this.#channel.recv);
    if (this.#inFlight !== null) this.#runtime.cancel(this.#channel.send);
    const orbit = this.#orbit;
    this.#orbit = NO_ORBIT;
    try {
      orbit.close(told);
    } finally {
      this.#release();
    }
  }

  #release(): void {
    if (this.#channel.quiet) this.#runtime.push(this.#channel.close);
  }

  onClose(): void {
    this.#state = 'free';
    // What a protocol still writes to this Left goes nowhere.
    this.#transmit = this.#runtime.discarded;
    this.#runtime.closed(this, this.#channel);
  }
}

const NO_ORBIT: Orbit = {
  receive: (_bytes, start, end) => end - start,
  receiveEnd() {},
  drained() {},
  tick() {},
  shutdown() {},
  close() {},
};
