import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UringBearer } from '@ringbearer/io-uring-bearer';
import { RawFd } from '@ringbearer/io-uring-fd';
import {
  Close,
  OpenAt,
  OpenFlag,
  Pipe,
  Read,
  type TransferBytes,
  Write,
} from '@ringbearer/io-uring-opcode';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { BodyLease } from '../../exchange/index.js';
import { appOf, digest, post } from '../body-lease.contract.js';
import { SocketHouse, until } from '../socket-house.contract.js';
import { GATHERINGS_MAX } from './equipment.js';
import { Gathered, kernelParts } from './gathered.js';
import { turnBytes } from './receive.js';
import { IoUringRuntime } from './runtime.js';

const MIB = 1 << 20;
const folder = mkdtempSync(path.join(tmpdir(), 'ringbearer-lease-'));
afterAll(() => rmSync(folder, { recursive: true }));

function code(act: () => unknown): string {
  try {
    act();
    return 'nothing was thrown';
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name;
  }
}

describe('kernelParts() and the memory of leases', () => {
  beforeEach((context) => {
    if (turnBytes(release()) === undefined) context.skip('bodies are gathered from kernel 6.17 on');
  });
  const house = new SocketHouse((options) => new IoUringRuntime(options));
  async function start(
    handle: (lease: BodyLease) => Promise<'send' | 'release' | 'forget'>,
  ): Promise<{ runtime: IoUringRuntime; port: number }> {
    const { runtime, port } = await house.start(
      appOf(async (request, reply) => {
        const lease = await request.lease();
        const how = await handle(lease);
        if (how === 'send') reply.lease(lease);
        else {
          if (how === 'release') lease.release();
          reply.text(how);
        }
      }),
      { maxConnections: 200 },
    );
    return { runtime: runtime as IoUringRuntime, port };
  }

  it('a body is written to a file by another ring and then sent, in pieces of the memory it was received into', async () => {
    const bearer = UringBearer.withCapacity({ CoreQueue: 16 });
    const kinds: boolean[][] = [];
    const file = path.join(folder, 'upload');
    const { runtime, port } = await start(async (lease) => {
      const descriptor = await bearer.submit(
        new OpenAt({ path: file, flags: OpenFlag.WRONLY | OpenFlag.CREAT | OpenFlag.TRUNC }),
      );
      const parts = kernelParts(lease);
      kinds.push(parts.map((part) => part instanceof Gathered));
      let position = 0;
      for (const data of parts) {
        const writing = bearer.submit(new Write({ descriptor, data, position }));
        if (data instanceof Gathered) {
          expect(code(() => lease.bytes())).toBe('OWNER_KERNEL');
          expect(code(() => lease.release())).toBe('LEASE_BUSY');
          expect(lease.held).toBe(true);
        }
        expect(await writing).toBe(data.byteLength);
        // Again: as many operations as it takes, one after the other.
        expect(await bearer.submit(new Write({ descriptor, data, position, length: 5 }))).toBe(5);
        position += data.byteLength;
      }
      await bearer.submit(new Close({ descriptor }));
      expect(lease.bytes()).toHaveLength(position);
      return 'send';
    });
    const socket = await house.client(port);
    for (const size of [10, 100_000, MIB, 2 * MIB + 150_000]) {
      const body = randomBytes(size);
      expect(digest(await post(socket, body))).toBe(digest(body));
      expect(digest(readFileSync(file))).toBe(digest(body));
    }
    expect(kinds).toEqual([[false], [false], [true], [true, true, true]]);
    await until(() => runtime.equipment.gatheringsInUse === 0);
    await bearer.close();
  });

  it('a piece ends where the body ends, whatever was received there before', async () => {
    const lengths: number[][] = [];
    const { port } = await start(async (lease) => {
      lengths.push(lease.unsafe.map((part) => part.bytes.length));
      for (const part of kernelParts(lease)) {
        const length = part.byteLength + 1;
        expect(() => new Write({ descriptor: new RawFd(1), data: part, length })).toThrow(
          RangeError,
        );
      }
      return 'send';
    });
    const socket = await house.client(port);
    await post(socket, Buffer.alloc(MIB, 'secret'));
    const body = randomBytes(200_000);
    expect(digest(await post(socket, body))).toBe(digest(body));
    expect(lengths).toEqual([[MIB], [200_000]]);
  });

  it('pieces that were kept begin no operation once the lease is released, sent or forgotten', async () => {
    const bearer = UringBearer.withCapacity({ CoreQueue: 16 });
    const kept: TransferBytes[] = [];
    let how: 'send' | 'release' | 'forget' = 'send';
    const { runtime, port } = await start(async (lease) => {
      kept.push(...kernelParts(lease));
      return how;
    });
    const socket = await house.client(port);
    for (how of ['send', 'release', 'forget'] as const) {
      await post(socket, Buffer.alloc(MIB, 'x'));
      const stale = kept.at(-1) as Gathered;
      await until(() => runtime.equipment.gatheringsInUse === 0);
      for (const use of [
        () => stale.owner,
        () => stale.unsafe,
        () => stale.bytes,
        () => stale.move(),
      ]) {
        expect(code(use)).toBe('LEASE_RELEASED');
      }
      stale.release();
      expect(stale.busy).toBe(false);
      const write = new Write({ descriptor: new RawFd(1), data: stale });
      await expect(bearer.submit(write)).rejects.toMatchObject({ code: 'LEASE_RELEASED' });
      expect(runtime.equipment.gatheringsInUse).toBe(0);
    }
    expect(kept.every((part) => part instanceof Gathered)).toBe(true);
    await bearer.close();
  });

  it('a piece is given back once, whatever is called on it and however often', async () => {
    const { runtime, port } = await start(async (lease) => {
      for (const part of kernelParts(lease) as Gathered[]) {
        expect([part.freed(), part.freed()]).toEqual([false, false]);
        part.release();
        expect([part.freed(), part.freed()]).toEqual([true, true]);
        part.release();
      }
      return 'forget';
    });
    const socket = await house.client(port);
    await post(socket, Buffer.alloc(2 * MIB, 'x'));
    expect(runtime.equipment.gatheringsInUse).toBe(0);
  });

  it('a lease of which a piece was released by itself is not sent, and nothing of it is lost', async () => {
    const { runtime, port } = await start(async (lease) => {
      (kernelParts(lease)[1] as Gathered).release();
      return 'send';
    });
    const socket = await house.client(port);
    const answer = await post(socket, Buffer.alloc(3 * MIB, 'x'));
    expect(answer.toString()).toBe('Internal Server Error\n');
    await until(() => runtime.equipment.gatheringsInUse === 0);
  });

  it('memory that an operation has when the exchange ends is used again only after that', async () => {
    const bearer = UringBearer.withCapacity({ CoreQueue: 16 });
    const { readEnd: reader, writeEnd: writer } = await bearer.submit(new Pipe());
    let reading!: Promise<{ length: number }>;
    const { runtime, port } = await start(async (lease) => {
      const [part] = kernelParts(lease);
      // Waits for bytes that come later: the kernel may write there until then.
      reading = bearer.submit(
        new Read({ descriptor: reader, memory: part as Gathered, length: 10 }),
      );
      return 'forget';
    });
    const { equipment } = runtime;
    const used = () => runtime.stats().ring.capacity.Buffers.used;
    const first = used();
    const socket = await house.client(port);
    expect((await post(socket, Buffer.alloc(MIB, 'x'))).toString()).toBe('forget');
    expect(equipment.gatheringsInUse).toBe(1);
    socket.destroy();
    await until(() => runtime.stats().connections === 0);
    await sleep(600); // a tick with nobody connected
    expect([equipment.gatheringsInUse, used()]).toEqual([1, first + 1]);
    await bearer.submit(new Write({ descriptor: writer, data: Buffer.from('0123456789') }));
    expect(await reading).toMatchObject({ length: 10 });
    const again = await house.client(port);
    again.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${MIB}\r\n\r\n`);
    again.write(Buffer.alloc(200_000));
    await until(() => used() === first + 1);
    again.destroy();
    await until(() => equipment.gatheringsInUse === 0 && used() === first);
    for (const descriptor of [reader, writer]) await bearer.submit(new Close({ descriptor }));
    await bearer.close();
  });

  it('all of the memory on lease: other bodies come on the heap, and the memory goes back when nobody is connected', async () => {
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const kinds: boolean[] = [];
    const { runtime, port } = await start(async (lease) => {
      kinds.push(kernelParts(lease)[0] instanceof Gathered);
      if (lease.length < 300_000) await gate;
      return 'send';
    });
    const used = () => runtime.stats().ring.capacity.Buffers.used;
    const first = used();
    const body = Buffer.alloc(200_000, 'x');
    const held = [];
    for (let count = 0; count < GATHERINGS_MAX + 6; count++) {
      held.push(post(await house.client(port), body));
      await until(() => kinds.length === count + 1);
    }
    expect(kinds.filter(Boolean)).toHaveLength(GATHERINGS_MAX);
    expect(runtime.equipment.gatheringsInUse).toBe(GATHERINGS_MAX);
    const other = randomBytes(2 * MIB);
    expect(digest(await post(await house.client(port), other))).toBe(digest(other));
    goOn();
    for (const answer of held) expect(digest(await answer)).toBe(digest(body));
    for (const socket of house.sockets.splice(0)) socket.destroy();
    await until(() => used() === first);
    expect(runtime.equipment.gatheringsInUse).toBe(0);
  }, 30_000);

  it('leases that outlive their server are read and given back', async () => {
    const leases: BodyLease[] = [];
    const parts: TransferBytes[] = [];
    let goOn = (): void => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const { runtime, port } = await start(async (lease) => {
      leases.push(lease);
      parts.push(...kernelParts(lease));
      await gate;
      return 'send';
    });
    const socket = await house.client(port);
    const body = randomBytes(MIB);
    post(socket, body).catch(() => {});
    await until(() => leases.length === 1);
    house.running.length = 0;
    await runtime.close(0);
    expect(digest(leases[0]!.bytes())).toBe(digest(body));
    goOn();
    await until(() => !leases[0]!.held);
    expect(code(() => (parts[0] as Gathered).owner)).toBe('LEASE_RELEASED');
  });
});
