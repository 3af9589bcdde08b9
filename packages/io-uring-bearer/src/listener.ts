import { unlinkSync } from 'node:fs';
import { type Descriptor, FixedFd, RawFd, type RegisteredFd } from '@ringbearer/io-uring-fd';
import { AsyncCancel } from '@ringbearer/io-uring-opcode';
import {
  closeFd,
  openListener,
  type RawRing,
  type SocketName,
  socketName,
} from '@ringbearer/native/ring';
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
  readonly #registered: RegisteredFd | null = null;
  #closing: Promise<void> | null = null;

  /**
   * Opens, binds and listens, at once. `bearer.listen` calls this.
   * @throws the system's error, with code (`EADDRINUSE`), errno and syscall
   */
  constructor(bearer: UringBearer, raw: RawRing, options: ListenOptions) {
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
    const fd = openListener({ ...options, address, port, backlog });
    this.#bearer = bearer;
    this.#raw = raw;
    try {
      this.address = socketName(fd);
      const { files } = bearer;
      if (files !== null && files.manualUsed < files.manualCapacity) {
        this.#registered = files.add(new RawFd(fd));
        this.descriptor = new FixedFd(this.#registered.number);
      } else {
        raw.own(fd);
        this.descriptor = new RawFd(fd);
      }
    } catch (error) {
      closeFd(fd);
      throw error;
    }
    if (this.#registered !== null) closeFd(fd);
  }

  /**
   * Cancels the accepts in flight, waits for them, and closes the socket; the file of a Unix path is removed. When it resolves, the
   * address is free.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { descriptor } = this;
    // Each accept in flight holds the socket. One round cancels, the next finds none: by then the accepts have ended.
    while (!this.#bearer.closed) {
      if ((await this.#bearer.submit(new AsyncCancel({ descriptor, all: true }))) === 0) break;
    }
    this.removePath();
    // Without the ring the socket is gone.
    if (this.#bearer.closed) return this.#bearer.close();
    if (this.#registered !== null) this.#bearer.files!.remove(this.#registered);
    else this.#raw.closeOwned(descriptor.number);
    this.#bearer.forgetListener(this);
  }

  /** Removes the file of a Unix path. The bearer calls this when it closes. */
  removePath(): void {
    if (this.address.family !== 'Unix' || this.address.path.startsWith('\0')) return;
    try {
      unlinkSync(this.address.path);
    } catch {
      // Somebody else removed it.
    }
  }
}
