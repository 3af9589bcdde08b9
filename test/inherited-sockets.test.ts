// Socket activation: a process that is started with sockets that listen already (sd_listen_fds(3)).

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { ListeningSocket } from '@ringbearer/io-uring-bearer';
import { afterEach, expect, test } from 'vitest';
import { get, Peer } from './harness/peer.js';

const children: ChildProcess[] = [];
const sockets: ListeningSocket[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const socket of sockets.splice(0)) socket.close();
});

/** A listening socket that nobody accepts from, as systemd holds it. */
function listening(): { fd: number; port: number } {
  const socket = ListeningSocket.open({});
  sockets.push(socket);
  return { fd: socket.fd, port: (socket.address as { port: number }).port };
}

/** Runs a program with sockets as descriptors 3, 4 and so on, and LISTEN_PID its own. */
function activate(
  program: string,
  fds: number[],
  { LISTEN_PID = '$', ...env }: Record<string, string>,
): ChildProcess {
  const child = spawn(
    '/bin/sh',
    [
      '-c',
      `LISTEN_PID=$${LISTEN_PID} exec "$0" --input-type=module -e "$1"`,
      process.execPath,
      program,
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe', ...fds],
      env: { ...process.env, LISTEN_FDS: String(fds.length), ...env },
    },
  );
  children.push(child);
  return child;
}

async function linesOf(child: ChildProcess): Promise<string> {
  let output = '';
  child.stdout!.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    output += chunk;
  });
  while (!output.includes('\n')) {
    await Promise.race([
      once(child.stdout!, 'data'),
      once(child.stderr!, 'data'),
      once(child, 'exit'),
    ]);
    if (child.exitCode !== null) break;
  }
  return output;
}

/** What answers, in one thread or in several. */
const app = encodeURIComponent("export default { raw: (_, reply) => reply.text('hello') };");
const PROGRAMS = {
  serve: (options: string) => `
    import { serve } from '@ringbearer/http-server';
    const server = await serve({ listen: 'systemd', ${options} raw: (_, reply) => reply.text('hello') });
    console.log(server.addresses().map(({ port }) => port).join());
    process.once('SIGTERM', () => server.close());`,
  start: (options: string) => `
    import { run } from '@ringbearer/http-server';
    const app = "data:text/javascript,${app}";
    const server = await run({ listen: 'systemd', ${options} app, workers: 2 });
    console.log(server.addresses().map(({ port }) => port).join());`,
};

test.each(['serve', 'start'] as const)(
  '%s() takes every socket that was passed, and what waits in its queue',
  async (kind) => {
    const [one, two] = [listening(), listening()];
    // Before anybody accepts.
    const early = await Peer.connect(one.port);
    await early.send(get('/'));
    const child = activate(PROGRAMS[kind](''), [one.fd, two.fd], {});
    expect(await linesOf(child)).toBe(`${one.port},${two.port}\n`);
    expect((await early.response()).body.toString()).toBe('hello');
    const other = await Peer.connect(two.port);
    await other.send(get('/'));
    expect((await other.response()).body.toString()).toBe('hello');
    other.close();
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    early.close();
  },
);

test('serve() takes sockets by name', async () => {
  const [one, two] = [listening(), listening()];
  const child = activate(PROGRAMS.serve("fdName: 'http',"), [one.fd, two.fd], {
    LISTEN_FDNAMES: 'admin:http',
  });
  expect(await linesOf(child)).toBe(`${two.port}\n`);
});

test.each([
  [
    'somebody else',
    '',
    { LISTEN_PID: 'PPID' },
    /passed to process \d+, and this is \d+: let ExecStart= run node itself/,
  ],
  [
    'another name',
    "fdName: 'web',",
    { LISTEN_FDNAMES: 'http' },
    /none is named 'web': there are 'http'/,
  ],
  [
    'nobody',
    '',
    { LISTEN_FDS: 'none' },
    /LISTEN_FDS must be an integer from 1 to 1024: current value is 'none'/,
  ],
])('serve() says what to do where sockets were passed to %s', async (_whom, options, env, why) => {
  const child = activate(PROGRAMS.serve(options), [listening().fd], env as Record<string, string>);
  let output = '';
  child.stderr!.on('data', (chunk) => {
    output += chunk;
  });
  await once(child, 'close');
  expect(output).toMatch(why);
});
