import type { FixedFd } from '@ringbearer/io-uring-fd';
import { type Cqe, Errno } from '@ringbearer/io-uring-opcode';
import type { HeldBytes } from '../../sans-io/held-bytes.js';
import type { Left, PeerAddress } from '../../sans-io/left.js';
import type { CloseReason } from '../../sans-io/orbit.js';
import { Carry, type Kept } from '../carry.js';
import { Linger } from '../linger.js';
import { NO_ORBIT } from '../no-orbit.js';
import type { Ender, Ending } from './ending.js';
import type { Gatherer, Gathering } from './gathering.js';
import type { OpenRoute } from './open-route.js';
import { FirstReceive, type Receive, type Receiver } from './receive.js';
import type { IoUringRuntime } from './runtime.js';
import { SendSide } from './send-side.js';

const ENOBUFS = -Errno.ENOBUFS;
const ECANCELED = -Errno.ECANCELED;

/**
 * What a peer may have sent that nobody took before receiving is stopped: a head with the beginning of its body, or some pipelined requests. Less is
 * not worth the two operations that stopping and going on cost.
 */
const UNTAKEN_BYTES_MAX = 4096;

/**
 * A reply of so many bytes leaves at once: it fits in what TCP sends on a new connection before it hears of the peer (ten segments, RFC 6928). A reset that the
 * peer calls for by what it sends after its last word comes behind it.
 */
const PROMPT_BYTES_MAX = 14_000;

/**
 * One accepted socket: the outermost Left. What it works with is borrowed from the runtime's {@link Equipment} while there is work.
 */
export class Connection extends SendSide implements Left, Receiver, Gatherer, Ender {
  deadline = 0;
  /** Index in the runtime's list of live connections. */
  index = -1;

  #receive: Receive | FirstReceive;
  /** Bytes kept; null: none. The {@link #gathering}, once that has begun. */
  #carry: Kept | null = null;
  /** Where a long message is received to; null: nowhere. */
  #gathering: Gathering | null = null;
  #ending: Ending | null = null;
  #linger: Linger | null = null;
  #paused = false;
  #presenting = false;
  /** The connection is over, and its end waits for the peer. */
  #patient = false;
  #receiving = false;
  #receiveEnded = false;
  #endDelivered = false;
  #stoppedReceiving = false;
  /** The peer has said its last. */
  #allSaid = false;
  #peer: PeerAddress | null | undefined;

  constructor(runtime: IoUringRuntime, socket: FixedFd) {
    super(runtime, socket);
    this.#receive = runtime.equipment.firstReceive(socket, this);
  }

  /** Builds the pipeline and starts to receive. */
  open(): void {
    this.orbit = this.runtime.instantiate(this);
    this.#listen();
  }

  // ---- Left

  end(allSaid = false): void {
    if (this.state !== 'open') return;
    this.state = 'ending';
    this.#allSaid = allSaid && (this.outgoing?.unsentBytes ?? 0) <= PROMPT_BYTES_MAX;
    this.touch();
  }
  abort(reset = false): void {
    if (this.state === 'free') return;
    if (reset) this.#endingOperations().resets = true;
    if (this.state === 'gone') return;
    this.state = 'aborting';
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
  gather(length: number): number {
    const gathering = this.#gathering;
    if (length === 0) {
      if (gathering !== null) {
        gathering.needed = 0;
        this.touch();
      }
      return 0;
    }
    if (gathering !== null || !this.#presenting || this.state !== 'open') return 0;
    this.#gathering = this.runtime.equipment.gathering(this.socket, this, length);
    if (this.#gathering === null) return 0;
    // What is kept already is looked at right now: it moves when the orbit has returned.
    this.#carry ??= this.#gathering;
    return this.#gathering.needed;
  }
  hold(bytes: Uint8Array, start: number, end: number): HeldBytes | null {
    const gathering = this.#presenting ? this.#gathering : null;
    if (gathering === null || this.#carry !== gathering) return null;
    const taken = gathering.hold(this.runtime.equipment, bytes, start, end);
    if (taken !== null) this.#carry = this.#gathering = null;
    return taken;
  }
  peer(): PeerAddress | null {
    // Asked for once, whatever came of it: connections are counted by it.
    if (this.#peer === undefined)
      this.#peer = this.state === 'open' ? this.runtime.peerOf(this.socket) : null;
    return this.#peer;
  }

  // ---- Runtime

  /** The server is closing. */
  shutdown(gently: boolean): void {
    if (this.state === 'open') this.orbit.shutdown(gently);
  }

  /** Closes now, whatever is under way. FIN would say that what was not sent yet was never to come, and would leave the kernel with it. */
  kill(reason: CloseReason): void {
    this.#patient = false;
    if (this.outgoing !== null && this.state !== 'free') this.#endingOperations().resets = true;
    if (this.state === 'gone') this.release();
    else this.leave(reason);
  }

  /** The coarse timer: everything with a deadline. */
  tick(now: number): void {
    if (this.deadline !== 0 && now >= this.deadline && this.state === 'open') {
      this.deadline = 0;
      this.orbit.tick(now);
    }
    this.tickSends(now);
    if (this.state === 'lingering' && this.#linger!.isOver(now)) this.leave('ended');
  }

  /** End of the batch: presents what waited for `resume`, then sends what was written. */
  flush(): void {
    if (this.state === 'gone' || this.state === 'free') {
      this.dropOutgoing();
      return;
    }
    if (this.state === 'aborting') {
      this.leave('aborted');
      return;
    }
    const waiting = this.#carry !== null || this.#receiveEnded || this.#stoppedReceiving;
    if (waiting && !this.#paused && this.state === 'open') this.#present();
    if (!this.flushOutgoing() && this.state === 'ending') this.#finish();
  }

  // ---- receiving

  #listen(): void {
    this.#receiving = true;
    this.#stoppedReceiving = false;
    const gathering = this.#gathering;
    if (gathering?.wants) {
      gathering.aim();
      this.runtime.push(gathering);
    } else this.runtime.push(this.#receive);
  }

  /** The first receive is over: from here on one is in flight all the time. */
  #receiveOn(): void {
    const { equipment } = this.runtime;
    equipment.giveReceive(this.#receive);
    this.#receive = equipment.receive(this.socket, this);
  }

  onReceive(cqe: Cqe): void {
    const { res } = cqe;
    if (res > 0) {
      this.runtime.bytesReceived += res;
      const bid = cqe.bufferId;
      const ring = this.runtime.receive;
      try {
        if (this.state === 'open') this.#take(ring.unsafe.bytes, ring.unsafe.offset(bid), res);
        else if (this.state === 'lingering') this.#drop(res);
      } finally {
        ring.recycle(bid);
      }
      // It did not keep its word: closing over unread bytes would cost it our last ones.
      if (this.#allSaid && cqe.socketNonEmpty) this.#allSaid = false;
      if (cqe.more) return;
    } else if (cqe.more) return;
    this.#receiving = false;
    if (this.state === 'gone') {
      this.release();
    } else if (res > 0) {
      if (this.#allSaid) return; // closed once all is sent
      if (this.#receive instanceof FirstReceive) this.#receiveOn();
      else if (this.#paused && this.#carry !== null) this.#stoppedReceiving = true;
      if (this.#stoppedReceiving) this.#stopped();
      else this.#listen();
    } else if (res === 0) {
      this.#receivedEnd();
    } else if (res === ENOBUFS) {
      this.runtime.receiveLater(this);
    } else if (res === ECANCELED && this.#stoppedReceiving) {
      this.#stopped();
    } else {
      this.leave('peer-reset');
    }
  }

  /** As {@link onReceive}, of what was received into the memory that it is kept in. */
  onGathered(cqe: Cqe): void {
    const gathering = this.#gathering!;
    const { res } = cqe;
    this.#receiving = false;
    gathering.arrived(Math.max(res, 0));
    if (this.#carry !== gathering) this.#giveGathering(gathering); // nobody wants it any more
    if (this.state === 'gone') {
      this.release();
    } else if (res > 0) {
      this.runtime.bytesReceived += res;
      this.#stoppedReceiving = true;
      if (this.state === 'open') this.#present();
      else if (this.state === 'lingering') this.#drop(res);
      if (this.#stoppedReceiving) this.#stopped();
    } else if (res === 0) this.#receivedEnd();
    else this.leave('peer-reset');
  }

  #receivedEnd(): void {
    this.#receiveEnded = true;
    if (this.state === 'lingering') this.leave('ended');
    else if (this.state === 'open') this.#present();
  }

  /** Receiving was stopped for an orbit that had enough, which may want more by now. */
  #stopped(): void {
    // Once the orbit has ended, the rest is read and dropped: closing over unread bytes would cost the peer our last ones.
    if (this.state === 'ending' || this.state === 'lingering') this.#listen();
    else if (!this.#paused) this.touch();
  }

  /** The group has buffers again. */
  receiveAgain(): void {
    if (!this.#receiving && this.state !== 'gone' && this.state !== 'free') this.#listen();
  }

  /** The orbit has ended: nobody takes them. */
  #drop(length: number): void {
    this.#linger!.received(length, this.clock.now, this.runtime.lingerTimeoutMs(this));
  }

  #take(bytes: Uint8Array, start: number, length: number): void {
    const end = start + length;
    if (this.#paused || this.#carry !== null) {
      this.#keep(bytes, start, end);
      if (!this.#paused) this.#present();
      else this.#stopReceiving();
      return;
    }
    const consumed = this.#offer(bytes, start, end);
    if (consumed === length || this.state !== 'open') return;
    this.#keep(bytes, start + consumed, end);
    if (this.#paused && length - consumed > UNTAKEN_BYTES_MAX) this.#stopReceiving();
  }

  /** Nobody takes what comes. */
  #stopReceiving(): void {
    if (this.#stoppedReceiving || !this.#receiving) return;
    this.#stoppedReceiving = true;
    this.runtime.cancel(this.#receive);
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    const gathering = this.#gathering;
    if (gathering !== null && this.#carry === gathering && gathering.room < end - start) {
      this.#endGathering(gathering);
    }
    this.#carry ??= this.runtime.equipment.carry();
    this.#carry.append(bytes, start, end);
  }

  #dropCarry(): void {
    const carry = this.#carry;
    this.#carry = null;
    // While the orbit looks at it, nobody else may have it.
    if (this.#presenting) return;
    if (carry instanceof Carry) this.runtime.equipment.giveCarry(carry);
    else if (this.#gathering !== null) this.#giveGathering(this.#gathering);
  }

  /** The orbit has what it waited for, or gave up on it. What is left over is kept as anything else is. */
  #endGathering(gathering: Gathering): void {
    gathering.needed = 0;
    if (gathering.inFlight) return;
    const { bytes, start, length } = gathering;
    this.#carry = length === 0 ? null : this.runtime.equipment.carry();
    this.#carry?.append(bytes, start, start + length);
    this.#giveGathering(gathering);
  }

  /** While the kernel writes to it, or the orbit looks at it, nobody else may have it: its completion or {@link #offer} comes here again. */
  #giveGathering(gathering: Gathering): void {
    if (gathering.inFlight || this.#presenting) return;
    this.#gathering = null;
    this.runtime.equipment.giveGathering(gathering);
  }

  /** An orbit that throws has a bug: its connection ends, and the process hears of it. */
  #offer(bytes: Uint8Array, start: number, end: number): number {
    this.#presenting = true;
    try {
      return this.orbit.receive(bytes, start, end);
    } catch (error) {
      this.abort();
      throw error;
    } finally {
      this.#presenting = false;
      if (this.state === 'gone' && this.#gathering !== null) this.#giveGathering(this.#gathering);
    }
  }

  /** Presents what was kept, then the end of the stream. */
  #present(): void {
    if (this.#presenting) return;
    // The orbit may take a part, pause and resume in one call: what is left is presented until it takes no more. It may also leave.
    for (let carry = this.#carry; carry !== null; carry = this.#carry) {
      if (this.#paused || this.state !== 'open') break;
      const consumed = this.#offer(carry.bytes, carry.start, carry.start + carry.length);
      if (this.#carry !== carry) break;
      if (consumed > 0) carry.consume(consumed);
      const gathering = this.#gathering;
      if (gathering !== null) {
        if (carry !== gathering) {
          gathering.append(carry.bytes, carry.start, carry.start + carry.length);
          this.#dropCarry();
          this.#carry = gathering;
        } else if (!gathering.wants || consumed > 0) this.#endGathering(gathering);
      } else if (carry.length === 0) this.#dropCarry();
      if (consumed === 0 || (this.#carry === gathering && gathering !== null)) break;
    }
    if (this.#paused || this.state !== 'open') return;
    if (this.#receiveEnded) {
      if (!this.#endDelivered) {
        this.#endDelivered = true;
        this.orbit.receiveEnd();
      }
    } else if (!this.#receiving && this.#stoppedReceiving) this.#listen();
  }

  // ---- ending

  /** Everything is sent: FIN, unless the peer's FIN is here and closing says it all. */
  #finish(): void {
    this.deadline = 0;
    if (this.#receiveEnded || (this.#allSaid && this.#carry === null)) {
      this.leave('ended');
      return;
    }
    this.state = 'lingering';
    // What it sends although it had said its last is read like any other's, to its FIN.
    this.#allSaid = false;
    this.#linger = new Linger(this.clock.now, this.runtime.lingerTimeoutMs(this));
    this.runtime.push(this.#endingOperations().shutdown);
    this.#dropCarry();
    if (!this.#receiving) this.#listen();
  }

  onShutdown(): void {
    if (this.state === 'gone') this.release();
  }

  /** The connection is over: tells the orbit, cancels what is in flight, and closes once that has completed. */
  protected leave(reason: CloseReason): void {
    if (this.state === 'gone' || this.state === 'free') return;
    const told = this.state === 'lingering' ? 'ended' : reason;
    this.state = 'gone';
    this.#patient = reason === 'ended';
    this.deadline = 0;
    this.#dropCarry();
    this.dropOutgoing();
    if (this.#receiving) {
      this.runtime.cancel(this.#gathering?.inFlight ? this.#gathering : this.#receive);
    }
    if (this.outgoing?.busy) this.runtime.cancel(this.outgoing.operation);
    const orbit = this.orbit;
    this.orbit = NO_ORBIT;
    try {
      orbit.close(told);
    } finally {
      this.release();
    }
  }

  /** Closes the socket once none of its operations is in flight. */
  protected release(): void {
    if (this.#receive.inFlight || this.#gathering?.inFlight) return;
    if (this.outgoing?.sending) return;
    const ending = this.#endingOperations();
    if (!ending.quiet) return;
    if (this.route && !this.#mayClose(this.route, ending)) return;
    this.runtime.push(ending.next(this.socket));
  }

  /** Who ends in peace waits until the peer has acknowledged what lies in memory of ours; else closing resets, which lets go of it. */
  #mayClose(route: OpenRoute, ending: Ending): boolean {
    if (route.changing) return false;
    if (!route.armed) return true;
    if (this.outgoing === null || this.outgoing.held === 0) {
      this.runtime.push(route.disarming(() => this.release()));
      return false;
    }
    if (!this.#patient || ending.resets) {
      this.lost = true;
      return true;
    }
    if (this.#linger === null && !route.finished) {
      route.finished = true;
      this.runtime.push(ending.shutdown);
    }
    return false;
  }

  protected late(): void {
    this.runtime.observer?.writeTimedOut(this.peer());
    this.kill('aborted');
  }

  #endingOperations(): Ending {
    this.#ending ??= this.runtime.equipment.ending(this.socket, this);
    return this.#ending;
  }

  onClose(): void {
    this.state = 'free';
    const { equipment } = this.runtime;
    equipment.giveReceive(this.#receive);
    equipment.giveEnding(this.#ending!);
    // What was reset lets go of its memory in a moment.
    if (this.outgoing !== null && this.outgoing.held === 0) this.giveOutgoing(this.outgoing);
    this.runtime.closed(this);
  }
}
