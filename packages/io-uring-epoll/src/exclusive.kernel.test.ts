// What EXCLUSIVE does for handlers on rings: see docs/decisions on io-uring-epoll.

import { Nop } from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { demandWait, EpollFixture } from '../test-support/kernel.js';
import { EpollEvents } from './index.js';

const fixture = new EpollFixture();
const HANDLERS = 4;

describe.each(['ring', 'syscall'] as const)(
  'four handlers that wait by %s for one pipe',
  (waitBy) => {
    test.for([
      { what: 'all are woken', events: EpollEvents.of('IN'), wokenMin: HANDLERS },
      // On 6.18 all of them: only a thread that blocks in epoll_wait(2) counts as woken.
      {
        what: 'with EXCLUSIVE at least one is woken',
        events: EpollEvents.of('IN', 'EXCLUSIVE'),
        wokenMin: 1,
      },
    ])('$what', async ({ events, wokenMin }, context) => {
      const bearer = fixture.bearer();
      demandWait(context, bearer, waitBy);
      const sockets = await fixture.sockets(bearer);
      const controller = new AbortController();
      const woken: number[] = [];
      const waits = [];
      for (let i = 0; i < HANDLERS; i++) {
        const epoll = fixture.handler(bearer, { waitBy });
        await epoll.add(sockets.reader, events);
        waits.push(
          epoll.wait(controller).then(
            ([one]) => woken.push(one === undefined ? -1 : i),
            () => {},
          ),
        );
      }
      bearer.flush();
      sockets.write();
      for (let i = 0; i < 20; i++) await bearer.submit(new Nop());
      expect(new Set(woken).size).toBeGreaterThanOrEqual(wokenMin);
      expect(woken).not.toContain(-1);
      controller.abort();
      await Promise.all(waits);
    });
  },
);
