// What is of the ring as a whole: its size, messages between rings, credentials, cancelling beside the queue, and epoll and futexes on it.

import { readSync } from 'node:fs';
import { Futex, sendToRing, UringBearer } from '@ringbearer/io-uring-bearer';
import { EpollEvents, EpollHandler } from '@ringbearer/io-uring-epoll';
import { TargetFd } from '@ringbearer/io-uring-fd';
import { Mailbox, MsgRing, Nop, Pipe, Read, Timeout, Write } from '@ringbearer/io-uring-opcode';

/** The queues get other sizes while others use them. */
export async function resize(actor) {
  const { random, bearer } = actor;
  if (bearer.driver === 'embedded') return;
  for (let times = random.int(1, 4); times > 0; times--) {
    const CoreQueue = random.pick([8, 16, 64, 256]);
    try {
      actor.count('resize');
      await bearer.resize({ CoreQueue, CompletionQueue: CoreQueue * random.pick([1, 2, 4]) });
    } catch (error) {
      if (error.code === 'UNSUPPORTED_REGISTRATION') return;
      if (error.code !== 'RESIZE_BUSY') throw error;
    }
    await actor.pause();
  }
}

/** Cancelled by one system call: a timer, and all reads of a pipe. */
export async function cancelNow(actor) {
  const { random, bearer } = actor;
  const { readEnd, writeEnd } = await actor.run(new Pipe({ into: actor.target() }));
  actor.kept(readEnd);
  actor.kept(writeEnd);
  const operations = [];
  for (let i = random.int(1, 4); i > 0; i--) {
    operations.push(new Read({ descriptor: readEnd, memory: await actor.lease(16) }));
  }
  const timer = new Timeout({ milliseconds: 60_000 });
  operations.push(timer);
  const ended = Promise.allSettled(operations.map((operation) => actor.run(operation)));
  if (random.chance(0.5)) bearer.flush();
  if (random.chance(0.3))
    await actor.run(new Write({ descriptor: writeEnd, data: Uint8Array.of(1) }));
  // Those that found the bearer full come later, so again until all have ended.
  for (let over = false; !over && !bearer.closed; ) {
    bearer.cancelNow(random.chance(0.5) ? { descriptor: readEnd } : operations[0], { all: true });
    bearer.cancelNow({ descriptor: readEnd }, { all: true, timeoutMs: random.int(0, 2) });
    bearer.cancelNow(timer);
    over = await Promise.race([ended.then(() => true), actor.pause(4).then(() => false)]);
  }
  for (const { status, reason } of await ended) {
    if (status === 'rejected' && reason.code !== 'ECANCELED') throw reason;
  }
}

/** Integers from another ring, and from no ring, to a mailbox here: all arrive. */
export async function messages(actor) {
  const { random, bearer, stage } = actor;
  const mailbox = new Mailbox();
  const count = random.int(1, 30);
  const other = UringBearer.withCapacity({ CoreQueue: 8 });
  actor.atEnd(() => other.close());
  actor.count('bearer');
  const stream = await actor.stream(mailbox);
  const received = [];
  let armed;
  const ready = new Promise((resolve) => {
    armed = resolve;
  });
  let sent = 0;
  try {
    await actor.together(
      async () => {
        const first = stream.next(); // submits the mailbox
        first.then(armed, armed);
        if (mailbox.inFlight) armed();
        const { value, done } = await first;
        if (done) return;
        received.push(value);
        while (received.length < count) {
          const result = await stream.next();
          if (result.done) break;
          received.push(result.value);
        }
        await stream.return?.();
      },
      async () => {
        await ready;
        bearer.flush();
        const { slot, generation } = mailbox;
        const ring = bearer.descriptor;
        while (sent < count && !actor.signal.aborted && !bearer.closed) {
          if (!mailbox.inFlight || mailbox.generation !== generation) break;
          const message = sent + 1;
          try {
            const key = { slot, generation };
            if (random.chance(0.3)) sendToRing(ring, key, message);
            else await other.submit(new MsgRing({ ring, key, message }));
            sent++;
          } catch (error) {
            if (bearer.closed) return; // and its ring is gone
            // The queue there is full; or this kernel has no such registration.
            if (!/EOVERFLOW|UNSUPPORTED/.test(`${error.code} ${error.message}`)) throw error;
            await actor.pause();
          }
        }
      },
    );
  } finally {
    if (received.length < sent || actor.disturbed) stage.messagesAstray = true;
  }
  if (received.length !== count || received.some((value, i) => value !== i + 1)) {
    throw new Error(`Of ${count} messages ${received.length} arrived: ${received}`);
  }
}

/** Credentials that operations run with, let go of while some do. */
export async function personality(actor) {
  const { random, bearer } = actor;
  const credentials = bearer.registration.registerPersonality();
  actor.atEnd(() => {
    if (!bearer.closed) credentials.release();
  });
  const waiting = [];
  for (let i = random.int(1, 8); i > 0; i--) {
    waiting.push(actor.run(new Nop({ result: i }), credentials.flags));
  }
  waiting.push(actor.run(new Timeout({ milliseconds: 2 }), credentials.flags));
  await actor.together(...waiting.map((promise) => () => promise));
  credentials.release();
}

/** Words on a SharedArrayBuffer: one ring waits, another wakes. */
export async function words(actor) {
  const { random, bearer, stage } = actor;
  if (!stage.futexes) return;
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const [first, second] = [0, 1].map((index) => {
    const futex = actor.madeOrLeft(() => bearer.futex(shared, index));
    actor.atEnd(() => futex.release());
    return futex;
  });
  const other = UringBearer.withCapacity({ CoreQueue: 8 });
  actor.atEnd(() => other.close());
  actor.count('bearer');
  const { signal } = actor;
  const rounds = random.int(1, 6);
  await actor.together(
    async () => {
      for (let round = 0; round < rounds; round++) {
        const seen = await actor.patiently(() => first.waitWhile(round, { signal }));
        if (seen < round + 1) throw new Error(`A word went from ${round} to ${seen}`);
      }
    },
    async () => {
      while (second.load() === 0) {
        const list = [
          { futex: first, expected: first.load() },
          { futex: second, expected: 0 },
        ];
        await actor.patiently(() => Futex.waitAny(list, { signal }));
      }
    },
    async () => {
      const [here, there] = [other.futex(shared, 0), other.futex(shared, 1)];
      for (let round = 0; round < rounds; round++) {
        here.add(1);
        await here.wake();
        if (random.chance(0.3)) await actor.pause();
      }
      there.store(1);
      await there.wake();
    },
  );
}

/** Pipes in an epoll instance on the ring: each byte that is written is told of. */
export async function epoll(actor) {
  const { random, bearer, stage } = actor;
  const handler = EpollHandler.create(bearer, {
    waitBy: bearer.probe().has('EPOLL_WAIT') && random.chance(0.5) ? 'ring' : 'syscall',
    eventsMax: random.pick([1, 8]),
    registrationsMax: 8,
  });
  actor.atEnd(() => handler.close());
  actor.count('epoll');
  const { signal } = actor;
  // Where no descriptor of the process may be made there is nothing to watch: it is waited for nothing.
  const none = await actor.patiently(() => handler.wait({ timeoutMs: random.int(0, 3), signal }));
  if (none.length > 0) throw new Error('An epoll instance without interest reported something');
  if (!stage.rawAllowed) return;
  const pipes = [];
  for (let i = random.int(1, 4); i > 0; i--) {
    const { readEnd, writeEnd } = await actor.run(new Pipe({ into: TargetFd.raw }));
    const pipe = { readEnd: actor.kept(readEnd), writeEnd: actor.kept(writeEnd), told: false };
    pipes.push(pipe);
    const events = random.pick([
      EpollEvents.READABLE,
      EpollEvents.of('IN', 'ET'),
      EpollEvents.of('IN', 'ONESHOT'),
    ]);
    pipe.registration = await actor.patiently(() => handler.add(readEnd, events, pipe));
  }
  for (let round = random.int(1, 3); round > 0; round--) {
    for (const pipe of pipes) {
      pipe.told = false;
      await actor.run(new Write({ descriptor: pipe.writeEnd, data: Uint8Array.of(round) }));
    }
    while (pipes.some(({ told }) => !told)) {
      for (const { registration, events } of await actor.patiently(() =>
        handler.wait({ signal }),
      )) {
        const { value: pipe } = registration;
        if (!events.has('IN') || pipe.told) throw new Error(`Told of ${events} without reason`);
        pipe.told = true;
        const byte = new Uint8Array(1);
        if (readSync(pipe.readEnd.number, byte) !== 1 || byte[0] !== round) {
          throw new Error(`Wrote ${round}, read ${byte}`);
        }
      }
    }
    for (const { registration } of pipes) {
      if (!registration.events.has('ONESHOT') && random.chance(0.7)) continue;
      await actor.patiently(() => handler.modify(registration));
    }
  }
  for (const { registration } of pipes) {
    if (random.chance(0.7)) await actor.patiently(() => handler.delete(registration));
  }
}
