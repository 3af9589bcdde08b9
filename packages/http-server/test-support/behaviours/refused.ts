import { chunked, field, post, start } from '../http1-outcome.js';
import { GET } from '../http1-peer.js';

/** The number of a behaviour, what it is, and the bytes. */
export type Case = readonly [number: number, what: string, inputs: readonly string[]];

/** What is refused, by status, of docs/conformance/http1-behaviours.md. */
export const REFUSED: Readonly<Record<number, readonly Case[]>> = {
  400: [
    [2, 'a garbage line', ['NOT A VALID HTTP REQUEST\r\n\r\n', '\x16\x03\x01\x02\0\r\n']],
    [
      4,
      'two spaces, a tab or no space',
      ['GET  / HTTP/1.1', 'GET\t/ HTTP/1.1', 'GET/ HTTP/1.1', 'GET / HTTP/1.1 '].map(start),
    ],
    [5, 'more than two empty lines before a request', [`\r\n\r\n\r\n${GET}`]],
    [
      6,
      'whitespace before the first field',
      ['GET / HTTP/1.1\r\n Host: a\r\n\r\n', 'GET / HTTP/1.1\r\n\tHost: a\r\n\r\n'],
    ],
    [7, 'a bare LF after the start line', ['GET / HTTP/1.1\nHost: a\r\n\r\n']],
    [
      8,
      'a bare CR anywhere in a head',
      [
        'GET /\r HTTP/1.1\r\nHost: a\r\n\r\n',
        'GET / HTTP/1.1\rHost: a\r\n\r\n',
        field('X: a\rb'),
        field('X\r: a'),
        `\r${GET}`,
      ],
    ],
    [9, 'a simple request', ['GET /x\r\n', 'GET /x \r\n']],
    [
      13,
      'a method with a character that is not allowed',
      ['G@T / HTTP/1.1', 'G(T / HTTP/1.1', 'G\x80T / HTTP/1.1'].map(start),
    ],
    [
      16,
      'a fragment, non-ASCII or control byte in the target',
      ['GET /#a HTTP/1.1', 'GET /\xe9 HTTP/1.1', 'GET /\x01 HTTP/1.1', 'GET /\x7f HTTP/1.1'].map(
        start,
      ),
    ],
    [21, '* with another method than OPTIONS', [start('GET * HTTP/1.1')]],
    [22, 'CONNECT with a path', [start('CONNECT /path HTTP/1.1')]],
    [26, 'an empty field name', [field(': x')]],
    [
      27,
      'a field without colon, or with whitespace before it',
      [field('Foo'), field('Foo : x'), field('Foo\t: x')],
    ],
    [28, 'a folded line', [field('X: a\r\n b'), field('X: a\r\n\tb: c')]],
    [
      29,
      'a line that ends with LF alone, a control in a value, a name that is no token',
      [
        field('X: a\nY: b'),
        'GET / HTTP/1.1\r\nHost: a\r\n\n',
        field('X: a\0b'),
        field('X: a\x1fb'),
        field('X(: a'),
        field('X\xe9: a'),
      ],
    ],
    [31, 'HTTP/1.1 without Host', ['GET / HTTP/1.1\r\n\r\n']],
    [
      32,
      'two hosts, or one that is none',
      [
        field('Host: a'),
        ...['a b', 'a,b', '', 'u@a', 'a:b'].map((h) => `GET / HTTP/1.1\r\nHost: ${h}\r\n\r\n`),
      ],
    ],
    [
      39,
      'Content-Length with Transfer-Encoding, in any order and version',
      [
        post('Content-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n'),
        post('Transfer-Encoding: chunked\r\nContent-Length: 5', '0\r\n\r\n'),
        'POST / HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      ],
    ],
    [
      40,
      'two lengths, equal or not',
      [
        post('Content-Length: 5\r\nContent-Length: 6', 'hello'),
        post('Content-Length: 5\r\nContent-Length: 5', 'hello'),
        post('Content-Length: 5, 5', 'hello'),
        post('Content-Length: 5, 6', 'hello'),
      ],
    ],
    [
      41,
      'a length that is not digits',
      ['+5', '-1', '5a', '', ' 5 5', '0x5', '18446744073709551616'].map((n) =>
        post(`Content-Length: ${n}`, 'hello'),
      ),
    ],
    [
      43,
      'codings that do not end in the only chunked',
      [
        'chunked, chunked',
        'chunked\r\nTransfer-Encoding: chunked',
        'identity',
        'gzip',
        'chunked, gzip',
        'chunked, ',
        'xchunked',
        '\xff',
      ].map((c) => post(`Transfer-Encoding: ${c}`, '0\r\n\r\n')),
    ],
    [
      44,
      'a coding padded with tabs',
      ['\x0bchunked', '\tchunked', 'chunked\t'].map((c) =>
        post(`Transfer-Encoding: ${c}`, '0\r\n\r\n'),
      ),
    ],
    [
      45,
      'Transfer-Encoding on HTTP/1.0',
      ['POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ],
    [
      48,
      'a chunk size that is not 1 to 16 hexadecimal digits',
      ['0x5', '+5', '-5', ' 5', '5 ', '00000000000000005', ''].map((s) =>
        chunked(`${s}\r\nhello\r\n0\r\n\r\n`),
      ),
    ],
    [
      49,
      'a chunk size above 2^53',
      ['20000000000000', 'ffffffffffffffff', 'fffffffffffffffff'].map((s) =>
        chunked(`${s}\r\nhello`),
      ),
    ],
    [50, 'an empty chunk size', [chunked('\r\n'), chunked(';x\r\n')]],
    [
      51,
      'a bad or endless chunk extension',
      [
        chunked('5;a\nb\r\nhello'),
        chunked('5;a\0\r\nhello'),
        chunked(`5;${'a'.repeat(4_097)}\r\nhello`),
        chunked(`${'1;aaaaaaaa\r\nx\r\n'.repeat(500)}0\r\n\r\n`),
      ],
    ],
    [
      52,
      'chunk data that is not followed by CRLF',
      ['\n\n', '\r\r', 'x\r\n'].map((e) => chunked(`5\r\nhello${e}0\r\n\r\n`)),
    ],
    [
      53,
      'a last chunk that is not ended by two CRLF',
      ['0\n\n', '0\r\r', '0\r\n\n\n', '0\r\n\r\r'].map(chunked),
    ],
  ],
  413: [
    [
      42,
      'Content-Length above the limit, without 100',
      [post('Content-Length: 2097153'), post('Content-Length: 2097153\r\nExpect: 100-continue')],
    ],
    [
      56,
      'chunks that add up to more than the limit',
      [chunked(`${'1fffff\r\n'}${'a'.repeat(0x1fffff)}\r\n2\r\nbb\r\n`)],
    ],
  ],
  414: [
    [
      15,
      'a target above the limit',
      [`GET /${'a'.repeat(8_192)} HTTP/1.1\r\n`, `GET /${'a'.repeat(9_000)}`],
    ],
  ],
  417: [[65, 'an expectation nobody knows', [post('Content-Length: 5\r\nExpect: tea', 'hello')]]],
  431: [
    [33, '101 fields', [`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(100)}\r\n`]],
    [
      34,
      'a head above the limit, complete or not',
      [field(`X: ${'y'.repeat(16_400)}`), `GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(16_400)}`],
    ],
  ],
  501: [
    [13, 'a method longer than any', [start(`${'M'.repeat(33)} / HTTP/1.1`)]],
    [22, 'CONNECT', [start('CONNECT host:443 HTTP/1.1')]],
    [23, 'TRACE', ['TRACE / HTTP/1.1\r\nHost: a\r\nX-Secret: s\r\n\r\n']],
    [
      43,
      'codings before the only chunked',
      [post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n')],
    ],
  ],
  505: [
    [9, 'HTTP/0.9', [start('GET /x HTTP/0.9')]],
    [10, 'HTTP/1.2', [start('GET / HTTP/1.2')]],
    [11, 'HTTP/2.0 and its preface', [start('GET / HTTP/2.0'), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']],
  ],
};
