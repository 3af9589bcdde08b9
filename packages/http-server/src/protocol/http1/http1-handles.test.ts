import { describe, expect, test } from 'vitest';
import { connect, GET, runtimeOf, statuses } from '../../../test-support/http1-peer.js';
import type { HttpReply, HttpRequest } from '../../exchange/index.js';
import type { MemoryConnection, MemoryRuntime } from '../../runtime/memory/index.js';

describe('HttpRequest and HttpReply after their exchange', () => {
  test('throw and never touch the next request', async () => {
    const kept: { request: HttpRequest; reply: HttpReply }[] = [];
    const peer = connect((request, reply) => {
      kept.push({ request, reply });
      if (request.path !== '/pending') reply.text('ok');
    });
    peer.send(GET).send('GET /pending HTTP/1.1\r\nHost: a\r\n\r\n').run();
    const [first] = kept;
    expect(() => first?.reply.text('late')).toThrow('over');
    expect(() => first?.reply.write('late')).toThrow('over');
    expect(() => first?.reply.header('a', 'b')).toThrow('over');
    expect(() => first?.request.path).toThrow('over');
    expect(() => first?.request.body).toThrow('over');
    expect(first?.reply.finished).toBe(true);
    expect(statuses(peer)).toEqual([200]);
    kept[1]?.reply.text('now');
    expect(kept[1]?.request.path).toBe('/pending');
    expect(() => kept[1]?.reply.text('twice')).toThrow('already');
    peer.run();
    expect(statuses(peer)).toEqual([200, 200]);
    peer.reset();
    expect(() => kept[1]?.request.path).toThrow('over');
  });

  test('go nowhere, quietly, when the peer went away or a limit ended the exchange', async () => {
    const ways: ((peer: MemoryConnection, runtime: MemoryRuntime) => void)[] = [
      (peer) => peer.reset(),
      (_peer, runtime) => runtime.advance(10_000),
    ];
    for (const way of ways) {
      const outcome: unknown[] = [];
      let kept: { request: HttpRequest; reply: HttpReply } | undefined;
      const runtime = runtimeOf(
        (request, reply) => {
          kept = { request, reply };
        },
        { handlerTimeoutMs: 10_000 },
      );
      const peer = runtime.connect().send('GET /lost HTTP/1.1\r\nHost: a\r\n\r\n').run();
      if (kept === undefined) throw new Error('not called');
      const { request, reply } = kept;
      way(peer, runtime);
      await peer.settle();
      const before = peer.received;
      outcome.push(reply.finished, request.live, request.path, request.signal.aborted);
      outcome.push(reply.status(201).header('a', 'b').write('x'), reply.end('y'), reply.text('z'));
      outcome.push(await reply.drained().catch((error) => error.code));
      expect(outcome).toEqual([
        true,
        false,
        '/lost',
        true,
        false,
        undefined,
        undefined,
        'PEER_GONE',
      ]);
      expect(peer.received).toBe(before);
    }
  });

  test('keep a retained head', () => {
    const kept: HttpRequest[] = [];
    const peer = connect((request, reply) => {
      kept.push(request.retain());
      reply.text('ok');
    });
    peer
      .send('GET /a?b HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n')
      .run();
    expect(kept.map((r) => r.target)).toEqual(['/a?b', '/c']);
    expect(kept[0]?.rawHeaders).toEqual(['Host', 'a', 'X', 'y']);
    expect([...(kept[0] ?? [])]).toEqual([
      ['Host', 'a'],
      ['X', 'y'],
    ]);
  });

  test('stay readable while the handler runs, also after the reply', async () => {
    const paths: string[] = [];
    const peer = connect(async (request, reply) => {
      reply.text('ok');
      paths.push(request.path);
      await null;
      paths.push(request.header('host') ?? '');
    });
    await peer.send(GET).settle();
    expect(paths).toEqual(['/', 'a']);
  });
});
