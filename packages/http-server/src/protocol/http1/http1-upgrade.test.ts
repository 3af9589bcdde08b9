import { describe, expect, test } from 'vitest';
import { connect, GET, statuses } from '../../../test-support/http1-peer.js';
import type { Left } from '../../sans-io/left.js';
import type { Orbit } from '../../sans-io/orbit.js';

describe('HttpReply.upgrade()', () => {
  test('hands the connection to another protocol', async () => {
    const seen: string[] = [];
    const echo = {
      name: 'echo',
      instantiate: (left: Left): Orbit => ({
        receive(bytes, start, end) {
          seen.push(Buffer.from(bytes.subarray(start, end)).toString());
          left.write(bytes, start, end);
          return end - start;
        },
        receiveEnd: () => left.end(),
        drained() {},
        tick() {},
        shutdown() {},
        close: (reason) => void seen.push(reason),
      }),
    };
    for (const later of [false, true]) {
      seen.length = 0;
      const peer = connect(async (request, reply) => {
        if (later) await null;
        reply.upgrade('echo', echo, { 'X-Key': request.header('x-key') ?? '' });
      });
      const ask =
        'GET / HTTP/1.1\r\nHost: a\r\nX-Key: k\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\n';
      await peer.send(`${ask}abc`).settle();
      await peer.send('def').fin().settle();
      expect(peer.received).toBe(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\nX-Key: k\r\n\r\nabcdef',
      );
      expect(seen).toEqual(['abc', 'def', 'ended']);
    }
    const plain = connect((_request, reply) => reply.upgrade('echo', echo))
      .send(GET)
      .run();
    expect(statuses(plain)).toEqual([500]);
    const split = connect((_request, reply) => reply.upgrade('a\r\nb', echo));
    expect(
      statuses(
        split.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n').run(),
      ),
    ).toEqual([500]);
  });
});
