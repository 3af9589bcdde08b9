import { afterEach, describe, expect, test } from 'vitest';
import { ANSWERED } from '../../../test-support/behaviours/answered.js';
import { echo, outcomeOf } from '../../../test-support/http1-outcome.js';
import { wholeReplies } from '../../../test-support/http1-peer.js';
import { SOCKETS, stages } from '../../../test-support/stage.js';

/**
 * What is answered: the HTTP/1.1 behaviours of docs/conformance/http1-behaviours.md that can be told from what goes in and what comes out, each
 * through the whole machine: whole, byte by byte and in random pieces, in memory and over the sockets of both runtimes.
 */
const open = stages(afterEach);

describe('answered by the handler', () => {
  test.each(ANSWERED)('behaviour %i: %s', async (_number, _what, wire, bodies) => {
    expect((await outcomeOf(wire)).bodies).toEqual(bodies);
  });

  describe.each(SOCKETS)('over sockets, $name', (kind) => {
    test.each(ANSWERED)('behaviour %i: %s', async (_number, _what, wire, bodies) => {
      const stage = await open(kind, echo);
      for (const delivery of ['none', 'random', 1] as const) {
        const peer = await stage.connect();
        await peer.send(wire, delivery);
        const answered = () => wholeReplies(peer.received).map((reply) => reply.body);
        await stage
          .until('all is answered', () => answered().length >= bodies.length)
          .catch(() => {});
        expect(answered()).toEqual(bodies);
      }
    });
  });
});
