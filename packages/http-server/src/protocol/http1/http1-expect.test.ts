import { describe, expect, test } from 'vitest';
import {
  connect,
  type Handler,
  hello,
  repliesOf,
  statuses,
} from '../../../test-support/http1-peer.js';
import type { HttpReply, HttpRequest } from '../../exchange/index.js';

describe('Http1Connection and Expect', () => {
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n';

  test('sends 100 when the handler first reads, then the reply', async () => {
    let read: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      read = resolve;
    });
    const peer = connect(async (request, reply) => {
      await gate;
      reply.text(await request.text());
    }).send(post);
    await peer.settle();
    expect(peer.received).toBe('');
    read();
    await peer.settle();
    expect(peer.takeReceived()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    await peer.send('hello').settle();
    expect(repliesOf(peer.received)[0]?.body).toBe('hello');
    expect(peer.left.ended).toBe(false);
  });

  test('skips 100 when the body is there already', async () => {
    const peer = connect(async (request, reply) => reply.text(await request.text())).send(
      `${post}hello`,
    );
    await peer.settle();
    expect(statuses(peer)).toEqual([200]);
  });

  test('skips 100 when the body came before the handler read', async () => {
    let read: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      read = resolve;
    });
    const peer = connect(async (request, reply) => {
      await gate;
      reply.text(await request.text());
    });
    await peer.send(post).settle();
    await peer.send('he').settle();
    read();
    await peer.settle();
    expect(peer.received).toBe('');
    await peer.send('llo').settle();
    expect(repliesOf(peer.received).map((reply) => reply.body)).toEqual(['hello']);
    expect(peer.left.ended).toBe(false);
  });

  test('sends the final status alone and closes when the body is not wanted', async () => {
    for (const handler of [
      (_: HttpRequest, reply: HttpReply) => reply.status(401).text('no'),
      async (_: HttpRequest, reply: HttpReply) => {
        await null;
        reply.status(401).text('no');
      },
    ]) {
      const peer = await connect(handler).send(post).settle();
      const [reply] = repliesOf(peer.received);
      expect([reply?.status, reply?.fields.connection]).toEqual([401, 'close']);
      expect(peer.closed).toBe('ended');
    }
    const large = await connect(hello, { maxBodyBytes: 4 }).send(post).settle();
    expect(statuses(large)).toEqual([413]);
  });

  test('sends no 100 without a body, and none to HTTP/1.0', async () => {
    const echo: Handler = async (request, reply) => reply.text(await request.text());
    const peer = connect(echo).send('GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n');
    expect(statuses(await peer.settle())).toEqual([200]);
    const old = connect(echo).send('POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: x\r\n\r\n');
    await old.settle();
    expect(old.received).toBe('');
    expect(statuses(await old.send('a').settle())).toEqual([200]);
  });
});
