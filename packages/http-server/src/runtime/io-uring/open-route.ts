import type { FixedFd } from '@ringbearer/io-uring-fd';
import {
  type OpCode,
  SetSocketOption,
  SocketOption,
  SocketQueue,
} from '@ringbearer/io-uring-opcode';

/** `struct linger`: on or off, and seconds. */
const RESETS: Uint8Array = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
const LINGERS: Uint8Array = new Uint8Array(8);

/**
 * The way of one connection to a peer on another machine, by which memory may go without a copy.
 *
 * From the first such send on, its socket resets when it is closed (SO_LINGER with no time), until all memory is let go and the end may be as any other's. Memory
 * of ours would else be the kernel's for as long as a peer likes, who does not acknowledge; and were the thread to end, the kernel would send what the memory
 * is used for next.
 */
export class OpenRoute {
  /** The kernel copies after all, or refuses: nothing goes without a copy any more. */
  copies = false;
  /** The socket resets when it is closed. */
  armed = false;
  /** FIN is sent, and the end waits for the peer. */
  finished = false;
  /** Bytes that the kernel took, since this was made. */
  sentBytes = 0;
  readonly #socket: FixedFd;
  #copiedInARow = 1;
  #option: SetSocketOption | null = null;
  #progress: SocketQueue | null = null;
  /** Of those, how many the peer had acknowledged when it was asked for last: one that was never asked for has made progress. */
  #acknowledged = Number.NEGATIVE_INFINITY;

  constructor(socket: FixedFd) {
    this.#socket = socket;
  }

  /** An option is being set. */
  get changing(): boolean {
    return this.#option?.inFlight === true;
  }

  /**
   * What a notification said. The first one decides; after that a way which does not copy may do so once, as it does when packets are cut anew: two in a row
   * are too many.
   */
  noticed(copied: boolean): void {
    if (!copied) this.#copiedInARow = 0;
    else if (++this.#copiedInARow >= 2) this.copies = true;
  }

  /** What makes the socket reset when it is closed. */
  arming(done: () => void): OpCode<unknown> {
    return this.#change(RESETS, (res) => {
      if (res < 0) this.copies = true;
      else this.armed = true;
      done();
    });
  }

  /** What makes its end as any other's. Nothing goes without a copy any more. */
  disarming(done: () => void): OpCode<unknown> {
    this.armed = false;
    this.copies = true;
    return this.#change(LINGERS, done);
  }

  /**
   * What asks how much the peer has acknowledged; null: it is under way. No memory was let go for a while, which says little of a long piece.
   *
   * @param done hears whether there was some progress since it was asked for last, whatever was sent since
   */
  asking(done: (progress: boolean) => void): OpCode<unknown> | null {
    if (this.#progress?.inFlight) return null;
    this.#progress = new SocketQueue({ socket: this.#socket, queue: 'output' });
    this.#progress.handler = ({ res }) => {
      const acknowledged = this.sentBytes - res;
      const progress = res >= 0 && acknowledged > this.#acknowledged;
      if (progress) this.#acknowledged = acknowledged;
      done(progress);
    };
    return this.#progress;
  }

  #change(value: Uint8Array, done: (res: number) => void): OpCode<unknown> {
    const socket = this.#socket;
    this.#option = new SetSocketOption({ socket, option: SocketOption.LINGER, value });
    this.#option.handler = ({ res }) => done(res);
    return this.#option;
  }
}
