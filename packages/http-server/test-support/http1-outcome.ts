import { expect } from 'vitest';
import type { Http1Options } from '../src/protocol/http1/index.js';
import { type Handler, repliesOf, runtimeOf } from './http1-peer.js';

/** Says what it understood. */
export const echo: Handler = async (request, reply) => {
  const { method, path, query, host } = request;
  reply.text([method, path, query, host, await request.text()].join(' '));
};

export interface Outcome {
  readonly statuses: readonly number[];
  readonly bodies: readonly string[];
  readonly closed: boolean;
  readonly wire: string;
}

export async function send(
  wire: string,
  splits: 1 | 'none' | 'random',
  options: Partial<Http1Options>,
) {
  const peer = runtimeOf(echo, options).connect().send(wire, splits);
  await peer.settle(24);
  const methods = [...wire.matchAll(/^(\w+) \S* HTTP/gm)].map((match) => match[1] ?? '');
  const replies = repliesOf(peer.received, methods);
  const outcome: Outcome = {
    statuses: replies.map((reply) => reply.status),
    bodies: replies.map((reply) => reply.body),
    closed: peer.closed === 'ended',
    wire: peer.received,
  };
  return outcome;
}

/** The same outcome however the bytes arrive. */
export async function outcomeOf(
  wire: string,
  options: Partial<Http1Options> = {},
): Promise<Outcome> {
  const whole = await send(wire, 'none', options);
  for (const splits of ['random', 1] as const) {
    expect(await send(wire, splits, options)).toEqual(whole);
  }
  return whole;
}

export const start = (line: string): string => `${line}\r\nHost: a\r\n\r\n`;
export const field = (line: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`;
export const post = (line: string, body = ''): string =>
  `POST / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n${body}`;
export const chunked = (body: string): string => post('Transfer-Encoding: chunked', body);
