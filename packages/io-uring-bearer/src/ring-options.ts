import type { ReplenishPolicy } from '@ringbearer/io-uring-buffer';
import type { GroupOptions } from './bearer-buffers.js';

/** Sizes and behaviour of a ring of provided buffers. */
export interface RingOptions extends GroupOptions {
  /**
   * Ask the kernel to go on filling a buffer where it stopped (kernel 6.12): few large buffers for many small arrivals. Where it
   * refuses, the ring is made without: its `incremental` tells. For sockets and pipes that carry streams; a datagram is cut
   * off at the end of a buffer, and operations that need whole buffers are refused. Default false.
   */
  readonly incremental?: boolean;
  /** When the kernel is shown buffers that came back. Default `'release'`: with every released lease. */
  readonly replenish?: ReplenishPolicy;
}

/** Sizes of a ring of buffers to send from. */
export interface SendRingSizes extends GroupOptions {
  /** Called after a completion that gave room back. */
  readonly onRoom?: () => void;
}

/** A result that names a buffer of a group. */
export interface NamedBuffer {
  /** Bytes there are. */
  readonly length: number;
  /** The buffer they are in, or -1 for none. */
  readonly bufferId: number;
  /** Where in it they start. Default 0. */
  readonly bufferOffset?: number;
}
