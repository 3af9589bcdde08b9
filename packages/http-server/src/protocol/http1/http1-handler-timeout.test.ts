import { describe, expect, test } from 'vitest';
import {
  GET,
  type Handler,
  repliesOf,
  runtimeOf,
  statuses,
} from '../../../test-support/http1-peer.js';
import type { HttpReply, HttpRequest } from '../../exchange/index.js';

const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n';
const NEVER = Number.POSITIVE_INFINITY;

interface Kept {
  readonly request: HttpRequest;
  readonly reply: HttpReply;
}

/** A handler that hangs, and what it was given. */
function hanging(): { hang: Handler; last(): Kept } {
  const kept: Kept[] = [];
  return {
    hang: (request, reply) => void kept.push({ request, reply }),
    last: () => kept.at(-1)!,
  };
}

describe('handlerTimeoutMs', () => {
  test('is on by default: 503 after 300 s, with a sentence and Connection: close', () => {
    const { hang, last } = hanging();
    const runtime = runtimeOf(hang);
    const peer = runtime
      .connect()
      .send(GET + GET)
      .run();
    const { signal } = last().request;
    runtime.advance(299_500);
    expect([peer.received, peer.closed, signal.aborted]).toEqual(['', null, false]);
    runtime.advance(500);
    const [reply] = repliesOf(peer.received);
    expect(reply).toMatchObject({
      status: 503,
      fields: { connection: 'close' },
      body: 'The handler of this request did not reply in time\n',
    });
    expect([statuses(peer), peer.closed]).toEqual([[503], 'ended']);
    expect(signal.reason).toMatchObject({ code: 'REPLY_TIMEOUT', status: 503 });
    expect(() => last().reply.text('too late')).not.toThrow();
  });

  test('counts silence once the reply has begun: a stream that says something now and then lives on', () => {
    const { hang, last } = hanging();
    const runtime = runtimeOf(hang);
    const peer = runtime.connect().send(GET).run();
    runtime.advance(299_000);
    const { reply } = last();
    for (let i = 0; i < 12; i++) {
      reply.write(`event ${i}\n`);
      runtime.advance(299_500);
      expect(peer.run().closed).toBe(null);
    }
    runtime.advance(500);
    expect(peer.run().closed).toBe('aborted');
    expect(peer.received).toMatch(/^HTTP\/1\.1 200 [\s\S]*event 11\n\r\n$/);
    expect(reply.signal.aborted).toBe(true);
  });

  test('takes interim replies for signs of life', () => {
    const { hang, last } = hanging();
    const runtime = runtimeOf(hang, { handlerTimeoutMs: 10_000 });
    const peer = runtime.connect().send(GET).run();
    for (let i = 0; i < 3; i++) {
      runtime.advance(9_000);
      last().reply.informational(102);
    }
    runtime.advance(9_500);
    expect(statuses(peer.run())).toEqual([102, 102, 102]);
    runtime.advance(500);
    expect(statuses(peer.run())).toEqual([102, 102, 102, 503]);
  });

  test('is not counted while the peer does not read, and again from when it did', () => {
    const { hang, last } = hanging();
    const runtime = runtimeOf(hang, { handlerTimeoutMs: 10_000 });
    const peer = runtime.connect().send(GET).run();
    peer.reads = false;
    last().reply.write('x'.repeat(100_000));
    // How slow it may be is the runtime's write timeout to say, which this runtime has none of.
    runtime.advance(3_600_000);
    expect(peer.closed).toBe(null);
    peer.reads = true;
    peer.run();
    runtime.advance(9_500);
    expect(peer.run().closed).toBe(null);
    runtime.advance(500);
    expect(peer.run().closed).toBe('aborted');
  });

  test('is not counted while the handler waits for its body', async () => {
    const { hang, last } = hanging();
    const runtime = runtimeOf(hang, {
      handlerTimeoutMs: 10_000,
      bodyReadTimeoutMs: NEVER,
      requestTimeoutMs: NEVER,
    });
    const peer = runtime.connect().send(POST).run();
    const whole = last().request.bytes();
    for (let sent = 0; sent < 200_000; sent += 20_000) {
      runtime.advance(60_000);
      peer.send('x'.repeat(20_000)).run();
    }
    expect((await whole).length).toBe(200_000);
    // The body is there: it is the handler's turn.
    runtime.advance(9_500);
    expect(peer.run().received).toBe('');
    runtime.advance(500);
    expect(statuses(peer.run())).toEqual([503]);
  });

  test('counts from when a handler that reads piece by piece has enough', async () => {
    const { hang, last } = hanging();
    const runtime = runtimeOf(hang, { handlerTimeoutMs: 10_000 });
    const peer = runtime.connect().send(POST).run();
    const first = last().request.body.read();
    runtime.advance(20_000);
    await peer.send('x'.repeat(100_000), 10_000).settle();
    await first;
    expect(peer.left.paused).toBe(true);
    runtime.advance(9_500);
    expect(peer.run().received).toBe('');
    runtime.advance(500);
    expect(statuses(peer.run())).toEqual([503]);
  });

  test('ends the connection of a handler that leaves a reply behind without its end', async () => {
    const runtime = runtimeOf((_request, reply) => void reply.write('begun'));
    const peer = await runtime.connect().send(GET).settle();
    runtime.advance(300_000);
    expect(peer.run().closed).toBe('aborted');
  });

  test('does not shorten what a client that half-closed is given, nor lengthen it', () => {
    const { hang, last } = hanging();
    const runtime = runtimeOf(hang, { handlerTimeoutMs: 60_000, halfCloseTimeoutMs: 20_000 });
    const peer = runtime.connect().send(GET).run();
    runtime.advance(50_000);
    last().reply.write('x');
    peer.fin().run();
    // The handler's deadline is looked at within the client's, and must not forget what was sent.
    runtime.advance(9_000);
    last().reply.write('y');
    runtime.advance(19_500);
    expect(peer.run().closed).toBe(null);
    runtime.advance(500);
    expect(peer.run().closed).toBe('aborted');
  });

  test('belongs to one exchange: the next has its own', async () => {
    const { hang, last } = hanging();
    const runtime = runtimeOf(hang, { handlerTimeoutMs: 10_000 });
    const peer = runtime.connect();
    for (let i = 0; i < 3; i++) {
      peer.send(GET).run();
      runtime.advance(9_000);
      last().reply.text('late');
      await peer.settle();
    }
    expect(statuses(peer)).toEqual([200, 200, 200]);
    peer.send(GET).run();
    runtime.advance(9_500);
    expect(statuses(peer.run())).toEqual([200, 200, 200]);
    runtime.advance(500);
    expect(statuses(peer.run())).toEqual([200, 200, 200, 503]);
  });

  test('is not counted while a rest is drained, and lifted by Infinity', async () => {
    const draining = runtimeOf((_request, reply) => reply.text('enough'), {
      handlerTimeoutMs: 1_000,
    });
    const peer = await draining.connect().send(POST.replace('200000', '20000')).settle();
    draining.advance(20_000);
    await peer.send('x'.repeat(20_000) + GET).settle();
    expect(statuses(peer)).toEqual([200, 200]);
    const { hang, last } = hanging();
    const runtime = runtimeOf(hang, { handlerTimeoutMs: NEVER });
    const patient = runtime.connect().send(GET).run();
    runtime.advance(24 * 3_600_000);
    last().reply.text('at last');
    expect(statuses(patient.run())).toEqual([200]);
  });
});
