import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkAnswer, checkAnswers, verifyServer } from './answer.mjs';

const GOOD =
  'HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n' +
  'Date: Tue, 01 Jan 2030 00:00:00 GMT\r\n\r\nHello, World!';

describe('checkAnswer()', () => {
  it('measures the right answer and ignores what follows', () => {
    expect(checkAnswer(GOOD)).toEqual({ bytes: GOOD.length });
    expect(checkAnswer(`${GOOD}HTTP`)).toEqual({ bytes: GOOD.length });
  });

  it.each([
    ['', /whole head/],
    [GOOD.replace('200 OK', '404 Not Found'), /404 Not Found/],
    [GOOD.replace('Content-Length: 13', 'Content-Length: 12'), /Content-Length 12/],
    [GOOD.replace('Content-Length: 13', 'Transfer-Encoding: chunked'), /Content-Length missing/],
    [GOOD.replace('Date', 'Etad'), /Date/],
    [GOOD.replace('text/plain', 'text/html'), /Content-Type text\/html/],
    [GOOD.replace('World', 'there'), /another body/],
    [GOOD.slice(0, -1), /half a body/],
  ])('refuses %j', (text, why) => {
    expect(checkAnswer(text).wrong).toMatch(why);
  });

  it('tells an answer that has not all arrived from a wrong one', () => {
    for (let length = 0; length < GOOD.length; length++) {
      expect(checkAnswer(GOOD.slice(0, length))).toHaveProperty('partial', true);
    }
    expect(checkAnswer(GOOD.replace('World', 'there'))).not.toHaveProperty('partial');
  });
});

describe('checkAnswers()', () => {
  it('counts answers that follow one another', () => {
    expect(checkAnswers(GOOD.repeat(3))).toEqual({ answers: 3, bytes: GOOD.length });
    expect(checkAnswers('')).toEqual({ answers: 0, bytes: 0 });
  });

  it('refuses anything between them', () => {
    expect(checkAnswers(`${GOOD}\r\n${GOOD}`)).toHaveProperty('wrong');
  });
});

describe('verifyServer()', () => {
  let server;
  afterEach(() => server?.close());

  /** A server that answers each request head with `answer(index)`. */
  async function listen(answer) {
    server = createServer((socket) => {
      let text = '';
      let index = 0;
      socket.on('error', () => {});
      socket.on('data', (data) => {
        text += data.toString('latin1');
        const heads = text.split('\r\n\r\n');
        text = heads.pop();
        for (const _ of heads) socket.write(answer(index++));
      });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return server.address().port;
  }

  it('passes a server that answers every request', async () => {
    expect(await verifyServer(await listen(() => GOOD))).toBe(GOOD.length);
  });

  it('fails one wrong answer among right ones', async () => {
    const port = await listen((index) => (index === 7 ? GOOD.replace('200', '500') : GOOD));
    await expect(verifyServer(port)).rejects.toThrow('500');
  });

  it('fails a server that is not there', async () => {
    const port = await listen(() => GOOD);
    await new Promise((resolve) => server.close(resolve));
    await expect(verifyServer(port)).rejects.toThrow('ECONNREFUSED');
  });
});
