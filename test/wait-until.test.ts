// Work that goes on after the reply: waited for by the server that closes, and by the worker that is replaced.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from '@ringbearer/http-server';
import { describe, expect, test } from 'vitest';
import { GROUNDS, HostileHouse } from './harness/hostile-house.js';
import { get, Peer } from './harness/peer.js';
import { until } from './harness/until.js';

describe.each(GROUNDS)('waitUntil() and close() (%s)', (_name, ground) => {
  const house = new HostileHouse(ground);
  const { serving, connect, ask } = house;

  test('the reply does not wait, the server that closes does', async () => {
    const order: string[] = [];
    const port = await serving((request, reply) => {
      request.waitUntil(
        (async () => {
          await sleep(400);
          order.push(`work of ${request.path}`);
        })(),
      );
      reply.text('hello');
    });
    expect(await ask(port, '/a')).toBe('hello');
    order.push('replied');
    await house.server.close();
    order.push('closed');
    expect(order).toEqual(['replied', 'work of /a', 'closed']);
    await expect(Peer.connect(port)).rejects.toThrow(/ECONNREFUSED/);
  });

  test('also for work of a client that is gone, and of a request that ends while it closes', async () => {
    const done: string[] = [];
    const port = await serving(async (request, reply) => {
      request.waitUntil(sleep(500).then(() => void done.push(request.path)));
      if (request.path === '/soon') {
        await sleep(200);
        request.waitUntil(sleep(600).then(() => void done.push('more')));
      }
      reply.text('hello');
    });
    const gone = await connect(port);
    await gone.send(get('/gone'));
    await gone.response();
    gone.reset();
    const soon = await connect(port);
    await soon.send(get('/soon'));
    await until('it runs', () => house.server.stats().requests === 2);
    await house.server.close();
    expect((await soon.response()).status).toBe(200);
    expect(done).toEqual(['/gone', '/soon', 'more']);
  });

  test('no longer than the drain timeout, and says what is left', async () => {
    const port = await serving((request, reply) => {
      request.waitUntil(new Promise(() => {}));
      reply.text('hello');
    });
    await ask(port);
    const warnings: unknown[] = [];
    const hear = (warning: Error) => void warnings.push(warning);
    process.on('warning', hear);
    try {
      await house.server.close({ drainTimeoutMs: 100 });
      await until('the warning came', () => warnings.length > 0);
      expect(warnings).toMatchObject([
        {
          name: 'RingbearerWarning',
          code: 'RINGBEARER_WORK_LEFT',
          message:
            'The server closed after drainTimeoutMs (100) with work of waitUntil left: 1 pending',
        },
      ]);
    } finally {
      process.off('warning', hear);
    }
  });

  test('what fails goes to onError, once, and costs nobody anything', async () => {
    const errors: unknown[] = [];
    const port = await serving(
      (request, reply) => {
        request.waitUntil(Promise.reject(new Error(`late ${request.path}`)));
        reply.text('hello');
      },
      {
        onError: (error, request, reply) => void errors.push([error, request.path, reply.finished]),
      },
    );
    expect(await ask(port, '/a')).toBe('hello');
    await until('it was told', () => errors.length > 0);
    expect(await ask(port, '/b')).toBe('hello');
    await until('it was told', () => errors.length > 1);
    expect(errors).toEqual([
      [new Error('late /a'), '/a', true],
      [new Error('late /b'), '/b', true],
    ]);
  });

  test('maxWaitUntil bounds it: 503 to whoever comes too early', async () => {
    let release: () => void = () => {};
    const port = await serving(
      (request, reply) => {
        request.waitUntil(
          new Promise<void>((resolve) => {
            release = resolve;
          }),
        );
        reply.text('hello');
      },
      { maxWaitUntil: 1, onError: () => {} },
    );
    expect(await ask(port)).toBe('hello');
    const peer = await connect(port);
    const first = release;
    await peer.send(get('/'));
    expect((await peer.response()).status).toBe(503);
    first();
    await sleep(1);
    expect(await ask(port)).toBe('hello');
    release();
  });
});

describe('waitUntil() in workers', () => {
  test.each(['reload', 'close'] as const)(
    '%s() ends no worker before its work is done',
    async (way) => {
      const folder = mkdtempSync(path.join(tmpdir(), 'wait-until-'));
      const file = path.join(folder, 'done');
      const app = new URL('./fixtures/worker-app.mjs', import.meta.url);
      const server = await start({ app, workers: 1, hostname: '127.0.0.1', port: 0 });
      try {
        const { port } = server.address() as { port: number };
        const peer = await Peer.connect(port);
        await peer.send(get(`/late?ms=700&file=${encodeURIComponent(file)}`));
        const { body } = await peer.response();
        peer.close();
        expect(existsSync(file)).toBe(false);
        await server[way]();
        await until('the work is done', () => existsSync(file) && readFileSync(file).length > 0);
        expect(readFileSync(file, 'utf8')).toBe(body.toString());
      } finally {
        await server.close();
        rmSync(folder, { recursive: true });
      }
    },
  );
});
