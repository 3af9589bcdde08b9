import type { LateWork } from '../../exchange/late-work.js';
import type { HttpObserver } from '../../exchange/observer.js';
import type { HttpReply } from '../../exchange/reply.js';
import type { HttpRequest } from '../../exchange/request.js';
import type { HttpTally } from '../../exchange/tally.js';
import { HeadParser } from './head-parser.js';
import type { Http1Head } from './http1-head.js';
import type { ResolvedHttp1Limits } from './limits.js';
import { ReplyHeads } from './reply-heads.js';

/**
 * What a server does with a request. The reply may be completed before the handler returns, before its promise settles or, when it returns
 * nothing, at any later time.
 */
export type Handle = (request: HttpRequest, reply: HttpReply) => void | Promise<void>;

/** What all connections of one blueprint share, so that an idle connection owns almost nothing. */
export class Http1Context {
  readonly limits: ResolvedHttp1Limits;
  readonly handle: Handle;
  readonly observer: HttpObserver;
  readonly late: LateWork;
  /** The observer's, one step nearer. */
  readonly tally: HttpTally;
  /** The head being parsed; meaningful only within one call of `receive`. */
  readonly head: HeadParser;
  readonly heads = new ReplyHeads();
  /** Where {@link head} lies in its bytes, once it is complete. */
  headStart = 0;
  headEnd = 0;

  constructor(
    limits: ResolvedHttp1Limits,
    handle: Handle,
    secure: boolean,
    observer: HttpObserver,
    late: LateWork,
  ) {
    this.limits = limits;
    this.handle = handle;
    this.observer = observer;
    this.late = late;
    this.tally = observer.tally;
    this.head = new HeadParser(limits, secure);
  }

  /** {@link head} with bytes of its own. */
  copyHead(): Http1Head {
    return this.head.copy(this.headStart, this.headEnd);
  }
}
