// Issue: as many connections as there may be, and more: they wait, or are told, and nothing spins.

import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { serve } from '@ringbearer/http-server';
import { describe, expect, test } from 'vitest';
import { GROUNDS, HostileHouse, hello, LARGE, MEGABYTES, sizes } from './harness/hostile-house.js';
import { get, Peer } from './harness/peer.js';
import { run } from './harness/program.js';
import { until } from './harness/until.js';

/** Near its limit a server accepts one by one; beside these only the coarse timer is in flight. */
const SINGLE_ACCEPTS = 8;

describe.each(GROUNDS)('%s', (_name, ground) => {
  const house = new HostileHouse(ground);
  const { serving, connect, ask, expectIdle } = house;

  /** Connections that were served once, and stay. */
  const fill = async (port: number, count: number): Promise<Peer[]> => {
    const inside = await Promise.all(Array.from({ length: count }, () => connect(port)));
    for (const peer of inside) {
      await peer.send(get('/'));
      expect((await peer.response()).status).toBe(200);
    }
    return inside;
  };

  const inFlight = () => house.ring?.capacity.PendingCompletions.used ?? 0;

  describe("overload: 'refuse'", () => {
    const options = { overload: 'refuse', maxConnections: 4, keepAliveTimeoutMs: 60_000 } as const;

    test('answers 503 above the limit, goes on serving, and serves the next when one leaves', async () => {
      const port = await serving(hello, options);
      const inside = await fill(port, 4);
      for (const method of ['GET', 'HEAD', 'POST']) {
        const outside = await connect(port);
        await outside.send(`${method} / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n`);
        const { status, head } = await outside.response();
        expect(status).toBe(503);
        expect(head).toMatch(/^retry-after: 1$/im);
        expect(head).toMatch(/^connection: close$/im);
        expect(head).toMatch(/^date: .* GMT$/im);
        expect(await outside.ended).toBe('fin');
        outside.close();
      }
      const { connectionsRefused, acceptPaused } = house.server.stats();
      expect([connectionsRefused, acceptPaused]).toEqual([3, false]);
      await inside[0]!.send(get('/'));
      expect((await inside[0]!.response()).body.toString()).toBe('hello');
      inside[1]!.close();
      await until('it is gone', () => house.server.stats().connections === 3);
      expect(await ask(port)).toBe('hello');
      house.closePeers();
      await until('all are gone', () => house.server.stats().connections === 0);
      expect(inFlight()).toBeLessThanOrEqual(SINGLE_ACCEPTS + 1);
    });

    test('tells whoever is in the middle of an upload', async () => {
      const port = await serving(sizes, options);
      await fill(port, 4);
      const outside = await connect(port);
      await outside.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 * MEGABYTES}\r\n\r\n`);
      await outside.send(LARGE.subarray(0, 2 * MEGABYTES)).catch(() => {});
      expect((await outside.response()).status).toBe(503);
    });

    test('closes those that say nothing', async () => {
      const port = await serving(hello, options);
      await fill(port, 4);
      const silent = await Promise.all(Array.from({ length: 10 }, () => connect(port)));
      for (const peer of silent) {
        expect(await peer.ended).toBe('fin');
        expect(peer.bufferedBytes).toBe(0);
        peer.close();
      }
      await until('they are gone', () => house.server.stats().connections === 4);
    });

    test('tells a thousand at once, some after a wait', async () => {
      const port = await serving(hello, options);
      await fill(port, 4);
      const enters = house.ring?.enters ?? 0;
      const answers = await Promise.all(
        Array.from({ length: 1000 }, async () => {
          const peer = await Peer.connect(port);
          await peer.send(get('/'));
          const { status } = await peer.response();
          peer.close();
          return status;
        }),
      );
      expect(new Set(answers)).toEqual(new Set([503]));
      await until('all are gone', () => house.server.stats().connections === 4);
      expect(house.server.stats().connectionsRefused).toBe(1000);
      if (house.ring !== null) expect(house.ring.enters - enters).toBeLessThan(20_000);
      // The receives of those inside.
      expect(inFlight()).toBeLessThanOrEqual(4 + SINGLE_ACCEPTS + 1);
    }, 30_000);

    test('does not hold up a close', async () => {
      const port = await serving(hello, { ...options, drainTimeoutMs: 60_000 });
      await fill(port, 4);
      const silent = await connect(port);
      await until('it is refused', () => house.server.stats().connectionsRefused === 1);
      await house.server.close();
      expect(await silent.ended).toBe('fin');
    });
  });

  describe('maxConnectionsPerAddress', () => {
    const from = (localAddress: string, port: number): Promise<net.Socket> =>
      new Promise((resolve, reject) => {
        const socket = net.connect({ port, host: '127.0.0.1', localAddress });
        socket.once('error', reject);
        socket.once('connect', () => resolve(socket));
      });
    const statusFor = async (localAddress: string, port: number, keep: net.Socket[]) => {
      const socket = await from(localAddress, port);
      socket.on('error', () => {});
      keep.push(socket);
      socket.write(get('/'));
      const text = await new Promise<string>((resolve) =>
        socket.once('data', (bytes) => resolve(bytes.toString('latin1'))),
      );
      return Number(text.slice(9, 12));
    };

    test('refuses the crowd from one address, and nobody else', async () => {
      const options = { maxConnectionsPerAddress: 3, keepAliveTimeoutMs: 60_000 };
      const port = await serving(hello, options);
      const sockets: net.Socket[] = [];
      const ask = (address: string) => statusFor(address, port, sockets);
      for (let i = 0; i < 3; i++) expect(await ask('127.0.0.2')).toBe(200);
      for (let i = 0; i < 5; i++) expect(await ask('127.0.0.2')).toBe(503);
      for (let i = 0; i < 3; i++) expect(await ask('127.0.0.3')).toBe(200);
      expect(house.server.stats().connectionsRefused).toBe(5);
      sockets[0]!.destroy();
      await until('it is gone', () => house.server.stats().connections === 5);
      expect(await ask('127.0.0.2')).toBe(200);
      expect(await ask('127.0.0.2')).toBe(503);
      for (const socket of sockets) socket.destroy();
      await expectIdle();
    });

    test('drops what is beyond all refusals, and serves others meanwhile', async () => {
      const options = { maxConnectionsPerAddress: 1, keepAliveTimeoutMs: 60_000 };
      const port = await serving(hello, options);
      const crowd: net.Socket[] = [];
      let reset = 0;
      for (let i = 0; i < 600; i++) {
        const socket = await from('127.0.0.2', port);
        socket.on('error', () => {});
        socket.on('close', () => {
          reset++;
        });
        crowd.push(socket);
      }
      const others: net.Socket[] = [];
      for (let i = 4; i < 8; i++) expect(await statusFor(`127.0.0.${i}`, port, others)).toBe(200);
      // One is inside, and 256 would be told if they asked.
      await until('the rest was dropped', () => reset >= 600 - 1 - 256);
      expect(house.server.stats().acceptPaused).toBe(false);
      for (const socket of [...crowd, ...others]) socket.destroy();
      await expectIdle();
    }, 30_000);

    test('costs a look for each connection, and none without it', async (context) => {
      if (ground.runtime === 'node') context.skip('node:net has no ring whose entries count');
      const connections = 40;
      const submitted: number[] = [];
      for (const maxConnectionsPerAddress of [Number.POSITIVE_INFINITY, 1000]) {
        const port = await serving(hello, { maxConnectionsPerAddress });
        const before = house.ring?.submitted ?? 0;
        for (let i = 0; i < connections; i++) await ask(port);
        await expectIdle();
        submitted.push((house.ring?.submitted ?? 0) - before);
        await house.server.close();
      }
      const [without, with_] = submitted as [number, number];
      // Both had some ticks of the coarse timer.
      expect(with_ - without).toBeGreaterThan(connections - 10);
      expect(with_ - without).toBeLessThan(connections + 10);
    });
  });
});

describe('a process out of descriptors', () => {
  const fixture = fileURLToPath(new URL('./fixtures/out-of-files.mjs', import.meta.url));
  const reportOf = async (runtime: string) => {
    const { code, stdout, stderr } = await run(
      'sh',
      ['-c', `ulimit -n 300; exec "$0" "$@"`, process.execPath, fixture, runtime],
      { msMax: 60_000 },
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = JSON.parse(stdout.toString()) as Record<string, number | string | boolean>;
    expect(report).toMatchObject({ files: 'EMFILE', afterwards: 'IPv4' });
    expect(report.maxConnections).toBeLessThanOrEqual(300 - 128);
    // A spin would be nearly all of the second.
    expect(report.cpuMsWhilePaused).toBeLessThan(400);
    return report;
  };

  test('serves, pauses at its limit, and never spins', async () => {
    const report = await reportOf('io-uring');
    expect(report).toMatchObject({ paused: true, unserved: 0 });
    expect(report.entersWhilePaused).toBeLessThan(300);
  }, 60_000);

  test('on node:net loses who comes meanwhile, never spins, and serves once there is room', async () => {
    const { paused, unserved } = await reportOf('node');
    expect(paused).toBe(false);
    expect(unserved).toBeGreaterThan(200);
  }, 60_000);
});

test('options that cannot be are refused', async () => {
  await expect(serve({ port: 0, raw: hello, overload: 'close' as 'refuse' })).rejects.toThrow(
    /overload must be 'pause' or 'refuse': current value is 'close'/,
  );
  await expect(serve({ port: 0, raw: hello, maxConnectionsPerAddress: 0 })).rejects.toThrow(
    /maxConnectionsPerAddress must be an integer >= 1/,
  );
});
