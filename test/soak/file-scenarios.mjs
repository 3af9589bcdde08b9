// Files, pipes and chains on direct descriptors, each against a model of what must be in them.

import { rmSync } from 'node:fs';
import path from 'node:path';
import { threadId } from 'node:worker_threads';
import { FixedFd, TargetFd } from '@ringbearer/io-uring-fd';
import {
  Close,
  Fsync,
  Ftruncate,
  OpenAt,
  OpenFlag,
  Pipe,
  Read,
  ReadMulti,
  Splice,
  Write,
} from '@ringbearer/io-uring-opcode';
import { NoRoom } from './actor.mjs';
import { checkPattern, pattern } from './pattern.mjs';

const { RDWR, CREAT, RDONLY } = OpenFlag;
let names = 0;

export function fileName(actor) {
  const file = path.join(actor.stage.folder, `file-${process.pid}-${threadId}-${names++}`);
  actor.atEnd(() => rmSync(file, { force: true }));
  return file;
}

/** Writes, reads and cuts at random places; a Buffer is the model. */
export async function file(actor) {
  const { random } = actor;
  const bytesMax = 131_072;
  const descriptor = actor.kept(
    await actor.run(
      new OpenAt({ path: fileName(actor), flags: RDWR | CREAT, mode: 0o600, into: actor.target() }),
    ),
  );
  let model = Buffer.alloc(0);
  for (let step = random.int(3, 12); step > 0; step--) {
    const position = random.int(0, bytesMax / 2);
    const length = random.size(bytesMax / 2);
    const what = random.int(0, 9);
    if (what < 5) {
      const data = pattern(random.int(0, 255), position, length);
      for (let at = 0; at < length; ) {
        at += await actor.run(
          new Write({ descriptor, data, offset: at, length: length - at, position: position + at }),
        );
      }
      const end = Math.max(model.length, position + length);
      const grown = Buffer.alloc(end);
      model.copy(grown);
      grown.set(data, position);
      model = grown;
    } else if (what < 8) {
      const memory = await actor.lease(length);
      const { length: got } = await actor.run(new Read({ descriptor, memory, position }));
      const expected = model.subarray(position, position + length);
      if (!expected.equals(memory.toBytes().subarray(0, got))) {
        throw new Error(`A file has other bytes than were written, at ${position}, ${got} read`);
      }
      actor.release(memory);
    } else if (what === 8) {
      await actor.run(new Ftruncate({ descriptor, length: position }));
      const cut = Buffer.alloc(position);
      model.copy(cut);
      model = cut;
    } else await actor.run(new Fsync({ descriptor, dataOnly: true }));
  }
}

async function pipe(actor) {
  // Both ends or none: with one free slot the kernel has neither.
  const { readEnd, writeEnd } = await actor.run(new Pipe({ into: actor.target() }));
  return [actor.kept(readEnd), actor.kept(writeEnd)];
}

async function writeAll(actor, descriptor, salt, total) {
  for (let at = 0; at < total; ) {
    const length = Math.min(total - at, actor.random.size(16_384));
    at += await actor.run(new Write({ descriptor, data: pattern(salt, at, length) }));
  }
  await actor.close(descriptor);
}

/** Bytes through one pipe, spliced into another, read at its end by a multishot or one at a time. */
export async function pipes(actor) {
  const { random, bearer, stage } = actor;
  const total = random.size(200_000);
  const salt = random.int(0, 255);
  const [firstRead, firstWrite] = await pipe(actor);
  const [secondRead, secondWrite] = await pipe(actor);
  await actor.together(
    () => writeAll(actor, firstWrite, salt, total),
    async () => {
      for (;;) {
        const moved = await actor.run(
          new Splice({ from: firstRead, to: secondWrite, length: random.int(1, 65_536) }),
        );
        if (moved === 0) break;
      }
      await actor.close(secondWrite);
    },
    async () => {
      let received = 0;
      if (random.chance(0.5)) {
        const read = new ReadMulti({ descriptor: secondRead, group: stage.ring.group });
        for await (const result of await actor.stream(read)) {
          const lease = bearer.buffers.lease(read, result);
          checkPattern(lease.toBytes(), salt, received);
          received += lease.length;
          lease.release();
        }
      } else {
        const memory = await actor.lease(Math.max(random.size(8192), total >> 6, 1));
        for (;;) {
          const { length } = await actor.run(new Read({ descriptor: secondRead, memory }));
          if (length === 0) break;
          checkPattern(memory.toBytes().subarray(0, length), salt, received);
          received += length;
          memory.owner.reuse();
        }
      }
      if (received !== total) throw new Error(`A pipe of ${total} bytes ended after ${received}`);
    },
  );
}

/** open -> write -> read -> close on a slot, in one submission; at times an element in the middle fails. */
export async function chain(actor) {
  const { random, bearer } = actor;
  const { files } = bearer;
  if (files.manualUsed >= files.manualCapacity) throw new NoRoom();
  const slot = files.reserve();
  actor.atEnd(() => files.release(slot));
  const descriptor = new FixedFd(slot);
  const length = random.size(8192);
  const salt = random.int(0, 255);
  const failing = random.chance(0.3);
  const memory = await actor.lease(length);
  const flags = failing ? RDONLY : RDWR;
  const operations = bearer
    .chain(
      new OpenAt({
        path: fileName(actor),
        flags: flags | CREAT,
        mode: 0o600,
        into: TargetFd.slot(slot),
      }),
    )
    .link(new Write({ descriptor, data: pattern(salt, 0, length), position: 0 }))
    .link(new Read({ descriptor, memory, position: 0 }))
    .hardLink(new Close({ descriptor }));
  const outcomes = await actor.submitChain(operations);
  const [open, write, read, close] = outcomes.map(({ status }) => status === 'fulfilled');
  if (open && !close) {
    await actor.run(new Close({ descriptor }));
  }
  if (actor.disturbed || bearer.closed) return;
  if (!open || write === failing || read === failing) {
    throw new Error(
      `A chain went wrong: ${outcomes.map(({ status, reason }) => `${status} ${reason ?? ''}`)}`,
    );
  }
  if (read) checkPattern(memory.toBytes(), salt, 0);
}
