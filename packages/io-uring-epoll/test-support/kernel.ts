import { closeSync, readdirSync, readSync, writeSync } from 'node:fs';
import {
  type BearerCapacity,
  type BearerOptions,
  type DriverKind,
  UringBearer,
} from '@ringbearer/io-uring-bearer';
import { RawFd } from '@ringbearer/io-uring-fd';
import {
  AddressFamily,
  Bind,
  Connect,
  Pipe,
  Socket,
  SocketType,
} from '@ringbearer/io-uring-opcode';
import { afterEach, type TestContext } from 'vitest';
import { EpollHandler, type EpollHandlerOptions } from '../src/index.js';

/** A pipe, or a pair of sockets, without a ring: bytes go in and come out at once. */
export class Channel {
  /** What becomes readable. */
  readonly reader: RawFd;
  readonly writer: RawFd;
  readonly #open = new Set<number>();

  constructor(reader: number, writer: number) {
    this.reader = new RawFd(reader);
    this.writer = new RawFd(writer);
    this.#open.add(reader).add(writer);
  }

  write(bytes = 1): void {
    writeSync(this.writer.number, Buffer.alloc(bytes));
  }
  read(bytes = 1): void {
    readSync(this.reader.number, Buffer.alloc(bytes));
  }
  closeReader(): void {
    this.#close(this.reader.number);
  }
  closeWriter(): void {
    this.#close(this.writer.number);
  }
  close(): void {
    for (const fd of this.#open) this.#close(fd);
  }

  #close(fd: number): void {
    if (this.#open.delete(fd)) closeSync(fd);
  }
}

/** Bearers, handlers and channels that end with their test. */
export class EpollFixture {
  readonly #ends: (() => unknown)[] = [];
  #names = 0;

  constructor() {
    afterEach(async () => {
      for (const end of this.#ends.splice(0).reverse()) await end();
    });
  }

  bearer(
    driver: DriverKind = 'embedded',
    capacity: Partial<BearerCapacity> = {},
    options: BearerOptions = {},
  ): UringBearer {
    const bearer = UringBearer.withCapacity({ CoreQueue: 64, ...capacity }, { driver, ...options });
    this.#ends.push(() => bearer.close());
    return bearer;
  }

  handler<Value = unknown>(
    bearer: UringBearer,
    options: EpollHandlerOptions = {},
  ): EpollHandler<Value> {
    const handler = EpollHandler.create<Value>(bearer, options);
    this.#ends.push(() => handler.close());
    return handler;
  }

  async pipe(context: TestContext, bearer: UringBearer): Promise<Channel> {
    const { kernel, has } = bearer.probe();
    if (!has('PIPE')) context.skip(`kernel ${kernel} has no PIPE`);
    const { readEnd, writeEnd } = await bearer.submit(new Pipe());
    return this.#kept(new Channel(readEnd.number, writeEnd.number));
  }

  /** Unix datagram sockets. */
  async sockets(bearer: UringBearer): Promise<Channel> {
    const address = {
      family: 'Unix',
      path: `\0epoll-${process.pid}-${this.#names++}`,
    } as const;
    const make = () =>
      bearer.submit(new Socket({ family: AddressFamily.UNIX, type: SocketType.DGRAM }));
    const [receiver, sender] = [await make(), await make()];
    await bearer.submit(new Bind({ socket: receiver, address }));
    await bearer.submit(new Connect({ socket: sender, address }));
    return this.#kept(new Channel(receiver.number, sender.number));
  }

  #kept(channel: Channel): Channel {
    this.#ends.push(() => channel.close());
    return channel;
  }
}

/** Skips where the kernel cannot wait so. */
export function demandWait(context: TestContext, bearer: UringBearer, waitBy: string): void {
  const { kernel, has } = bearer.probe();
  if (waitBy === 'ring' && !has('EPOLL_WAIT')) context.skip(`kernel ${kernel} has no EPOLL_WAIT`);
}

/** The code of the error a Promise is rejected with, or its name. */
export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    ({ code, name }) => (typeof code === 'string' ? code : name),
  );

/** Descriptors this process has open. */
export const openDescriptors = (): number => readdirSync('/proc/self/fd').length;
export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
