import type { Lease } from '@ringbearer/io-uring-buffer';
import type { FixedFd } from '@ringbearer/io-uring-fd';
import { Carry } from '../carry.js';
import { HIGH_WATER_BYTES } from '../transmit-queue.js';
import { type Ender, Ending } from './ending.js';
import type { Gathered, GatheredHome } from './gathered.js';
import {
  GATHERED_BYTES_MAX,
  GATHERED_BYTES_MIN,
  type Gatherer,
  Gathering,
  NOBODY,
} from './gathering.js';
import { Outgoing, type Sender } from './outgoing.js';
import { FirstReceive, Receive, type Receiver } from './receive.js';
import type { TransmitPool } from './transmit-pool.js';
import type { ZeroCopy } from './zero-copy.js';

/** Unused things of one kind that are kept. More than this are in use at once only in a burst. */
const SPARE_MAX = 1024;
/**
 * Gatherings there may be: 64 MiB, of which the pages count that were written. More long messages at once than these are received as short ones are, so peers
 * that begin one and stall cost this much and no more.
 */
export const GATHERINGS_MAX = 64;
/** As long as no more connections than this send at once, a writer may be further ahead of its peer: */
const FEW_SENDERS = 128;
/** so many bytes, which make four times fewer sends of a stream. All of them together hold 64 MiB at most. */
export const GENEROUS_HIGH_WATER_BYTES = 256 * 1024;
/** Carries keep up to 4 KiB of memory each. */
const SPARE_CARRIES_MAX = 64;

/**
 * What connections work with: borrowed when there is work, given back when there is none. So serving a request allocates nothing, what is in use stays in
 * the processor's cache, and an idle connection costs little more than its receive.
 *
 * Connections themselves are never used again: a protocol that kept its Left for too long writes to nobody instead of to the next peer.
 */
export class Equipment implements GatheredHome {
  readonly #group: number;
  readonly #turnBytes: number | undefined;
  readonly #pool: TransmitPool;
  readonly #zeroCopy: ZeroCopy;
  readonly #receives: Receive[] = [];
  readonly #firsts: FirstReceive[] = [];
  readonly #outgoing: Outgoing[] = [];
  readonly #endings: Ending[] = [];
  readonly #carries: Carry[] = [];
  readonly #gatherings: Gathering[] = [];
  /** Nobody holds them, and operations of another ring have them. */
  #detained: Gathered[] = [];
  /** Nobody was connected when it was looked last. */
  #resting = false;
  readonly #allocate: (bytes: number) => Lease;
  #gatheringsMade = 0;
  #sending = 0;

  /**
   * @param group buffer group to receive into
   * @param allocate memory that the kernel may write to
   * @param turn bytes of one receive; undefined: without bound
   */
  constructor(
    group: number,
    pool: TransmitPool,
    allocate: (bytes: number) => Lease,
    turn: number | undefined,
    zeroCopy: ZeroCopy,
  ) {
    this.#zeroCopy = zeroCopy;
    this.#group = group;
    this.#turnBytes = turn;
    this.#pool = pool;
    this.#allocate = allocate;
  }

  firstReceive(socket: FixedFd, receiver: Receiver): FirstReceive {
    const first = this.#firsts.pop();
    if (first === undefined) return new FirstReceive(socket, this.#group, receiver);
    first.setSocket(socket);
    first.receiver = receiver;
    return first;
  }

  receive(socket: FixedFd, receiver: Receiver): Receive {
    const receive = this.#receives.pop();
    if (receive === undefined) return new Receive(socket, this.#group, receiver, this.#turnBytes);
    receive.set(socket);
    receive.receiver = receiver;
    return receive;
  }

  /** Bytes queued of one connection from which its writer is told to hold back. */
  get highWaterBytes(): number {
    return this.#sending <= FEW_SENDERS ? GENEROUS_HIGH_WATER_BYTES : HIGH_WATER_BYTES;
  }

  outgoing(socket: FixedFd, sender: Sender): Outgoing {
    this.#sending++;
    const outgoing = this.#outgoing.pop();
    if (outgoing === undefined) return new Outgoing(this.#pool, this.#zeroCopy, socket, sender);
    outgoing.open(socket, sender);
    return outgoing;
  }

  ending(socket: FixedFd, ender: Ender): Ending {
    const ending = this.#endings.pop();
    if (ending === undefined) return new Ending(socket, ender);
    ending.open(socket, ender);
    return ending;
  }

  carry(): Carry {
    return this.#carries.pop() ?? new Carry();
  }

  /** Memory for `length` bytes, or as many as there is room for; null when there is none, or they are too few. */
  gathering(socket: FixedFd, gatherer: Gatherer, length: number): Gathering | null {
    // A receive in flight that nothing bounds would bring more than fits.
    if (this.#turnBytes === undefined || length < GATHERED_BYTES_MIN) return null;
    this.#resting = false;
    this.#askDetained();
    let gathering = this.#gatherings.pop();
    if (gathering === undefined) {
      if (this.#gatheringsMade === GATHERINGS_MAX) return null;
      this.#gatheringsMade++;
      gathering = new Gathering(this.#allocate(GATHERED_BYTES_MAX));
    }
    gathering.open(socket, gatherer, Math.min(length, GATHERED_BYTES_MAX));
    return gathering;
  }

  /** Gatherings that connections have, and those that bodies are held in. */
  get gatheringsInUse(): number {
    return this.#gatheringsMade - this.#gatherings.length;
  }

  giveGathering(gathering: Gathering): void {
    gathering.gatherer = NOBODY;
    this.#gatherings.push(gathering);
    if (this.#resting) this.rest();
  }

  detain(gathered: Gathered): void {
    this.#detained.push(gathered);
  }

  #askDetained(): void {
    if (this.#detained.length === 0) return;
    this.#detained = this.#detained.filter((gathered) => !gathered.freed());
  }

  /** Nobody is connected: memory of long messages goes back to the bearer, whose count of buffers says then that none is lost. */
  rest(): void {
    this.#resting = false;
    this.#askDetained();
    this.#resting = true;
    for (const gathering of this.#gatherings.splice(0)) {
      gathering.giveBack();
      this.#gatheringsMade--;
    }
  }

  giveReceive(receive: Receive | FirstReceive): void {
    receive.receiver = NO_RECEIVER;
    if (receive instanceof FirstReceive) {
      if (this.#firsts.length < SPARE_MAX) this.#firsts.push(receive);
    } else if (this.#receives.length < SPARE_MAX) this.#receives.push(receive);
  }

  giveOutgoing(outgoing: Outgoing): void {
    this.#sending--;
    outgoing.clear();
    if (this.#outgoing.length < SPARE_MAX) this.#outgoing.push(outgoing);
  }

  giveEnding(ending: Ending): void {
    if (this.#endings.length < SPARE_MAX) this.#endings.push(ending);
  }

  giveCarry(carry: Carry): void {
    carry.clear();
    if (this.#carries.length < SPARE_CARRIES_MAX) this.#carries.push(carry);
  }
}

const NO_RECEIVER: Receiver = { onReceive() {} };
