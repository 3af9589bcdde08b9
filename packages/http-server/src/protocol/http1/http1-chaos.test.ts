import { expect, test } from 'vitest';
import { type HttpReply, type HttpRequest, LateWork } from '../../exchange/index.js';
import { rawHandler } from '../../handlers/raw.js';
import { type MemoryConnection, MemoryRuntime, Random } from '../../runtime/memory/index.js';
import { http1 } from './http1.js';

/** Set CHAOS_SEED to repeat a failure, CHAOS_RUNS to search longer. */
const SEED = Number(process.env.CHAOS_SEED ?? 1);
const RUNS = Number(process.env.CHAOS_RUNS ?? 300);

/** What a handler may raise its limit to; the server's own is below what requests bring. */
const RAISED = 150_000;
const LIMITS = { maxBodyBytes: 60_000, maxRaisedBodyBytes: RAISED };

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A handler that behaves in a way chosen by the seed; every byte it sends names its request. */
async function misbehave(request: HttpRequest, reply: HttpReply, random: Random): Promise<void> {
  const tag = `<${request.header('x-tag')}>`;
  const wait = async (): Promise<void> => {
    for (let i = random.below(4); i > 0; i--) await turn();
  };
  switch (random.below(11)) {
    case 0:
      reply.text(tag);
      return;
    case 1:
      await wait();
      reply.json(tag);
      return;
    case 2:
      reply.text(`${tag}${(await request.text()).length}`);
      return;
    case 3:
      for (let i = random.below(6); i >= 0; i--) {
        if (!reply.write(tag.repeat(1 + random.below(3_000)))) await reply.drained();
        await wait();
      }
      reply.end(tag);
      return;
    case 4:
      for await (const chunk of request.body) {
        if (!reply.write(`${tag}${chunk.length}`)) await reply.drained();
        if (random.oneIn(6)) break;
        await wait();
      }
      reply.end();
      return;
    case 5:
      await wait();
      if (random.oneIn(2)) throw new Error(tag);
      reply.write(tag);
      throw new Error(tag);
    case 6:
      reply.informational(103, { Link: tag });
      reply.header('Connection', random.oneIn(3) ? 'close' : 'keep-alive').bytes(Buffer.from(tag));
      return;
    case 8: {
      // A limit of its own, set whenever it occurs to it; nothing beyond it is ever seen.
      if (random.oneIn(3)) await wait();
      const limit = random.below(random.oneIn(2) ? 200 : RAISED);
      request.maxBodyBytes = limit;
      if (random.oneIn(3)) await wait();
      const { length } = await request.bytes();
      if (length > limit) throw new Error(`${length} bytes are above ${limit}`);
      reply.text(`${tag}${length}`);
      return;
    }
    case 9: {
      let length = 0;
      for await (const chunk of request.body) {
        length += chunk.length;
        // From here on whatever comes is too much, or not.
        if (random.oneIn(3)) request.maxBodyBytes = random.below(RAISED);
        await wait();
      }
      reply.text(`${tag}${length}`);
      return;
    }
    case 7:
      await request.bytes({ maxBytes: 50 });
      await wait();
      reply.status(random.oneIn(2) ? 204 : 304).text(tag);
      return;
    default:
      reply.header('Content-Length', tag.length + random.below(2));
      reply.write(tag);
      await wait();
      reply.end();
  }
}

/** Work for after the reply, some of which fails. */
async function late(random: Random): Promise<void> {
  for (let i = random.below(12); i > 0; i--) await turn();
  if (random.oneIn(3)) throw new Error('late');
}

function requestOf(tag: string, random: Random): string {
  const head = `${random.oneIn(8) ? 'HEAD' : 'POST'} / HTTP/1.1\r\nHost: a\r\nX-Tag: ${tag}\r\n`;
  const extra = random.oneIn(12)
    ? 'Connection: close\r\n'
    : random.oneIn(6)
      ? 'Expect: 100-continue\r\n'
      : '';
  const body = 'b'.repeat(random.oneIn(5) ? random.below(100_000) : random.below(100));
  if (random.oneIn(3)) return `${head}${extra}\r\n`;
  if (random.oneIn(2)) return `${head}${extra}Content-Length: ${body.length}\r\n\r\n${body}`;
  const chunk = body.length === 0 ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
  return `${head}${extra}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`;
}

/** Walks the replies and checks that the tags in each are those of one request, in the order of the requests. */
function checkWire(wire: string, truncated: boolean, explain: string): void {
  let last = -1;
  for (const part of wire.split(/(?=HTTP\/1\.1 \d{3} )/)) {
    if (part === '') continue;
    if (!truncated)
      expect(part, explain).toMatch(/^HTTP\/1\.1 \d{3} .*\r\n(?:[A-Za-z-]+: .*\r\n)*\r\n/);
    const tags = [...new Set([...part.matchAll(/<(\d+)>/g)].map((match) => Number(match[1])))];
    expect(tags.length, explain).toBeLessThanOrEqual(1);
    const [tag] = tags;
    if (tag === undefined) continue;
    expect(tag, explain).toBeGreaterThanOrEqual(last);
    last = tag;
  }
}

test(`Http1Connection survives ${RUNS} seeded connections of misbehaving handlers, peers and time`, async () => {
  let replies = 0;
  let failures = 0;
  for (let run = 0; run < RUNS; run++) {
    const seed = SEED * 100_003 + run;
    const explain = `CHAOS_SEED=${SEED}, run ${run}`;
    const random = new Random(seed);
    let active = 0;
    let failed = 0;
    const work = new LateWork({ maxWaitUntil: 1 + random.below(8), onError: () => void failed++ });
    const handle = rawHandler(
      async (request, reply) => {
        // May be one too many.
        if (random.oneIn(4)) request.waitUntil(late(random));
        active++;
        await misbehave(request, reply, random).finally(() => active--);
      },
      { onError: () => {} },
    );
    const runtime = new MemoryRuntime(
      http1({
        handle,
        late: work,
        ...LIMITS,
        ...(random.oneIn(3) ? { handlerTimeoutMs: 3_000 } : {}),
      }),
      { seed, highWaterBytes: 1 << (9 + random.below(9)) },
    );
    const peers: MemoryConnection[] = [runtime.connect(), runtime.connect()];
    let tag = 0;
    for (let step = 0; step < 30; step++) {
      const peer = peers[random.below(2)]!;
      switch (random.below(10)) {
        case 0:
          peer.reads = !peer.reads;
          break;
        case 1:
          runtime.advance(random.below(4_000));
          break;
        case 2:
          if (random.oneIn(6)) peer.fin();
          break;
        case 3:
          switch (random.below(16)) {
            case 0:
              peer.reset();
              break;
            case 1:
              peer.shutdown();
          }
          break;
        case 4:
          await turn();
          break;
        default:
          peer.send(requestOf(String(tag++), random), random.oneIn(2) ? 'random' : 'none');
      }
      peer.run();
    }
    for (const peer of peers) peer.reads = true;
    // Until every handler settled and nothing changed for a while; a handler that hangs is a failure.
    let state = '';
    for (let still = 0, turns = 0; still < 12; still++) {
      for (const peer of peers) peer.run();
      await turn();
      const now = `${active} ${peers.map((peer) => `${peer.received.length} ${peer.pendingBytes}`)}`;
      if (active > 0 || now !== state) still = 0;
      state = now;
      if (++turns > 50_000) throw new Error(`a handler hangs: ${explain}`);
    }
    expect(await work.settled(5_000), explain).toBe(true);
    failures += failed;
    for (const peer of peers) {
      const quiet = peer.received.length;
      replies += peer.received.split(/HTTP\/1\.1 [2-5]/).length - 1;
      checkWire(peer.received, peer.closed !== 'ended' && peer.closed !== null, explain);
      // Whatever state it is in, time or its peer ends it.
      runtime.advance(400_000);
      await peer.settle(4);
      expect(peer.closed, explain).not.toBe(null);
      expect(peer.left.deadline === 0 || peer.closed !== 'ended', explain).toBe(true);
      expect(peer.received.length, explain).toBeGreaterThanOrEqual(quiet);
    }
  }
  console.log(`chaos: seed ${SEED}, ${replies} replies, ${failures} late failures`);
  expect(replies).toBeGreaterThan(RUNS);
  expect(failures).toBeGreaterThan(RUNS / 10);
}, 120_000);
