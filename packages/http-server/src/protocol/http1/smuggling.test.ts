import { afterAll, describe, expect, test } from 'vitest';
import {
  answersOf,
  disagreement,
  feedOurs,
  NodeOracle,
  settled,
} from '../../../test-support/http1-oracle.js';
import { CORPUS, NEXT } from '../../../test-support/smuggling/corpus.js';
import type { Splits } from '../../runtime/memory/index.js';

/** Longer than this, in bytes, an entry is split around its ends at every byte and between them at every STRIDE-th. */
const EVERY_BYTE_MAX = 600;
const STRIDE = 97;
const EDGE = 120;

const oracle = new NodeOracle();
afterAll(() => oracle.close());

function splitPoints(length: number): number[] {
  const points = [];
  for (let at = 1; at < length; at++) {
    if (length <= EVERY_BYTE_MAX || at < EDGE || length - at < EDGE || at % STRIDE === 0) {
      points.push(at);
    }
  }
  return points;
}

/** Without the 100 that tells a peer which did not send its body with its head to go on. */
const final = (wire: string): string => wire.replace('HTTP/1.1 100 Continue\r\n\r\n', '');

/** Fails when llhttp reads other messages than we do, except where we refuse and say so. */
async function agrees(text: string, splits: Splits): Promise<void> {
  expect(await disagreement(oracle, text, splits)).toBe(null);
}

let entries = 0;

describe.each(Object.entries(CORPUS))('%s', (_topic, byAnswers) => {
  describe.each(Object.entries(byAnswers))('answered %s', (answers, cases) => {
    entries += cases.length;
    test.each(cases)('%s', async (_what, wire) => {
      const text = wire + NEXT;
      const whole = feedOurs(text, 'none');
      await settled([whole]);
      expect(
        answersOf(whole.peer.received)
          .map(({ status }) => status)
          .join(' '),
      ).toBe(answers);
      // Whole and byte by byte, held against node:http.
      await agrees(text, 'none');
      await agrees(text, 1);
      // At every point: exactly what the whole gave.
      const points = splitPoints(text.length);
      const split = points.map((at) => feedOurs(text, [at]));
      await settled(split);
      for (const [i, { peer, verdict }] of split.entries()) {
        expect(verdict, `split at ${points[i]}`).toEqual(whole.verdict);
        expect(final(peer.received), `split at ${points[i]}`).toBe(final(whole.peer.received));
        expect(peer.closed).toBe(whole.peer.closed);
      }
    });
  });
});

test('the corpus is as large as it says', () => {
  expect(entries).toBeGreaterThanOrEqual(600);
});

/** What divides parsers, put in and put in place of each byte of messages of every shape. */
describe('a control byte at every position', () => {
  const BASES = [
    'GET /p?q HTTP/1.1\r\nHost: a:1\r\nX: y\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a="b"\r\nhello\r\n0\r\nT: u\r\n\r\n',
    'POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello',
  ];
  const BYTES: Record<string, string> = {
    CR: '\r',
    LF: '\n',
    CRLF: '\r\n',
    NUL: '\0',
    SP: ' ',
    HTAB: '\t',
    VT: '\x0b',
    DEL: '\x7f',
    '0x80': '\x80',
    comma: ',',
    colon: ':',
  };
  test.each(Object.entries(BYTES))('%s', async (_name, byte) => {
    for (const base of BASES) {
      const texts: string[] = [];
      for (let at = 0; at <= base.length; at++) {
        texts.push(base.slice(0, at) + byte + base.slice(at) + NEXT);
        texts.push(base.slice(0, at) + byte + base.slice(at + 1) + NEXT);
      }
      await Promise.all(texts.flatMap((text) => [agrees(text, 'none'), agrees(text, 1)]));
    }
  });
});
