import { type BigIntStats, lstatSync, unlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  adoptListener,
  closeFd,
  duplicateFd,
  type ListenerOptions,
  openListener,
  type SocketName,
  socketName,
} from '@ringbearer/native/ring';
import { optionsOf } from './options.js';

export type { SocketName } from '@ringbearer/native/ring';

/** Where and how to listen: an address literal and a port, a Unix path (a leading NUL makes it abstract), or a descriptor. */
export interface ListenOptions {
  /** IPv4 or IPv6 literal. Default `'127.0.0.1'`. */
  readonly address?: string;
  /** 0 lets the system choose. Default 0. */
  readonly port?: number;
  /** Unix socket path, in place of address and port. */
  readonly path?: string;
  /** A stream socket that listens already, in place of all the others. It stays open when the listener closes: it is whoever's it was. */
  readonly fd?: number;
  /** Connections the kernel queues before they are accepted; the system caps it (net.core.somaxconn). Default 4096. */
  readonly backlog?: number;
  /** Several sockets may listen on this port, and the kernel spreads connections over them (SO_REUSEPORT). Default false. */
  readonly reusePort?: boolean;
  /**
   * With `reusePort`: a port that is taken is `EADDRINUSE` all the same, and others may join once this socket has it. For the first of
   * several sockets. Default false.
   */
  readonly claim?: boolean;
  /** An IPv6 wildcard takes no IPv4 connections. Default false. */
  readonly ipv6Only?: boolean;
  /** Permissions of the file of a Unix path, such as `0o660`; connecting takes the right to write. Default: by the umask. */
  readonly mode?: number;
  /** Removes the file of a Unix path that nobody listens behind, as a process that was killed leaves it. Default false. */
  readonly replaceStale?: boolean;
}

/** A socket's file: where it is whatever the working directory becomes, and which one it is. */
interface SocketFile {
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

/** A ring, which may have the socket for its own. */
interface SocketOwner {
  openListener(options: ListenerOptions): number;
  closeOwned(fd: number): void;
}

/** The largest permissions there are. */
const MODE_MAX = 0o777;

/**
 * A listening TCP or Unix socket that belongs to no ring. Any number of rings, in any thread of this process, may accept from it:
 * `bearer.listen({ fd: socket.fd })`. What waits in its queue is not lost when one of them ends. Accepted TCP sockets have TCP_NODELAY.
 *
 * @example
 * ```ts
 * import { ListeningSocket, UringBearer } from '@ringbearer/io-uring-bearer';
 *
 * const socket = ListeningSocket.open({ address: '127.0.0.1' });
 * for (let generation = 1; generation <= 2; generation++) {
 *   const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
 *   console.log(generation, bearer.listen({ fd: socket.fd }).address.family);
 *   await bearer.close(); // the socket listens on
 * }
 * socket.close();
 * ```
 */
export class ListeningSocket {
  /** The descriptor. */
  readonly fd: number;
  /** Where it listens, with the port the system chose. */
  readonly address: SocketName;
  readonly #file: SocketFile | null;
  readonly #closeFd: ((fd: number) => void) | null;
  #closed = false;

  private constructor(fd: number, close: ((fd: number) => void) | null) {
    this.fd = fd;
    this.address = socketName(fd);
    this.#closeFd = close;
    this.#file = close === null ? null : socketFile(this.address);
  }

  /**
   * Opens, binds and listens; or takes the descriptor in `options.fd`, which {@link close} leaves open.
   * @throws TypeError, RangeError for an address, port, path, backlog, mode or descriptor that cannot be
   * @throws the system's error, with code (`EADDRINUSE`, `EBADF`), errno and syscall, and address and port, or path
   */
  static open(options: ListenOptions): ListeningSocket;
  /** @internal @param ring closes the socket when it ends, however it ends */
  static open(options: ListenOptions, ring: SocketOwner): ListeningSocket;
  static open(options: ListenOptions, ring?: SocketOwner): ListeningSocket {
    const given = optionsOf('listen', options);
    const { address = '127.0.0.1', port = 0, backlog = 4096, fd, mode } = given;
    if (fd !== undefined) {
      demandInteger('fd', fd, 0, 0x7fff_ffff);
      adoptListener(fd);
      return new ListeningSocket(fd, null);
    }
    demandInteger('port', port, 0, 65_535);
    demandInteger('backlog', backlog, 1, 0x7fff_ffff);
    if (mode !== undefined) demandInteger('mode', mode, 0, MODE_MAX);
    const all = { ...options, address, port, backlog };
    let opened: number;
    try {
      opened = ring === undefined ? openListener(all) : ring.openListener(all);
    } catch (error) {
      throw withPlace(error, all);
    }
    const close = ring === undefined ? closeFd : (number: number) => ring.closeOwned(number);
    try {
      return new ListeningSocket(opened, close);
    } catch (error) {
      close(opened);
      throw error;
    }
  }

  /** It came as a descriptor, and stays open. */
  get adopted(): boolean {
    return this.#closeFd === null;
  }

  /**
   * Closes the descriptor, and removes the file of a Unix path if it is still this socket's. The address is free once no ring accepts from
   * it any more. Does nothing when closed already.
   */
  close(): void {
    if (this.#closed) return;
    this.removePath();
    this.release();
  }

  /** Closes the descriptor only. @internal */
  release(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeFd?.(this.fd);
  }

  /** Removes the file of a Unix path, unless something else has taken its place. @internal */
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

/**
 * Another descriptor of the same file or socket, close-on-exec, which the caller closes (F_DUPFD_CLOEXEC of fcntl(2)).
 * @throws RangeError for what is no descriptor
 * @throws the system's error, with code (`EBADF`, `EMFILE`), errno and syscall
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { duplicateDescriptor, ListeningSocket } from '@ringbearer/io-uring-bearer';
 *
 * const socket = ListeningSocket.open({});
 * const server = createServer().listen({ fd: duplicateDescriptor(socket.fd) }, () => {
 *   console.log(server.address()); // the same socket
 *   server.close(); // closes the descriptor it was given
 *   socket.close();
 * });
 * ```
 */
export function duplicateDescriptor(fd: number): number {
  demandInteger('fd', fd, 0, 0x7fff_ffff);
  return duplicateFd(fd);
}

function demandInteger(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(
      `Cannot listen as ${name} must be an integer from ${least} to ${most}: current value is ${value}`,
    );
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

/** The system's error, with the place it is about in message and properties, as node:net does it. Another error stays. */
function withPlace(
  error: unknown,
  { address, port, path }: { address: string; port: number; path?: string },
): unknown {
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).errno === undefined)
    return error;
  const isIpv6 = address.includes(':');
  const place = path?.replace('\0', '@') ?? `${isIpv6 ? `[${address}]` : address}:${port}`;
  error.message += `: ${place}`;
  return Object.assign(error, path === undefined ? { address, port } : { path });
}
