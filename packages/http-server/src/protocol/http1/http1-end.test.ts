import { describe, expect, test } from 'vitest';
import {
  connect,
  GET,
  hello,
  repliesOf,
  runtimeOf,
  statuses,
} from '../../../test-support/http1-peer.js';

describe('Http1Connection at the end', () => {
  test('closes silently when nothing or whole requests came before FIN', () => {
    const empty = connect(hello).fin().run();
    expect([empty.received, empty.closed]).toEqual(['', 'ended']);
    const one = connect(hello).send(GET).fin().run();
    expect([statuses(one), one.closed]).toEqual([[200], 'ended']);
  });

  test('answers 400 to a head that FIN cut off', () => {
    const peer = connect(hello).send('GET / HTTP/1.1\r\nHo').fin().run();
    expect([statuses(peer), peer.closed]).toEqual([[400], 'ended']);
  });

  test('delivers the reply after a half-close', async () => {
    const peer = connect(async (_request, reply) => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      reply.text('late');
    });
    await peer.send(GET).fin().settle();
    expect(repliesOf(peer.received)[0]).toMatchObject({
      body: 'late',
      fields: { connection: 'close' },
    });
    expect(peer.closed).toBe('ended');
  });

  test('aborts the signal and fails body and writer when the peer resets', async () => {
    const outcomes: unknown[] = [];
    const peer = connect(async (request, reply) => {
      request.signal.addEventListener('abort', () => outcomes.push('signal'));
      try {
        await request.text();
      } catch (error) {
        outcomes.push((error as { code: string }).code);
      }
      expect(reply.finished).toBe(true);
    });
    await peer.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab').settle();
    peer.reset();
    await peer.settle();
    expect(outcomes).toEqual(['signal', 'PEER_GONE']);
  });

  test('shuts down: idle at once, busy with Connection: close', async () => {
    let go: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const runtime = runtimeOf(async (_request, reply) => {
      await gate;
      reply.text('done');
    });
    const idle = runtime.connect().run();
    const partial = runtime.connect().send('GET / HT').run();
    const busy = await runtime
      .connect()
      .send(GET + GET)
      .settle();
    runtime.shutdown();
    expect(idle.closed).toBe('ended');
    expect(busy.closed).toBe(null);
    go();
    await busy.settle();
    expect(repliesOf(busy.received).map((r) => r.fields.connection)).toEqual(['close']);
    expect(busy.closed).toBe('ended');
    await partial.send('TP/1.1\r\nHost: a\r\n\r\n').settle();
    expect(repliesOf(partial.received).map((r) => r.fields.connection)).toEqual(['close']);
  });
});
