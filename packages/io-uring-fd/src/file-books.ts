/**
 * What operations report of direct descriptors that open and close through the ring. The bearer hands it to them with each entry and
 * completion; {@link FixedFileTable} keeps these books.
 */
export interface FileBooks {
  /** A completion said that `slot` holds a descriptor now. */
  opened(slot: number): void;
  /** The close of `slot` is submitted. @returns whether there is something to close, as far as is known by now */
  closing(slot: number): boolean;
  /**
   * The close of `slot` completed. The kernel may announce the next descriptor in it before that.
   * @param known what {@link closing} said
   * @param done the slot was emptied; false where the close was cancelled
   */
  closed(slot: number, known: boolean, done: boolean): void;
  /** A completion said that `slot` is empty now. */
  emptied(slot: number): void;
}
