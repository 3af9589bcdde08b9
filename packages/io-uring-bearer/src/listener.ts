import { type Descriptor, FixedFd, RawFd, type RegisteredFd } from '@ringbearer/io-uring-fd';
import { AsyncCancel, type OpCode } from '@ringbearer/io-uring-opcode';
import type { RawRing } from '@ringbearer/native/ring';
import type { UringBearer } from './bearer.js';
import { ListeningSocket, type ListenOptions, type SocketName } from './listening-socket.js';

export type { ListenOptions, SocketName };

/** The keeper of the process does nothing: how seldom hardly matters. */
const KEEP_ALIVE_MS = 1000;

/** What a listener needs of its bearer beyond the public interface. */
export interface ListenerHost {
  /** Submits an operation of the bearer's own, which PendingCompletions does not count, now or when there is room. */
  followUp(operation: OpCode<unknown>): void;
  /** The listener closed itself. */
  closed(listener: Listener): void;
}

/**
 * A listening TCP or Unix socket that belongs to one ring, and ends with it, however the ring ends: `bearer.close()`, Worker
 * termination, exit. One that was given as a descriptor stays open. With a manual slot of the fixed-file table free it is a direct
 * descriptor. Accepted TCP sockets have TCP_NODELAY.
 */
export class Listener {
  /** What Accept and AcceptMulti take. */
  readonly descriptor: Descriptor;
  /** Where it listens, with the port the system chose. */
  readonly address: SocketName;
  readonly #bearer: UringBearer;
  readonly #host: ListenerHost;
  readonly #socket: ListeningSocket;
  readonly #registered: RegisteredFd | null = null;
  #closing: Promise<void> | null = null;

  /**
   * Opens, binds and listens, at once.
   * @internal `bearer.listen` calls this.
   * @throws the system's error, with code (`EADDRINUSE`), errno and syscall, and address and port, or path
   */
  constructor(bearer: UringBearer, raw: RawRing, host: ListenerHost, options: ListenOptions) {
    const socket = ListeningSocket.open(options, raw);
    this.#bearer = bearer;
    this.#host = host;
    this.#socket = socket;
    this.address = socket.address;
    const fd = new RawFd(socket.fd);
    try {
      const { files } = bearer;
      if (files !== null && files.manualUsed < files.manualCapacity) {
        this.#registered = files.add(fd);
        this.descriptor = new FixedFd(this.#registered.number);
      } else {
        this.descriptor = fd;
      }
    } catch (error) {
      socket.close();
      throw error;
    }
    if (this.#registered !== null) socket.release();
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
    else this.#socket.release();
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
    this.#socket.removePath();
  }
}
