import http from 'node:http';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Demo } from './harness/demo.js';
import { get, Peer } from './harness/peer.js';

let demo: Demo | null = null;
afterEach(() => {
  demo?.process.kill('SIGKILL');
  demo = null;
});

/** Binds the port and gives it back. */
function bindable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.on('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}

test('SIGTERM finishes a slow response, closes idle connections at once and frees the port', async () => {
  demo = await Demo.start();
  const idle = await Peer.connect(demo.port);
  const used = await Peer.connect(demo.port);
  await used.send(get('/text'));
  expect((await used.response()).status).toBe(200);

  const slow = await Peer.connect(demo.port);
  await slow.send(get('/stream?count=10&everyMs=150'));
  await expect.poll(() => slow.bufferedBytes).toBeGreaterThan(0);

  const started = performance.now();
  demo.process.kill('SIGTERM');
  let idleEnded = false;
  Promise.all([idle.ended, used.ended]).then(() => {
    idleEnded = true;
  });
  const { body } = await slow.response();
  expect(body.toString().match(/line/g)?.length).toBe(10);
  const slowMs = performance.now() - started;
  // They did not wait for it.
  expect(idleEnded).toBe(true);
  expect(await slow.ended).toBe('fin');
  for (const peer of [idle, used, slow]) peer.close();
  expect(await demo.ended).toEqual({ code: 0, signal: null });
  expect(await bindable(demo.port)).toBe(true);
  expect(slowMs).toBeGreaterThan(700);
});

test('SIGINT ends event streams, which never end by themselves', async () => {
  demo = await Demo.start();
  const watcher = await Peer.connect(demo.port);
  await watcher.send(get('/events'));
  await expect.poll(() => watcher.bufferedBytes).toBeGreaterThan(0);
  demo.process.kill('SIGINT');
  expect((await watcher.response()).body.toString()).toContain('data: ');
  watcher.close();
  expect(await demo.ended).toEqual({ code: 0, signal: null });
});

test('an agent with idle connections does not hold up the end', async () => {
  demo = await Demo.start();
  const agent = new http.Agent({ keepAlive: true });
  await Promise.all(
    Array.from(
      { length: 8 },
      () =>
        new Promise<void>((resolve, reject) => {
          http
            .get(`${demo!.url}/text`, { agent }, (response) => response.resume().on('end', resolve))
            .on('error', reject);
        }),
    ),
  );
  expect(await demo.stop()).toEqual({ code: 0, signal: null });
  agent.destroy();
});

test('a second signal does not wait', async () => {
  demo = await Demo.start();
  const slow = await Peer.connect(demo.port);
  await slow.send(get('/stream?count=1000&everyMs=1000'));
  await expect.poll(() => slow.bufferedBytes).toBeGreaterThan(0);
  demo.process.kill('SIGINT');
  demo.process.kill('SIGINT'); // the same Ctrl-C, passed on by npm
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(demo.process.exitCode).toBe(null);
  demo.process.kill('SIGINT');
  expect(await demo.ended).toEqual({ code: 130, signal: null });
  expect(await bindable(demo.port)).toBe(true);
});

test.each([
  ['a port in use', { PORT: 'taken' }, /Cannot listen on .* as another program does.*PORT=/],
  ['a port that is none', { PORT: '70000' }, /Cannot start as PORT must be .*"70000"/],
  ['an address of another machine', { HOST: '192.0.2.1' }, /no such address.*HOST/],
])('%s: it says what to do', async (_what, env: Record<string, string>, message) => {
  const blocker = net.createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  const { port } = blocker.address() as net.AddressInfo;
  const settings = env.PORT === 'taken' ? { PORT: String(port) } : env;
  await expect(Demo.start([], settings)).rejects.toThrow(message);
  await expect(Demo.start([], settings)).rejects.toThrow(/ended with 1/);
  blocker.close();
});
