import { HttpTally } from '../exchange/tally.js';
import type { AccessEntry } from './access-entry.js';
import { combinedLine, jsonLine } from './access-format.js';

/** Lines kept for a stream that is slow: some megabytes, a second of a busy server. */
export const ACCESS_LOG_LINES_MAX = 16_384;

/** Where lines go: any `stream.Writable`. */
export interface LogStream {
  /** As of a Writable: false asks to wait for `drain`. */
  write(text: string): boolean;
  /** As of a Writable. */
  once(event: 'drain', listener: () => void): unknown;
  /** As of a Writable. */
  on(event: 'error', listener: (error: Error) => void): unknown;
  /** As of a Writable. */
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/** A format and a place. */
export interface AccessLogSettings {
  /** Default `'combined'`. */
  readonly format?: 'combined' | 'json';
  /** Default `process.stdout`. */
  readonly stream?: LogStream;
  /** Lines kept while the stream is slow; above it they are dropped and counted. Default {@link ACCESS_LOG_LINES_MAX}. */
  readonly maxLines?: number;
}

/** `true` is the Combined Log Format on standard output. A function gets every entry, in batches, after the requests of a turn were served. */
export type AccessLogOption = boolean | ((entry: AccessEntry) => void) | AccessLogSettings;

/**
 * Entries of requests, written in batches once per turn of the event loop: while requests are served, a log costs a push. What a slow stream does not
 * take waits, up to a bound; above it lines are dropped, and counted, rather than memory or requests held.
 */
export class AccessLog {
  readonly #tally: HttpTally;
  readonly #write: ((entry: AccessEntry) => void) | null;
  readonly #line: (entry: AccessEntry) => string;
  readonly #stream: LogStream | null;
  readonly #maxLines: number;
  #queue: AccessEntry[] = [];
  #scheduled = false;
  /** The stream asked to wait. */
  #full = false;
  #broken = false;
  readonly #onError = () => {
    this.#broken = true;
    this.#tally.logDropped += this.#queue.length;
    this.#queue = [];
  };

  /**
   * @param tally where it counts its lines
   * @throws TypeError or RangeError for settings that cannot be
   */
  constructor(
    option: true | ((entry: AccessEntry) => void) | AccessLogSettings,
    tally: HttpTally = new HttpTally(),
  ) {
    if (
      option !== true &&
      typeof option !== 'function' &&
      (typeof option !== 'object' || option === null)
    ) {
      throw new TypeError(
        `Cannot log as accessLog must be a boolean, a function or an object: current value is ${typeof option === 'string' ? `'${option}'` : String(option)}`,
      );
    }
    const settings = typeof option === 'object' ? option : {};
    const { format = 'combined', maxLines = ACCESS_LOG_LINES_MAX } = settings;
    if (format !== 'combined' && format !== 'json') {
      throw new TypeError(
        `Cannot log as accessLog.format must be 'combined' or 'json': current value is ${String(format)}`,
      );
    }
    if (!Number.isInteger(maxLines) || maxLines < 1) {
      throw new RangeError(
        `Cannot log as accessLog.maxLines must be an integer >= 1: current value is ${String(maxLines)}`,
      );
    }
    this.#maxLines = maxLines;
    this.#tally = tally;
    this.#line = format === 'json' ? jsonLine : combinedLine;
    this.#write = typeof option === 'function' ? option : null;
    this.#stream = this.#write === null ? (settings.stream ?? process.stdout) : null;
    if (this.#stream !== null && typeof this.#stream.write !== 'function') {
      throw new TypeError('Cannot log as accessLog.stream must be a writable stream');
    }
    this.#stream?.on('error', this.#onError);
  }

  /** Entries that were written. */
  get written(): number {
    return this.#tally.logWritten;
  }

  /** Entries that were dropped: the stream was slow or is broken. */
  get dropped(): number {
    return this.#tally.logDropped;
  }

  /** Takes an entry. Never waits, never throws. */
  push(entry: AccessEntry): void {
    if (this.#broken || this.#queue.length >= this.#maxLines) {
      this.#tally.logDropped++;
      return;
    }
    this.#queue.push(entry);
    if (this.#scheduled || this.#full) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  /** Writes what waits. */
  flush(): void {
    const queue = this.#queue;
    if (queue.length === 0 || this.#full) return;
    this.#queue = [];
    const write = this.#write;
    if (write === null) this.#toStream(queue);
    else for (const entry of queue) this.#toFunction(write, entry);
  }

  /** No entry follows: writes what waits, even to a stream that asked to wait, and lets go of it. */
  close(): void {
    this.#full = false;
    this.flush();
    this.#stream?.off('error', this.#onError);
  }

  readonly #turn = () => {
    this.#scheduled = false;
    this.flush();
  };

  #toStream(queue: readonly AccessEntry[]): void {
    let text = '';
    for (const entry of queue) text += `${this.#line(entry)}\n`;
    this.#tally.logWritten += queue.length;
    let more: boolean;
    try {
      more = this.#stream!.write(text);
    } catch {
      this.#onError();
      return;
    }
    if (more) return;
    this.#full = true;
    this.#stream!.once('drain', () => {
      this.#full = false;
      this.flush();
    });
  }

  #toFunction(write: (entry: AccessEntry) => void, entry: AccessEntry): void {
    try {
      write(entry);
      this.#tally.logWritten++;
    } catch (error) {
      this.#tally.logDropped++;
      // The process hears of it as of any uncaught exception; the other entries are written all the same.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
