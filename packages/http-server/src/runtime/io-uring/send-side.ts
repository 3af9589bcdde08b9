import type { FixedFd } from '@ringbearer/io-uring-fd';
import type { Clock } from '../../sans-io/clock.js';
import type { CloseReason, Orbit } from '../../sans-io/orbit.js';
import { BytesChangedError, warnBytesChanged } from '../bytes-changed.js';
import { NO_ORBIT } from '../no-orbit.js';
import { LOW_WATER_BYTES } from '../transmit-queue.js';
import { TransmitSide } from '../transmit-side.js';
import { OpenRoute } from './open-route.js';
import type { Outgoing, Sender } from './outgoing.js';
import type { IoUringRuntime } from './runtime.js';

/**
 * open → ending (FIN once all is sent) → lingering (waiting for the peer's FIN) → gone (waiting for the last completions) → free.
 * aborting: the orbit gave up; its Left calls it back only after its own call returned, so the end of the batch does the rest.
 */
export type State = 'open' | 'ending' | 'lingering' | 'aborting' | 'gone' | 'free';

/** The half of a connection that sends what its orbit wrote: one send in flight, of all that waits. */
export abstract class SendSide extends TransmitSide<Outgoing> implements Sender {
  /** In the runtime's list of connections to flush. */
  dirty = false;

  readonly clock: Clock;
  protected readonly runtime: IoUringRuntime;
  protected readonly socket: FixedFd;
  protected orbit: Orbit = NO_ORBIT;
  protected state: State = 'open';
  /** The way to the peer; null: bytes are copied, undefined: nobody looked. */
  route: OpenRoute | null | undefined;

  constructor(runtime: IoUringRuntime, socket: FixedFd) {
    super();
    this.runtime = runtime;
    this.clock = runtime.clock;
    this.socket = socket;
  }

  /** End of the batch. */
  abstract flush(): void;
  /** The peer takes nothing, or acknowledges nothing, for the write timeout. */
  protected abstract late(): void;
  /** The connection is over. */
  protected abstract leave(reason: CloseReason): void;
  /** Closes the socket once none of its operations is in flight. */
  protected abstract release(): void;

  protected touch(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.runtime.flushLater(this);
  }

  protected get highWaterBytes(): number {
    return this.runtime.equipment.highWaterBytes;
  }

  protected borrow(): Outgoing {
    const { discarded, equipment } = this.runtime;
    // What a protocol still writes once its connection is over goes nowhere.
    if (this.state === 'free') {
      this.lost = true;
      this.outgoing = discarded;
    } else this.outgoing = equipment.outgoing(this.socket, this);
    return this.outgoing;
  }

  protected giveOutgoing(outgoing: Outgoing): void {
    this.outgoing = null;
    this.runtime.equipment.giveOutgoing(outgoing);
  }

  /** Sends what was written. False when there is nothing left to send: all of it is with the kernel. */
  protected flushOutgoing(): boolean {
    const { outgoing } = this;
    if (outgoing === null) return false;
    if (outgoing.busy) return true;
    try {
      if (outgoing.next()) {
        this.#push(outgoing);
        return true;
      }
    } catch (error) {
      this.#cannotSend(outgoing, error);
      return true;
    }
    if (outgoing.held === 0) this.giveOutgoing(outgoing);
    return false;
  }

  /** What waits is never sent. */
  protected dropOutgoing(): void {
    const { outgoing } = this;
    if (outgoing === null) return;
    if (outgoing.unsent) this.lost = true;
    outgoing.queue.clear();
  }

  /** The coarse timer: a peer that takes nothing, or acknowledges nothing, is late. */
  protected tickSends(now: number): void {
    const { outgoing } = this;
    if (outgoing === null) return;
    if (outgoing.busy && now >= outgoing.deadline && this.state !== 'gone') this.late();
    else if (outgoing.held > 0 && now >= outgoing.heldDeadline) this.#askProgress(outgoing);
  }

  #push(outgoing: Outgoing): void {
    outgoing.deadline = this.clock.now + this.runtime.writeTimeoutMs;
    // Of the first memory that is held from here on: what it says is another connection's, or long ago.
    if (outgoing.held === 0) outgoing.heldDeadline = outgoing.deadline;
    this.runtime.push(outgoing.operation);
  }

  onSend(res: number): void {
    const outgoing = this.outgoing!;
    if (res > 0) {
      this.runtime.bytesSent += res;
      if (this.route) this.route.sentBytes += res;
    }
    if (this.state === 'gone') {
      outgoing.drop();
      this.release();
      return;
    }
    if (res < 0) {
      this.lost = true;
      outgoing.drop();
      this.leave('peer-reset');
      return;
    }
    try {
      if (outgoing.sent(res)) {
        this.#push(outgoing);
        return;
      }
    } catch (error) {
      this.#cannotSend(outgoing, error);
      return;
    }
    if (this.wasBlocked && outgoing.queue.bytes <= LOW_WATER_BYTES && this.state === 'open') {
      this.wasBlocked = false;
      this.orbit.drained();
    }
    if (outgoing.queue.bytes > 0 || this.state === 'ending') this.touch();
    else if (!this.dirty && outgoing.held === 0) this.giveOutgoing(outgoing);
  }

  /** What is to be sent cannot be: it goes back, so that nobody inherits it, and the connection ends. */
  #cannotSend(outgoing: Outgoing, error: unknown): void {
    this.lost = true;
    outgoing.drop();
    this.leave('aborted');
    if (!(error instanceof BytesChangedError)) throw error;
    warnBytesChanged(error);
  }

  // ---- zero copy

  findRoute(): OpenRoute | null {
    this.route = this.runtime.leaves(this.socket) ? new OpenRoute(this.socket) : null;
    return this.route;
  }

  onReleased(outgoing: Outgoing, copied: boolean | null, changed: boolean): void {
    if (copied !== null) this.route!.noticed(copied);
    outgoing.heldDeadline = this.clock.now + this.runtime.writeTimeoutMs;
    if (!this.lost) outgoing.tellReleased();
    if (changed && this.state !== 'gone' && this.state !== 'free') {
      this.lost = true;
      this.leave('aborted');
      warnBytesChanged(new BytesChangedError());
    }
    if (outgoing.held > 0) return;
    if (this.state === 'free') this.giveOutgoing(outgoing);
    else if (this.state === 'gone') this.release();
    else if (!outgoing.unsent && !this.dirty) this.giveOutgoing(outgoing);
  }

  /** No memory was let go for the write timeout. */
  #askProgress(outgoing: Outgoing): void {
    const asking = this.route!.asking((progress) => {
      if (this.outgoing !== outgoing || outgoing.held === 0 || this.state === 'free') return;
      if (progress) outgoing.heldDeadline = this.clock.now + this.runtime.writeTimeoutMs;
      else this.late();
    });
    if (asking !== null) this.runtime.push(asking);
  }
}
