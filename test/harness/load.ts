import net from 'node:net';

/** Where to connect: a port of this machine, or a path. */
export type Target = { readonly port: number; readonly host: string } | { readonly path: string };

/** What went wrong with a request that had been sent, or could not be. */
export interface Loss {
  readonly how: string;
  readonly kind: 'keep-alive' | 'churn';
  readonly request: number;
}

/**
 * Clients that ask one question at a time, on connections they keep or, half of them, on a fresh one for each. They believe `Connection: close`,
 * and nothing else: a connection that ends in any other way is a loss, the polite end of an idle one included, as a request could have been under
 * way. Nothing is tried twice.
 */
export class Load {
  readonly losses: Loss[] = [];
  answers = 0;
  /** Bodies, with how often they came. */
  readonly bodies = new Map<string, number>();
  readonly #target: Target;
  readonly #clients: Promise<void>[];
  #stopping = false;

  constructor(target: Target, clients: number, path = '/') {
    this.#target = target;
    this.#clients = Array.from({ length: clients }, (_, index) =>
      this.#client(index % 2 === 0 ? 'keep-alive' : 'churn', path),
    );
  }

  /** Resolves when the last answer is here. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
  }

  async #client(kind: Loss['kind'], path: string): Promise<void> {
    while (!this.#stopping) await this.#connection(kind, path);
  }

  /** One connection, to its end. */
  #connection(kind: Loss['kind'], path: string): Promise<void> {
    return new Promise((resolve) => {
      const socket = net.connect(this.#target);
      socket.setNoDelay(true);
      let request = 0;
      let answer = '';
      let over = false;
      const end = (how: string | null) => {
        if (over) return;
        over = true;
        if (how !== null) this.losses.push({ how, kind, request });
        socket.destroy();
        resolve();
      };
      const ask = () => {
        request++;
        answer = '';
        const close = kind === 'churn' ? 'Connection: close\r\n' : '';
        socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\n${close}\r\n`);
      };
      socket.on('connect', ask);
      socket.on('error', (error) => end(`${(error as NodeJS.ErrnoException).code}`));
      socket.on('end', () => end(`ended after "${answer}"`));
      socket.on('data', (chunk) => {
        answer += chunk.toString('latin1');
        const head = answer.indexOf('\r\n\r\n');
        if (head < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(answer)?.[1]);
        const body = answer.slice(head + 4);
        if (body.length < length) return;
        if (!answer.startsWith('HTTP/1.1 200 ')) return end(answer.slice(0, 20));
        this.answers++;
        this.bodies.set(body, (this.bodies.get(body) ?? 0) + 1);
        if (this.#stopping || /^connection: close\r$/im.test(answer)) end(null);
        else ask();
      });
    });
  }
}
