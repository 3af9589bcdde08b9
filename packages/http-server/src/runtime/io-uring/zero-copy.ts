import { networkInterfaces } from 'node:os';
import { olderThan, type Probe } from '@ringbearer/io-uring-bearer';
import type { FixedFd } from '@ringbearer/io-uring-fd';
import { type Cqe, Errno, RecvSendFlag, SendZc } from '@ringbearer/io-uring-opcode';
import type { Clock } from '../../sans-io/clock.js';
import type { PeerAddress } from '../../sans-io/left.js';
import { lockedMemoryShare } from '../locked-memory.js';
import type { Outgoing } from './outgoing.js';

/**
 * Bytes from which a piece of caller memory is sent without a copy, unless the option says otherwise. Asking for the route, pinning pages and the second
 * completion cost 10 to 15 microseconds (`npm run bench:send`), which is what copying 64 KiB costs; below four times that there is nothing to gain that a
 * route which copies after all would not cost.
 */
const ZERO_COPY_BYTES = 256 * 1024;
/** Most bytes of one such send. All of them are locked until its notification, against RLIMIT_MEMLOCK where the process has no CAP_IPC_LOCK. */
export const ZERO_COPY_PIECE_BYTES = 1024 * 1024;
/** Sends of one connection that wait for their notification: the line is full with fewer. Past it bytes are copied. */
export const HELD_SENDS_MAX = 16;
/** The same of one ring: each takes a record. */
export const RING_HELD_SENDS_MAX = 1024;
/** Bytes of them in one ring, where RLIMIT_MEMLOCK allows as many. */
const RING_HELD_BYTES_MAX = 256 * 1024 * 1024;
/** Copied sends in a row, of whatever connections, after which the ring leaves off, */
const COPIED_IN_A_ROW_MAX = 8;
/** for so long: one send more then, and the same again if that is copied. */
const PAUSE_MS = 60_000;
/** Addresses of this machine may change. */
const OWN_ADDRESSES_MS = 60_000;
const SPARE_MAX = 64;

/** What tests do that a server must not. */
export interface ZeroCopyTrials {
  /** Routes within this machine count as any other. */
  readonly anyRoute?: boolean;
  /** It goes on although the kernel copied. */
  readonly ignoreCopied?: boolean;
}

/** Counters of one ring. */
export interface ZeroCopyCounts {
  /** Sends that asked for zero copy. */
  readonly zeroCopySends: number;
  /** Of those, the ones that the kernel copied after all. */
  readonly zeroCopyCopied: number;
  /** It is left off for a while, as the kernel copied several in a row. */
  readonly zeroCopyPaused: boolean;
}

/** Results of a zero-copy send that a plain one would not have. */
const REFUSALS: ReadonlySet<number> = new Set(
  [Errno.ENOMEM, Errno.ENOBUFS, Errno.EOPNOTSUPP, Errno.EINVAL].map((errno) => -errno),
);

/** Whether, and with what, the connections of one ring send without a copy. */
export class ZeroCopy {
  readonly #bytes: number;
  readonly #clock: Clock;
  readonly #trials: ZeroCopyTrials;
  readonly #lentBytesMax: number;
  readonly #spare: ZeroCopySend[] = [];
  #lent = 0;
  #lentBytes = 0;
  #sends = 0;
  #copied = 0;
  #copiedInARow = 0;
  #pausedUntil = 0;
  #ownAddresses: ReadonlySet<string> = new Set();
  #ownAddressesUntil = 0;

  /**
   * @param bytes from which a piece is sent so; Infinity: never
   * @param lentBytesMax bytes that the kernel may hold at once
   */
  constructor(bytes: number, lentBytesMax: number, clock: Clock, trials: ZeroCopyTrials = {}) {
    this.#lentBytesMax = lentBytesMax;
    this.#bytes = bytes;
    this.#clock = clock;
    this.#trials = trials;
  }

  /** Bytes from which a piece of caller memory is worth it, for now. */
  get bytes(): number {
    return this.#pausedUntil !== 0 && this.#paused ? Number.POSITIVE_INFINITY : this.#bytes;
  }

  /** Counters. Makes an object. */
  get counts(): ZeroCopyCounts {
    return {
      zeroCopySends: this.#sends,
      zeroCopyCopied: this.#copied,
      zeroCopyPaused: this.#paused,
    };
  }

  get #paused(): boolean {
    return this.#clock.now < this.#pausedUntil;
  }

  /** Whether the way to a peer leaves this machine: what does not is always copied. */
  leaves(peer: PeerAddress | null): boolean {
    if (peer === null || peer.family === 'Unix') return false;
    if (this.#trials.anyRoute === true) return true;
    const address = peer.address.startsWith(MAPPED)
      ? peer.address.slice(MAPPED.length)
      : peer.address;
    return !address.startsWith('127.') && !this.#own().has(address);
  }

  /** A send of so many bytes, where there is room for one more to be held. */
  take(socket: FixedFd, outgoing: Outgoing, bytes: number): ZeroCopySend | null {
    if (this.#lent === RING_HELD_SENDS_MAX || this.#lentBytes + bytes > this.#lentBytesMax) {
      return null;
    }
    this.#lent++;
    // The kernel locks all of them, however many it takes.
    this.#lentBytes += bytes;
    const send = this.#spare.pop() ?? new ZeroCopySend(socket);
    send.setSocket(socket);
    send.outgoing = outgoing;
    send.lentBytes = bytes;
    return send;
  }

  /** A send has its result. */
  sent(): void {
    this.#sends++;
  }

  /**
   * Its memory is let go.
   *
   * @param acknowledged and not dropped with its connection
   * @returns whether it was copied, as far as that says something about the way
   */
  released(send: ZeroCopySend, copied: boolean, acknowledged: boolean): boolean | null {
    const { sentBytes } = send;
    this.give(send);
    // What sent nothing counts as copied with the kernel.
    if (sentBytes === 0) return null;
    if (!copied) {
      if (acknowledged) this.#copiedInARow = 0;
      return acknowledged ? false : null;
    }
    this.#copied++;
    if (this.#trials.ignoreCopied === true) return null;
    if (++this.#copiedInARow >= COPIED_IN_A_ROW_MAX) {
      this.#copiedInARow = COPIED_IN_A_ROW_MAX - 1;
      this.#pausedUntil = this.#clock.now + PAUSE_MS;
    }
    return true;
  }

  /** It was not used, or is not any more. */
  give(send: ZeroCopySend): void {
    this.#lent--;
    this.#lentBytes -= send.lentBytes;
    send.forget();
    if (this.#spare.length < SPARE_MAX) this.#spare.push(send);
  }

  #own(): ReadonlySet<string> {
    const { now } = this.#clock;
    if (now >= this.#ownAddressesUntil) {
      this.#ownAddressesUntil = now + OWN_ADDRESSES_MS;
      this.#ownAddresses = ownAddresses();
    }
    return this.#ownAddresses;
  }
}

/**
 * One send of caller memory that the network card reads where it is. It completes twice: with the result, after which the next send may follow, and with the
 * notification that the peer has acknowledged everything and the memory is let go.
 */
export class ZeroCopySend extends SendZc {
  outgoing: Outgoing | null = null;
  /** Counts the sends of its connection. */
  number = 0;
  /** The memory it was given, to see that it stays. */
  bytes: Uint8Array = NOTHING;
  bytesLength = 0;
  /** The most it was to send. */
  lentBytes = 0;
  /** What the kernel took; negative: the result is not here yet. */
  sentBytes = -1;

  constructor(socket: FixedFd) {
    super({ socket, data: NOTHING, waitAll: false });
    this.handler = tell;
  }

  /** Chooses what to send. @param number of the send, of its connection */
  aim(bytes: Uint8Array, offset: number, length: number, number: number): void {
    this.sentBytes = -1;
    this.set(bytes, offset, length);
    this.number = number;
    this.bytes = bytes;
    this.bytesLength = bytes.length;
  }

  /** The memory is there no longer, or not all of it. */
  get changed(): boolean {
    return this.bytes.length !== this.bytesLength;
  }

  /** Nothing is kept from being collected. */
  forget(): void {
    this.outgoing = null;
    this.bytes = NOTHING;
    this.set(NOTHING);
  }
}

// One function for all, called as a method.
function tell(this: unknown, cqe: Cqe): void {
  const send = this as ZeroCopySend;
  const outgoing = send.outgoing!;
  if (cqe.notification) {
    outgoing.released(send, (cqe.res & RecvSendFlag.NOTIF_USAGE_ZC_COPIED) !== 0);
    return;
  }
  const { res, more } = cqe;
  send.sentBytes = Math.max(res, 0);
  outgoing.zeroCopySent(send, res, REFUSALS.has(res), more);
}

/** Zero copy as a ring needs it: notifications that tell of copies (6.2), and options of direct descriptors (6.7). @param kernel as uname(2) says */
export function canZeroCopy(kernel: string, has: (opcode: string) => boolean): boolean {
  return !olderThan(kernel, '6.7') && has('SEND_ZC') && has('URING_CMD');
}

/** What the connections of a ring on this machine are to use. @param bytes the option */
export function zeroCopyOf(
  { kernel, has }: Pick<Probe, 'kernel' | 'has'>,
  bytes: number | undefined,
  clock: Clock,
  trials?: ZeroCopyTrials,
): ZeroCopy {
  const from = canZeroCopy(kernel, has) ? (bytes ?? ZERO_COPY_BYTES) : Number.POSITIVE_INFINITY;
  return new ZeroCopy(from, Math.min(RING_HELD_BYTES_MAX, lockedMemoryShare()), clock, trials);
}

function ownAddresses(): ReadonlySet<string> {
  try {
    return new Set(
      Object.values(networkInterfaces()).flatMap((all = []) => all.map((one) => one.address)),
    );
  } catch {
    return new Set(['::1']); // not ours to ask: the notification will say
  }
}

/** An IPv4 peer of a socket that listens on both. */
const MAPPED = '::ffff:';
const NOTHING = new Uint8Array(0);
