import { describe, expect, test } from 'vitest';
import { connect, GET } from '../../../test-support/http1-peer.js';

const outcomeOf = (sent: Promise<void>): Promise<string> =>
  sent.then(
    () => 'sent',
    (error) => error.code,
  );

describe('HttpReply.sent()', () => {
  test('resolves once the bytes so far are taken: whole replies, pieces, none', async () => {
    const outcome: string[] = [];
    const note = (what: string) => () => void outcome.push(what);
    const peer = connect(async (request, reply) => {
      void reply.sent().then(note(`${request.path} begins`));
      if (request.path === '/whole') reply.bytes(new Uint8Array(40_000));
      else {
        reply.write('x');
        void reply.sent().then(note('/stream first'));
        reply.write(new Uint8Array(20_000));
        reply.end();
      }
      await reply.sent().then(note(`${request.path} sent`));
    });
    peer.reads = false;
    peer.send(GET.replace('/', '/whole'));
    await peer.settle();
    expect(outcome).toEqual(['/whole begins']);
    peer.read(39_000);
    await peer.settle();
    expect(outcome).toEqual(['/whole begins']);
    peer.reads = true;
    await peer.settle();
    peer.reads = false;
    peer.send(GET.replace('/', '/stream'));
    await peer.settle();
    peer.read(1000);
    await peer.settle();
    expect(outcome.slice(1)).toEqual(['/whole sent', '/stream begins', '/stream first']);
    peer.reads = true;
    await peer.settle();
    expect(outcome.at(-1)).toBe('/stream sent');
  });

  test('rejects with PEER_GONE when the connection ended before, and resolves when all was sent by then', async () => {
    for (const [read, expected] of [
      [0, 'PEER_GONE'],
      [Number.POSITIVE_INFINITY, 'sent'],
    ] as const) {
      const early: string[] = [];
      let late: (() => Promise<void>) | undefined;
      const peer = connect(async (_request, reply) => {
        reply.bytes(new Uint8Array(40_000));
        late = () => reply.sent();
        early.push(await outcomeOf(reply.sent()));
      });
      peer.reads = false;
      peer.send(GET).run();
      peer.read(read);
      if (read === 0) peer.left.abort();
      peer.run().reset();
      await peer.settle();
      expect(early).toEqual([expected]);
      expect(await outcomeOf(late!())).toBe(expected);
    }
  });

  test('rejects for a reply that goes nowhere, though the connection sent all it was given', async () => {
    let outcome = '';
    const peer = connect(async (_request, reply) => {
      await new Promise((resolve) => reply.signal.addEventListener('abort', resolve));
      reply.bytes(new Uint8Array(40_000));
      outcome = await outcomeOf(reply.sent());
    });
    peer.send(GET).run().reset();
    await peer.settle();
    expect(outcome).toBe('PEER_GONE');
  });

  test('nobody has to look: a rejection that is not awaited ends no process', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => void unhandled.push(error);
    process.on('unhandledRejection', note);
    const peer = connect((_request, reply) => {
      reply.bytes(new Uint8Array(40_000));
      void reply.sent();
    });
    peer.reads = false;
    peer.send(GET).run();
    peer.left.abort();
    await peer.settle();
    process.off('unhandledRejection', note);
    expect([peer.closed, unhandled]).toEqual(['aborted', []]);
  });
});
