import net from 'node:net';

/** A response as it came over the wire. */
export interface WireResponse {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
  /** The trailer section as sent, without its empty line. */
  readonly trailers: string;
}

const READ_MS_MAX = 10_000;

/** A client made of nothing but a socket: it sends what it is told, byte for byte. */
export class Peer {
  readonly socket: net.Socket;
  /** Resolves with how the connection ended. */
  readonly ended: Promise<'fin' | 'reset'>;
  #received: Buffer = Buffer.alloc(0);
  #pending: (() => void) | null = null;
  #over: 'fin' | 'reset' | null = null;
  #wake: () => void = () => {};

  private constructor(socket: net.Socket, read: boolean) {
    this.socket = socket;
    socket.setNoDelay(true);
    this.ended = new Promise((resolve) => {
      const end = (how: 'fin' | 'reset') => {
        if (this.#over !== null) return;
        this.#over = how;
        this.#wake();
        resolve(how);
      };
      socket.on('error', () => end('reset'));
      socket.on('end', () => end('fin'));
      socket.on('close', () => end('reset'));
    });
    if (read) this.read();
  }

  /** Reads from now on. */
  read(): this {
    const chunks: Buffer[] = [];
    this.socket.on('data', (chunk) => {
      chunks.push(chunk);
      // Megabytes come in thousands of pieces: they are put together when somebody looks.
      this.#pending ??= () => {
        this.#received = Buffer.concat([this.#received, ...chunks.splice(0)]);
        this.#pending = null;
      };
      this.#wake();
    });
    return this;
  }

  /** @param options.read false for a peer that never reads */
  static connect(port: number, { read = true }: { read?: boolean } = {}): Promise<Peer> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Peer(socket, read));
      });
    });
  }

  /** Resolves when the kernel has the bytes. */
  send(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.write(data, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** FIN: this side says no more. */
  half(): this {
    this.socket.end();
    return this;
  }

  /** RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }

  get bufferedBytes(): number {
    this.#pending?.();
    return this.#received.length;
  }

  /** The next whole response: with Content-Length, chunked, or up to the end of the connection. */
  async response({ hasBody = true } = {}): Promise<WireResponse> {
    const until = performance.now() + READ_MS_MAX;
    for (;;) {
      const response = this.#take(hasBody);
      if (response !== null) return response;
      if (this.#over !== null)
        throw new Error(`${this.#over} before a whole response:\n${this.#text()}`);
      if (performance.now() > until) throw new Error(`no whole response in time:\n${this.#text()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, until - performance.now() + 1);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #text(): string {
    this.#pending?.();
    return this.#received.toString('latin1', 0, 400);
  }

  /** All that came and was not taken as a response. */
  text(): string {
    this.#pending?.();
    return this.#received.toString('latin1');
  }

  #take(hasBody: boolean): WireResponse | null {
    this.#pending?.();
    const received = this.#received;
    const end = received.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const head = received.toString('latin1', 0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    const start = end + 4;
    const length = /^content-length: (\d+)$/im.exec(head)?.[1];
    let body: Buffer;
    let next: number;
    let trailers = '';
    if (!hasBody || status < 200 || status === 204 || status === 304) {
      body = Buffer.alloc(0);
      next = start;
    } else if (length !== undefined) {
      next = start + Number(length);
      if (received.length < next) return null;
      body = received.subarray(start, next);
    } else if (/^transfer-encoding: chunked$/im.test(head)) {
      const chunks = dechunk(received, start);
      if (chunks === null) return null;
      ({ body, next, trailers } = chunks);
    } else {
      if (this.#over === null) return null;
      body = received.subarray(start);
      next = received.length;
    }
    this.#received = received.subarray(next);
    return { status, head, body, trailers };
  }
}

function dechunk(
  bytes: Buffer,
  start: number,
): { body: Buffer; next: number; trailers: string } | null {
  const parts: Buffer[] = [];
  let at = start;
  for (;;) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    at = end + 2;
    if (size === 0) {
      // The empty line ends the section, which may be nothing but that.
      const over = bytes.indexOf('\r\n\r\n', end);
      if (over < 0) return null;
      const trailers = bytes.toString('latin1', at, Math.max(over, at));
      return { body: Buffer.concat(parts), next: over + 4, trailers };
    }
    if (bytes.length < at + size + 2) return null;
    parts.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
}

/** A GET that keeps the connection. */
export function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: test\r\n\r\n`;
}
