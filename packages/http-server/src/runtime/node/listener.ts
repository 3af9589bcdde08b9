import { createServer, isIP, type Server, type Socket } from 'node:net';
import type { ListenOptions, SocketName } from '../io-uring/index.js';
import { bindFile } from './socket-file.js';

/** A listening socket somebody else has opened. */
export interface OpenSocket {
  /** Its descriptor, which is the listener's to close. */
  readonly fd: number;
  /** Where it listens. */
  readonly address: SocketName;
  /** Removes the file of a Unix path, if it is still this socket's. */
  removePath(): void;
}

/** Opens a listening socket, or answers null where it cannot: node:net opens it then. */
export type SocketOpener = (place: ListenOptions) => OpenSocket | null;

/** What the kernel queues of a listener unless said otherwise. */
const BACKLOG = 4096;
/** Bytes of `sun_path` in sockaddr_un of unix(7). */
const PATH_BYTES = 108;

/**
 * A net.Server that hands its sockets on, paused.
 *
 * Errors of accept need no answer: libuv goes on by itself, and closes what waits when no descriptor is left, so that it never spins.
 */
export class NodeListener {
  readonly #server: Server;
  #socket: OpenSocket | null = null;
  #address: SocketName | null = null;

  constructor(onSocket: (socket: Socket) => void) {
    this.#server = createServer(
      { allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
      onSocket,
    );
  }

  /** Where it listens, with the port the system chose. */
  get address(): SocketName {
    return this.#address!;
  }

  /** Listens. @throws the system's error, with code (`EADDRINUSE`), errno and syscall */
  async open(place: ListenOptions, openSocket: SocketOpener = () => null): Promise<void> {
    const { backlog = BACKLOG } = place;
    const socket = openSocket(place);
    if (socket !== null) {
      await this.#listen({ fd: socket.fd, backlog });
      this.#socket = socket;
      this.#address = socket.address;
    } else {
      check(place, backlog);
      const { path, fd } = place;
      if (fd !== undefined) await this.#listen({ fd, backlog });
      else if (path !== undefined)
        await bindFile(place, () => this.#listen({ path, backlog, exclusive: true }));
      else {
        const { address: host = '127.0.0.1', port = 0, ipv6Only = false } = place;
        await this.#listen({ host, port, ipv6Only, backlog, exclusive: true });
      }
      this.#address = addressOf(this.#server);
    }
    this.#server.on('error', () => {});
  }

  /** Whether it keeps the process alive. */
  reference(wanted: boolean): void {
    if (wanted) this.#server.ref();
    else this.#server.unref();
  }

  /** Accepts no more. The port is free when this returns; connections stay. */
  close(): void {
    this.#socket?.removePath();
    this.#server.close();
  }

  #listen(options: Parameters<Server['listen']>[0]): Promise<void> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(options, () => {
        server.off('error', reject);
        resolve();
      });
    });
  }
}

function check({ address, port = 0, path, reusePort, fd }: ListenOptions, backlog: number): void {
  demandInteger('backlog', backlog, 1, 0x7fff_ffff);
  if (fd !== undefined) {
    demandInteger('fd', fd, 0, 0x7fff_ffff);
    return;
  }
  if (path !== undefined) {
    const bytes = Buffer.byteLength(path);
    if (bytes === 0 || bytes > PATH_BYTES - (path.startsWith('\0') ? 0 : 1)) {
      throw new RangeError('Cannot listen on a Unix path as it must have 1 to 107 bytes');
    }
    if (path.indexOf('\0', 1) > 0) {
      throw new TypeError(
        'Cannot listen on a Unix path as it has a NUL inside: only the first byte may be one',
      );
    }
    return;
  }
  demandInteger('port', port, 0, 65_535);
  if (address !== undefined && isIP(address) === 0) {
    throw new TypeError(
      `Cannot listen as the address must be an IPv4 or IPv6 literal: current value is ${address}`,
    );
  }
  if (reusePort === true) {
    throw new Error(
      'Cannot listen with reusePort as that takes the io_uring addon, which could not be loaded: build it with "npm run build", or leave reusePort out',
    );
  }
}

function demandInteger(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(
      `Cannot listen as ${name} must be an integer from ${least} to ${most}: current value is ${value}`,
    );
  }
}

function addressOf(server: Server): SocketName {
  const name = server.address();
  if (name === null || typeof name === 'string') return { family: 'Unix', path: name ?? '' };
  const { family, address, port } = name;
  return { family: family === 'IPv6' ? 'IPv6' : 'IPv4', address, port };
}
