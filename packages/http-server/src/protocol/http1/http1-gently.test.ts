// The server closes while a successor serves: what was promised is kept.

import { describe, expect, test } from 'vitest';
import { repliesOf, runtimeOf } from '../../../test-support/http1-peer.js';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const hello = runtimeOf((_request, reply) => reply.text('hello'), {});
const last = (received: string) => repliesOf(received, ['GET', 'GET', 'GET']).at(-1);

describe('shutdown(true)', () => {
  test('an idle connection is answered once more, and closed after that', () => {
    const peer = hello.connect().send(GET).run();
    peer.shutdown(true).run();
    expect(peer.closed).toBe(null);
    peer.send(GET + GET).run();
    const replies = repliesOf(peer.received, ['GET', 'GET', 'GET']);
    expect(replies).toHaveLength(2);
    expect(peer.received.match(/Connection: close/g)).toHaveLength(1);
    expect(peer.received.indexOf('Connection: close')).toBeGreaterThan(
      peer.received.indexOf('hello'),
    );
  });

  test('a fresh connection gets its first answer', () => {
    const peer = hello.connect().run();
    peer.shutdown(true).run();
    peer.send(GET).run();
    expect(last(peer.received)).toMatchObject({ status: 200, body: 'hello' });
    expect(peer.received).toContain('Connection: close');
  });

  test('shutdown() after it ends an idle connection at once', () => {
    const peer = hello.connect().send(GET).run();
    const { received } = peer;
    peer.shutdown(true).run();
    peer.shutdown().run();
    peer.send(GET).run();
    expect(peer.received).toBe(received);
  });

  test('a reply that promised to keep the connection is followed by one more exchange', async () => {
    let finish = () => {};
    const runtime = runtimeOf((request, reply) => {
      if (request.path !== '/stream') return reply.text('last');
      reply.write('begun ');
      return new Promise<void>((resolve) => {
        finish = () => {
          reply.end('ended');
          resolve();
        };
      });
    }, {});
    const peer = runtime.connect().send(GET.replace('/ ', '/stream ')).run();
    expect(peer.received).toContain('begun');
    peer.shutdown(true).run();
    finish();
    await peer.settle(8);
    expect(peer.received).not.toContain('Connection: close');
    peer.send(GET);
    await peer.settle(8);
    expect(last(peer.received)).toMatchObject({ status: 200, body: 'last' });
    expect(peer.received).toContain('Connection: close');
  });
});
