import { Timeout } from '@ringbearer/io-uring-opcode';
import { expect, test } from 'vitest';
import { UringBearer } from './bearer.js';

/** Longer than a shot of the timer, so that the next one is always due when the cancellation is submitted. */
const BUSY_MS = 3;

/** A multishot timeout that is cancelled while its next shot is due. */
function cancelledLate(bearer: UringBearer): Promise<number> {
  return new Promise((resolve) => {
    const timeout = new Timeout({ milliseconds: 1, repeat: Number.POSITIVE_INFINITY });
    let asked = false;
    timeout.handler = (cqe) => {
      if (!cqe.more) resolve(cqe.res);
      else if (!asked) {
        asked = true;
        const begin = performance.now();
        while (performance.now() - begin < BUSY_MS);
        bearer.cancel(timeout);
      }
    };
    bearer.push(timeout);
  });
}

test.each(['owner', 'embedded'] as const)(
  'driver %s: a multishot timeout that was due when it was cancelled does not go on',
  async (driver) => {
    const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { driver });
    for (let i = 0; i < 20; i++) expect(await cancelledLate(bearer)).toBeLessThan(0);
    expect(bearer.stats().capacity.PendingCompletions.used).toBe(0);
    await bearer.close();
  },
);
