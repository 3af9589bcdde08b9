import { chunked, field, post } from '../http1-outcome.js';
import type { Topic } from './corpus.js';

const GET = 'GET /two HTTP/1.1\r\nHost: a\r\n\r\n';
const trailed = (lines: string): string => chunked(`5\r\nhello\r\n0\r\n${lines}\r\n\r\n`);
const old = (line: string, body = ''): string =>
  `POST / HTTP/1.0\r\nHost: a\r\n${line}\r\n\r\n${body}`;

/** What may follow what: Connection, Upgrade, Expect, trailers, and requests behind every kind of body. */
export const CONNECTIONS: Topic = {
  '200 200': [
    ['Connection: keep-alive', field('Connection: keep-alive')],
    ['Connection naming Host', field('Connection: Host')],
    [
      'Connection naming Content-Length',
      post('Connection: Content-Length\r\nContent-Length: 5', 'hello'),
    ],
    [
      'Connection naming Content-Length behind it',
      post('Content-Length: 5\r\nConnection: content-length', 'hello'),
    ],
    ['Connection of commas', field('Connection: , ,')],
    ['Connection of a word like close', field('Connection: closed')],
    ['Connection of close and a letter', field('Connection: close x')],
    ['Connection close in quotes', field('Connection: "close"')],
    ['Proxy-Connection', field('Proxy-Connection: close')],
    ['Keep-Alive', field('Keep-Alive: timeout=0, max=0')],
    ['Connection: TE', field('Connection: TE\r\nTE: trailers')],
    ['HTTP/1.0 that stays', old('Connection: keep-alive\r\nContent-Length: 5', 'hello')],
    ['Upgrade without Connection', field('Upgrade: websocket')],
    ['Connection: upgrade without Upgrade', field('Connection: upgrade')],
    ['Upgrade nobody knows', field('Connection: upgrade\r\nUpgrade: foo')],
    [
      'h2c',
      field('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk'),
    ],
    [
      'Upgrade with a body',
      post('Connection: upgrade\r\nUpgrade: foo\r\nContent-Length: 5', 'hello'),
    ],
    [
      'Upgrade with chunks',
      post(
        'Connection: upgrade\r\nUpgrade: foo\r\nTransfer-Encoding: chunked',
        '5\r\nhello\r\n0\r\n\r\n',
      ),
    ],
    ['Expect with its body at once', post('Expect: 100-continue\r\nContent-Length: 5', 'hello')],
    [
      'Expect with chunks at once',
      post('Expect: 100-continue\r\nTransfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'),
    ],
    ['Expect in capitals', post('Expect: 100-CONTINUE\r\nContent-Length: 5', 'hello')],
    ['Expect without body', field('Expect: 100-continue')],
    ['trailer', trailed('X: y')],
    ['trailer Content-Length', trailed('Content-Length: 5')],
    ['trailer Content-Length twice', trailed('Content-Length: 5\r\nContent-Length: 6')],
    ['trailer Transfer-Encoding', trailed('Transfer-Encoding: chunked')],
    ['trailer Host', trailed('Host: evil')],
    ['trailer Connection: close', trailed('Connection: close')],
    ['trailer Upgrade', trailed('Connection: upgrade\r\nUpgrade: foo')],
    ['trailer Expect', trailed('Expect: 100-continue')],
    [
      'trailer that was announced',
      post('Trailer: X\r\nTransfer-Encoding: chunked', '0\r\nX: y\r\n\r\n'),
    ],
    [
      'Trailer announcing Content-Length',
      post(
        'Trailer: Content-Length\r\nTransfer-Encoding: chunked',
        '0\r\nContent-Length: 5\r\n\r\n',
      ),
    ],
    ['trailer with an empty value', trailed('X:')],
    ['method override', post('X-HTTP-Method-Override: GET\r\nContent-Length: 5', 'hello')],
    ['Connection of close and a parameter', field('Connection: close;a')],
    ['Connection of close and NBSP', field('Connection: close\xa0')],
    ['trailer Set-Cookie', trailed('Set-Cookie: a')],
    ['trailer that objects have', trailed('__proto__: a')],
    ['Expect of a body that has no byte', post('Expect: 100-continue\r\nContent-Length: 0')],
    ['HTTP/1.0 that stays, with Upgrade', old('Connection: keep-alive, upgrade\r\nUpgrade: x')],
    ['HTTP/1.0 that stays, without length', old('Connection: keep-alive')],
  ],
  '200 200 200': [
    ['behind a length', `${post('Content-Length: 5', 'hello')}${GET}`],
    ['behind chunks', `${chunked('5\r\nhello\r\n0\r\n\r\n')}${GET}`],
    ['behind trailers', `${trailed('X: y')}${GET}`],
    ['behind no body', `${post('X: y')}${GET}`],
    ['behind an ignored upgrade', `${field('Connection: upgrade\r\nUpgrade: foo')}${GET}`],
    ['behind an empty line', `${post('Content-Length: 5', 'hello\r\n')}${GET}`],
    [
      'behind an ignored upgrade with a body',
      `${post('Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5', 'hello')}${GET}`,
    ],
    [
      'behind an ignored upgrade with chunks',
      `${post('Connection: upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked', '0\r\n\r\n')}${GET}`,
    ],
    [
      'behind trailers that frame',
      `${trailed('Content-Length: 33\r\nTransfer-Encoding: chunked')}${GET}`,
    ],
  ],
  '200 505': [
    [
      'the preface behind an ignored h2c',
      `${field('Connection: upgrade\r\nUpgrade: h2c')}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    ],
  ],
  '200 400': [
    ['a fault in the second of three', `${GET}${field('X : y')}${GET}`],
    ['garbage behind a request', `${GET}\0\0\0\0`],
    ['a length cut off by FIN', `${GET}${post('Content-Length: 100', 'hello')}`],
    ['a bad chunk in the second', `${GET}${chunked('x\r\nhello\r\n0\r\n\r\n')}`],
    ['three empty lines between requests', `${GET}\r\n\r\n\r\n${GET}`],
    ['LF between requests', `${GET}\n${GET}`],
    ['CR between requests', `${GET}\r${GET}`],
  ],
  '200': [
    ['Connection: close', field('Connection: close')],
    ['Connection: close with a body', post('Connection: close\r\nContent-Length: 5', 'hello')],
    [
      'Connection: close with chunks',
      post('Connection: close\r\nTransfer-Encoding: chunked', '5\r\nhello\r\n0\r\n\r\n'),
    ],
    ['Connection: CLOSE', field('Connection: CLOSE')],
    ['Connection: keep-alive, close', field('Connection: keep-alive, close')],
    ['Connection: close, keep-alive', field('Connection: close, keep-alive')],
    ['Connection: close with a tab', field('Connection: keep-alive,\tclose\t')],
    ['Connection: close, close', field('Connection: close, close')],
    ['Connection twice', field('Connection: keep-alive\r\nConnection: close')],
    ['Connection: close and commas', field('Connection: ,close,')],
    ['HTTP/1.0', old('X: y')],
    ['HTTP/1.0 with a body that was not announced', old('X: y', 'hello')],
    ['HTTP/1.0 keep-alive, close', old('Connection: keep-alive, close')],
    ['HTTP/1.0 with Expect', old('Expect: 100-continue\r\nContent-Length: 5', 'hello')],
    ['HTTP/1.0 with Upgrade', old('Connection: upgrade\r\nUpgrade: foo')],
    ['Connection: close behind 500 others', field(`Connection: ${'a,'.repeat(500)}close`)],
    ['HTTP/1.0 keep-alive and close in lines', old('Connection: keep-alive\r\nConnection: close')],
  ],
  '400': [
    [
      'Connection: close with the next in its body',
      post('Connection: close\r\nContent-Length: 100', 'hello'),
    ],
    ['trailer with a space before its colon', trailed('X : y')],
    ['trailer folded', trailed('X: y\r\n z')],
    ['trailer without colon', trailed('X')],
    ['trailer without name', trailed(': y')],
    ['trailer with NUL', trailed('X: \0')],
    ['trailer with bare CR', trailed('X: y\rZ: z')],
    ['trailer with bare LF', trailed('X: y\nZ: z')],
    ['trailer with a request line', trailed('GET /smuggled HTTP/1.1')],
    ['trailer with whitespace first', trailed(' X: y')],
    ['trailers ended by LF', chunked('5\r\nhello\r\n0\r\nX: y\r\n\n')],
    ['trailers that never end', chunked('5\r\nhello\r\n0\r\nX: y\r\n')],
    ['garbage before all', `\0${GET}`],
    ['NUL in Connection', field('Connection: clo\0se')],
    ['requests behind a refused one', `${post('Content-Length: x')}${GET}${GET}`],
    ['trailer folded with a tab', trailed('X: y\r\n\tz')],
    ['trailer with obs-text in its name', trailed('X\xe9: y')],
  ],
  '417': [
    ['Expect nobody knows', post('Expect: tea\r\nContent-Length: 5', 'hello')],
    [
      'Expect twice',
      post('Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5', 'hello'),
    ],
    ['Expect list', post('Expect: 100-continue, 100-continue\r\nContent-Length: 5', 'hello')],
    ['Expect with a parameter', post('Expect: 100-continue;a\r\nContent-Length: 5', 'hello')],
    ['Expect of an empty value', post('Expect:\r\nContent-Length: 5', 'hello')],
  ],
  '431': [
    ['101 trailers', trailed('X: y\r\n'.repeat(100).concat('X: z'))],
    ['trailers above the limit', trailed(`X: ${'y'.repeat(17_000)}`)],
  ],
};
