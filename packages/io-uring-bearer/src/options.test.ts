import { Nop } from '@ringbearer/io-uring-opcode';
import { afterAll, expect, test } from 'vitest';
import { UringBearer } from './bearer.js';

const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { driver: 'manual' });
afterAll(() => bearer.close());

/** Every way to say null, or something that is no object, where options are expected. */
const WAYS: Readonly<Record<string, (options: never) => unknown>> = {
  'make a bearer': (options) => UringBearer.withCapacity({ CoreQueue: 8 }, options),
  stream: (options) => bearer.stream(new Nop(), options),
  'cancel now': (options) => bearer.cancelNow(new Nop(), options),
  wait: (options) => bearer.submitAndWait(0, options),
  listen: (options) => bearer.listen(options),
  'make a pool': (options) => bearer.buffers.pool(options),
  'make a ring': (options) => bearer.buffers.ring(options),
  'make a group': (options) => bearer.buffers.classicGroup(options),
  'busy-poll': (options) => bearer.registration.setBusyPoll(options),
};

test.each(Object.keys(WAYS))('%s: options that are none are named', (verb) => {
  for (const options of [null, 'x', false]) {
    expect(() => WAYS[verb]!(options as never)).toThrow(
      new TypeError(`Cannot ${verb} as options must be an object: current value is ${options}`),
    );
  }
});
