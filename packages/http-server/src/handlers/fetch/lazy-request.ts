import { HttpServerError } from '../../exchange/errors.js';
import type { HttpRequest } from '../../exchange/request.js';
import { RequestHeaders } from './request-headers.js';
import { requestUrl } from './request-url.js';

const RealRequest = globalThis.Request;

/**
 * A standard `Request` over an {@link HttpRequest}: `instanceof Request` holds, and every member is built when it is first asked for.
 *
 * `clone()` and `formData()` build a real one. Node's own `fetch(request)` and `new Request(request)` look inside of the object they are
 * given: that works up to Node 22, later pass `request.clone()`.
 */
export class LazyRequest {
  readonly #request: HttpRequest;
  #url: string | null = null;
  #headers: RequestHeaders | null = null;
  #stream: ReadableStream<Uint8Array> | null = null;
  #real: Request | null = null;
  #signal: AbortSignal | null = null;

  constructor(request: HttpRequest) {
    this.#request = request;
  }

  get method(): string {
    return this.#request.method;
  }

  get url(): string {
    this.#url ??= requestUrl(this.#request);
    return this.#url;
  }

  get headers(): Headers {
    this.#headers ??= new RequestHeaders(this.#request);
    return this.#headers as unknown as Headers;
  }

  get signal(): AbortSignal {
    if (this.#signal === null) {
      const request = this.#request;
      this.#signal = request.live || request.lost ? request.signal : new AbortController().signal;
    }
    return this.#signal;
  }

  get body(): ReadableStream<Uint8Array> | null {
    if (this.#real !== null) return this.#real.body as ReadableStream<Uint8Array> | null;
    if (this.#stream === null && this.#request.live && this.#request.hasBody) {
      this.#stream = streamOf(this.#request);
    }
    return this.#stream;
  }

  get bodyUsed(): boolean {
    if (this.#real !== null) return this.#real.bodyUsed;
    if (this.#stream !== null) return this.#materialise().bodyUsed;
    return this.#request.live && this.#request.hasBody && this.#request.body.used;
  }

  bytes(): Promise<Uint8Array> {
    // What these throw, because the exchange is over or the body was read, a Request gives as a rejection.
    try {
      if (this.#stream === null && this.#real === null) return this.#request.bytes();
      return this.#materialise().arrayBuffer().then(bytesOf);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.bytes().then(bufferOf);
  }

  text(): Promise<string> {
    try {
      if (this.#stream === null && this.#real === null) return this.#request.text();
      return this.#materialise().text();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  json(): Promise<unknown> {
    try {
      if (this.#stream === null && this.#real === null) return this.#request.json();
      return this.#materialise().json();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async blob(): Promise<Blob> {
    return new Blob([await this.arrayBuffer()], { type: this.headers.get('content-type') ?? '' });
  }

  async formData(): Promise<FormData> {
    return this.#materialise().formData();
  }

  /** A real `Request` with the same content; the body is read once and shared. */
  clone(): Request {
    return this.#materialise().clone();
  }

  get cache(): string {
    return 'default';
  }
  get credentials(): string {
    return 'same-origin';
  }
  get destination(): string {
    return '';
  }
  get duplex(): string {
    return 'half';
  }
  get integrity(): string {
    return '';
  }
  get keepalive(): boolean {
    return false;
  }
  get mode(): string {
    return 'cors';
  }
  get redirect(): string {
    return 'follow';
  }
  get referrer(): string {
    return 'about:client';
  }
  get referrerPolicy(): string {
    return '';
  }
  get isReloadNavigation(): boolean {
    return false;
  }
  get isHistoryNavigation(): boolean {
    return false;
  }

  #materialise(): Request {
    if (this.#real !== null) return this.#real;
    if (this.#request.live && this.#request.hasBody && this.#stream === null) {
      if (this.#request.body.used) throw new TypeError('Body is unusable: it was already read');
    }
    const { body, method } = this;
    // The standard allows no body on GET and HEAD.
    const withBody = body !== null && method !== 'GET' && method !== 'HEAD';
    this.#real = new RealRequest(this.url, {
      method,
      headers: [...this.headers],
      signal: this.signal,
      ...(withBody ? { body: body as never, duplex: 'half' } : {}),
    });
    return this.#real;
  }

  static {
    Object.setPrototypeOf(LazyRequest.prototype, RealRequest.prototype);
    // Up to Node 22 a Request keeps its inside under symbols: `fetch(request)` finds those of the real one.
    for (const symbol of Object.getOwnPropertySymbols(new RealRequest('http://localhost'))) {
      Object.defineProperty(LazyRequest.prototype, symbol, {
        get(this: LazyRequest): unknown {
          return (this.#materialise() as unknown as Record<symbol, unknown>)[symbol];
        },
      });
    }
  }
}

function bytesOf(buffer: ArrayBuffer): Uint8Array {
  return new Uint8Array(buffer);
}

/** The buffer that has these bytes and no others. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
  return own.buffer as ArrayBuffer;
}

/** The body as a byte stream that asks for no more than its reader takes. */
function streamOf(request: HttpRequest): ReadableStream<Uint8Array> {
  const { body } = request;
  return new ReadableStream(
    {
      async pull(controller): Promise<void> {
        const chunk = await body.read();
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
      cancel(): void {
        body.fail(new HttpServerError('BODY_USED', 'The body stream was cancelled'));
      },
    },
    { highWaterMark: 0 },
  );
}
