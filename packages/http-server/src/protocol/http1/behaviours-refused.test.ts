import { afterEach, describe, expect, test } from 'vitest';
import { REFUSED } from '../../../test-support/behaviours/refused.js';
import { echo, outcomeOf, send } from '../../../test-support/http1-outcome.js';
import { GET } from '../../../test-support/http1-peer.js';
import { SOCKETS, stages } from '../../../test-support/stage.js';

/**
 * What is refused: the HTTP/1.1 behaviours of docs/conformance/http1-behaviours.md that can be told from what goes in and what comes out, each
 * through the whole machine: whole, byte by byte and in random pieces, in memory and over the sockets of both runtimes.
 */
const open = stages(afterEach);
const LARGE = 100_000;

/** Of an input that is no complete head, what follows would be a part. */
const followed = (input: string): string => (input.includes('\r\n\r\n') ? input + GET : input);

function expectRefusal(wire: string, status: number, input: string): void {
  const statuses = [...wire.matchAll(/HTTP\/1\.1 (\d+) /g)].map((match) => Number(match[1]));
  expect([input.slice(0, 80), statuses]).toEqual([input.slice(0, 80), [status]]);
  expect(wire).toMatch(/\r\nConnection: close\r\n/);
  expect(wire).not.toContain('100 Continue');
  expect(wire).not.toContain('X-Secret');
}

describe('refused, with a reason, and nothing after it is answered (behaviour 84)', () => {
  for (const [status, cases] of Object.entries(REFUSED)) {
    for (const [number, what, inputs] of cases) {
      test(`behaviour ${number}: ${status} to ${what}`, async () => {
        for (const input of inputs) {
          const wire = followed(input);
          const outcome =
            input.length > LARGE ? await send(wire, 'none', {}) : await outcomeOf(wire);
          expectRefusal(outcome.wire, Number(status), input);
          expect(outcome.closed).toBe(true);
        }
      });

      test.each(SOCKETS)(
        `behaviour ${number} over sockets, $name: ${status} to ${what}`,
        async (kind) => {
          const stage = await open(kind, echo);
          for (const input of inputs) {
            for (const delivery of input.length > 2_000
              ? (['none'] as const)
              : (['none', 'random', 1] as const)) {
              const peer = await stage.connect();
              await peer.send(followed(input), delivery);
              await stage.until('it is refused', () => peer.over !== null);
              expect(peer.over).toBe('ended');
              expectRefusal(peer.received, Number(status), input);
              peer.fin();
            }
          }
        },
      );
    }
  }
});
