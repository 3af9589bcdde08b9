import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HttpRequest } from '../../exchange/request.js';
import { requestUrl } from './request-url.js';

const urlOf = (host: string, target: string, scheme: 'http' | 'https' = 'http') =>
  requestUrl({ host, scheme, target } as HttpRequest);

describe('requestUrl()', () => {
  it('is what the URL parser makes of it, whatever was asked for before', () => {
    const port = fc.oneof(
      fc.integer({ min: 0, max: 70_000 }),
      fc.constantFrom(80, 443, 8080, 65_535),
    );
    const name = fc.constantFrom(
      'localhost',
      '127.0.0.1',
      'a.example',
      'A.example',
      '1.2.3',
      'xn--a',
    );
    const host = fc.oneof(
      name,
      fc.tuple(name, port).map(([each, number]) => `${each}:${number}`),
    );
    const target = fc.oneof(
      fc.constantFrom(
        '/',
        '/a',
        '/a?b=c',
        '/a/../b',
        '/%41',
        '/a b',
        '/ä',
        '/.',
        '*',
        'http://b.example/c',
      ),
      fc.string({ unit: 'binary-ascii', maxLength: 20 }).map((text) => `/${text}`),
    );
    const scheme = fc.constantFrom<'http' | 'https'>('http', 'https');
    fc.assert(
      fc.property(fc.array(fc.tuple(host, target, scheme)), (requests) => {
        for (const [each, path, protocol] of requests) {
          const origin = `${protocol}://${each}`;
          const absolute = path.startsWith('/') ? `${origin}${path}` : path === '*' ? origin : path;
          const expected = URL.canParse(absolute) ? new URL(absolute).href : null;
          if (expected === null) expect(() => urlOf(each, path, protocol)).toThrow(/make no URL/);
          else expect(urlOf(each, path, protocol)).toBe(expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('needs no parser for the port a server was given by the kernel', () => {
    const url = globalThis.URL;
    globalThis.URL = class {
      constructor() {
        throw new Error('parsed');
      }
    } as unknown as typeof URL;
    try {
      expect(urlOf('127.0.0.1:44385', '/plain')).toBe('http://127.0.0.1:44385/plain');
      expect(urlOf('127.0.0.1:44385', '/other')).toBe('http://127.0.0.1:44385/other');
    } finally {
      globalThis.URL = url;
    }
  });
});
