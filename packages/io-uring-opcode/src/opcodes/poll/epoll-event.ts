/** One event of an epoll instance. */
export interface EpollReady {
  /** What it is ready for; `epollNames` has the names. */
  readonly events: number;
  /** What `EpollCtl` was given as `data`. Beyond 2^53 the lowest bits are rounded away. */
  readonly data: number;
}

// struct epoll_event is packed on x86-64 only; elsewhere its 64-bit member is aligned.
const PACKED = process.arch === 'x64';

/** Where `data` is in a `struct epoll_event`, of this machine. */
export const EPOLL_DATA_AT = PACKED ? 4 : 8;

/** Bytes of one `struct epoll_event` on this machine: 12 on x86-64, where it is packed, 16 elsewhere. epoll_wait(2). */
export const EPOLL_EVENT_BYTES = PACKED ? 12 : 16;

/**
 * Decodes what epoll_wait(2) wrote.
 *
 * @param bytes as many `struct epoll_event` as `count`, or more
 * @throws {RangeError} `bytes` ends before `count` events do
 *
 * @example
 * ```ts
 * import { EPOLL_EVENT_BYTES, readEpollEvents } from '@ringbearer/io-uring-opcode';
 *
 * const bytes = new Uint8Array(2 * EPOLL_EVENT_BYTES); // what the kernel writes
 * bytes[EPOLL_EVENT_BYTES] = 1; // the second one: EPOLLIN
 * console.log(readEpollEvents(bytes, 2).map(({ events }) => events)); // [ 0, 1 ]
 * ```
 */
export function readEpollEvents(bytes: Uint8Array, count: number): EpollReady[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) => {
    const at = i * EPOLL_EVENT_BYTES;
    const low = view.getUint32(at + EPOLL_DATA_AT, true);
    const high = view.getUint32(at + EPOLL_DATA_AT + 4, true);
    return { events: view.getUint32(at, true), data: high * 0x1_0000_0000 + low };
  });
}
