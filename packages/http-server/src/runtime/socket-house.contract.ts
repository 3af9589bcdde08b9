import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect } from 'vitest';
import type { Blueprint } from '../sans-io/blueprint.js';
import type { Left } from '../sans-io/left.js';
import type { Orbit } from '../sans-io/orbit.js';
import type { ServerRuntime } from './choose-runtime.js';
import type { IoUringRuntimeOptions, ListenOptions, SocketName } from './io-uring/index.js';

/** What every runtime over sockets is told. */
export type Options = Omit<IoUringRuntimeOptions, 'driver'>;
/** Makes the runtime a contract is about. */
export type Make = (options: Options) => ServerRuntime;

/** An app made of the methods a test cares for. */
export function app(build: (left: Left) => Partial<Orbit>): Blueprint {
  return {
    name: 'test',
    instantiate: (left) => ({
      receive: (_bytes, start, end) => end - start,
      receiveEnd: () => left.end(),
      drained() {},
      tick() {},
      shutdown: () => left.end(),
      close() {},
      ...build(left),
    }),
  };
}

/** Everything a peer is sent. */
export async function text(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Waits for something the other side does. */
export async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 500 && !condition(); round++) await sleep(10);
  expect(condition()).toBe(true);
}

/** Runtimes and peers of one describe block: closed after each test. */
export class SocketHouse {
  readonly sockets: Socket[] = [];
  readonly running: ServerRuntime[] = [];
  readonly make: Make;

  constructor(make: Make) {
    this.make = make;
    afterEach(async () => {
      for (const socket of this.sockets.splice(0)) socket.destroy();
      for (const runtime of this.running.splice(0)) await runtime.close(500);
    });
  }

  /** A runtime that listens. */
  start = async (
    blueprint: Blueprint,
    options: Partial<Options> = {},
    place: ListenOptions = { port: 0 },
  ): Promise<{ runtime: ServerRuntime; port: number; address: SocketName }> => {
    const runtime = this.make({ app: blueprint, ...options });
    this.running.push(runtime);
    const { address } = await runtime.listen(place);
    return { runtime, port: (address as { port: number }).port, address };
  };

  /** A peer that is connected. */
  client = async (port: number): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    this.sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  };
}
