import { type Server, serve } from '@ringbearer/http-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answersOf } from '../packages/http-server/test-support/http1-oracle.js';
import { CORPUS, NEXT } from '../packages/http-server/test-support/smuggling/corpus.js';
import { Peer } from './harness/peer.js';
import { until } from './harness/until.js';

/** Longer entries are sent whole and in two pieces only: byte by byte is a packet each. */
const BYTE_BY_BYTE_MAX = 260;

let server: Server;
let port = 0;
beforeAll(async () => {
  server = await serve({
    hostname: '127.0.0.1',
    port: 0,
    raw: async (request, reply) => {
      await request.bytes();
      reply.text('x');
    },
    onError: () => {},
  });
  port = (server.address() as { port: number }).port;
});
afterAll(() => server.close());

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The statuses a connection gets whose pieces come one packet each, and how it ends. */
async function outcomeOf(pieces: readonly string[]): Promise<{ statuses: string; end: string }> {
  const peer = await Peer.connect(port);
  let wire = '';
  peer.socket.on('data', (chunk: Buffer) => {
    wire += chunk.toString('latin1');
  });
  let over = false;
  void peer.ended.then(() => {
    over = true;
  });
  for (const piece of pieces) {
    // Behind its last word: the answer is here.
    if (over) break;
    await peer.send(Buffer.from(piece, 'latin1'));
    if (pieces.length > 1) await turn();
  }
  peer.half();
  const end = await peer.ended;
  peer.close();
  return {
    statuses: answersOf(wire)
      .map(({ status }) => status)
      .join(' '),
    end,
  };
}

/** Whole, cut where parsers change what they do, and byte by byte. */
function deliveriesOf(text: string): string[][] {
  const middle = text.length >> 1;
  const cuts = [1, text.indexOf('\r') + 1, text.indexOf('\r\n\r\n') + 3, middle, text.length - 1];
  const deliveries = [[text]];
  for (const at of new Set(cuts)) {
    if (at > 0 && at < text.length) deliveries.push([text.slice(0, at), text.slice(at)]);
  }
  if (text.length <= BYTE_BY_BYTE_MAX) deliveries.push([...text]);
  return deliveries;
}

describe.each(Object.entries(CORPUS))('%s', (_topic, byAnswers) => {
  test.each(Object.entries(byAnswers))(
    'answered %s over sockets, however they come',
    async (answers, cases) => {
      const waiting = cases.flatMap(([what, wire]) =>
        deliveriesOf(wire + NEXT).map((pieces) => ({ what, pieces })),
      );
      const lane = async () => {
        for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
          const outcome = await outcomeOf(next.pieces);
          // Never a reset: it could take an answer with it that was on its way.
          expect(outcome, `${next.what}, in ${next.pieces.length} pieces`).toEqual({
            statuses: answers,
            end: 'fin',
          });
        }
      };
      await Promise.all(Array.from({ length: 16 }, lane));
      await until('every connection is gone', () => server.stats().connections === 0);
    },
  );
});
