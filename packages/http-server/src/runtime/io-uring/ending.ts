import type { FixedFd } from '@ringbearer/io-uring-fd';
import { Close, Shutdown, ShutdownHow } from '@ringbearer/io-uring-opcode';

/** Hears of the end of its socket. */
export interface Ender {
  onShutdown(): void;
  onClose(): void;
}

/** The operations that end a connection. It holds them only then. */
export class Ending {
  readonly shutdown: Shutdown;
  readonly close: Close;
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
  }

  /** Neither is in flight. */
  get quiet(): boolean {
    return !(this.shutdown.inFlight || this.close.inFlight);
  }
}
