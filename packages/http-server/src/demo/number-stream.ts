import { setTimeout as sleep } from 'node:timers/promises';
import { type HttpReply, type HttpRequest, HttpServerError } from '../exchange/index.js';

/** Enough to watch it come, few enough to be polite. */
const COUNT = 10;
const COUNT_MAX = 1000;
const EVERY_MS = 250;
const EVERY_MS_MAX = 1000;

/** Streams numbered lines: `?count=10&everyMs=250`. */
export async function streamNumbers(request: HttpRequest, reply: HttpReply): Promise<void> {
  const query = new URLSearchParams(request.query);
  const count = numberOf(query, 'count', COUNT, COUNT_MAX);
  const everyMs = numberOf(query, 'everyMs', EVERY_MS, EVERY_MS_MAX);
  reply.header('Content-Type', 'text/plain; charset=utf-8').header('Cache-Control', 'no-store');
  reply.flushHead();
  for (let line = 1; line <= count; line++) {
    if (line > 1 && everyMs > 0) await sleep(everyMs);
    if (reply.finished) return; // the reader left
    if (!reply.write(`line ${line} of ${count}\n`)) await reply.drained();
  }
  reply.end();
}

function numberOf(query: URLSearchParams, name: string, byDefault: number, max: number): number {
  const text = query.get(name);
  if (text === null) return byDefault;
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value > max) {
    throw new HttpServerError(
      'BODY_INVALID',
      `Cannot stream as ${name} must be an integer from 0 to ${max}`,
      400,
    );
  }
  return value;
}
