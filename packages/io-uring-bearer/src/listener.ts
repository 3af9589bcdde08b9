import { type BigIntStats, lstatSync, unlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Descriptor, FixedFd, RawFd, type RegisteredFd } from '@ringbearer/io-uring-fd';
import { AsyncCancel, type OpCode } from '@ringbearer/io-uring-opcode';
import { type RawRing, type SocketName, socketName } from '@ringbearer/native/ring';
import type { UringBearer } from './bearer.js';

export type { SocketName } from '@ringbearer/native/ring';

/** Where and how to listen: an address literal and a port, or a Unix path (a leading NUL makes it abstract). */
export interface ListenOptions {
  /** IPv4 or IPv6 literal. Default `'127.0.0.1'`. */
  readonly address?: string;
  /** 0 lets the system choose. Default 0. */
  readonly port?: number;
  /** Unix socket path, in place of address and port. */
  readonly path?: string;
  /** Connections the kernel queues before they are accepted; the system caps it (net.core.somaxconn). Default 4096. */
  readonly backlog?: number;
  /** Several sockets may listen on this port, and the kernel spreads connections over them (SO_REUSEPORT). Default false. */
  readonly reusePort?: boolean;
  /** An IPv6 wildcard takes no IPv4 connections. Default false. */
  readonly ipv6Only?: boolean;
}

/** The keeper of the process does nothing: how seldom hardly matters. */
const KEEP_ALIVE_MS = 1000;

/** What a listener needs of its bearer beyond the public interface. */
export interface ListenerHost {
  /** Submits an operation of the bearer's own, which PendingCompletions does not count, now or when there is room. */
  followUp(operation: OpCode<unknown>): void;
  /** The listener closed itself. */
  closed(listener: Listener): void;
}

/** A socket's file: where it is whatever the working directory becomes, and which one it is. */
interface SocketFile {
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * A listening TCP or Unix socket that belongs to one ring, and ends with it, however the ring ends: `bearer.close()`, Worker
 * termination, exit. With a manual slot of the fixed-file table free it is a direct descriptor. Accepted TCP sockets have TCP_NODELAY.
 */
export class Listener {
  /** What Accept and AcceptMulti take. */
  readonly descriptor: Descriptor;
  /** Where it listens, with the port the system chose. */
  readonly address: SocketName;
  readonly #bearer: UringBearer;
  readonly #raw: RawRing;
  readonly #host: ListenerHost;
  readonly #file: SocketFile | null = null;
  readonly #registered: RegisteredFd | null = null;
  #closing: Promise<void> | null = null;

  /**
   * Opens, binds and listens, at once. `bearer.listen` calls this.
   * @throws the system's error, with code (`EADDRINUSE`), errno and syscall
   */
  constructor(bearer: UringBearer, raw: RawRing, host: ListenerHost, options: ListenOptions) {
    const { address = '127.0.0.1', port = 0, backlog = 4096 } = options;
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw new RangeError(
        `Cannot listen as port must be an integer from 0 to 65535: current value is ${port}`,
      );
    }
    if (!Number.isInteger(backlog) || backlog < 1 || backlog > 0x7fff_ffff) {
      throw new RangeError(
        `Cannot listen as backlog must be an integer from 1 to 2147483647: current value is ${backlog}`,
      );
    }
    const fd = raw.openListener({ ...options, address, port, backlog });
    this.#bearer = bearer;
    this.#raw = raw;
    this.#host = host;
    try {
      this.address = socketName(fd);
      this.#file = socketFile(this.address);
      const { files } = bearer;
      if (files !== null && files.manualUsed < files.manualCapacity) {
        this.#registered = files.add(new RawFd(fd));
        this.descriptor = new FixedFd(this.#registered.number);
      } else {
        this.descriptor = new RawFd(fd);
      }
    } catch (error) {
      raw.closeOwned(fd);
      this.removePath();
      throw error;
    }
    if (this.#registered !== null) raw.closeOwned(fd);
  }

  /**
   * Cancels the accepts in flight, waits for them, and closes the socket; the file of a Unix path is removed, if it is still this
   * socket's. When it resolves, the address is free. A bearer that is full does not keep it from closing.
   * @throws OpCodeError, by rejecting, when the kernel refuses to cancel: the listener is open, and may be closed again
   */
  close(): Promise<void> {
    this.#closing ??= this.#close().catch((error: unknown) => {
      this.#closing = null;
      throw error;
    });
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Each accept in flight holds the socket. One round cancels, the next finds none: by then the accepts have ended.
    while (!this.#bearer.closed) if ((await this.#cancelAccepts()) === 0) break;
    this.removePath();
    // Without the ring the socket is gone.
    if (this.#bearer.closed) return this.#bearer.close();
    if (this.#registered !== null) this.#bearer.files!.remove(this.#registered);
    else this.#raw.closeOwned(this.descriptor.number);
    this.#host.closed(this);
  }

  /** How many it found. */
  #cancelAccepts(): Promise<number> {
    const cancel = new AsyncCancel({ descriptor: this.descriptor, all: true });
    // The bearer's own operations do not keep the process: somebody waits for this one. Who drives by hand keeps it himself.
    const { driver } = this.#bearer;
    const keeper = driver === 'manual' ? undefined : setInterval(() => {}, KEEP_ALIVE_MS);
    return new Promise((found, reject) => {
      cancel.handler = (cqe) => {
        clearInterval(keeper);
        try {
          found(cancel.complete(cqe));
        } catch (error) {
          reject(error);
        }
      };
      this.#host.followUp(cancel);
    });
  }

  /** Removes the file of a Unix path, unless something else has taken its place. The bearer calls this when it closes. */
  removePath(): void {
    const file = this.#file;
    if (file === null) return;
    try {
      if (isSame(file, lstatSync(file.path, { bigint: true }))) unlinkSync(file.path);
    } catch {
      // Somebody else removed it.
    }
  }
}

/** The file that bind(2) has just made, or null for what has none. */
function socketFile(name: SocketName): SocketFile | null {
  if (name.family !== 'Unix' || name.path === '' || name.path.startsWith('\0')) return null;
  const path = resolve(name.path);
  try {
    const { dev, ino } = lstatSync(path, { bigint: true });
    return { path, dev, ino };
  } catch {
    return null; // Somebody else removed it already.
  }
}

const isSame = (file: SocketFile, found: BigIntStats): boolean =>
  found.isSocket() && found.dev === file.dev && found.ino === file.ino;
