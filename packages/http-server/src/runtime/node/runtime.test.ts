import { describe, expect, it } from 'vitest';
import { attackContract } from '../attack.contract.js';
import { bodyLeaseContract } from '../body-lease.contract.js';
import type { ServerRuntime } from '../choose-runtime.js';
import { leftContract } from '../left.contract.js';
import { listeningContract } from '../listening.contract.js';
import { sentContract } from '../sent.contract.js';
import { app, SocketHouse, text, until } from '../socket-house.contract.js';
import { NodeRuntime } from './runtime.js';

describe('NodeRuntime', () => {
  leftContract((options) => new NodeRuntime(options));
  listeningContract((options) => new NodeRuntime(options));
  sentContract((options) => new NodeRuntime(options));
  bodyLeaseContract(
    (options) => new NodeRuntime(options),
    () => 0,
  );
  attackContract(
    (options) => new NodeRuntime(options),
    (runtime) => runtime.connections,
  );
  const { start, client, running } = new SocketHouse((options) => new NodeRuntime(options));

  it('needs no ring, and says so', async () => {
    const { runtime } = await start(app(() => ({})));
    expect([runtime.kind, runtime.capabilities(), runtime.stats().ring]).toEqual([
      'node',
      null,
      null,
    ]);
  });

  it('refuses what takes the addon: SO_REUSEPORT', async () => {
    await expect(
      start(
        app(() => ({})),
        {},
        { reusePort: true },
      ),
    ).rejects.toThrow(/reusePort as that takes the io_uring addon/);
  });

  it('a gentle close() serves those that wait above maxConnections', async () => {
    const { runtime, port } = await start(
      app((left) => ({
        receive(bytes, from, to) {
          left.write(bytes, from, to);
          left.end();
          return to - from;
        },
        shutdown(gently) {
          if (!gently) left.end();
        },
      })),
      { maxConnections: 1 },
    );
    running.splice(0);
    const inside = await client(port);
    const held = [await client(port), await client(port)];
    await until(() => waitingOf(runtime) === 2);
    const closing = runtime.close(60_000, true);
    for (const socket of held) {
      socket.write('served in the end');
      expect(await text(socket)).toBe('served in the end');
    }
    expect(runtime.stats()).toMatchObject({ waiting: 0, accepted: 3 });
    inside.destroy();
    await closing;
  });

  it('holds 1,024 above maxConnections and resets the rest; close() resets those', async () => {
    const { runtime, port } = await start(
      app(() => ({})),
      { maxConnections: 1 },
    );
    running.splice(0);
    let reset = 0;
    const crowd = await Promise.all(Array.from({ length: 1030 }, () => client(port)));
    for (const socket of crowd) {
      socket.resume();
      socket.on('error', () => {
        reset++;
      });
    }
    await until(() => reset === 5);
    expect(runtime.stats()).toMatchObject({ waiting: 1024, connections: 1, acceptPaused: true });
    await runtime.close(1000);
    await until(() => reset === 1029);
    expect(runtime.stats()).toMatchObject({ waiting: 0, connections: 0, accepted: 1 });
  });
});

function waitingOf(runtime: ServerRuntime): number {
  return (runtime as NodeRuntime).stats().waiting;
}
