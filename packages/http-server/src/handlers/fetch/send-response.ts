import { BodyLease } from '../../exchange/body-lease.js';
import { HttpServerError } from '../../exchange/errors.js';
import type { HttpReply } from '../../exchange/reply.js';
import type { HttpRequest } from '../../exchange/request.js';
import { SpareBytes } from '../../exchange/spare-memory.js';
import { FastResponse, inside, TEXT } from './fast-response.js';

/** The connection's own business; what a Response says about it is not passed on. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** Content codings that Node's `fetch` undoes, leaving the fields of a response as they came. */
const DECODED = /^(?:x-gzip|gzip|deflate|br)(?:[ \t]*,[ \t]*(?:x-gzip|gzip|deflate|br))*$/i;

type ReadResult = Awaited<ReturnType<ReadableStreamDefaultReader<unknown>['read']>>;

/** Turns of the microtask queue within which a stream that holds one chunk says that it is at its end. */
const PATIENCE = 12;

/**
 * Sends a Response. Text and bytes go out at once with `Content-Length`; streams as chunks, as fast as the peer reads.
 *
 * @returns a promise when the body is a stream
 * @throws TypeError when `response` is not a Response or its body was used
 */
export function sendResponse(
  response: unknown,
  request: HttpRequest,
  reply: HttpReply,
): Promise<void> | undefined {
  if (typeof response !== 'object' || response === null || !(response instanceof FastResponse)) {
    throw new TypeError(
      `Cannot reply as the handler must return a Response: current value is ${String(response)}`,
    );
  }
  if (inside.made(response)) {
    const real = inside.real(response);
    if (real !== null) return sendReal(real, request, reply);
    return sendFast(response, request, reply);
  }
  return sendReal(response as Response, request, reply);
}

/** Of a response that nobody is left to take: its stream is told, as it may have a connection of its own or wait for something. */
export function dropResponse(response: unknown, reply: HttpReply): void {
  // One that somebody else reads is theirs to cancel.
  reply.whenLost((reason) => void cancelBody(response, reason).catch(() => {}));
}

async function cancelBody(response: unknown, reason: unknown): Promise<void> {
  if (response instanceof FastResponse && !response.bodyUsed) await response.body?.cancel(reason);
}

function sendFast(
  response: FastResponse,
  request: HttpRequest,
  reply: HttpReply,
): Promise<void> | undefined {
  const body = inside.take(response);
  const fields = inside.fields(response);
  const stream = body instanceof ReadableStream ? body : null;
  const sized = body !== null && stream === null;
  if (response.status !== 200) reply.status(response.status);
  const type = inside.contentType(response);
  if (fields === null) copyFields(response.headers, reply, sized);
  else {
    for (let i = 0; i < fields.length; i += 2) {
      copyField(fields[i]!, fields[i + 1]!, reply, sized);
    }
    if (type === TEXT && typeof body === 'string') {
      reply.text(body);
      return undefined;
    }
    if (type !== null) reply.header('Content-Type', type);
  }
  if (stream !== null) return sendStream(stream, request, reply);
  if (body === null) reply.empty();
  else if (body instanceof SpareBytes) reply.end(new BodyLease([body]));
  else reply.end(body as string | Uint8Array);
  return undefined;
}

async function sendReal(response: Response, request: HttpRequest, reply: HttpReply): Promise<void> {
  if (response.bodyUsed) throw new TypeError('Body is unusable: it was already read');
  const { body } = response;
  reply.status(response.status);
  copyFields(response.headers, reply, false);
  if (body !== null && isDecoded(response)) {
    reply.removeHeader('Content-Encoding').removeHeader('Content-Length');
  }
  if (body === null) {
    reply.empty();
    return;
  }
  await sendStream(body, request, reply);
}

async function sendStream(
  body: ReadableStream<unknown>,
  request: HttpRequest,
  reply: HttpReply,
): Promise<void> {
  const reader = body.getReader() as ReadableStreamDefaultReader<unknown>;
  if (request.method === 'HEAD') {
    reply.flushHead().end();
    await reader.cancel();
    return;
  }
  // A client that only closed its sending side still reads, so the request's signal would be the wrong one.
  const cancel = (reason: unknown): void => {
    reader.cancel(reason).catch(() => {});
  };
  reply.whenLost(cancel);
  try {
    await pump(reader, reply);
  } catch (error) {
    cancel(error);
    // Else the peer went away: no fault of the handler.
    if (!reply.finished || isMismatch(error)) throw error;
  } finally {
    reply.whenLost(null);
  }
}

async function pump(reader: ReadableStreamDefaultReader<unknown>, reply: HttpReply): Promise<void> {
  const first = await reader.read();
  if (first.done) {
    if (!reply.finished) reply.empty();
    return;
  }
  const chunk = bytesOf(first.value);
  // Most bodies are one chunk: given a moment, the stream says so and the reply gets a Content-Length.
  const second = reader.read();
  let settled: ReadResult | null = null;
  second.then(
    (result) => {
      settled = result;
    },
    () => {},
  );
  for (let i = 0; i < PATIENCE && settled === null; i++) await undefined;
  if ((settled as ReadResult | null)?.done) {
    reply.removeHeader('Content-Length').end(chunk);
    return;
  }
  if (!reply.write(chunk)) await reply.drained();
  for (let result = await second; !result.done; result = await reader.read()) {
    if (!reply.write(bytesOf(result.value))) await reply.drained();
  }
  reply.end();
}

/** It came from `fetch`, which decoded its body: what it says of length and coding was true of other bytes. */
function isDecoded(response: Response): boolean {
  return response.url !== '' && DECODED.test(response.headers.get('content-encoding') ?? '');
}

function isMismatch(error: unknown): boolean {
  return error instanceof HttpServerError && error.code === 'LENGTH_MISMATCH';
}

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError(
    `Cannot send body as its stream must yield Uint8Array: current value is ${String(value)}`,
  );
}

function copyFields(headers: Headers, reply: HttpReply, sized: boolean): void {
  for (const [name, value] of headers) copyField(name, value, reply, sized);
}

function copyField(name: string, value: string, reply: HttpReply, sized: boolean): void {
  if (NOT_PASSED_ON.has(name) || (sized && name === 'content-length')) return;
  reply.append(name, value);
}
