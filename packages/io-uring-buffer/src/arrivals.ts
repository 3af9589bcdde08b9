/**
 * The bearer's side of a group of provided buffers: told of every completion that names one, before anybody else sees it. Only what it
 * was told of can be leased or recycled, so an id that a program made up reaches no buffer the kernel has.
 *
 * A ring hands it to its {@link BufferRegistrar}, a classic group to its `connect` option; neither offers it to anybody else.
 */
export interface BufferArrivals {
  /** The kernel goes on with the rest of a buffer: operations that need buffers whole must not use this group. */
  readonly incremental: boolean;
  /**
   * A completion named buffer `bid`, or a run of buffers that starts with it, and has `length` > 0 bytes.
   * @param more IORING_CQE_F_BUF_MORE: the kernel goes on with the last of them
   * @returns where in buffer `bid` the bytes start
   */
  arrived(bid: number, length: number, more: boolean): number;
  /** A completion named buffer `bid` and brought no bytes: an error, or an end. Nobody will bring it back, so it goes back now. */
  unused(bid: number, more: boolean): void;
  /** Brings back all that one completion named, of which nobody has taken anything. */
  giveBack(bid: number, offset: number): void;
}
