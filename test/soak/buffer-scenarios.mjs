// Registered buffers, rings of provided buffers in all their forms, and rings to send from.

import { UringBearer } from '@ringbearer/io-uring-bearer';
import { TargetFd } from '@ringbearer/io-uring-fd';
import {
  OpenAt,
  OpenFlag,
  ReadFixed,
  RecvMulti,
  SendGroup,
  Shutdown,
  ShutdownHow,
  WriteFixed,
} from '@ringbearer/io-uring-opcode';
import { fileName } from './file-scenarios.mjs';
import { connection, sendAll } from './net-scenarios.mjs';
import { checkPattern, pattern } from './pattern.mjs';

const { RDWR, CREAT } = OpenFlag;

/** Memory that is registered, written to a file from, read into, replaced and taken out, at times while an operation has it. */
export async function registered(actor) {
  const { random, bearer } = actor;
  const { fixed } = bearer.buffers;
  const length = random.size(65_536);
  const memory = await actor.lease(length);
  let buffer = actor.madeOrLeft(() => fixed.add(memory));
  actor.atEnd(() => buffer.remove());
  const into = random.chance(0.5) ? TargetFd.auto : actor.target();
  const descriptor = actor.kept(
    await actor.run(new OpenAt({ path: fileName(actor), flags: RDWR | CREAT, mode: 0o600, into })),
  );
  for (let round = random.int(1, 4); round > 0; round--) {
    const salt = random.int(0, 255);
    memory.fill(pattern(salt, 0, length));
    const write = new WriteFixed({ descriptor, buffer, position: 0 });
    const writing = actor.run(write);
    // It may have found the bearer full, and come later.
    if (write.inFlight && random.chance(0.3)) demandRefused(() => buffer.remove());
    const written = await writing;
    memory.owner.reuse();
    memory.fill(new Uint8Array(length));
    const got = await actor.run(
      new ReadFixed({ descriptor, buffer, position: 0, length: written }),
    );
    checkPattern(memory.toBytes().subarray(0, got), salt, 0);
    if (got !== written) throw new Error(`Read ${got} bytes of ${written} that were written`);
    memory.owner.reuse();
    if (random.chance(0.3)) await cloned(actor, { descriptor, buffer, memory, salt, length: got });
    if (random.chance(0.3)) {
      const other = await actor.lease(random.size(8192));
      buffer = fixed.update(buffer, other);
      buffer = fixed.update(buffer, memory);
      actor.release(other);
    }
  }
}

/** Nobody takes out what the kernel uses: a bug here would be memory it writes to after it was given away. */
function demandRefused(act) {
  try {
    act();
  } catch (error) {
    if (error.code === 'BUFFER_IN_USE') return;
    throw error;
  }
  throw new Error('A registered buffer was removed while an operation used it');
}

/** The same memory on another ring, which ends with it. */
async function cloned(actor, { descriptor, buffer, memory, salt, length }) {
  if (descriptor.direct) return; // the other ring cannot name it
  const other = UringBearer.withCapacity({ CoreQueue: 4 });
  actor.count('bearer');
  try {
    const [copy] = other.buffers.fixed.clone(actor.bearer.buffers.fixed, {
      from: buffer.index,
      count: 1,
      to: 0,
    });
    memory.fill(new Uint8Array(length));
    const got = await other.submit(
      new ReadFixed({ descriptor, buffer: copy, position: 0, length }),
    );
    checkPattern(memory.toBytes().subarray(0, got), salt, 0);
    memory.owner.reuse();
    if (actor.random.chance(0.5)) copy.remove();
  } catch (error) {
    if (error.code !== 'UNSUPPORTED_REGISTRATION') throw error;
  } finally {
    await other.close();
  }
}

/** A ring of any form and policy, received from in bundles or not, leases held for a while and given back in any order. */
export async function arrivals(actor) {
  const { random, bearer } = actor;
  const count = random.pick([2, 4, 16]);
  const ring = actor.madeOrLeft(() =>
    bearer.buffers.ring({
      count,
      bufferBytes: random.pick([32, 500, 4096]),
      incremental: random.chance(0.5),
      replenish: random.pick(['release', 'batch', 'half-empty']),
    }),
  );
  actor.atEnd(() => ring.unregister());
  const bundles = !ring.incremental && bearer.probe().features.includes('RECVSEND_BUNDLE');
  const bundle = bundles && random.chance(0.5);
  const { socket, accepted } = await connection(actor);
  const total = random.size(100_000);
  const salt = random.int(0, 255);
  const held = [];
  const giveBack = () => {
    for (const run of held.splice(0).sort(() => random.next() - 0.5)) run.release();
    ring.publish();
  };
  await actor.together(
    () => sendAll(actor, socket, salt, total),
    async () => {
      const receive = new RecvMulti({ socket: accepted, group: ring.group, bundle });
      let received = 0;
      try {
        for await (const result of await actor.stream(receive)) {
          const run = bearer.buffers.leaseRun(receive, result);
          checkPattern(run.toBytes(), salt, received);
          received += run.length;
          held.push(run);
          // A piece of an incremental buffer holds all of it.
          if (ring.available > 1 && held.length < random.int(1, count)) continue;
          if (random.chance(0.2)) await actor.pause();
          giveBack();
        }
      } finally {
        giveBack();
      }
      if (received !== total) throw new Error(`${received} bytes of ${total} arrived`);
    },
  );
  if (ring.outstanding !== 0) throw new Error(`${ring.outstanding} buffers of a ring are outside`);
}

/** Bytes that are written to a ring while the kernel sends from it. */
export async function queue(actor) {
  const { random, bearer } = actor;
  if (!bearer.probe().features.includes('RECVSEND_BUNDLE')) return;
  const sending = actor.madeOrLeft(() =>
    bearer.buffers.sendRing({
      count: random.pick([1, 4, 16]),
      bufferBytes: random.pick([16, 1000, 4096]),
    }),
  );
  actor.atEnd(() => sending.close());
  const { socket, accepted } = await connection(actor);
  const total = random.size(60_000);
  const salt = random.int(0, 255);
  let written = 0;
  const write = () => {
    const length = Math.min(total - written, sending.room, random.size(8192));
    written += sending.write(pattern(salt, written, length));
    sending.publish();
  };
  await actor.together(
    async () => {
      while (sending.sent < total) {
        write();
        if (random.chance(0.5)) {
          await actor.run(new SendGroup({ socket, group: sending.group }));
          continue;
        }
        const bundle = new SendGroup({ socket, group: sending.group, bundle: true });
        for await (const { length } of await actor.stream(bundle)) {
          if (length === 0 || sending.queued === 0) break;
          if (random.chance(0.5)) write();
        }
      }
      await actor.run(new Shutdown({ socket, how: ShutdownHow.WR }));
    },
    async () => {
      const { ring } = actor.stage;
      const receive = new RecvMulti({ socket: accepted, group: ring.group });
      let received = 0;
      for await (const result of await actor.stream(receive)) {
        const lease = bearer.buffers.lease(receive, result);
        checkPattern(lease.toBytes(), salt, received);
        received += lease.length;
        lease.release();
      }
      if (received !== total) throw new Error(`A queue of ${total} bytes ended after ${received}`);
    },
  );
}
