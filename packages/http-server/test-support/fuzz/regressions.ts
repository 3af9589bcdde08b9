import type { TargetName } from './targets.js';

/** What a target is run with first: seeds that found something once, and the inputs they shrank to. Nothing is ever taken out. */
export const REGRESSIONS: Readonly<
  Record<TargetName, { readonly seeds: readonly number[]; readonly inputs: readonly unknown[] }>
> = {
  head: {
    seeds: [20_261_121],
    inputs: [
      // The fault of a CR at the end of what came depended on where the bytes were split.
      { text: 'GET\r/ HTTP/1.1\r\nHost: a\r\n\r\n', cuts: [4] },
      { text: 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740992\r\n\r\n', cuts: [] },
    ],
  },
  chunks: {
    seeds: [20_261_121],
    inputs: [
      { text: '0000000000000005\r\nhello\r\n0\r\n\r\n', cuts: [16, 17] },
      { text: '1;a="\\\r\n"\r\nx\r\n0\r\n\r\n', cuts: [] },
    ],
  },
  trailers: {
    seeds: [20_261_121],
    inputs: [{ text: '0\r\nContent-Length: 5\r\nX: y\r\n\r\n', cuts: [3, 4] }],
  },
  connection: {
    seeds: [20_261_121],
    inputs: [
      // llhttp obeys a field nobody specified.
      {
        text: 'GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
        cuts: [],
      },
      {
        text: 'GET /old HTTP/1.0\r\nConnection: keep-alive\t\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
        cuts: [],
      },
    ],
  },
  reply: {
    seeds: [20_261_121],
    inputs: [
      { fields: [['X', 'a\r\nY: z']], status: 200, pieces: ['x'] },
      // A value that throws took the earlier one of its field away.
      {
        fields: [
          ['x-a', 'a'],
          ['x-a', '\r'],
        ],
        status: 200,
        pieces: [''],
      },
      {
        fields: [
          ['Content-Type', 'a'],
          ['Content-Type', ['b']],
        ],
        status: 200,
        pieces: ['x'],
      },
      { fields: [['__proto__', 'a']], status: 200, pieces: [''] },
    ],
  },
};
