import type { Socket } from 'node:net';
import type { Clock } from '../../sans-io/clock.js';
import type { Left, PeerAddress } from '../../sans-io/left.js';
import type { CloseReason, Orbit } from '../../sans-io/orbit.js';
import { BytesChangedError, warnBytesChanged } from '../bytes-changed.js';
import { Carry } from '../carry.js';
import { Linger } from '../linger.js';
import { NO_ORBIT } from '../no-orbit.js';
import { HIGH_WATER_BYTES, LOW_WATER_BYTES } from '../transmit-queue.js';
import { TransmitSide } from '../transmit-side.js';
import { Outgoing } from './outgoing.js';
import type { NodeRuntime } from './runtime.js';

/** Writes that complete at once follow each other this often before other connections have their turn. */
const WRITES_IN_A_ROW = 16;

/**
 * open → ending (FIN once all is sent) → lingering (waiting for the peer's FIN) → gone (the socket closes) → free.
 * aborting: the orbit gave up; its Left calls it back only after its own call returned, so the end of the batch does the rest.
 */
type State = 'open' | 'ending' | 'lingering' | 'aborting' | 'gone' | 'free';

/** One accepted socket of node:net: the outermost Left. It means the same as the io_uring runtime's, and is built like it. */
export class Connection extends TransmitSide<Outgoing> implements Left {
  deadline = 0;
  /** Index in the runtime's list of live connections. */
  index = -1;
  /** In the runtime's list of connections to flush. */
  dirty = false;

  readonly clock: Clock;
  readonly #runtime: NodeRuntime;
  readonly #socket: Socket;
  /** Bytes kept; null: none. */
  #carry: Carry | null = null;
  #orbit: Orbit = NO_ORBIT;
  #state: State = 'open';
  #linger: Linger | null = null;
  /** The connection ends by a reset. */
  #resets = false;
  #paused = false;
  #presenting = false;
  #receiveEnded = false;
  #endDelivered = false;
  #stoppedReceiving = false;
  #writesInARow = 0;
  #peer: PeerAddress | null | undefined;

  constructor(runtime: NodeRuntime, socket: Socket) {
    super();
    this.#runtime = runtime;
    this.clock = runtime.clock;
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => runtime.batch(this, this.#onData, bytes));
    socket.on('end', () => runtime.batch(this, this.#onEnd));
    socket.on('error', () => runtime.batch(this, this.#onError));
    socket.on('close', () => runtime.batch(this, this.#onClose));
  }

  /** Builds the pipeline and starts to receive. The socket was paused until now. */
  open(): void {
    this.#orbit = this.#runtime.instantiate(this);
    this.#socket.resume();
  }

  /** Whether it keeps the process alive. */
  reference(wanted: boolean): void {
    if (wanted) this.#socket.ref();
    else this.#socket.unref();
  }

  // ---- Left

  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.touch();
  }
  abort(reset = false): void {
    if (reset) this.#resets = true;
    if (this.#state === 'gone' || this.#state === 'free') return;
    this.#state = 'aborting';
    this.touch();
  }
  pause(): void {
    this.#paused = true;
  }
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.touch();
  }
  hold(): null {
    return null;
  }
  gather(): number {
    return 0; // libuv brings 64 KiB at a time, in memory of its own
  }
  peer(): PeerAddress | null {
    // Asked for once, whatever came of it: connections are counted by it.
    if (this.#peer === undefined) this.#peer = this.#state === 'open' ? peerOf(this.#socket) : null;
    return this.#peer;
  }

  // ---- Runtime

  /** The server is closing. */
  shutdown(gently: boolean): void {
    if (this.#state === 'open') this.#orbit.shutdown(gently);
  }

  /** Closes now, whatever is under way. FIN would say that what was not sent yet was never to come, and would leave the kernel with it. */
  kill(reason: CloseReason): void {
    if (this.outgoing !== null) this.#resets = true;
    this.#leave(reason);
  }

  /** The coarse timer: everything with a deadline. */
  tick(now: number): void {
    if (this.deadline !== 0 && now >= this.deadline && this.#state === 'open') {
      this.deadline = 0;
      this.#orbit.tick(now);
    }
    const outgoing = this.outgoing;
    if (outgoing?.busy && now >= outgoing.deadline && this.#state !== 'gone') {
      this.#runtime.observer?.writeTimedOut(this.peer());
      this.kill('aborted');
    }
    if (this.#state === 'lingering' && this.#linger!.isOver(now)) this.#leave('ended');
  }

  /** End of the batch: presents what waited for `resume`, then sends what was written. */
  flush(): void {
    if (this.#state === 'gone' || this.#state === 'free') {
      this.#dropOutgoing();
      return;
    }
    if (this.#state === 'aborting') {
      this.#leave('aborted');
      return;
    }
    const waiting = this.#carry !== null || this.#receiveEnded || this.#stoppedReceiving;
    if (waiting && !this.#paused && this.#state === 'open') this.#present();
    // Once the orbit has ended, the rest is read and dropped: closing over unread bytes would cost the peer our last ones.
    if (this.#state === 'ending') this.#receiveOn();
    const outgoing = this.outgoing;
    if (outgoing !== null) {
      if (outgoing.busy) return;
      try {
        if (outgoing.next()) {
          this.#push(outgoing);
          return;
        }
      } catch (error) {
        this.#cannotSend(error);
        return;
      }
      this.outgoing = null;
    }
    if (this.#state === 'ending') this.#finish();
  }

  // ---- receiving

  #onData(bytes: Buffer): void {
    this.#runtime.bytesReceived += bytes.length;
    if (this.#state === 'open') this.#take(bytes);
    else if (this.#state === 'lingering') this.#drop(bytes.length);
  }

  #onEnd(): void {
    this.#receiveEnded = true;
    if (this.#state === 'lingering') this.#leave('ended');
    else if (this.#state === 'open') this.#present();
  }

  #onError(): void {
    this.#leave('peer-reset');
  }

  /** The orbit has ended: nobody takes them. */
  #drop(length: number): void {
    this.#linger!.received(length, this.clock.now, this.#runtime.lingerTimeoutMs(this));
  }

  #take(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#paused || this.#carry !== null) {
      this.#keep(bytes, 0);
      if (!this.#paused) this.#present();
      else if (!this.#stoppedReceiving) {
        this.#stoppedReceiving = true;
        this.#socket.pause();
      }
      return;
    }
    const consumed = this.#offer(bytes, 0, length);
    if (consumed < length && this.#state === 'open') this.#keep(bytes, consumed);
  }

  #keep(bytes: Uint8Array, start: number): void {
    this.#carry ??= new Carry();
    this.#carry.append(bytes, start, bytes.length);
  }

  #receiveOn(): void {
    if (!this.#stoppedReceiving) return;
    this.#stoppedReceiving = false;
    this.#socket.resume();
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
    // The orbit may take a part, pause and resume in one call: what is left is presented until it takes no more. It may also leave.
    for (let carry = this.#carry; carry !== null; carry = this.#carry) {
      if (this.#paused || this.#state !== 'open') break;
      const consumed = this.#offer(carry.bytes, carry.start, carry.start + carry.length);
      if (consumed === 0 || this.#carry !== carry) break;
      carry.consume(consumed);
      if (carry.length === 0) this.#carry = null;
    }
    if (this.#paused || this.#state !== 'open') return;
    if (!this.#receiveEnded) this.#receiveOn();
    else if (!this.#endDelivered) {
      this.#endDelivered = true;
      this.#orbit.receiveEnd();
    }
  }

  // ---- sending

  protected touch(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.#runtime.flushLater(this);
  }

  protected get highWaterBytes(): number {
    return HIGH_WATER_BYTES;
  }

  protected borrow(): Outgoing {
    // What a protocol still writes once its connection is over goes nowhere: flush drops it.
    this.outgoing = new Outgoing(this.#runtime.slots);
    return this.outgoing;
  }

  #push(outgoing: Outgoing): void {
    outgoing.deadline = this.clock.now + this.#runtime.writeTimeoutMs;
    outgoing.write(this.#socket, this.#sent);
  }

  readonly #sent = (error?: Error | null): void => {
    // What the kernel takes at once is reported before any other event is: a fast peer would have the loop for itself.
    if (++this.#writesInARow < WRITES_IN_A_ROW) this.#runtime.batch(this, this.#onSent, error);
    else setImmediate(() => this.#runtime.batch(this, this.#onSentAll, error));
  };

  #onSentAll(error?: Error | null): void {
    this.#writesInARow = 0;
    this.#onSent(error);
  }

  #onSent(error?: Error | null): void {
    const outgoing = this.outgoing;
    if (outgoing === null || this.#state === 'gone' || this.#state === 'free') return;
    if (error) {
      this.#leave('peer-reset');
      return;
    }
    this.#runtime.bytesSent += outgoing.pieceBytes;
    try {
      if (outgoing.written()) {
        this.#push(outgoing);
        return;
      }
    } catch (error) {
      this.#cannotSend(error);
      return;
    }
    if (this.wasBlocked && outgoing.queue.bytes <= LOW_WATER_BYTES && this.#state === 'open') {
      this.wasBlocked = false;
      this.#orbit.drained();
    }
    if (outgoing.queue.bytes > 0 || this.#state === 'ending') this.touch();
    else if (!this.dirty) this.outgoing = null;
  }

  /** What waits is never sent. Until the socket is closed, its memory may be read. */
  #dropOutgoing(): void {
    const { outgoing } = this;
    if (outgoing === null) return;
    this.outgoing = null;
    if (!outgoing.idle) this.lost = true;
    outgoing.drop();
    const { marks } = outgoing;
    if (this.#socket.closed) marks?.lose();
    else if (marks !== null) this.#socket.once('close', () => marks.lose());
  }

  /** What is to be sent cannot be: the connection ends. */
  #cannotSend(error: unknown): void {
    this.lost = true;
    this.#leave('aborted');
    if (!(error instanceof BytesChangedError)) throw error;
    warnBytesChanged(error);
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
    this.#linger = new Linger(this.clock.now, this.#runtime.lingerTimeoutMs(this));
    this.#carry = null;
    this.#socket.end();
    this.#receiveOn();
  }

  /** The connection is over: tells the orbit, and closes the socket. */
  #leave(reason: CloseReason): void {
    if (this.#state === 'gone' || this.#state === 'free') return;
    const told = this.#state === 'lingering' ? 'ended' : reason;
    this.#state = 'gone';
    this.deadline = 0;
    this.#carry = null;
    this.#dropOutgoing();
    const orbit = this.#orbit;
    this.#orbit = NO_ORBIT;
    try {
      orbit.close(told);
    } finally {
      if (this.#resets && told !== 'ended') resetInPlaceOfFin(this.#socket);
      this.#socket.destroy();
    }
  }

  #onClose(): void {
    try {
      this.#leave('peer-reset');
    } finally {
      this.#state = 'free';
      this.#runtime.closed(this);
    }
  }
}

/**
 * What `resetAndDestroy()` does, without the FIN that it sends first while anything may still be written. Where a Node.js knows nothing of this, the end is FIN.
 * Not for a Unix socket, which has no reset, nor after FIN, when libuv refuses it and the socket would stay.
 */
function resetInPlaceOfFin(socket: Socket): void {
  if (socket.remoteFamily !== undefined) Object.assign(socket, { resetAndClosing: true });
}

function peerOf(socket: Socket): PeerAddress | null {
  const { remoteFamily, remoteAddress: address, remotePort: port } = socket;
  if (address === undefined || port === undefined) {
    // A Unix socket has no such thing, and one that is gone no longer.
    return socket.localAddress === undefined && !socket.destroyed
      ? { family: 'Unix', path: '' }
      : null;
  }
  return { family: remoteFamily === 'IPv6' ? 'IPv6' : 'IPv4', address, port };
}
