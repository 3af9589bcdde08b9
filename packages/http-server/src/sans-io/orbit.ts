/**
 * Why a connection is gone.
 *
 * - `ended`: both sides finished
 * - `peer-reset`: the peer reset it or the network failed
 * - `aborted`: our side gave up on it: `Left.abort`
 * - `shutdown`: the server closes and the drain deadline passed
 */
export type CloseReason = 'ended' | 'peer-reset' | 'aborted' | 'shutdown';

/**
 * A running state machine: the right-hand neighbour of a {@link Left}. It performs no I/O and reads no clock. The
 * runtime (or a layer) calls it; it answers by calling its Left. Calls never nest: an Orbit may call its Left from inside any of
 * these methods, and the Left calls back only after that method returned.
 */
export interface Orbit {
  /**
   * Bytes arrived. `bytes[start, end)` is valid during the call only: what must outlive it is copied.
   *
   * Returns how many bytes were consumed. The Left keeps the rest and presents it again, at the front of a later call, once
   * more bytes arrived or, after `Left.pause()`, once `Left.resume()` was called. An orbit that returns less than it was given without
   * pausing says "I need more"; it must bound how much it may ask for.
   */
  receive(bytes: Uint8Array, start: number, end: number): number;

  /** The peer will send no more (FIN). Called after every byte was presented; writing may still be possible. */
  receiveEnd(): void;

  /** After `write` or `send` answered false: the transmit queue is below its low-water mark again. */
  drained(): void;

  /** `clock.now` reached `Left.deadline`, which the runtime has reset to 0. */
  tick(now: number): void;

  /**
   * The server is closing: finish what is in flight, accept nothing new, then `Left.end()`. Idle orbits end at once; with `gently`, when
   * a successor serves already, they end with their next exchange or idle deadline, as a request may be under way to them.
   */
  shutdown(gently?: boolean): void;

  /** The connection is gone. The last call, exactly once, whoever ended it. The Left must not be used any more. */
  close(reason: CloseReason): void;
}
