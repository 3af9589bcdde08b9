import type { Blueprint, LayerBlueprint } from '../../sans-io/blueprint.js';
import { instantiate } from '../../sans-io/blueprint.js';
import { MemoryClock } from './memory-clock.js';
import { MemoryConnection } from './memory-connection.js';
import { MemoryLeft, type MemoryLeftOptions } from './memory-left.js';
import { Random } from './random.js';

/** How a {@link MemoryRuntime} behaves. */
export interface MemoryRuntimeOptions extends MemoryLeftOptions {
  /** Of every random choice. Default 1; print it when a test fails. */
  readonly seed?: number;
  /** Layers of every connection, outermost first. */
  readonly layers?: readonly LayerBlueprint[];
}

/** How far apart deadlines are looked at, in milliseconds: the resolution a Left promises. */
const RESOLUTION_MS = 500;

/**
 * A runtime without sockets, clock or threads: deterministic, seeded, in memory. For tests of handlers and protocols.
 *
 * @example
 * ```ts
 * import { http1, MemoryRuntime, rawHandler } from '@ringbearer/http-server';
 *
 * const runtime = new MemoryRuntime(http1({ handle: rawHandler((request, reply) => reply.text('hi')) }));
 * const peer = runtime.connect().send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').run();
 * console.log(peer.received);
 * ```
 */
export class MemoryRuntime {
  /** Its time, which moves only when told to. */
  readonly clock = new MemoryClock();
  /** Its randomness: the same choices for the same seed. */
  readonly random: Random;
  readonly #app: Blueprint;
  readonly #options: MemoryRuntimeOptions;
  readonly #connections: MemoryConnection[] = [];

  constructor(app: Blueprint, options: MemoryRuntimeOptions = {}) {
    this.#app = app;
    this.#options = options;
    this.random = new Random(options.seed ?? 1);
  }

  /** A new connection. */
  connect(): MemoryConnection {
    const left = new MemoryLeft(this.clock, this.#options);
    const orbit = instantiate(left, this.#options.layers ?? [], this.#app);
    const connection = new MemoryConnection(left, orbit, this.clock, this.random);
    this.#connections.push(connection);
    return connection;
  }

  /** Lets time pass, in steps of the timer's resolution, and tells every orbit whose deadline was reached. */
  advance(milliseconds: number): void {
    const end = this.clock.now + milliseconds;
    while (this.clock.now < end) {
      this.clock.set(Math.min(end, this.clock.now + RESOLUTION_MS));
      for (const connection of this.#connections) connection.tick();
    }
  }

  /** Tells every connection that the server is closing. */
  shutdown(): void {
    for (const connection of this.#connections) connection.shutdown().run();
  }
}
