import { type Descriptor, FixedFd, type FixedFileTable, RawFd } from '@ringbearer/io-uring-fd';
import { AsyncCancel, Close } from '@ringbearer/io-uring-opcode';
import { closeFd, openListener, type SocketName, socketName } from '@ringbearer/native/ring';
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
 * A listening TCP or Unix socket that belongs to one ring. With a manual slot of the fixed-file table free it is a direct descriptor:
 * it then ends with the ring, however that ends. Accepted TCP sockets have TCP_NODELAY.
 */
export class Listener {
  /** What Accept and AcceptMulti take. */
  readonly descriptor: Descriptor;
  /** Where it listens, with the port the system chose. */
  readonly address: SocketName;
  readonly #bearer: UringBearer;
  readonly #files: FixedFileTable | null;
  #closing: Promise<void> | null = null;

  /**
   * Opens, binds and listens, at once.
   * @throws the system's error, with code (`EADDRINUSE`), errno and syscall
   */
  constructor(bearer: UringBearer, options: ListenOptions) {
    const { address = '127.0.0.1', port = 0, backlog = 4096 } = options;
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw new RangeError(`Cannot listen as port must be an integer from 0 to 65535: current value is ${port}`);
    }
    const fd = openListener({ ...options, address, port, backlog });
    this.#bearer = bearer;
    this.#files = bearer.files !== null && bearer.files.manualUsed < bearer.files.manualCapacity ? bearer.files : null;
    try {
      this.address = socketName(fd);
      this.descriptor = this.#files === null ? new RawFd(fd) : new FixedFd(this.#files.add(new RawFd(fd)).number);
    } catch (error) {
      closeFd(fd);
      throw error;
    }
    if (this.#files !== null) closeFd(fd);
  }

  /**
   * Cancels the accepts in flight, waits for them, and closes the socket. When it resolves, the port is free.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { descriptor } = this;
    try {
      await this.#bearer.submit(new AsyncCancel({ descriptor, all: true }));
    } catch (error) {
      // ENOENT: nobody was accepting.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    this.#files?.release(descriptor.number);
    await this.#bearer.submit(new Close({ descriptor }));
  }
}
