import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { Demo } from './harness/demo.js';
import { needs } from './harness/needs.js';
import { run } from './harness/program.js';

const MEGABYTES = 1024 * 1024;

/** Then there is no ring whose counters count. */
const onNode = process.env.RINGBEARER_RUNTIME === 'node';

let demo: Demo;
beforeAll(async () => {
  demo = await Demo.start();
});
afterAll(async () => {
  expect(await demo.stop()).toEqual({ code: 0, signal: null });
});

/** Runs curl against the demo; fails when curl does. */
async function curl(context: TestContext, args: readonly string[], input?: Uint8Array) {
  const program = needs(context, 'curl');
  const { code, stdout, stderr } = await run(program, ['-sS', '--max-time', '15', ...args], {
    ...(input === undefined ? {} : { input }),
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** Status and head of a curl answer made with `-i`. */
function parts(answer: Buffer): { status: string; head: string; body: string } {
  const [head = '', ...body] = answer.toString('latin1').split('\r\n\r\n');
  return { status: head.split(' ')[1] ?? '', head, body: body.join('\r\n\r\n') };
}

test('it says where it is, in which mode, on which kernel', () => {
  expect(demo.output).toContain(demo.url);
  if (onNode) {
    expect(demo.output).toMatch(/ring {4}none: this is node:net/);
    return;
  }
  expect(demo.output).toMatch(/ring {4}(owner|embedded) driver, \d+ SQEs, \d+ CQEs/);
  expect(demo.output).toMatch(/setup {3}.*[A-Z_]{5,}/);
  expect(demo.output).toMatch(/kernel {2}\d+\.\d+/);
});

describe('curl', () => {
  test('gets text, JSON and the page', async (context) => {
    expect((await curl(context, [`${demo.url}/text`])).toString()).toBe('Hello, World!');
    expect(JSON.parse((await curl(context, [`${demo.url}/json`])).toString())).toEqual({
      message: 'Hello, World!',
    });
    const { head, body } = parts(await curl(context, ['-i', `${demo.url}/`]));
    expect(head).toMatch(/content-security-policy: default-src 'none'; script-src 'sha256-/i);
    expect(head).not.toContain('unsafe-');
    expect(body).toContain('<title>Ringbearer</title>');
    expect(body).not.toMatch(/(?:src|href)="https?:/);
  });

  test('gets counters that count', async (context) => {
    const first = JSON.parse((await curl(context, [`${demo.url}/stats`])).toString());
    const second = JSON.parse((await curl(context, [`${demo.url}/stats`])).toString());
    expect(second.requests).toBe(first.requests + 1);
    if (!onNode) expect(second.ring.completed).toBeGreaterThan(first.ring.completed);
    expect(second.ring.stale).toBe(0);
  });

  test('posts and gets the same back', async (context) => {
    const answer = await curl(context, ['-d', 'one ring', `${demo.url}/echo`]);
    expect(answer.toString()).toBe('one ring');
    expect((await curl(context, ['-d', '', `${demo.url}/echo`])).length).toBe(0);
  });

  test.for([
    ['in chunks', ['-T', '-']],
    ['with its length', ['--data-binary', '@-']],
    ['with its length, waiting for 100', ['-H', 'Expect: 100-continue', '--data-binary', '@-']],
  ] as const)('uploads megabytes %s and gets every byte back', async ([, args], context) => {
    const body = randomBytes(7 * MEGABYTES + 13);
    expect((await curl(context, [...args, `${demo.url}/echo`], body)).equals(body)).toBe(true);
  });

  test('speaks HTTP/1.0', async (context) => {
    const whole = parts(await curl(context, ['-i', '--http1.0', `${demo.url}/text`]));
    expect(whole).toMatchObject({ status: '200', body: 'Hello, World!' });
    const streamed = parts(
      await curl(context, ['-i', '--http1.0', `${demo.url}/stream?count=3&everyMs=1`]),
    );
    expect(streamed.body).toBe('line 1 of 3\nline 2 of 3\nline 3 of 3\n');
    expect(streamed.head).not.toMatch(/transfer-encoding/i);
  });

  test('asks for the head alone', async (context) => {
    const { status, head, body } = parts(await curl(context, ['-I', `${demo.url}/text`]));
    expect({ status, body }).toEqual({ status: '200', body: '' });
    expect(head).toMatch(/content-length: 13/i);
    for (const path of ['/', '/json', '/stats', '/stream', '/events']) {
      expect(parts(await curl(context, ['-I', `${demo.url}${path}`]))).toMatchObject({
        status: '200',
        body: '',
      });
    }
  });

  test('is told which methods there are', async (context) => {
    const wrong = parts(await curl(context, ['-i', '-X', 'DELETE', `${demo.url}/text`]));
    expect(wrong.status).toBe('405');
    expect(wrong.head).toMatch(/^allow: GET, HEAD, OPTIONS\r?$/im);
    const echo = parts(await curl(context, ['-i', `${demo.url}/echo`]));
    expect(echo.status).toBe('405');
    expect(echo.head).toMatch(/^allow: POST, PUT, OPTIONS\r?$/im);
    const options = parts(await curl(context, ['-i', '-X', 'OPTIONS', `${demo.url}/text`]));
    expect(options.status).toBe('204');
  });

  test('is told what there is not', async (context) => {
    expect(parts(await curl(context, ['-i', `${demo.url}/nowhere`])).status).toBe('404');
    expect(parts(await curl(context, ['-i', `${demo.url}/stream?count=x`])).status).toBe('400');
  });

  test('asks a hundred times on one connection', async (context) => {
    const urls = Array.from({ length: 100 }, () => `url = "${demo.url}/text"`).join('\n');
    const answer = await curl(
      context,
      ['-K', '-', '-w', '|%{num_connects}\n'],
      Buffer.from(`${urls}\n`),
    );
    const lines = answer.toString().trim().split('\n');
    expect(lines.length).toBe(100);
    expect(lines.filter((line) => line === 'Hello, World!|0').length).toBe(99);
  });
});

test('an agent that keeps connections makes one', async () => {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  for (let i = 0; i < 100; i++) {
    await new Promise<void>((resolve, reject) => {
      const request = http.get(`${demo.url}/json`, { agent }, (response) => {
        ports.add(response.socket.localPort);
        response.resume().on('end', resolve);
      });
      request.on('error', reject);
    });
  }
  agent.destroy();
  expect(ports.size).toBe(1);
});

test('events come twice a second and end with the client', async () => {
  const { connections } = await demo.stats();
  const controller = new AbortController();
  const response = await fetch(`${demo.url}/events`, { signal: controller.signal });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.split('data: ').length > 3) break;
  }
  controller.abort();
  const events = [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1]!));
  if (!onNode) expect(events[1].ring.completed).toBeGreaterThan(events[0].ring.completed);
  await expect
    .poll(async () => (await demo.stats()).connections, { timeout: 5000 })
    .toBeLessThanOrEqual(connections + 1);
});

test('wrk sees no error', async (context) => {
  const wrk = needs(context, 'wrk');
  const { code, stdout } = await run(wrk, ['-t1', '-c64', '-d2s', `${demo.url}/text`]);
  const report = stdout.toString();
  expect(code).toBe(0);
  expect(report).not.toMatch(/Socket errors|Non-2xx/);
  expect(Number(/(\d+) requests in/.exec(report)?.[1])).toBeGreaterThan(1000);
});
