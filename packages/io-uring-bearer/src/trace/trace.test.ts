import { connect } from 'node:net';
import { RawFd } from '@ringbearer/io-uring-fd';
import {
  Accept,
  AddressFamily,
  Close,
  Connect,
  Nop,
  type OpCode,
  Recv,
  Send,
  Socket,
  SocketType,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse, settled } from '../../test-support/bearers.js';
import { KernelFixture, sleep } from '../../test-support/kernel-fixture.js';
import { parseTrace, RingTrace, replay, type TracedSubmission } from '../index.js';

const make = bearerMaker();
const fixture = new KernelFixture();
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe.each(['embedded', 'owner', 'manual'] as const)('trace with driver %s', (driver) => {
  test('records entries and completions in order, with times', async () => {
    const trace = new RingTrace({ events: 16 });
    const bearer = make(driver, {}, { trace });
    const before = performance.now();
    const nop = new Nop({ result: 7 });
    const timeout = new Timeout({ milliseconds: 1500 });
    bearer.push(nop);
    const key = [nop.slot, nop.generation] as const;
    bearer.push(timeout);
    bearer.cancel(timeout);
    while (inUse(bearer) > 0) {
      if (driver === 'manual') {
        bearer.submitAndWait(1, 5);
        bearer.handleCompletions();
      } else await sleep(1);
    }
    const events = trace.events();
    const order = events.map((event) => `${event.type} ${'opcode' in event && event.opcode}`);
    expect(order.slice(0, 3)).toEqual(['sqe NOP', 'sqe TIMEOUT', 'sqe ASYNC_CANCEL']);
    expect(order.slice(3).sort()).toEqual(['cqe ASYNC_CANCEL', 'cqe NOP', 'cqe TIMEOUT']);
    const [first, second] = events as TracedSubmission[];
    expect(first).toMatchObject({ key, opcode: 'NOP', record: new Uint8Array(0) });
    expect([first!.words[0], first!.words[6], first!.words[7]]).toEqual([0, 7, 1]);
    // 1 second and 500 million nanoseconds, 64 bits each.
    expect(hex(second!.record)).toBe('01000000000000000065cd1d');
    expect(events).toContainEqual(expect.objectContaining({ type: 'cqe', key, res: 7, flags: 0 }));
    let last = before;
    for (const { at } of events) {
      expect(at).toBeGreaterThanOrEqual(last);
      last = at;
    }
    expect(last).toBeLessThanOrEqual(performance.now());
  });
});

test('keeps the latest events, and counts the others', async () => {
  const trace = new RingTrace({ events: 5 });
  const bearer = make('embedded', {}, { trace });
  for (let i = 0; i < 10; i++) await bearer.submit(new Nop({ result: i }));
  expect([trace.total, trace.lost, trace.events().length]).toEqual([20, 15, 5]);
  expect(trace.events().map(({ type }) => type)).toEqual(['cqe', 'sqe', 'cqe', 'sqe', 'cqe']);
  expect(trace.events().at(-1)).toMatchObject({ res: 9 });
  expect(parseTrace(trace.toJsonLines()).lost).toBe(15);
  trace.clear();
  expect([trace.total, trace.lost, trace.events()]).toEqual([0, 0, []]);
});

test('a record has the bytes of its own operation, and what the kernel wrote', async () => {
  const trace = new RingTrace();
  const bearer = make('embedded', { PendingCompletions: 1 }, { trace });
  const listener = bearer.listen({});
  const { port } = listener.address as { port: number };
  await bearer.submit(new Timeout({ milliseconds: 1 })); // leaves a time in the record
  const accept = new Accept({ listener: listener.descriptor });
  const accepted = bearer.submit(accept);
  const client = connect(port, '127.0.0.1');
  const { descriptor, peer } = await accepted;
  const [submitted, completed] = trace
    .events()
    .filter((event) => event.type !== 'stale' && event.opcode === 'ACCEPT');
  expect(hex((submitted as TracedSubmission).record)).toMatch(/^0{256}/);
  expect(hex((completed as TracedSubmission).record)).toMatch(/^0200....7f000001/);

  // The same, from text, into an operation that no kernel has seen.
  const parsed = parseTrace(trace.toJsonLines());
  expect(parsed.events).toHaveLength(trace.events().length);
  const replayed = replay(parsed, ({ opcode }) =>
    opcode === 'ACCEPT' ? new Accept({ listener: new RawFd(0) }) : null,
  );
  expect(replayed.map(({ outcome, final }) => [outcome, final])).toEqual([
    [{ status: 'fulfilled', value: { descriptor, peer } }, true],
  ]);
  client.destroy();
  await bearer.submit(new Close({ descriptor }));
  await settled(bearer);
});

test('replay() goes through the whole contract', async () => {
  const trace = new RingTrace();
  const bearer = make('embedded', {}, { trace });
  const address = fixture.address();
  const [ours, theirs] = await fixture.pair(SocketType.STREAM);
  const memory = bearer.allocate(8);
  await bearer.submit(new Send({ socket: theirs, data: Buffer.from('abc') }));
  await bearer.submit(new Recv({ socket: ours, memory }));
  const socket = await bearer.submit(
    new Socket({ family: AddressFamily.UNIX, type: SocketType.STREAM }),
  );
  fixture.kept(socket);
  await bearer.submit(new Connect({ socket, address })).catch(() => {});
  let ticks = 0;
  for await (const _ of bearer.stream(new Timeout({ milliseconds: 1, repeat: 3 }))) ticks++;
  expect(ticks).toBe(3);
  memory.owner.reuse();

  let pushed = 0;
  const seen: [OpCode<unknown>, string][] = [];
  const replayed = replay(parseTrace(trace.toJsonLines()), (submission) => {
    const operation = operationFor(submission);
    if (operation === null) return null;
    seen.push([operation, submission.opcode]);
    return operation;
  });
  function operationFor({ opcode }: TracedSubmission): OpCode<unknown> | null {
    if (opcode === 'RECV') return new Recv({ socket: ours, memory });
    if (opcode === 'CONNECT') return new Connect({ socket, address });
    if (opcode !== 'TIMEOUT') return null;
    const timeout = new Timeout({ milliseconds: 1, repeat: 3 });
    timeout.handler = () => pushed++;
    return timeout;
  }
  expect(seen.map(([, opcode]) => opcode)).toEqual(['RECV', 'CONNECT', 'TIMEOUT']);
  expect(memory.owner.name).toBe('Returned');
  expect(pushed).toBe(3);
  expect(replayed.map(({ final }) => final)).toEqual([true, true, false, false, true]);
  expect(replayed[0]!.outcome).toMatchObject({ status: 'fulfilled', value: { length: 3 } });
  expect(replayed[1]!.outcome).toMatchObject({
    status: 'rejected',
    reason: { code: 'ECONNREFUSED' },
  });
  expect(replayed[2]!.outcome).toBe(null);
  for (const [operation] of seen) expect(operation.inFlight).toBe(false);
  memory.release();

  const events = trace.events();
  const wrong = () => replay({ lost: 0, events }, () => new Nop());
  expect(wrong).toThrow(/with an operation of code 0/);
  const one = new Timeout({ milliseconds: 1 });
  const ticking = events.filter((event) => 'opcode' in event && event.opcode === 'TIMEOUT');
  const twice = [ticking[0]!, { ...ticking[0]!, key: [5, 5] as const }];
  expect(() => replay({ lost: 0, events: twice }, () => one)).toThrow(/is in flight/);
});

test('a trace is of one bearer, and its size is checked', () => {
  const trace = new RingTrace({ events: 1 });
  make('manual', {}, { trace });
  expect(() => make('manual', {}, { trace })).toThrow(/is of another one/);
  for (const events of [0, 1.5, 2 ** 21, Number.NaN]) {
    expect(() => new RingTrace({ events })).toThrow(RangeError);
  }
  expect(() => new RingTrace({ events: '5' as never })).toThrow(TypeError);
});

describe('parseTrace()', () => {
  const HEADER = '{"format":"ringbearer-trace","version":1,"lost":0}';
  const cqe = { type: 'cqe', at: 1, key: [0, 1], opcode: 'NOP', res: 0, flags: 0, record: '' };
  const words = '0'.repeat(128);
  const sqe = { type: 'sqe', at: 1, key: [0, 1], opcode: 'NOP', words, record: 'ff' };

  test('reads what toJsonLines() wrote, and blank lines', () => {
    const lines = [HEADER, JSON.stringify(sqe), '', JSON.stringify(cqe), ''].join('\n');
    expect(parseTrace(lines).events).toEqual([
      { ...sqe, words: new Uint32Array(16), record: Uint8Array.of(255) },
      { ...cqe, record: new Uint8Array(0) },
    ]);
  });

  const WRONG: [text: string, line: number][] = [
    ['', 1],
    ['{"format":"other","version":1,"lost":0}', 1],
    ['{"format":"ringbearer-trace","version":2,"lost":0}', 1],
    ['{"format":"ringbearer-trace","version":1,"lost":-1}', 1],
    [`${HEADER}\nnull`, 2],
    [`${HEADER}\n{`, 2],
    ...[
      { ...cqe, type: 'other' },
      { ...cqe, at: '1' },
      { ...cqe, key: [0] },
      { ...cqe, key: [0, -1] },
      { ...cqe, res: 2 ** 31 },
      { ...cqe, flags: -1 },
      { ...cqe, opcode: 5 },
      { ...cqe, record: 'f' },
      { ...cqe, record: '00'.repeat(257) },
      { ...sqe, words: '00' },
    ].map((line) => [`${HEADER}\n${JSON.stringify(line)}`, 2] as [string, number]),
  ];
  test.each(WRONG)('refuses %j', (text, line) => {
    expect(() => parseTrace(text)).toThrow(SyntaxError);
    expect(() => parseTrace(text)).toThrow(`line ${line} `);
  });
});
