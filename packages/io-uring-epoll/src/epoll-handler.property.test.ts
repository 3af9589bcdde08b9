// Random changes from a seed: after each, what is ready is exactly what a model says.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Channel, demandWait, EpollFixture } from '../test-support/kernel.js';
import { EpollEvents, type EpollRegistration } from './index.js';

const fixture = new EpollFixture();
const IN = EpollEvents.of('IN');
const CHANNELS = 6;

interface Modelled {
  channel: Channel;
  registration: EpollRegistration<number> | null;
  bytes: number;
  /** Asks for IN; ONESHOT that has fired asks for nothing. */
  armed: boolean;
  oneshot: boolean;
}

const step = fc.record({
  at: fc.nat(CHANNELS - 1),
  what: fc.constantFrom('add', 'add once', 'mute', 'arm', 'delete', 'write', 'read', 'reopen'),
});

describe.each(['ring', 'syscall'] as const)('waiting by %s', (waitBy) => {
  test('what is reported is registered, asked for and ready, and nothing else is', async (context) => {
    const bearer = fixture.bearer();
    demandWait(context, bearer, waitBy);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        const epoll = fixture.handler<number>(bearer, { waitBy });
        const models: Modelled[] = [];
        for (let i = 0; i < CHANNELS; i++) {
          const channel = await fixture.sockets(bearer);
          models.push({ channel, registration: null, bytes: 0, armed: false, oneshot: false });
        }
        for (const { at, what } of steps) {
          const model = models[at]!;
          const { registration } = model;
          if (registration === null && what.startsWith('add')) {
            model.oneshot = what === 'add once';
            model.registration = await epoll.add(
              model.channel.reader,
              IN.set('ONESHOT', model.oneshot),
              at,
            );
            model.armed = true;
          } else if (registration !== null && what === 'mute') {
            await epoll.modify(registration, EpollEvents.NONE);
            model.armed = false;
          } else if (registration !== null && what === 'arm') {
            await epoll.modify(registration, IN.set('ONESHOT', model.oneshot));
            model.armed = true;
          } else if (registration !== null && (what === 'delete' || what === 'reopen')) {
            await epoll.delete(registration);
            model.registration = null;
            if (what === 'reopen') {
              model.channel.close();
              model.channel = await fixture.sockets(bearer);
              model.bytes = 0;
            }
          } else if (what === 'write' && model.bytes < 5) {
            model.channel.write();
            model.bytes++;
          } else if (what === 'read' && model.bytes > 0) {
            model.channel.read();
            model.bytes--;
          }
          const expected = models.flatMap((one, i) =>
            one.registration !== null && one.armed && one.bytes > 0 ? [i] : [],
          );
          const ready = expected.length > 0 ? await epoll.wait() : epoll.take();
          expect(ready.map(({ registration: { value } }) => value).sort()).toEqual(expected);
          for (const { registration: told } of ready) {
            const one = models[told.value]!;
            expect(told).toBe(one.registration);
            if (one.oneshot) one.armed = false;
          }
        }
        expect(epoll.stats().stale).toBe(0);
        await epoll.close();
        for (const { channel } of models) channel.close();
      }),
      { numRuns: 60 },
    );
    const { PendingCompletions } = bearer.stats().capacity;
    expect(PendingCompletions.used).toBe(0);
  });
});
