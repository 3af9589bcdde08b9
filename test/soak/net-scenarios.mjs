// Sockets: connections of every kind, with bytes that are checked, partners that leave early and operations that are cancelled.

import path from 'node:path';
import { threadId } from 'node:worker_threads';
import {
  Accept,
  AcceptMulti,
  AddressFamily,
  Connect,
  Recv,
  RecvMulti,
  Send,
  SendZc,
  Shutdown,
  ShutdownHow,
  Socket,
  SocketType,
} from '@ringbearer/io-uring-opcode';
import { checkPattern, pattern } from './pattern.mjs';

let names = 0;

function listen(actor) {
  const { random, bearer, stage } = actor;
  const name = `soak-${process.pid}-${threadId}-${names++}`;
  const options = random.pick([
    {},
    {},
    { path: `\0${name}` },
    { path: path.join(stage.folder, name) },
  ]);
  const listener = bearer.listen(options);
  actor.atEnd(() => listener.close());
  const { address } = listener;
  const internet = address.family !== 'Unix';
  const family = internet ? AddressFamily.INET : AddressFamily.UNIX;
  return { listener, address, family };
}

async function connect(actor, { address, family }) {
  const socket = actor.kept(
    await actor.run(new Socket({ family, type: SocketType.STREAM, into: actor.target() })),
  );
  await actor.run(new Connect({ socket, address }));
  return socket;
}

/** Both ends of a connection. */
export async function connection(actor) {
  const where = listen(actor);
  const [socket, accepted] = await actor.together(
    () => connect(actor, where),
    async () => {
      const { listener } = where;
      const result = await actor.run(
        new Accept({
          listener: listener.descriptor,
          into: actor.target(),
          peer: actor.random.chance(0.2),
        }),
      );
      return actor.kept(result.descriptor);
    },
  );
  return { socket, accepted, internet: where.family === AddressFamily.INET };
}

/** Sends the whole stream `salt`, a piece at a time, in whatever way. */
export async function sendAll(actor, socket, salt, total, zeroCopies = false) {
  const { random } = actor;
  for (let sent = 0; sent < total; ) {
    const length = Math.min(total - sent, random.size(65_536));
    const bytes = pattern(salt, sent, length);
    const zeroCopy = zeroCopies && random.chance(0.4);
    const leased = random.chance(0.5);
    let data = bytes;
    if (leased) {
      data = await actor.lease(length);
      data.fill(bytes);
    }
    const result = await actor.run(new (zeroCopy ? SendZc : Send)({ socket, data }));
    sent += zeroCopy ? result.length : result;
    if (leased) actor.release(data);
    if (random.chance(0.1)) await actor.pause();
  }
  await actor.run(new Shutdown({ socket, how: ShutdownHow.WR }));
}

/** Receives and checks the stream `salt`: all of it, or up to `quit` bytes. */
async function receiveAll(actor, socket, salt, total, quit) {
  const { random, bearer, stage } = actor;
  let received = 0;
  const take = (bytes) => {
    checkPattern(bytes, salt, received);
    received += bytes.length;
  };
  if (random.chance(0.6)) {
    const receive = new RecvMulti({ socket, group: stage.ring.group });
    const stream = await actor.stream(receive, { highWater: random.int(1, 16) });
    for await (const result of stream) {
      const lease = bearer.buffers.lease(receive, result);
      take(lease.toBytes());
      if (random.chance(0.05)) await actor.pause();
      lease.release();
      if (received >= quit) return;
    }
  } else {
    const memory = await actor.lease(Math.max(random.size(16_384), total >> 6, 1));
    while (received < quit) {
      const { length } = await actor.run(new Recv({ socket, memory }));
      take(memory.toBytes().subarray(0, length));
      memory.owner.reuse();
      if (length === 0) break;
    }
  }
  if (quit > total && received !== total) {
    throw new Error(`A stream of ${total} bytes ended after ${received}`);
  }
}

/** Bytes from one end to the other, checked. At times the receiver leaves early. */
export async function transfer(actor) {
  const { random } = actor;
  const early = random.chance(0.2);
  const total = random.size(400_000);
  const salt = random.int(0, 255);
  const quit = early ? random.int(0, total) : Number.POSITIVE_INFINITY;
  if (early) actor.disturbed = true;
  const { socket, accepted, internet } = await connection(actor);
  await actor.together(
    // Only IP sockets have it.
    () => sendAll(actor, socket, salt, total, internet),
    async () => {
      await receiveAll(actor, accepted, salt, total, quit);
      await actor.close(accepted);
    },
  );
}

/** Several clients of one multishot accept, which is left after as many. */
export async function crowd(actor) {
  const { random } = actor;
  const clients = random.int(1, 5);
  const where = listen(actor);
  const greeting = 64;
  await actor.together(
    async () => {
      for (let i = 0; i < clients; i++) {
        const socket = await connect(actor, where);
        const memory = await actor.lease(greeting);
        let length = 0;
        while (length < greeting) {
          const result = await actor.run(new Recv({ socket, memory, offset: length }));
          if (result.length === 0) throw new Error('A greeting ended early');
          length += result.length;
          memory.owner.reuse();
        }
        checkPattern(memory.toBytes(), i, 0);
        await actor.close(socket);
      }
    },
    async () => {
      let served = 0;
      const accept = new AcceptMulti({
        listener: where.listener.descriptor,
        direct: random.chance(0.5) || !actor.stage.rawAllowed,
      });
      for await (const socket of await actor.stream(accept)) {
        actor.kept(socket);
        await actor.run(new Send({ socket, data: pattern(served, 0, greeting) }));
        await actor.close(socket);
        if (++served === clients) break;
      }
    },
  );
}

/** A receive is cancelled while its bytes arrive: either it has them, or the next one does. */
export async function cancelRace(actor) {
  const { random, bearer } = actor;
  const { socket, accepted } = await connection(actor);
  const memory = await actor.lease(256);
  const salt = random.int(0, 255);
  for (let round = 0; round < 5; round++) {
    const length = random.int(1, 256);
    const receive = new Recv({ socket: accepted, memory });
    const ended = actor.run(receive).then(
      (result) => result.length,
      (error) => error,
    );
    const steps = [
      () => bearer.cancel(receive),
      () => actor.run(new Send({ socket, data: pattern(salt, 0, length) })),
    ];
    if (random.chance(0.5)) steps.reverse();
    const flush = random.chance(0.5);
    const sent = [];
    for (const step of steps) {
      const done = Promise.resolve(step());
      done.catch(() => {}); // looked at below, with the others
      sent.push(done);
      if (flush) bearer.flush();
      if (random.chance(0.3)) await actor.pause(1);
    }
    await Promise.all(sent);
    let got = await ended;
    if (typeof got !== 'number') {
      if (got.code !== 'ECANCELED') throw got;
      memory.owner.reuse();
      got = (await actor.run(new Recv({ socket: accepted, memory }))).length;
    }
    if (got !== length) throw new Error(`Cancelled receive: ${got} bytes of ${length}`);
    checkPattern(memory.toBytes().subarray(0, got), salt, 0);
    memory.owner.reuse();
  }
}

/** A buffer ring whose buffers are held all at once: receives end with ENOBUFS and go on, and no byte is lost. */
export async function starve(actor) {
  const { random, bearer } = actor;
  // Its own: actors that each hold some buffers of one ring and wait for more would wait for each other.
  const ring = ownRing(actor);
  const { socket, accepted } = await connection(actor);
  const total = random.int(1, 20) * ring.bufferBytes;
  const salt = random.int(0, 255);
  await actor.together(
    () => sendAll(actor, socket, salt, total),
    async () => {
      const receive = new RecvMulti({ socket: accepted, group: ring.group });
      const held = [];
      let received = 0;
      try {
        for await (const result of await actor.stream(receive)) {
          const lease = bearer.buffers.lease(receive, result);
          checkPattern(lease.toBytes(), salt, received);
          received += lease.length;
          held.push(lease);
          if (held.length < random.int(1, ring.count)) continue;
          await actor.pause();
          for (const each of held.splice(0)) each.release();
        }
      } finally {
        for (const each of held) each.release();
      }
      if (received !== total) throw new Error(`Starved: ${received} bytes of ${total}`);
    },
  );
}

function ownRing(actor) {
  const { random, bearer } = actor;
  const ring = actor.madeOrLeft(() =>
    bearer.buffers.ring({ count: random.pick([1, 2, 4]), bufferBytes: random.pick([32, 512]) }),
  );
  actor.atEnd(() => ring.unregister());
  return ring;
}

/** Errors that are to be these and no others. */
export async function refused(actor) {
  const socket = actor.kept(
    await actor.run(
      new Socket({ family: AddressFamily.UNIX, type: SocketType.STREAM, into: actor.target() }),
    ),
  );
  try {
    await actor.run(
      new Connect({ socket, address: { family: 'Unix', path: `\0nobody-${process.pid}` } }),
    );
  } catch (error) {
    if (error.code === 'ECONNREFUSED') return;
    throw error;
  }
  throw new Error('Connected to nobody');
}
