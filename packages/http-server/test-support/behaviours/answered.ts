import { chunked, field, post, start } from '../http1-outcome.js';
import { GET } from '../http1-peer.js';

/** The number of a behaviour, what it is, the bytes, and the replies of a handler that says what it understood. */
export type Answer = readonly [
  number: number,
  what: string,
  wire: string,
  bodies: readonly string[],
];

/** What is answered, of docs/conformance/http1-behaviours.md. */
export const ANSWERED: readonly Answer[] = [
  [
    1,
    'a request, and the connection stays',
    `${start('GET /hello HTTP/1.1')}${GET}`,
    ['GET /hello  a ', 'GET /  a '],
  ],
  [
    5,
    'up to two empty lines before a request',
    `\r\n${GET}\r\n\r\n${GET}`,
    ['GET /  a ', 'GET /  a '],
  ],
  [12, 'any token as method', start('QUERY / HTTP/1.1'), ['QUERY /  a ']],
  [14, 'a lower-case method as its own', start('get / HTTP/1.1'), ['get /  a ']],
  [
    17,
    'a path that cannot be decoded, as sent',
    `${start('GET /%BF HTTP/1.1')}${start('GET /%1 HTTP/1.1')}`,
    ['GET /%BF  a ', 'GET /%1  a '],
  ],
  [
    18,
    'queries of every shape',
    ['flag', 'a=b=c', '&b', '?'].map((q) => start(`GET /?${q} HTTP/1.1`)).join(''),
    ['GET / flag a ', 'GET / a=b=c a ', 'GET / &b a ', 'GET / ? a '],
  ],
  [
    20,
    'an absolute target, whose authority overrides Host',
    start('GET http://h:1/p?q HTTP/1.1'),
    ['GET /p q h:1 '],
  ],
  [
    24,
    'dots and slashes of a path, as sent',
    `${start('GET /a/../b HTTP/1.1')}${start('GET //.%2e/ HTTP/1.1')}`,
    ['GET /a/../b  a ', 'GET //.%2e/  a '],
  ],
  [
    25,
    'fields with and without whitespace around their values',
    'GET / HTTP/1.1\r\nHost:a\r\n\r\nGET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n',
    ['GET /  a ', 'GET /  a '],
  ],
  [26, 'an empty value', field('Beep:'), ['GET /  a ']],
  [30, 'obs-text', field('X: \x80\xff'), ['GET /  a ']],
  [31, 'HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n', ['GET /   ']],
  [33, '100 fields', `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(99)}\r\n`, ['GET /  a ']],
  [
    37,
    'a body of its length, and what follows it',
    `${post('Content-Length: 5', 'hello')}${GET}`,
    ['POST /  a hello', 'GET /  a '],
  ],
  [
    38,
    'no body with any method, and the connection stays',
    `${post('Content-Length: 0')}${post('X: y')}${start('DELETE / HTTP/1.1')}${GET}`,
    ['POST /  a ', 'POST /  a ', 'DELETE /  a ', 'GET /  a '],
  ],
  [
    44,
    'Chunked in any case',
    `${post('Transfer-Encoding: ChUnKeD', '0\r\n\r\n')}${GET}`,
    ['POST /  a ', 'GET /  a '],
  ],
  [46, 'HTTP/1.0 without length: no body', 'POST / HTTP/1.0\r\nHost: a\r\n\r\n', ['POST /  a ']],
  [
    47,
    'chunks split anywhere',
    `${chunked('2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n')}${GET}`,
    ['POST /  a hello', 'GET /  a '],
  ],
  [
    48,
    'chunk sizes in both cases',
    chunked('A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n'),
    ['POST /  a 01234567890123456789'],
  ],
  [
    51,
    'chunk extensions, which are ignored',
    chunked('5;a=b;c="d;\\""\r\nhello\r\n0;e\r\n\r\n'),
    ['POST /  a hello'],
  ],
  [
    54,
    'trailers, which do not change the request',
    `${chunked('0\r\nX: y\r\nHost: evil\r\nContent-Length: 9\r\n\r\n')}${GET}`,
    ['POST /  a ', 'GET /  a '],
  ],
  [
    65,
    'an expectation of HTTP/1.0, which is ignored',
    'POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\nExpect: tea\r\n\r\nx',
    ['POST /  a x'],
  ],
  [
    68,
    'an upgrade nobody handles, which is ignored',
    `${field('Connection: upgrade\r\nUpgrade: foo/2')}${GET}`,
    ['GET /  a ', 'GET /  a '],
  ],
  [
    83,
    '16 pipelined requests in order',
    Array.from({ length: 16 }, (_, i) => start(`GET /${i} HTTP/1.1`)).join(''),
    Array.from({ length: 16 }, (_, i) => `GET /${i}  a `),
  ],
];
