import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServeOptions } from '../src/options.js';
import type { Http1Options } from '../src/protocol/http1/index.js';
import { type MemoryConnection, type MemoryRuntime, Random } from '../src/runtime/memory/index.js';
import { type Server, serve } from '../src/server.js';
import { type Handler, type Reply, runtimeOf, wholeReplies } from './http1-peer.js';

/** How bytes arrive: one packet, one packet each, or packets of random sizes. */
export type Delivery = 1 | 'none' | 'random';

/** A peer on either stage. */
export interface StagePeer {
  send(text: string, delivery?: Delivery): Promise<void>;
  fin(): void;
  reset(): void;
  /** False: the peer does not read. */
  reads: boolean;
  /** Everything it read, as latin1. */
  readonly received: string;
  /** Bytes it sent that nobody took. */
  readonly pendingBytes: number;
  /** `ended` by FIN, `aborted` by a reset; null while it is open. */
  readonly over: 'ended' | 'aborted' | null;
}

/** A server on one of the runtimes, and the way to wait for it. */
export interface Stage {
  connect(): Promise<StagePeer>;
  /** Waits for something that needs no time to pass. */
  until(what: string, condition: () => boolean): Promise<void>;
  /** Waits for something a deadline brings about. */
  eventually(what: string, condition: () => boolean): Promise<void>;
  /** The server is closing. */
  shutdown(): void;
  close(): Promise<void>;
}

export type StageOptions = Partial<Http1Options> & Pick<ServeOptions, 'maxConnections'>;

/** A runtime every behaviour is held on. */
export interface StageKind {
  readonly name: 'memory' | 'io_uring' | 'node';
  open(handler: Handler, options?: StageOptions): Promise<Stage>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class MemoryPeer implements StagePeer {
  readonly connection: MemoryConnection;

  constructor(connection: MemoryConnection) {
    this.connection = connection;
  }

  async send(text: string, delivery: Delivery = 'none'): Promise<void> {
    this.connection.send(text, delivery).run();
  }

  fin(): void {
    this.connection.fin().run();
  }

  reset(): void {
    this.connection.reset();
  }

  get reads(): boolean {
    return this.connection.reads;
  }

  set reads(reads: boolean) {
    this.connection.reads = reads;
  }

  get received(): string {
    return this.connection.received;
  }

  get pendingBytes(): number {
    return this.connection.pendingBytes;
  }

  get over(): 'ended' | 'aborted' | null {
    const { closed } = this.connection;
    return closed === null || closed === 'ended' ? closed : 'aborted';
  }
}

class MemoryStage implements Stage {
  readonly #runtime: MemoryRuntime;
  readonly #peers: MemoryPeer[] = [];

  constructor(handler: Handler, options: Partial<Http1Options>) {
    this.#runtime = runtimeOf(handler, options);
  }

  async connect(): Promise<StagePeer> {
    const peer = new MemoryPeer(this.#runtime.connect());
    this.#peers.push(peer);
    return peer;
  }

  until(what: string, condition: () => boolean): Promise<void> {
    return this.#wait(what, condition, 0);
  }

  eventually(what: string, condition: () => boolean): Promise<void> {
    return this.#wait(what, condition, 500);
  }

  async #wait(what: string, condition: () => boolean, stepMs: number): Promise<void> {
    for (let round = 0; round < 400; round++) {
      for (let i = 0; i < 6; i++) {
        for (const { connection } of this.#peers) connection.run();
        if (condition()) return;
        await turn();
      }
      if (stepMs > 0) this.#runtime.advance(stepMs);
    }
    throw new Error(`it never came to this: ${what}`);
  }

  shutdown(): void {
    this.#runtime.shutdown();
  }

  async close(): Promise<void> {}
}

class SocketPeer implements StagePeer {
  readonly socket: net.Socket;
  #received = '';
  #over: 'ended' | 'aborted' | null = null;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
    });
    const over = (how: 'ended' | 'aborted') => {
      this.#over ??= how;
    };
    socket.on('end', () => over('ended'));
    socket.on('error', () => over('aborted'));
    socket.on('close', () => over('aborted'));
  }

  async send(text: string, delivery: Delivery = 'none'): Promise<void> {
    const bytes = Buffer.from(text, 'latin1');
    const random = new Random(bytes.length);
    for (let at = 0; at < bytes.length; ) {
      const size = delivery === 'none' ? bytes.length : delivery === 1 ? 1 : 1 + random.below(64);
      this.socket.write(bytes.subarray(at, at + size));
      at += size;
      if (delivery !== 'none') await turn();
    }
  }

  fin(): void {
    this.socket.end();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  get reads(): boolean {
    return !this.socket.isPaused();
  }

  set reads(reads: boolean) {
    if (reads) this.socket.resume();
    else this.socket.pause();
  }

  get received(): string {
    return this.#received;
  }

  get pendingBytes(): number {
    return this.socket.writableLength;
  }

  get over(): 'ended' | 'aborted' | null {
    return this.#over;
  }
}

class SocketStage implements Stage {
  readonly #server: Server;
  readonly #peers: SocketPeer[] = [];

  constructor(server: Server) {
    this.#server = server;
  }

  connect(): Promise<StagePeer> {
    const { port } = this.#server.address() as { port: number };
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        const peer = new SocketPeer(socket);
        this.#peers.push(peer);
        resolve(peer);
      });
    });
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const end = performance.now() + 15_000;
    while (!condition()) {
      if (performance.now() > end) throw new Error(`it never came to this: ${what}`);
      await sleep(2);
    }
  }

  eventually(what: string, condition: () => boolean): Promise<void> {
    return this.until(what, condition);
  }

  shutdown(): void {
    void this.#server.close({ drainTimeoutMs: 10_000 });
  }

  async close(): Promise<void> {
    for (const { socket } of this.#peers) socket.destroy();
    await this.#server.close({ drainTimeoutMs: 100 });
  }
}

function sockets(name: 'io_uring' | 'node'): StageKind {
  return {
    name,
    open: async (handler, options = {}) =>
      new SocketStage(
        await serve({
          hostname: '127.0.0.1',
          port: 0,
          raw: handler,
          onError: () => {},
          lingerTimeoutMs: 200,
          runtime: name === 'node' ? 'node' : 'io-uring',
          ...options,
        }),
      ),
  };
}

/** Every runtime: deterministic in memory, and io_uring and node:net with real sockets. */
export const RUNTIMES: readonly StageKind[] = [
  {
    name: 'memory',
    open: async (handler, { maxConnections: _none, ...options } = {}) =>
      new MemoryStage(handler, options),
  },
  sockets('io_uring'),
  sockets('node'),
];

/** Those with sockets. */
export const SOCKETS = RUNTIMES.slice(1);

/** Stages of one test file, closed after each test: `const open = stages(afterEach);`. */
export function stages(
  afterEach: (body: () => Promise<void>) => void,
): (kind: StageKind, handler: Handler, options?: StageOptions) => Promise<Stage> {
  const opened: Stage[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((stage) => stage.close()));
  });
  return async (kind, handler, options) => {
    const stage = await kind.open(handler, options);
    opened.push(stage);
    return stage;
  };
}

/** Sends `wire` and waits for `count` final replies, or the end of the connection. */
export async function repliesTo(
  stage: Stage,
  wire: string,
  count: number,
  { delivery = 'none', methods = [] }: { delivery?: Delivery; methods?: readonly string[] } = {},
): Promise<{ peer: StagePeer; replies: readonly Reply[] }> {
  const peer = await stage.connect();
  await peer.send(wire, delivery);
  const read = (): readonly Reply[] => wholeReplies(peer.received, methods);
  await stage.until(
    `${count} replies came`,
    () => peer.over !== null || read().filter(({ status }) => status >= 200).length >= count,
  );
  return { peer, replies: read() };
}
