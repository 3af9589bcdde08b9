import type { Clock } from './clock.js';
import type { HeldBytes } from './held-bytes.js';

/** The most bytes one {@link Left.reserve} may ask for. */
export const RESERVE_BYTES_MAX = 16_384;

/**
 * What an orbit writes to. The runtime is the outermost Left; a layer is the Left of whatever stands on its right.
 *
 * Everything written between two returns to the runtime leaves in one send, in order.
 */
export interface Left {
  /** The time, as the runtime read it last: orbits read no other. */
  readonly clock: Clock;

  /** Transmit memory; valid between {@link reserve} and {@link commit}. Read it again after every `reserve`. */
  readonly out: Uint8Array;

  /**
   * Makes room for `length` contiguous bytes (at most {@link RESERVE_BYTES_MAX}) and returns the offset in {@link out} where
   * they go. Always succeeds while the connection lives; {@link blocked} says whether the writer should hold back. After the
   * connection was ended or aborted the bytes go nowhere.
   */
  reserve(length: number): number;

  /** The bytes of {@link out} up to offset `end` (exclusive), counted from the last `reserve`, are to be sent. */
  commit(end: number): void;

  /**
   * Copies bytes into the transmit queue. Returns false when the queue is above its high-water mark: the bytes were taken, but
   * the writer should wait for `drained()`.
   */
  write(bytes: Uint8Array, start: number, end: number): boolean;

  /**
   * As {@link write}, but the bytes may be sent from where they are: they must not change until {@link whenSent} says so.
   * `drained()` does not say that they are sent: it comes while some of them wait. For large bodies.
   */
  send(bytes: Uint8Array): boolean;

  /**
   * Resolves when the memory of everything written until now is not needed any more: with true when the kernel has all of it, with zero copy the peer's too;
   * with false when the connection ended before. For those who use memory again: it makes objects, which nothing else here does.
   */
  whenSent(): Promise<boolean>;

  /** As {@link send}, of bytes that the Left gives back: when they were sent, or the connection is over. The caller has them no longer. */
  sendHeld(held: HeldBytes): boolean;

  /** True while the transmit queue is above its high-water mark. */
  readonly blocked: boolean;

  /**
   * Sends what is queued, then FIN, then lingers for the peer's FIN within the runtime's bound and closes.
   *
   * @param allSaid the peer has promised to send nothing more, all it sent was consumed, and all that was ever sent to it is still queued: no need to linger over
   * a short reply. What the peer sends all the same is answered by a reset, behind that reply.
   */
  end(allSaid?: boolean): void;

  /**
   * Drops what is queued and closes at once.
   *
   * @param reset where FIN would pass for the end of what was sent: the peer is told by a reset, if the transport has such a thing. It may lose what
   * it has not read yet. Still heard within the orbit's `close()`.
   */
  abort(reset?: boolean): void;

  /** Stop presenting bytes. What arrives is bounded: the runtime stops reading from the peer. */
  pause(): void;

  /** Present bytes again: those kept first, after the current call returned. */
  resume(): void;

  /**
   * The orbit, within its `receive`, has no use for a part: of the bytes that this call leaves unconsumed and those that follow, it wants `length`
   * at once. A Left that has room for them receives them into one piece and answers how many it will show together: `length`, or fewer where it has less
   * room. It goes on showing what there is at each arrival, of which the orbit consumes nothing until they are all there. 0: they come as they come.
   *
   * `gather(0)` ends it: what there is is shown again, once the current call returned, and the rest comes as it comes.
   */
  gather(length: number): number;

  /**
   * The orbit, within its `receive`, keeps the bytes it is shown from `start` to `end` where they are, in place of a copy. It must then consume them. Null when it
   * cannot have them: they were not gathered, or more is shown behind them.
   */
  hold(bytes: Uint8Array, start: number, end: number): HeldBytes | null;

  /**
   * When `clock.now` reaches this, the orbit's `tick` is called (within the runtime's timer resolution, 0.5 s or less) and this becomes 0.
   * 0 means never. Setting it costs a store.
   */
  deadline: number;

  /** The peer, for logs and handlers. Lazy: may cost system calls the first time. */
  peer(): PeerAddress | null;
}

/** Where the other side of a connection is. */
export type PeerAddress =
  | {
      /** An internet address. */
      readonly family: 'IPv4' | 'IPv6';
      /** The literal: `'127.0.0.1'`, `'::1'`. */
      readonly address: string;
      /** The peer's port. */
      readonly port: number;
    }
  | {
      /** A socket of this machine. */
      readonly family: 'Unix';
      /** What the peer is bound to: usually nothing, `''`. A leading NUL is an abstract name. */
      readonly path: string;
    };
