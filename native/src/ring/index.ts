/**
 * The ring target of the addon: loads it once and gives it types. Everything here is raw; the bearer package is the safe form.
 *
 * @module
 */
import { createRequire } from 'node:module';

/** Memory mapped for a ring: the ArrayBuffer over it and its address in two halves. */
export interface RawMapping {
  readonly buffer: ArrayBuffer;
  readonly addressLow: number;
  readonly addressHigh: number;
  readonly pageKind: '4k' | 'thp' | 'hugetlb';
  /** Where huge pages were asked for: why a rung of the ladder hugetlb, THP, small pages was not had. Empty otherwise. */
  readonly whyNotHuge: string;
}

/** One io_uring. Offsets are bytes into `rings`. `rings`, `sqes`, the offsets and the sizes are others after {@link resize}. */
export interface RawRing {
  readonly control: ArrayBuffer;
  readonly rings: ArrayBuffer;
  readonly sqes: ArrayBuffer;
  readonly sqHead: number;
  readonly sqTail: number;
  readonly sqFlags: number;
  readonly sqDropped: number;
  readonly cqHead: number;
  readonly cqTail: number;
  readonly cqOverflow: number;
  readonly cqes: number;
  readonly sqEntries: number;
  readonly cqEntries: number;
  readonly features: number;
  readonly setupFlags: number;
  /** The descriptor of the ring itself. */
  readonly descriptor: number;
  /** io_uring_enter with the arguments and the result in the control words. */
  readonly enter: () => void;
  /** Anonymous memory the kernel may be given while this ring lives. */
  map(bytes: number, tryHugePages: boolean): RawMapping;
  registerFilesSparse(count: number): void;
  unregisterFiles(): void;
  updateFile(slot: number, fd: number): void;
  registerFileAllocRange(from: number, count: number): void;
  registerBufferRing(
    group: number,
    entries: number,
    low: number,
    high: number,
    flags: number,
  ): void;
  unregisterBufferRing(group: number): void;
  /**
   * io_uring_register(2) with an argument the caller laid out: its layout, and that the memory it names stays, are his to answer for.
   * @throws the system's error
   */
  register(opcode: number, argument: ArrayBufferView | null, count: number): number;
  /**
   * Replaces the queues by ones of other sizes, with what waits in them. Views of the old ones are dead.
   * @throws the system's error, with nothing changed: EINVAL where the ring or the kernel cannot, EOVERFLOW where what waits does not fit
   */
  resize(entries: number, completionEntries: number): void;
  /** One byte per opcode: 1 where the kernel supports it. */
  probe(): Uint8Array;
  /** Starts a loop driver (0 embedded, 1 owner), which calls back when there are completions. */
  start(driver: 0 | 1, callback: () => void): void;
  /** Makes the loop handles follow the reference count of the control block at once. */
  reference(): void;
  /** Cancels one submission, or without arguments all, beside the submission queue. The result of io_uring_register_sync_cancel(3). */
  cancel(low?: number, high?: number): number;
  /** As {@link openListener}, of a socket that is {@link own}ed from the start: whatever ends the thread closes it. */
  openListener(options: ListenerOptions): number;
  /** The ring closes this descriptor when it ends, however it ends. */
  own(fd: number): void;
  /** Closes a descriptor of {@link own} now. */
  closeOwned(fd: number): void;
  close(): void;
}

/** One epoll instance, close-on-exec. It ends with `close`, with this object, or with the thread. */
export interface RawEpoll {
  /** The descriptor; -1 once closed. */
  readonly descriptor: number;
  /**
   * epoll_wait(2) without waiting: fills `out` with `struct epoll_event`, as many as there are and fit.
   * @returns how many
   * @throws the system's error
   */
  take(out: Uint8Array): number;
  close(): void;
}

/** What a listening socket is made of. Either `path`, or `address` (a literal) and `port`. */
export interface ListenerOptions {
  readonly address?: string;
  readonly port?: number;
  readonly path?: string;
  readonly backlog: number;
  /** SO_REUSEPORT. */
  readonly reusePort?: boolean;
  /** With `reusePort`: bound as the only one, and open to others after that. */
  readonly claim?: boolean;
  readonly ipv6Only?: boolean;
  /** Permissions of the file of a Unix path. */
  readonly mode?: number;
  /** Takes the place of a Unix path that nobody listens behind. */
  readonly replaceStale?: boolean;
}

/** The name of a socket, as getsockname(2) and getpeername(2) give it. */
export type SocketName =
  | { readonly family: 'IPv4' | 'IPv6'; readonly address: string; readonly port: number }
  | { readonly family: 'Unix'; readonly path: string };

/** Memory the process has mapped for rings in all its threads, until the last ArrayBuffer over it is collected. */
export interface MappedMemory {
  readonly mappings: number;
  readonly bytes: number;
}

interface Addon {
  Ring: new (entries: number, flags: number, completionEntries: number) => RawRing;
  Epoll: new () => RawEpoll;
  addressOf(view: ArrayBufferView, out: Uint32Array): void;
  ownerActive(): boolean;
  mappedMemory(): MappedMemory;
  openListener(options: ListenerOptions): number;
  /** Checks that a descriptor is a listening stream socket, and makes it blocking and close-on-exec. */
  adoptListener(fd: number): void;
  socketName(fd: number): SocketName;
  peerName(fd: number): SocketName;
  closeFd(fd: number): void;
  /** Another descriptor of the same, close-on-exec. @throws the system's error */
  duplicateFd(fd: number): number;
  /** io_uring_register(2) on descriptor -1: what needs no ring. @throws the system's error */
  registerWithoutRing(opcode: number, argument: ArrayBufferView, count: number): number;
  /** A new eventfd(2), close-on-exec. @throws the system's error */
  openEventfd(): number;
  controlWords: Readonly<Record<ControlWordName, number>>;
}

type ControlWordName =
  | 'toSubmit'
  | 'minComplete'
  | 'result'
  | 'references'
  | 'referenced'
  | 'backendFired'
  | 'enters'
  | 'loopError'
  | 'waitMicroseconds'
  | 'minWaitMicroseconds'
  | 'loopMinWaitMicroseconds';

function load(): Addon {
  const path = '../../build/Release/ring.node';
  try {
    return createRequire(import.meta.url)(path) as Addon;
  } catch (cause) {
    return unavailable(new AddonLoadError(cause));
  }
}

/** Whoever imports this may have another way: it fails in who uses it. */
function unavailable(error: AddonLoadError): Addon {
  function fail(): never {
    throw error;
  }
  return new Proxy({ controlWords: {} } as Addon, {
    get: (addon, name) => (name === 'controlWords' ? addon.controlWords : fail),
  });
}

/** The addon is not there, or is for another Node.js or another machine. `cause` is what the loader said. */
export class AddonLoadError extends Error {
  readonly code = 'ADDON_NOT_LOADED';

  /** @param cause what the loader threw */
  constructor(cause: unknown) {
    super(
      'Cannot load the io_uring addon: build it with "npm rebuild @ringbearer/native", in the repository with "npm run build" (needs cmake, make, a C++20 compiler and liburing-dev)',
      { cause },
    );
    this.name = 'AddonLoadError';
  }
}

const addon = load();

/** Index of every word of the control block, from the addon itself. */
export const controlWords = addon.controlWords;
export const {
  Ring,
  Epoll,
  addressOf,
  ownerActive,
  mappedMemory,
  openListener,
  adoptListener,
  socketName,
  peerName,
  closeFd,
  duplicateFd,
} = addon;
export const { registerWithoutRing, openEventfd } = addon;
