import type { HttpReply } from '../exchange/index.js';

/** Pages that watch at once. */
const READERS_MAX = 64;
/** Twice a second: alive to the eye, nothing to the machine. */
const EVENT_INTERVAL_MS = 500;
/** A page that lost its server looks for it again after this long. */
const RETRY_MS = 1000;

/**
 * Server-sent events (WHATWG HTML section 9.2): every reader gets the same snapshot at the same time. The timer runs only while
 * somebody reads, and a reader that is slow misses snapshots, as only the latest one matters.
 */
export class EventFeed {
  readonly #snapshot: () => unknown;
  readonly #readers = new Set<HttpReply>();
  readonly #slow = new WeakSet<HttpReply>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(snapshot: () => unknown) {
    this.#snapshot = snapshot;
  }

  /** Answers with the feed, or with 503 when there are too many readers or the server is about to end. */
  subscribe(reply: HttpReply): void {
    this.#dropFinished();
    if (this.#closed || this.#readers.size >= READERS_MAX) {
      reply.status(503).header('Retry-After', 5).text('No more event streams at the moment\n');
      return;
    }
    reply.header('Content-Type', 'text/event-stream').header('Cache-Control', 'no-store');
    reply.write(`retry: ${RETRY_MS}\n\n${this.#event()}`);
    this.#readers.add(reply);
    this.#timer ??= setInterval(() => this.#send(), EVENT_INTERVAL_MS);
  }

  /** Ends every stream: one that never ends would hold up a graceful close. */
  close(): void {
    this.#closed = true;
    for (const reply of this.#readers) if (!reply.finished) reply.end();
    this.#readers.clear();
    this.#stopTimer();
  }

  #send(): void {
    this.#dropFinished();
    if (this.#readers.size === 0) {
      this.#stopTimer();
      return;
    }
    const event = this.#event();
    for (const reply of this.#readers) {
      if (this.#slow.has(reply) || reply.write(event)) continue;
      this.#slow.add(reply);
      reply.drained().then(
        () => this.#slow.delete(reply),
        () => {},
      );
    }
  }

  #event(): string {
    return `data: ${JSON.stringify(this.#snapshot())}\n\n`;
  }

  #dropFinished(): void {
    for (const reply of this.#readers) if (reply.finished) this.#readers.delete(reply);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
