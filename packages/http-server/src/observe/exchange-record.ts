import { AsyncResource } from 'node:async_hooks';
import type { Carrier } from '../exchange/carrier.js';
import type { ContentKind } from '../exchange/content-kind.js';
import type { ExchangeWatch, LossReason } from '../exchange/observer.js';
import type { HttpReply } from '../exchange/reply.js';
import type { ReplyFields } from '../exchange/reply-fields.js';
import type { HttpRequest } from '../exchange/request.js';
import type { RequestHead } from '../exchange/request-head.js';
import type { PeerAddress } from '../sans-io/left.js';
import type { RequestFinished } from './channels.js';
import { httpChannels } from './channels.js';
import {
  requestStartChannel,
  responseCreatedChannel,
  responseFinishChannel,
} from './node-channels.js';
import { RequestView, ResponseView, type ServerView, type SocketView } from './node-views.js';

/** What a record needs of its server. */
export interface RecordHost {
  /** For tools that expect an `http.Server`. */
  readonly server: ServerView;
  /** For tools that expect a `net.Socket`: the same one for all requests of a connection. */
  socket(peer: PeerAddress | null): SocketView;
  /** The exchange is over. */
  ended(message: RequestFinished, head: RequestHead): void;
}

/** One exchange that somebody watches. Only what is listened to is built. */
export class ExchangeRecord implements ExchangeWatch {
  readonly #host: RecordHost;
  readonly #carrier: Carrier;
  readonly #connection: number;
  readonly #peer: PeerAddress | null;
  readonly #started = performance.now();
  #status = 0;
  #bytes = 0;
  #request: RequestView | null = null;
  #response: ResponseView | null = null;
  #scope: AsyncResource | null = null;

  constructor(host: RecordHost, carrier: Carrier, connection: number, peer: PeerAddress | null) {
    this.#host = host;
    this.#carrier = carrier;
    this.#connection = connection;
    this.#peer = peer;
  }

  run(
    handle: (request: HttpRequest, reply: HttpReply) => void | Promise<void>,
    request: HttpRequest,
    reply: HttpReply,
  ): void | Promise<void> {
    if (httpChannels.requestStart.hasSubscribers) {
      const { method, target } = this.#carrier.head;
      const message = { connection: this.#connection, peer: this.#peer, method, target };
      httpChannels.requestStart.publish(message);
    }
    if (
      !requestStartChannel.hasSubscribers &&
      !responseCreatedChannel.hasSubscribers &&
      !responseFinishChannel.hasSubscribers
    ) {
      return handle(request, reply);
    }
    // Tools enter their context while they hear of a request; a resource of its own keeps it out of the next one of this batch.
    const scope = new AsyncResource('HTTPINCOMINGMESSAGE');
    this.#scope = scope;
    return scope.runInAsyncScope(() => {
      this.#tellNode(reply);
      return handle(request, reply);
    });
  }

  replying(status: number, fields: ReplyFields | null, kind: ContentKind): void {
    this.#status = status;
    this.#response?.sent(status, fields, kind);
  }

  sent(bytes: number): void {
    this.#bytes += bytes;
  }

  finished(): void {
    const response = this.#response;
    if (response !== null) {
      response.finished = true;
      this.#scope!.runInAsyncScope(() => this.#finishNode(response));
    }
    this.#end(null);
  }

  lost(reason: LossReason, status: number): void {
    if (this.#status === 0) this.#status = status;
    const response = this.#response;
    if (response !== null) {
      this.#scope!.runInAsyncScope(() => {
        response.req.aborted = true;
        response.req.emit('aborted');
        response.emit('close');
        response.req.emit('close');
      });
    }
    this.#end(reason);
  }

  /** In Node's order: response created, request started. */
  #tellNode(reply: HttpReply): void {
    const request = new RequestView(this.#carrier.keepHead(), this.#host.socket(this.#peer));
    const response = new ResponseView(request, reply);
    this.#request = request;
    this.#response = response;
    if (responseCreatedChannel.hasSubscribers) {
      responseCreatedChannel.publish({ request, response });
    }
    if (requestStartChannel.hasSubscribers) requestStartChannel.publish(this.#payload());
  }

  #finishNode(response: ResponseView): void {
    response.req.complete = true;
    response.emit('finish');
    if (responseFinishChannel.hasSubscribers) responseFinishChannel.publish(this.#payload());
    response.emit('close');
    response.req.emit('close');
  }

  #payload(): object {
    return {
      request: this.#request,
      response: this.#response,
      socket: this.#request!.socket,
      server: this.#host.server,
    };
  }

  #end(loss: LossReason | null): void {
    const { head } = this.#carrier;
    const message: RequestFinished = {
      connection: this.#connection,
      peer: this.#peer,
      method: head.method,
      target: head.target,
      status: this.#status,
      durationMs: performance.now() - this.#started,
      bytes: this.#bytes,
      loss,
    };
    this.#host.ended(message, head);
  }
}
