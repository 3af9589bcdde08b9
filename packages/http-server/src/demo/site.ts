import type { HttpReply, HttpRequest } from '../exchange/index.js';
import type { Server } from '../server.js';
import { echo } from './echo.js';
import { EventFeed } from './event-feed.js';
import { streamNumbers } from './number-stream.js';
import { DemoPage } from './page.js';

type Answer = (request: HttpRequest, reply: HttpReply) => void | Promise<void>;

interface Route {
  readonly methods: readonly string[];
  readonly answer: Answer;
}

const READ = ['GET', 'HEAD'];
/** `curl -d` posts, `curl -T` puts. */
const SEND = ['POST', 'PUT'];
/** What the page draws where node:net serves. */
const NO_RING = {
  submitted: 0,
  completed: 0,
  enters: 0,
  overflows: 0,
  stale: 0,
  noBuffers: 0,
  capacity: { PendingCompletions: { used: 0 } },
};
const GREETING = 'Hello, World!';

/**
 * The site that `npm start` serves: `/` shows what the ring does, `/text`, `/json`, `/echo`, `/stream`, `/stats` and `/events` are there
 * for curl and load generators.
 */
export class DemoSite {
  readonly #server: Server;
  readonly #page: DemoPage;
  readonly #feed = new EventFeed(() => this.#snapshot());
  readonly #routes = new Map<string, Route>([
    ['/', { methods: READ, answer: (request, reply) => this.#page.send(request, reply) }],
    ['/text', { methods: READ, answer: (_request, reply) => reply.text(GREETING) }],
    ['/json', { methods: READ, answer: (_request, reply) => reply.json({ message: GREETING }) }],
    ['/echo', { methods: SEND, answer: echo }],
    ['/stream', { methods: READ, answer: streamNumbers }],
    ['/stats', { methods: READ, answer: (_request, reply) => this.#stats(reply) }],
    ['/events', { methods: READ, answer: (request, reply) => this.#events(request, reply) }],
  ]);
  #requests = 0;

  /** @param server whose counters are shown */
  constructor(server: Server) {
    this.#server = server;
    this.#page = new DemoPage(server.capabilities());
  }

  /** Answers one request. */
  handle(request: HttpRequest, reply: HttpReply): void | Promise<void> {
    this.#requests++;
    const route = this.#routes.get(request.path);
    if (route === undefined) {
      reply.status(404).text(`Nothing here. There are: ${[...this.#routes.keys()].join(' ')}\n`);
      return undefined;
    }
    const { method } = request;
    if (route.methods.includes(method)) return route.answer(request, reply);
    reply.header('Allow', [...route.methods, 'OPTIONS'].join(', '));
    if (method === 'OPTIONS') reply.empty(204);
    else reply.status(405).text(`${method} is not for ${request.path}\n`);
    return undefined;
  }

  /** Ends what would never end by itself. Call it before the server is closed. */
  close(): void {
    this.#feed.close();
  }

  #snapshot() {
    const stats = this.#server.stats();
    return { ...stats, ring: stats.ring ?? NO_RING, requests: this.#requests };
  }

  #stats(reply: HttpReply): void {
    reply.header('Cache-Control', 'no-store').json(this.#snapshot());
  }

  #events(request: HttpRequest, reply: HttpReply): void {
    if (request.method === 'HEAD') reply.header('Content-Type', 'text/event-stream').empty();
    else this.#feed.subscribe(reply);
  }
}
