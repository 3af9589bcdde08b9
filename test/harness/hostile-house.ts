import { type ServeOptions, type Server, serve } from '@ringbearer/http-server';
import { afterEach, expect } from 'vitest';
import { get, Peer } from './peer.js';
import { until } from './until.js';

export const MEGABYTES = 1024 * 1024;
/** Larger than what two loopback sockets hold, so that a peer that does not read stops the server. */
export const LARGE = Buffer.alloc(32 * MEGABYTES, 'x');

export type Raw = NonNullable<ServeOptions['raw']>;

export const hello: Raw = (_request, reply) => reply.text('hello');
export const sizes: Raw = async (request, reply) => {
  const body = await request.bytes();
  reply.text(`${request.method} ${request.target} ${body.length}`);
};

/** Everything a server can run on: each suite runs on all of them. */
export const GROUNDS = [
  ['owner driver', { runtime: 'io-uring', driver: 'owner' }],
  ['embedded driver', { runtime: 'io-uring', driver: 'embedded' }],
  ['node runtime', { runtime: 'node' }],
] as const satisfies readonly (readonly [string, Ground])[];
export type Ground = Pick<ServeOptions, 'runtime' | 'driver'>;
type Ring = NonNullable<ReturnType<Server['stats']>['ring']>;

/** A server and its peers for the tests of one describe block: closed after each test. */
export class HostileHouse {
  readonly #ground: Ground;
  readonly #peers: Peer[] = [];
  #server: Server | null = null;

  constructor(ground: Ground) {
    this.#ground = ground;
    afterEach(async () => {
      this.closePeers();
      await this.#server?.close({ drainTimeoutMs: 100 });
      this.#server = null;
    });
  }

  closePeers(): void {
    for (const peer of this.#peers.splice(0)) peer.close();
  }

  get server(): Server {
    return this.#server!;
  }

  /** Counters of the ring; null where there is none. */
  get ring(): Ring | null {
    return this.server.stats().ring;
  }

  /** Serves on a free port. */
  serving = (raw: Raw, options: Omit<ServeOptions, 'raw'> = {}): Promise<number> =>
    this.servingApp({ raw, ...options });

  /** Serves on a free port, whatever form the handler has. */
  servingApp = async (options: ServeOptions): Promise<number> => {
    this.#server = await serve({
      hostname: '127.0.0.1',
      port: 0,
      ...this.#ground,
      ...options,
    });
    expect(this.#server.runtime).toBe(this.#ground.runtime);
    return (this.#server.address() as { port: number }).port;
  };

  connect = async (port: number, options?: { read?: boolean }): Promise<Peer> => {
    const peer = await Peer.connect(port, options);
    this.#peers.push(peer);
    return peer;
  };

  /** One good request: what any other peer must be able to make meanwhile. */
  ask = async (port: number, target = '/'): Promise<string> => {
    const peer = await Peer.connect(port);
    await peer.send(get(target));
    const { status, body } = await peer.response();
    peer.close();
    expect(status).toBe(200);
    return body.toString();
  };

  /** Nothing is left: no connection, no operation beyond the accept and the coarse timer. */
  expectIdle = async (): Promise<void> => {
    await until('every connection is gone', () => this.server.stats().connections === 0);
    const { ring } = this;
    if (ring === null) return;
    expect(ring.capacity.PendingCompletions.used).toBeLessThanOrEqual(2);
    expect(ring.stale).toBe(0);
  };
}
