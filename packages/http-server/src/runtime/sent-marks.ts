/** A place in what was written, and who waits for it. */
interface Mark {
  /** Bytes sent by then, since the first mark. */
  readonly at: number;
  /** The last zero-copy send by then; negative: the place is not reached. */
  lastSend: number;
  readonly promise: Promise<boolean>;
  readonly resolve: (sent: boolean) => void;
}

/**
 * Those who wait until what was written so far is sent and its memory let go. Made when somebody first asks, so that others pay nothing. Who asks
 * again without having written gets the same promise.
 */
export class SentMarks {
  readonly #marks: Mark[] = [];
  #sent = 0;

  /**
   * @param bytes written and not sent
   * @param lastSend as in {@link sent}
   * @returns whether they were, once it is known
   */
  add(bytes: number, lastSend = 0): Promise<boolean> {
    const at = this.#sent + bytes;
    const last = this.#marks.at(-1);
    if (last !== undefined && last.at === at) return last.promise;
    let resolve: (sent: boolean) => void = () => {};
    const promise = new Promise<boolean>((settle) => {
      resolve = settle;
    });
    this.#marks.push({ at, lastSend: bytes > 0 ? -1 : lastSend, promise, resolve });
    return promise;
  }

  /**
   * @param bytes sent now
   * @param lastSend number of the last zero-copy send, ascending; 0: none
   * @param heldFrom number of the first one whose memory is not let go
   */
  sent(bytes: number, lastSend = 0, heldFrom: number = Number.POSITIVE_INFINITY): void {
    this.#sent += bytes;
    for (const mark of this.#marks) {
      if (mark.at > this.#sent) break;
      if (mark.lastSend < 0) mark.lastSend = lastSend;
    }
    this.released(heldFrom);
  }

  /** @param heldFrom as in {@link sent} */
  released(heldFrom: number): void {
    for (;;) {
      const mark = this.#marks[0];
      if (mark === undefined || mark.lastSend < 0 || mark.lastSend >= heldFrom) return;
      this.#marks.shift();
      mark.resolve(true);
    }
  }

  /** The connection has ended, and no memory is needed any more. */
  lose(): void {
    for (const mark of this.#marks.splice(0)) mark.resolve(false);
  }
}
