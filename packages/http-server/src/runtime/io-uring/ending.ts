import type { FixedFd } from '@ringbearer/io-uring-fd';
import { Close, Connect, Shutdown, ShutdownHow } from '@ringbearer/io-uring-opcode';

/** Hears of the end of its socket. */
export interface Ender {
  onShutdown(): void;
  onClose(): void;
}

/** The operations that end a connection. It holds them only then. */
export class Ending {
  readonly shutdown: Shutdown;
  readonly close: Close;
  /** The connection ends by a reset. */
  resets = false;
  /** Made when one is needed. On a direct descriptor there is no SO_LINGER before kernel 6.7. */
  #reset: Connect | null = null;
  #ender: Ender;

  constructor(socket: FixedFd, ender: Ender) {
    this.#ender = ender;
    this.shutdown = new Shutdown({ socket, how: ShutdownHow.WR });
    this.close = new Close({ descriptor: socket });
    this.shutdown.handler = () => this.#ender.onShutdown();
    this.close.handler = () => this.#ender.onClose();
  }

  /** Ends `socket` for `ender` from now on. */
  open(socket: FixedFd, ender: Ender): void {
    this.shutdown.set(socket);
    this.close.set(socket);
    this.#ender = ender;
    this.resets = false;
  }

  /** What is to be done next with a socket that has nothing in flight: first the reset, which calls {@link Ender.onShutdown}. */
  next(socket: FixedFd): Close | Connect {
    if (!this.resets) return this.close;
    this.resets = false;
    if (this.#reset === null) {
      this.#reset = new Connect({ socket, address: null });
      this.#reset.handler = () => this.#ender.onShutdown();
    } else this.#reset.set(socket);
    return this.#reset;
  }

  /** None of them is in flight. */
  get quiet(): boolean {
    return !(this.shutdown.inFlight || this.close.inFlight || this.#reset?.inFlight);
  }
}
