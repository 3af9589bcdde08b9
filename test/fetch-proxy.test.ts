// A fetch handler that passes on what another server answered: over sockets, on every runtime.

import { createServer, type Server as Upstream } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GROUNDS, HostileHouse } from './harness/hostile-house.js';

const TEXT = 'One Ring to rule them all. '.repeat(20_000);
const CODINGS: Record<string, (bytes: string) => Buffer> = {
  gzip: (bytes) => gzipSync(bytes),
  br: (bytes) => brotliCompressSync(bytes),
  'gzip, br': (bytes) => brotliCompressSync(gzipSync(bytes)),
  // Not undone by fetch: it goes through as it is.
  'x-rot': (bytes) => Buffer.from(bytes),
};

describe.each(GROUNDS)('a response of another server (%s)', (_name, ground) => {
  const { servingApp, expectIdle } = new HostileHouse(ground);
  let upstream: Upstream;
  let origin: string;

  beforeAll(async () => {
    upstream = createServer((request, response) => {
      const coding = decodeURIComponent(request.url!.slice(1));
      const body = CODINGS[coding]!(TEXT);
      response.writeHead(200, {
        'Content-Encoding': coding,
        'Content-Length': body.length,
        'X-Kept': 'yes',
      });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    upstream.closeAllConnections();
    upstream.close();
  });

  test.each(Object.keys(CODINGS))(
    'whose body fetch has decoded is what it says it is: %s',
    async (coding) => {
      const port = await servingApp({
        fetch: (request) =>
          fetch(origin + new URL(request.url).pathname, { method: request.method }),
      });
      const url = `http://127.0.0.1:${port}/${encodeURIComponent(coding)}`;
      const response = await fetch(url, { headers: { Connection: 'close' } });
      expect(await response.text()).toBe(TEXT);
      expect(response.headers.get('x-kept')).toBe('yes');
      expect(response.headers.get('content-encoding')).toBe(coding === 'x-rot' ? coding : null);
      const head = await fetch(url, { method: 'HEAD', headers: { Connection: 'close' } });
      expect(head.headers.get('content-length')).toBe(String(CODINGS[coding]!(TEXT).length));
      await expectIdle();
    },
  );
});
