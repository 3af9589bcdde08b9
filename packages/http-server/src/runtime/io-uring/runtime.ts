import { AsyncResource } from 'node:async_hooks';
import {
  type BearerStats,
  type Capabilities,
  type Listener,
  type ListenOptions,
  type RingFactory,
  type SocketName,
  UnsupportedOpcodeError,
  UringBearer,
} from '@ringbearer/io-uring-bearer';
import type { ProvidedBufferRing } from '@ringbearer/io-uring-buffer';
import { FixedFd } from '@ringbearer/io-uring-fd';
import { type OpCode, SubmissionFlags, Timeout } from '@ringbearer/io-uring-opcode';
import { type Blueprint, instantiate, type LayerBlueprint } from '../../sans-io/blueprint.js';
import type { PeerAddress } from '../../sans-io/left.js';
import type { Orbit } from '../../sans-io/orbit.js';
import { Admission, type AdmissionOptions } from '../admission.js';
import { BatchWork } from '../batch-work.js';
import { CoarseClock } from '../coarse-clock.js';
import { connectionsFor } from '../file-limit.js';
import { LiveConnections } from '../live-connections.js';
import type { Runtime, RuntimeCounts } from '../runtime.js';
import type { RuntimeObserver } from '../runtime-observer.js';
import type { StatsBoard } from '../stats-board.js';
import { Acceptor } from './acceptor.js';
import { Connection } from './connection.js';
import { Equipment, GATHERINGS_MAX } from './equipment.js';
import type { IoUringRuntimeOptions } from './options.js';
import { Discarded, type Sender } from './outgoing.js';
import { turnBytes } from './receive.js';
import type { SendSide } from './send-side.js';
import { TickGuard } from './tick-guard.js';
import { TransmitPool } from './transmit-pool.js';
import {
  RING_HELD_SENDS_MAX,
  type ZeroCopy,
  type ZeroCopyTrials,
  zeroCopyOf,
} from './zero-copy.js';

/** Resolution of every deadline. */
const TICK_MS = 250;
/** Receive buffers of a ring: shared by all connections, held only while a batch is parsed. */
const RECEIVE_BUFFERS = 1024;
const RECEIVE_BUFFER_BYTES = 16 * 1024;
/** Transmit slots of 16 KiB; more connections with a response under way borrow from the heap. */
const TRANSMIT_SLOTS = 1024;
/** What the kernel queues of a listener unless said otherwise, as `listen` of the bearer has it. */
const BACKLOG = 4096;
/** Descriptors beyond maxConnections, for what several listeners may accept at once. */
const ACCEPT_SLACK = 64;
/** Listeners of one runtime. */
const LISTENERS_MAX = 8;
/** Longest wait for a peer's FIN while the server closes. */
const CLOSING_LINGER_MS = 250;
const SUBMISSION_ENTRIES = 2048;
/** Operations of no connection, or of the few that hold more: accepts, cancellations, the timer; zero-copy sends. */
const SPARE_OPERATIONS = 64 + RING_HELD_SENDS_MAX;
/** Operations of one connection that can be in flight: receive, send, shutdown or close, two cancellations. */
const OPERATIONS_PER_CONNECTION = 5;

/** Connections at once of a runtime that is not told: 8192, less where "ulimit -n" is lower. */
export function defaultConnections(options: AdmissionLimits): number {
  return fitting(undefined, options).maxConnections;
}

/** What {@link Admission} decides by, as given. */
type AdmissionLimits = Omit<AdmissionOptions, 'maxConnections'>;

function fitting(wanted: number | undefined, options: AdmissionLimits) {
  const { refusalsMax } = new Admission({ ...options, maxConnections: 0 });
  return connectionsFor(wanted, ACCEPT_SLACK + LISTENERS_MAX + refusalsMax);
}

/** Counters of an {@link IoUringRuntime}. */
export interface RuntimeStats extends RuntimeCounts {
  /** Counters and capacities of the bearer. */
  readonly ring: BearerStats;
}

/**
 * Sockets, buffers, timers and scheduling on one ring, for any pipeline of blueprints. Accepts into direct descriptors, receives into
 * one shared buffer ring, parses in place, and sends what a batch of completions produced for a connection in one piece.
 */
export class IoUringRuntime implements Runtime<ListenOptions, SocketName> {
  /** Which runtime this is. */
  readonly kind = 'io-uring';
  /** @internal */
  readonly clock = new CoarseClock();
  /** Connections at once. */
  readonly maxConnections: number;
  /** Longest wait for the peer to take bytes of one send, in milliseconds. */
  readonly writeTimeoutMs: number;
  /** @internal */
  readonly observer: RuntimeObserver | null;
  /** @internal */
  bytesReceived = 0;
  /** @internal */
  bytesSent = 0;
  readonly #lingerTimeoutMs: number;
  /** @internal */
  readonly receive: ProvidedBufferRing;
  /** @internal */
  readonly transmit: TransmitPool;
  /** Where closed connections write to. @internal */
  readonly discarded: Discarded;
  /** @internal */
  readonly equipment: Equipment;
  readonly #zeroCopy: ZeroCopy;
  readonly #bearer: UringBearer;
  readonly #app: Blueprint;
  readonly #layers: readonly LayerBlueprint[];
  readonly #admission: Admission;
  /** What refused connections get; null: they are closed. */
  readonly #refusal: Blueprint | null;
  /** Those that are being refused. */
  readonly #refused = new Set<Connection>();
  readonly #acceptors: Acceptor[] = [];
  readonly #live = new LiveConnections<Connection>();
  readonly #timer: Timeout;
  readonly #ticks = new TickGuard(TICK_MS);
  readonly #board: StatsBoard | null;
  readonly #work = new BatchWork<SendSide>();
  #flushScheduled = false;
  #ending = false;
  #starving: Connection[] = [];
  #accepted = 0;
  #refusals = 0;
  #closing = false;
  #stopped: Promise<void> | null = null;
  /**
   * The asynchronous context of the ring. Who replies later does so in the context of that request, and the flush it causes may run the handler of
   * another one: that must not find itself in there.
   */
  #scope: AsyncResource | null = null;
  readonly #flushTurn = () => {
    this.#flushScheduled = false;
    if (this.#scope === null) this.#endBatch();
    else this.#scope.runInAsyncScope(this.#endBatch, this);
  };

  /** @throws RingSetupError where io_uring cannot be used, saying why */
  constructor(options: IoUringRuntimeOptions, ringFactory?: RingFactory, trials?: ZeroCopyTrials) {
    const { maxConnections, fileLimit } = fitting(options.maxConnections, options);
    this.maxConnections = maxConnections;
    this.#admission = new Admission({ ...options, maxConnections });
    this.#refusal = options.refusal ?? null;
    this.#board = options.board ?? null;
    this.writeTimeoutMs = options.writeTimeoutMs ?? 30_000;
    this.#lingerTimeoutMs = options.lingerTimeoutMs ?? 2000;
    this.observer = options.observer ?? null;
    this.#app = options.app;
    this.#layers = options.layers ?? [];
    this.#bearer = UringBearer.withCapacity(
      {
        CoreQueue: SUBMISSION_ENTRIES,
        CompletionQueue: SUBMISSION_ENTRIES * 4,
        RegisteredFd: fileLimit,
        PendingCompletions: Math.min(
          1_048_575,
          fileLimit * OPERATIONS_PER_CONNECTION + SPARE_OPERATIONS,
        ),
        Buffers: RECEIVE_BUFFERS + TRANSMIT_SLOTS + GATHERINGS_MAX,
        BufferBytes: 2 ** 30,
        BufferGroups: 1,
      },
      {
        driver: options.driver ?? 'owner',
        manualFiles: LISTENERS_MAX,
        onBatch: () => this.#endBatch(),
        onWake: () => this.clock.update(),
        ...(ringFactory === undefined ? {} : { ringFactory }),
      },
    );
    try {
      demandMultishotReceive(this.#bearer);
      this.receive = this.#bearer.buffers.ring({
        count: RECEIVE_BUFFERS,
        bufferBytes: RECEIVE_BUFFER_BYTES,
      });
      this.transmit = new TransmitPool(this.#bearer, TRANSMIT_SLOTS);
    } catch (error) {
      void this.#bearer.close();
      throw error;
    }
    const probe = this.#bearer.probe();
    this.#zeroCopy = zeroCopyOf(probe, options.minZeroCopyBytes, this.clock, trials);
    this.discarded = new Discarded(this.transmit, this.#zeroCopy, new FixedFd(0), NOBODY);
    this.equipment = new Equipment(
      this.receive.group,
      this.transmit,
      (bytes) => this.#bearer.allocate(bytes),
      turnBytes(probe.kernel),
      this.#zeroCopy,
    );
    this.#timer = new Timeout({ milliseconds: TICK_MS });
    this.#timer.handler = () => this.#tick();
  }

  /** Open now, closing ones included. */
  get connections(): number {
    return this.#live.size;
  }
  /** What the ring was granted. */
  capabilities(): Capabilities {
    return this.#bearer.capabilities();
  }
  /** Counters. Makes objects: not for hot paths. */
  stats(): RuntimeStats {
    return {
      connections: this.#live.size,
      maxConnections: this.maxConnections,
      accepted: this.#accepted,
      bytesReceived: this.bytesReceived,
      bytesSent: this.bytesSent,
      connectionsRefused: this.#refusals,
      acceptPaused: this.#acceptors.some((acceptor) => acceptor.paused),
      ...this.#zeroCopy.counts,
      ring: this.#bearer.stats(),
    };
  }

  /**
   * Listens, and accepts from now on.
   * @throws the system's error, with code (`EADDRINUSE`), errno and syscall
   */
  listen(options: ListenOptions): Listener {
    const listener = this.#bearer.listen(options);
    const acceptor = new Acceptor(this, listener, options.backlog ?? BACKLOG);
    this.#acceptors.push(acceptor);
    acceptor.start();
    this.#board?.publish(this.stats());
    return listener;
  }

  /** Ends the process-keeping effect of the listeners and connections. */
  unref(): void {
    this.#bearer.unref();
  }
  /** Undoes {@link unref}. */
  ref(): void {
    this.#bearer.ref();
  }

  /**
   * Stops accepting, tells every connection to finish, waits for them at most `drainMs`, closes what is left, and lets the ring go.
   * When it resolves, the ports are free.
   *
   * @param gently idle connections are waited for too, until their next reply or the end of their idle time: a request may be under way
   */
  async close(drainMs: number, gently = false): Promise<void> {
    if (this.#closing) throw new Error('Cannot close the runtime twice');
    this.#closing = true;
    this.clock.update();
    await this.stopAccepting();
    for (const connection of this.#live.copy()) connection.shutdown(gently);
    this.#endBatch();
    if (this.#live.size > 0) {
      await this.#live.emptyWithin(drainMs);
      for (const connection of this.#live.copy()) connection.kill('shutdown');
      this.#endBatch();
      await this.#live.empty();
    }
    this.#board?.publish(this.stats());
    await this.#bearer.close();
  }

  /** Closes the listeners, and nothing else. Resolves when no connection comes any more; calling it again waits for the same. */
  stopAccepting(): Promise<void> {
    this.#stopped ??= Promise.all(this.#acceptors.map((acceptor) => acceptor.close())).then(
      () => {},
    );
    return this.#stopped;
  }

  /** Looks for connections that wait: for a socket that another runtime accepted from too, and stopped. */
  acceptAgain(): void {
    if (this.#stopped === null) for (const acceptor of this.#acceptors) acceptor.again();
  }

  /** A gentle {@link close} that is under way waits for idle connections no longer. */
  endIdle(): void {
    if (!this.#closing || this.#bearer.closed) return;
    for (const connection of this.#live.copy()) connection.shutdown(false);
    this.#endBatch();
  }

  // ---- for Acceptor and Connection

  /** @internal */
  get bearer(): UringBearer {
    return this.#bearer;
  }
  /** Shorter while the server closes, and for those it refuses: nobody waits for a peer that does not answer our FIN. @internal */
  lingerTimeoutMs(connection: Connection): number {
    return this.#closing || (this.#refused.size > 0 && this.#refused.has(connection))
      ? Math.min(this.#lingerTimeoutMs, CLOSING_LINGER_MS)
      : this.#lingerTimeoutMs;
  }
  /** An acceptor stopped for want of room, or goes on. @internal */
  acceptPaused(paused: boolean): void {
    this.observer?.acceptPaused(paused, this.#live.size, this.maxConnections);
  }
  /** Connections that may still be accepted. Below 0 when several listeners accepted at once. @internal */
  get room(): number {
    return this.#admission.room;
  }
  /** Direct descriptors there are for them. @internal */
  get roomWithSlack(): number {
    return this.room + ACCEPT_SLACK;
  }
  /** @internal */
  push(operation: OpCode<unknown>): void {
    this.#bearer.push(operation);
  }
  /** @internal */
  cancel(operation: OpCode<unknown>): void {
    this.#bearer.cancel(operation);
  }
  /** @internal */
  instantiate(connection: Connection): Orbit {
    const app = this.#refused.has(connection) ? this.#refusal! : this.#app;
    return instantiate(connection, this.#layers, app);
  }
  /** @internal */
  peerOf(socket: FixedFd): PeerAddress | null {
    try {
      return this.#bearer.peerName(socket);
    } catch {
      return null; // gone already
    }
  }

  /** Whether the way to the peer leaves this machine. @internal */
  leaves(socket: FixedFd): boolean {
    return this.#zeroCopy.leaves(this.peerOf(socket));
  }

  /** A connection was accepted into direct descriptor `index`. @internal */
  accepted(index: number): void {
    this.#scope ??= new AsyncResource('RINGBEARER_RUNTIME');
    const socket = new FixedFd(index);
    const connection = new Connection(this, socket);
    this.#live.add(connection);
    this.#accepted++;
    this.#board?.accepted(this.#live.size, this.#accepted);
    this.watch();
    if (!this.#admit(connection)) return;
    try {
      connection.open();
    } catch (error) {
      // A blueprint that cannot build its orbit costs the connection, not the listener.
      connection.kill('aborted');
      this.#work.failed(error);
      this.flushLater(connection);
    }
  }

  /** Whether there is anything to say to it, if only that it is not served. */
  #admit(connection: Connection): boolean {
    const admission = this.#admission;
    const verdict = admission.decide(admission.needsAddress ? connection.peer() : null);
    if (verdict === 'serve') return true;
    this.#refusals++;
    this.#refused.add(connection);
    if (verdict === 'refuse' && this.#refusal !== null) return true;
    connection.kill('aborted');
    return false;
  }

  /** There is something for the coarse timer to look after. @internal */
  watch(): void {
    if (this.#timer.inFlight || this.#bearer.closed) return;
    this.#ticks.set(this.clock.now);
    this.#bearer.push(this.#timer, SubmissionFlags.BACKGROUND);
  }

  /** The descriptor of a connection is closed. @internal */
  closed(connection: Connection): void {
    this.#live.remove(connection);
    const served = this.#refused.size === 0 || !this.#refused.delete(connection);
    const peer = served && this.#admission.needsAddress ? connection.peer() : null;
    this.#admission.gone(served, peer);
    this.#board?.closed(this.#live.size);
    if (!this.#closing) for (const acceptor of this.#acceptors) acceptor.roomAgain();
  }

  /** Something was written or is to be presented: at the end of the batch, or of this turn of the event loop. @internal */
  flushLater(connection: SendSide): void {
    this.#work.add(connection);
    if (this.#bearer.inBatch || this.#flushScheduled) return;
    this.#flushScheduled = true;
    process.nextTick(this.#flushTurn);
  }

  /** A connection found no receive buffer: again once the batch gave some back. @internal */
  receiveLater(connection: Connection): void {
    this.receive.noteEnobufs();
    this.#starving.push(connection);
  }

  #endBatch(): void {
    // Flushing may fill the submission queue, which handles completions and ends a batch of its own: this one goes on with it.
    if (this.#ending) return;
    this.#ending = true;
    this.#work.flush();
    this.#ending = false;
    this.receive.publish();
    if (this.#starving.length > 0) {
      const starving = this.#starving;
      this.#starving = [];
      for (const connection of starving) connection.receiveAgain();
    }
    this.#work.report();
  }

  #tick(): void {
    this.clock.update();
    const { now } = this.clock;
    if (this.#ticks.passes(now)) {
      this.watch();
      return;
    }
    this.#live.each((connection) => {
      try {
        connection.tick(now);
      } catch (error) {
        connection.abort();
        this.#work.failed(error);
      }
    });
    for (const acceptor of this.#acceptors) acceptor.roomAgain();
    this.#board?.publish(this.stats());
    if (this.#live.size > 0 || this.#acceptors.some((acceptor) => acceptor.paused)) this.watch();
    if (this.#live.size === 0) this.equipment.rest();
  }
}

/** It has no opcode of its own to look for, but came with one: SEND_ZC. */
function demandMultishotReceive(bearer: UringBearer): void {
  const { kernel, has } = bearer.probe();
  if (!has('SEND_ZC')) throw new UnsupportedOpcodeError('RECV multishot', '6.0', kernel);
}

const NOBODY: Sender = {
  lost: true,
  route: null,
  onSend() {},
  findRoute: () => null,
  onReleased() {},
};
