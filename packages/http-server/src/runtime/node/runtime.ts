import { AsyncResource } from 'node:async_hooks';
import type { Socket } from 'node:net';
import { type Blueprint, instantiate, type LayerBlueprint } from '../../sans-io/blueprint.js';
import type { CloseReason, Orbit } from '../../sans-io/orbit.js';
import { Admission } from '../admission.js';
import { BatchWork } from '../batch-work.js';
import { CoarseClock } from '../coarse-clock.js';
import { connectionsFor } from '../file-limit.js';
import type { ListenOptions, SocketName } from '../io-uring/index.js';
import { LiveConnections } from '../live-connections.js';
import type { Listening, Runtime, RuntimeCounts } from '../runtime.js';
import type { RuntimeObserver } from '../runtime-observer.js';
import type { StatsBoard } from '../stats-board.js';
import { Connection } from './connection.js';
import { HeapSlots } from './heap-slots.js';
import { NodeListener, type SocketOpener } from './listener.js';
import type { NodeRuntimeOptions } from './options.js';

/** Resolution of every deadline. */
const TICK_MS = 250;
/** Listeners of one runtime, two descriptors each. */
const LISTENERS_MAX = 8;
/** Connections beyond maxConnections that are held, unread: node:net cannot leave them in the kernel's queue. */
const WAITING_MIN = 64;
/** As many as this where the limit on open files allows it. */
const WAITING_MAX = 1024;
/** Longest wait for a peer's FIN while the server closes. */
const CLOSING_LINGER_MS = 250;

/** Counters of a {@link NodeRuntime}. */
export interface NodeRuntimeStats extends RuntimeCounts {
  /** Accepted by Node.js, above `maxConnections`: they are not read from until there is room. */
  readonly waiting: number;
  /** There is none. */
  readonly ring: null;
}

/**
 * Sockets, timers and scheduling of node:net, for any pipeline of blueprints: the runtime where io_uring is not to be had. Whatever it does
 * differently costs time, not behaviour: one suite of tests runs on both.
 *
 * Above `maxConnections`, up to 1,024 connections are held unread; those beyond them are reset. Where the process runs out of descriptors
 * all the same, libuv closes what waits in the kernel's queue.
 */
export class NodeRuntime implements Runtime<ListenOptions, SocketName> {
  /** Which runtime this is. */
  readonly kind = 'node';
  /** @internal */
  readonly clock = new CoarseClock();
  /** @internal */
  readonly slots = new HeapSlots();
  /** @internal */
  readonly observer: RuntimeObserver | null;
  /** @internal */
  bytesReceived = 0;
  /** @internal */
  bytesSent = 0;
  /** Connections at once. */
  readonly maxConnections: number;
  /** Longest wait for the peer to take the bytes of one write, in milliseconds. */
  readonly writeTimeoutMs: number;
  readonly #lingerTimeoutMs: number;
  readonly #waitingMax: number;
  readonly #admission: Admission;
  /** What refused connections get; null: they are closed. */
  readonly #refusal: Blueprint | null;
  /** Those that are being refused. */
  readonly #refused = new Set<Connection>();
  #refusals = 0;
  readonly #app: Blueprint;
  readonly #layers: readonly LayerBlueprint[];
  readonly #board: StatsBoard | null;
  readonly #openSocket: SocketOpener | undefined;
  readonly #listeners: NodeListener[] = [];
  readonly #live = new LiveConnections<Connection>();
  /** First come, first served. */
  readonly #waiting: Set<Socket> = new Set();
  readonly #work = new BatchWork<Connection>();
  #inBatch = false;
  #flushScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  /**
   * The asynchronous context of no request. Who replies later does so in the context of that request, and the flush it causes may run the
   * handler of another one: that must not find itself in there.
   */
  readonly #scope = new AsyncResource('RINGBEARER_RUNTIME');
  readonly #flushTurn = () => {
    this.#flushScheduled = false;
    this.#scope.runInAsyncScope(this.#endBatch, this);
  };
  #referenced = true;
  #accepted = 0;
  #paused = false;
  #closing = false;
  #stopped: Promise<void> | null = null;

  /** @throws RangeError for a number of connections that cannot be */
  constructor(options: NodeRuntimeOptions) {
    const { refusalsMax } = new Admission({ ...options, maxConnections: 0 });
    const { maxConnections, spare } = connectionsFor(
      options.maxConnections,
      LISTENERS_MAX * 2 + WAITING_MIN + refusalsMax,
    );
    this.#admission = new Admission({ ...options, maxConnections });
    this.#refusal = options.refusal ?? null;
    this.maxConnections = maxConnections;
    this.#waitingMax = Math.min(WAITING_MAX, WAITING_MIN + spare);
    this.writeTimeoutMs = options.writeTimeoutMs ?? 30_000;
    this.#lingerTimeoutMs = options.lingerTimeoutMs ?? 2000;
    this.#app = options.app;
    this.#layers = options.layers ?? [];
    this.#board = options.board ?? null;
    this.observer = options.observer ?? null;
    this.#openSocket = options.openSocket;
  }

  /** Open now, closing ones included. */
  get connections(): number {
    return this.#live.size;
  }

  /** There is no ring that was granted anything. */
  capabilities(): null {
    return null;
  }

  /** Counters. Makes objects: not for hot paths. */
  stats(): NodeRuntimeStats {
    return {
      connections: this.#live.size,
      maxConnections: this.maxConnections,
      accepted: this.#accepted,
      connectionsRefused: this.#refusals,
      bytesReceived: this.bytesReceived,
      bytesSent: this.bytesSent,
      zeroCopySends: 0,
      zeroCopyCopied: 0,
      zeroCopyPaused: false,
      acceptPaused: this.#full,
      waiting: this.#waiting.size,
      ring: null,
    };
  }

  /**
   * Listens, and accepts from now on.
   * @throws TypeError, RangeError for a place that cannot be
   * @throws the system's error, with code (`EADDRINUSE`), errno and syscall
   */
  async listen(place: ListenOptions): Promise<Listening<SocketName>> {
    if (this.#closing) throw new Error('Cannot listen as the runtime is closed');
    const listener = new NodeListener((socket) => this.#arrived(socket));
    await listener.open(place, this.#openSocket);
    this.#listeners.push(listener);
    if (!this.#referenced) listener.reference(false);
    this.#publish();
    return { address: listener.address };
  }

  /** Ends the process-keeping effect of the listeners and connections. */
  unref(): void {
    this.#reference(false);
  }
  /** Undoes {@link unref}. */
  ref(): void {
    this.#reference(true);
  }

  /**
   * Stops accepting, tells every connection to finish, waits for them at most `drainMs`, and closes what is left. When it resolves, the
   * ports are free.
   *
   * @param gently idle connections are waited for too, until their next reply or the end of their idle time: a request may be under way
   */
  async close(drainMs: number, gently = false): Promise<void> {
    if (this.#closing) throw new Error('Cannot close the runtime twice');
    this.#closing = true;
    await this.stopAccepting();
    if (gently) while (this.#waiting.size > 0) this.#admitNext();
    this.#shutdown(gently);
    if (this.#live.size > 0) {
      await this.#live.emptyWithin(drainMs);
      this.#each((connection) => connection.kill('shutdown'));
      await this.#live.empty();
    }
    clearInterval(this.#timer);
    this.#publish();
  }

  /** Closes the listeners, and nothing else. Resolves when no connection comes any more; calling it again waits for the same. */
  stopAccepting(): Promise<void> {
    this.#stopped ??= Promise.resolve().then(() => {
      for (const listener of this.#listeners) listener.close();
    });
    return this.#stopped;
  }

  /** Nothing to do: libuv looks at a listening socket for as long as connections wait there. */
  acceptAgain(): void {}

  /** A gentle {@link close} that is under way waits for idle connections no longer. */
  endIdle(): void {
    if (this.#closing) this.#shutdown(false);
  }

  // ---- for Connection

  /** Shorter while the server closes, and for those it refuses: nobody waits for a peer that does not answer our FIN. @internal */
  lingerTimeoutMs(connection: Connection): number {
    return this.#closing || this.#refused.has(connection)
      ? Math.min(this.#lingerTimeoutMs, CLOSING_LINGER_MS)
      : this.#lingerTimeoutMs;
  }

  /** @internal */
  instantiate(connection: Connection): Orbit {
    const app = this.#refused.has(connection) ? this.#refusal! : this.#app;
    return instantiate(connection, this.#layers, app);
  }

  /**
   * One event of node:net: what it makes a connection write leaves in one piece at its end. An error of the protocol costs its connection,
   * not the process's other sockets.
   * @internal
   */
  batch<Argument>(
    connection: Connection,
    handle: (this: Connection, argument: Argument) => void,
    argument?: Argument,
  ): void {
    this.clock.update();
    const nested = this.#inBatch;
    this.#inBatch = true;
    try {
      handle.call(connection, argument as Argument);
    } catch (error) {
      this.#work.failed(error);
    }
    this.#inBatch = nested;
    if (!nested) this.#endBatch();
  }

  /** Something was written or is to be presented: at the end of the batch, or of this turn of the event loop. @internal */
  flushLater(connection: Connection): void {
    this.#work.add(connection);
    if (this.#inBatch || this.#flushScheduled) return;
    this.#flushScheduled = true;
    process.nextTick(this.#flushTurn);
  }

  /** The socket of a connection is closed. @internal */
  closed(connection: Connection): void {
    this.#live.remove(connection);
    const served = !this.#refused.delete(connection);
    const peer = served && this.#admission.needsAddress ? connection.peer() : null;
    this.#admission.gone(served, peer);
    this.#board?.closed(this.#live.size);
    if (this.#waiting.size === 0) this.#acceptPaused(false);
    if (!this.#closing && this.#waiting.size > 0 && !this.#full) this.#admitNext();
  }

  // ---- accepting

  get #full(): boolean {
    return this.#admission.room <= 0;
  }

  #acceptPaused(paused: boolean): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    this.observer?.acceptPaused(paused, this.#live.size, this.maxConnections);
  }

  #arrived(socket: Socket): void {
    if (!this.#full && this.#waiting.size === 0) this.#admit(socket);
    else if (this.#waiting.size < this.#waitingMax) {
      this.#waiting.add(socket);
      // Nothing reads from it, so nothing but an error closes it before its turn.
      socket.on('error', nothing);
      socket.once('close', () => this.#waiting.delete(socket));
      if (!this.#referenced) socket.unref();
    } else socket.resetAndDestroy();
  }

  #admitNext(): void {
    const [socket] = this.#waiting;
    this.#waiting.delete(socket!);
    this.#admit(socket!);
  }

  #admit(socket: Socket): void {
    const connection = new Connection(this, socket);
    this.#live.add(connection);
    this.#accepted++;
    this.#board?.accepted(this.#live.size, this.#accepted);
    if (!this.#referenced) connection.reference(false);
    this.#watch();
    const served = this.#isServed(connection);
    if (this.#full) this.#acceptPaused(true);
    this.batch(connection, served ? open : drop);
  }

  /** Whether there is anything to say to it, if only that it is not served. */
  #isServed(connection: Connection): boolean {
    const admission = this.#admission;
    const verdict = admission.decide(admission.needsAddress ? connection.peer() : null);
    if (verdict === 'serve') return true;
    this.#refusals++;
    this.#refused.add(connection);
    return verdict === 'refuse' && this.#refusal !== null;
  }

  // ---- time

  /** There is something for the coarse timer to look after. */
  #watch(): void {
    // Timers come before sockets in a turn of the loop. What came while this thread stood still is looked at first: it is not late for that.
    const afterSockets = () => setImmediate(() => this.#tick()).unref();
    this.#timer ??= setInterval(afterSockets, TICK_MS).unref();
  }

  #tick(): void {
    this.clock.update();
    const { now } = this.clock;
    this.#each((connection) => {
      try {
        connection.tick(now);
      } catch (error) {
        connection.abort();
        throw error;
      }
    });
    this.#publish();
    if (this.#live.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  // ---- batches

  /** Does something with every connection, in one batch. */
  #each(action: (connection: Connection) => void): void {
    this.#inBatch = true;
    for (const connection of this.#live.copy()) {
      try {
        action(connection);
      } catch (error) {
        this.#work.failed(error);
      }
    }
    this.#inBatch = false;
    this.#endBatch();
  }

  #endBatch(): void {
    this.#inBatch = true;
    this.#work.flush();
    this.#inBatch = false;
    this.#work.report();
  }

  #shutdown(gently: boolean): void {
    this.clock.update();
    for (const socket of this.#waiting) socket.resetAndDestroy();
    this.#waiting.clear();
    this.#each((connection) => connection.shutdown(gently));
  }

  #reference(wanted: boolean): void {
    this.#referenced = wanted;
    for (const listener of this.#listeners) listener.reference(wanted);
    this.#live.each((connection) => connection.reference(wanted));
    for (const socket of this.#waiting) {
      if (wanted) socket.ref();
      else socket.unref();
    }
  }

  #publish(): void {
    this.#board?.publish(this.#counts());
  }

  #counts(): RuntimeCounts {
    const { waiting: _waiting, ring: _ring, ...counts } = this.stats();
    return counts;
  }
}

function nothing(): void {}

function drop(this: Connection): void {
  this.kill('aborted');
}

/** A blueprint that cannot build its orbit costs the connection, not the listener. */
function open(this: Connection): void {
  try {
    this.open();
  } catch (error) {
    this.kill('aborted' satisfies CloseReason);
    throw error;
  }
}
