import { Close, Nop, Pipe, ReadMulti, Write } from '@ringbearer/io-uring-opcode';
import { afterAll, describe, expect, test } from 'vitest';
import { UringBearer } from './bearer.js';
import { RingTrace } from './trace/ring-trace.js';

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
  'make a send ring': (options) => bearer.buffers.sendRing(options),
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

describe('names that nobody reads', () => {
  const make = (options: object) => () => UringBearer.withCapacity({ CoreQueue: 8 }, options);

  test('are refused: a misspelt restriction would allow everything', () => {
    expect(make({ restriction: { opcodes: ['NOP'] } })).toThrow(
      /Cannot make a bearer as restriction is no option: use driver, .*restrictions/,
    );
    expect(make({ restrictions: { operations: ['NOP'] } })).toThrow(
      'Cannot restrict a bearer as operations is no restriction: use opcodes, registrations, flagsAllowed, flagsRequired',
    );
  });

  test('no other is: every option is known', async () => {
    const options = { onBatch() {}, onWake() {}, minWaitUs: 0, manualFiles: 0, disableOpcodes: [] };
    const more = { driver: 'embedded', trace: new RingTrace({ events: 8 }), slab: undefined };
    await make({ ...options, ...more, restrictions: undefined, ringFactory: undefined })().close();
  });

  test('a trace is a RingTrace', () => {
    for (const trace of [true, null, {}]) {
      expect(make({ trace })).toThrow(/trace must be a RingTrace/);
    }
  });
});

test('what is no operation is named', async () => {
  for (const wrong of [undefined, null, 3, {}, Nop] as never[]) {
    expect(() => bearer.push(wrong)).toThrow(/^Cannot submit as it must be an operation/);
    await expect(bearer.submit(wrong)).rejects.toThrow(/^Cannot submit as it must be an operation/);
    expect(() => bearer.stream(wrong)).toThrow(
      /^Cannot (submit|stream) as it must be an operation/,
    );
  }
});

test('sizes are named, also those left out', () => {
  const { buffers } = bearer;
  for (const kind of ['pool', 'ring', 'sendRing', 'classicGroup'] as const) {
    expect(() => buffers[kind]({ count: 4, size: 64 } as never)).toThrow(
      /^Cannot make a (pool|ring|send ring|group) as bufferBytes must be an integer >= 1: current value is undefined/,
    );
  }
});

test('a stream that waits for a group nobody made says so', async (context) => {
  for (const opcode of ['PIPE', 'READ_MULTISHOT'])
    if (!bearer.probe().has(opcode)) context.skip(`this kernel has no ${opcode}`);
  const [heard, other] = [[] as string[], UringBearer.withCapacity({ CoreQueue: 8 })];
  const warned = new Promise<void>((resolve) => {
    const listen = (warning: Error & { code?: string }) => {
      if (warning.code !== 'RINGBEARER_UNKNOWN_GROUP') return;
      heard.push(warning.message);
      process.off('warning', listen);
      resolve();
    };
    process.on('warning', listen);
  });
  const { readEnd, writeEnd } = await other.submit(new Pipe());
  await other.submit(new Write({ descriptor: writeEnd, data: Buffer.from('x') }));
  const stream = other.stream(new ReadMulti({ descriptor: readEnd, group: 77 }));
  await warned;
  expect(heard[0]).toContain('waits for buffers of group 77, which was not made');
  const ring = other.buffers.ring({ group: 77, count: 2, bufferBytes: 64 }); // made after all: it goes on
  expect((await stream.next()).value?.length).toBe(1);
  expect(ring.outstanding).toBe(1);
  await stream.return?.();
  for (const descriptor of [readEnd, writeEnd]) await other.submit(new Close({ descriptor }));
  await other.close();
});
