import type { UringBearer } from '@ringbearer/io-uring-bearer';
import type { Lease } from '@ringbearer/io-uring-buffer';
import { RawFd } from '@ringbearer/io-uring-fd';
import {
  EPOLL_EVENT_BYTES,
  EPOLL_EVENTS_MAX,
  type EpollReady,
  EpollWait,
  epollMask,
  PollAdd,
  readEpollEvents,
} from '@ringbearer/io-uring-opcode';
import { Epoll, type RawEpoll } from '@ringbearer/native/ring';

/**
 * - `'ring'`: EPOLL_WAIT, kernel 6.15: one entry waits and brings the events
 * - `'syscall'`: epoll_wait(2) that does not wait, and, when there is nothing, a poll of the epoll instance in the ring
 */
export type EpollWaitKind = 'ring' | 'syscall';

/** The epoll instance itself, and the two ways to wait for it. */
export class ReadinessSource {
  readonly descriptor: RawFd;
  readonly kind: EpollWaitKind;
  /** Waits and takes that have begun. */
  begun = 0;
  readonly #bearer: UringBearer;
  readonly #raw: RawEpoll;
  readonly #bytes: Uint8Array;
  readonly #lease: Lease | null;
  readonly #wait: EpollWait;
  readonly #poll: PollAdd;

  constructor(bearer: UringBearer, eventsMax: number, kind: EpollWaitKind) {
    this.#bearer = bearer;
    this.kind = kind;
    this.#bytes = new Uint8Array(eventsMax * EPOLL_EVENT_BYTES);
    const large = kind === 'ring' && eventsMax > EPOLL_EVENTS_MAX;
    this.#lease = large ? bearer.allocate(eventsMax * EPOLL_EVENT_BYTES) : null;
    try {
      this.#raw = new Epoll();
    } catch (error) {
      this.#lease?.release();
      throw error;
    }
    this.descriptor = new RawFd(this.#raw.descriptor);
    const { descriptor: epoll } = this;
    this.#wait = new EpollWait(
      this.#lease !== null
        ? { epoll, memory: this.#lease }
        : { epoll, eventsMax: Math.min(eventsMax, EPOLL_EVENTS_MAX) },
    );
    this.#poll = new PollAdd({ descriptor: epoll, events: epollMask('IN') });
  }

  /** What is ready now. */
  take(): EpollReady[] {
    this.begun++;
    return readEpollEvents(this.#bytes, this.#raw.take(this.#bytes));
  }

  /** Waits until something is ready. */
  async wait(signal: AbortSignal): Promise<EpollReady[]> {
    if (this.kind === 'ring') {
      this.begun++;
      return this.#bearer.submit(this.#wait, { signal });
    }
    for (;;) {
      const events = this.take();
      if (events.length > 0) return events;
      await this.#bearer.submit(this.#poll, { signal });
    }
  }

  /** Nothing may be in flight. */
  close(): void {
    this.#lease?.release();
    this.#raw.close();
  }
}
