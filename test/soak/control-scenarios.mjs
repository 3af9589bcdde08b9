// Timers, cancellations, futexes, handlers that throw, and capacities that run out.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  FutexWait,
  FutexWake,
  Nop,
  Pipe,
  PollAdd,
  SubmissionFlags,
  Timeout,
  Write,
} from '@ringbearer/io-uring-opcode';
import { Thrown } from './actor.mjs';
import { openStage } from './stage.mjs';

/** Full is an answer here, not a failure. */
const FULL = new Set(['AT_CAPACITY', 'SUBMISSION_QUEUE_FULL']);

/** Pushes with a handler and returns a promise of its last completion, or null when the bearer is full. */
function push(actor, operation, flags = SubmissionFlags.NONE) {
  const completed = Promise.withResolvers?.() ?? withResolvers();
  operation.handler = (cqe) => {
    if (!cqe.more) completed.resolve(cqe.res);
  };
  actor.count(operation.name);
  try {
    completed.key = actor.bearer.push(operation, flags);
    // Whatever happens to the scenario meanwhile.
    actor.atEnd(() => {
      actor.bearer.cancel(completed.key);
      return completed.promise;
    });
  } catch (error) {
    if (FULL.has(error.code)) return null;
    throw error;
  }
  return completed;
}

function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

/** Timers that elapse, and timers that are cancelled before, while and after they do. */
export async function timers(actor) {
  const { random, bearer } = actor;
  const waiting = [];
  for (let i = random.int(1, 12); i > 0; i--) {
    const timeout = new Timeout({ milliseconds: random.int(0, 5) });
    const pushed = push(actor, timeout);
    if (pushed === null) break;
    waiting.push(pushed.promise);
    if (random.chance(0.2)) bearer.flush();
    if (random.chance(0.4)) bearer.cancel(random.chance(0.5) ? pushed.key : timeout);
    if (random.chance(0.3)) await actor.pause(5);
    // By now it may have elapsed, and its slot be another's: the key must not hit that.
    if (random.chance(0.3)) bearer.cancel(pushed.key);
  }
  await Promise.all(waiting);
}

/** A repeating timer as a stream, left early, aborted or to its end. */
export async function ticks(actor) {
  const { random } = actor;
  const repeat = random.int(2, 6);
  const leaveAt = random.chance(0.5) ? random.int(1, repeat) : Number.POSITIVE_INFINITY;
  const timeout = new Timeout({ milliseconds: random.int(1, 3), repeat });
  let seen = 0;
  for await (const _ of await actor.stream(timeout)) {
    if (++seen >= leaveAt) break;
  }
  if (seen > repeat) throw new Error(`A timer of ${repeat} ticks ticked ${seen} times`);
}

/** NOPs in number, each with a result of its own, and a chain of some. */
export async function nops(actor) {
  const { random, bearer } = actor;
  const { ASYNC, NONE } = SubmissionFlags;
  const waiting = [];
  for (let i = random.int(1, 40); i > 0; i--) {
    const result = random.int(0, 1000);
    const flags = random.pick([NONE, NONE, NONE, ASYNC]);
    const pushed = push(actor, new Nop({ result }), flags);
    if (pushed === null) break;
    waiting.push(
      pushed.promise.then((got) => {
        if (got !== result && got !== -125)
          throw new Error(`A NOP of ${result} completed with ${got}`);
      }),
    );
  }
  if (random.chance(0.5)) bearer.flush();
  await Promise.all(waiting);
  let chain = bearer.chain(new Nop({ result: 1 }));
  const length = random.int(2, 6);
  for (let i = 1; i < length; i++) {
    chain = random.chance(0.5)
      ? chain.link(new Nop({ result: i }))
      : chain.hardLink(new Nop({ result: i }));
  }
  try {
    actor.count('chain');
    await chain.submit();
  } catch (error) {
    if (!FULL.has(error.code)) throw error;
  }
}

/** Wakes that come before, while and after the wait; waits that are cancelled. */
export async function futex(actor) {
  const { random, bearer, stage } = actor;
  if (!stage.futexes) return;
  const { word } = stage;
  for (let round = random.int(1, 5); round > 0; round--) {
    const wait = new FutexWait({ word, expected: random.chance(0.8) ? 0 : 1 });
    const pushed = push(actor, wait);
    if (pushed === null) return;
    if (random.chance(0.5)) bearer.flush();
    if (random.chance(0.5)) await actor.run(new FutexWake({ word, count: 1 }));
    if (random.chance(0.3)) await actor.pause(2);
    bearer.cancel(wait);
    await pushed.promise;
  }
}

/** A poll that becomes ready, or is cancelled while it does. */
export async function poll(actor) {
  const { random, bearer } = actor;
  const { readEnd, writeEnd } = await actor.run(new Pipe({ into: actor.target() }));
  actor.kept(readEnd);
  actor.kept(writeEnd);
  const multishot = random.chance(0.5);
  const operation = new PollAdd({ descriptor: readEnd, events: 1, multishot });
  const pushed = push(actor, operation);
  if (pushed === null) return;
  if (random.chance(0.5)) bearer.flush();
  const cancelFirst = random.chance(0.5);
  if (cancelFirst) bearer.cancel(operation);
  await actor.run(new Write({ descriptor: writeEnd, data: Uint8Array.of(1) }));
  bearer.cancel(operation);
  await pushed.promise;
}

/** Handlers that throw: the error is the process's, the completions behind it are delivered. */
export async function throwing(actor) {
  const { random, stage } = actor;
  const waiting = [];
  for (let i = random.int(1, 6); i > 0; i--) {
    const pushed = push(actor, new Nop({}));
    if (pushed !== null) waiting.push(pushed.promise);
    const thrower = new Nop({});
    thrower.handler = () => {
      stage.thrown.now++;
      throw new Thrown('a handler of the soak');
    };
    try {
      actor.bearer.push(thrower);
    } catch (error) {
      if (!FULL.has(error.code)) throw error;
    }
  }
  await Promise.all(waiting);
}

/**
 * Drains on a bearer of their own, as one would wait for the accepts of other actors: what is behind one, single or a chain, completes
 * after all that was before it. At times some is cancelled while it is held back, or the bearer closed.
 */
export async function drains(actor) {
  const { random, stage } = actor;
  const inner = openStage(random, stage.shared);
  const { bearer } = inner;
  const order = [];
  const waiting = [];
  const cancelled = new Set();
  let before = 0;
  actor.count('bearer');
  const closes = random.chance(0.2);
  // A drain that is cancelled, or found no room, holds nothing back.
  let drained = true;
  // When the completion is handled: Promises of chains settle later than others.
  const marked = (operation, group) => {
    const { complete } = operation;
    operation.complete = function (cqe) {
      const result = complete.call(this, cqe);
      if (!cancelled.has(this)) order.push(group);
      return result;
    };
    return operation;
  };
  const submitOne = (group, flags) => {
    const operation = random.chance(0.5)
      ? new Timeout({ milliseconds: random.int(0, 3) })
      : new Nop({});
    marked(operation, group);
    actor.count(operation.name);
    const done = bearer.submit(operation, { flags }).catch((error) => {
      if (flags !== SubmissionFlags.NONE) drained = false;
      const gone = (cancelled.has(operation) || closes) && error.code === 'ECANCELED';
      if (!gone && !(closes && error.code === 'BEARER_CLOSED') && !FULL.has(error.code))
        throw error;
    });
    waiting.push(done);
    if (!operation.inFlight || !random.chance(0.1)) return;
    cancelled.add(operation);
    bearer.cancel(operation);
  };
  const submitChain = async (group) => {
    actor.count('chain');
    let chain = bearer.chain(marked(new Nop({}), group));
    for (let i = random.int(1, 3); i > 0; i--) chain = chain.link(marked(new Nop({}), group));
    try {
      await chain.submit();
    } catch (error) {
      if (!FULL.has(error.code) && !(closes && error.code === 'BEARER_CLOSED')) throw error;
    }
  };
  try {
    for (let i = random.int(2, 30); i > 0; i--) {
      const drain = random.chance(0.2);
      if (drain) before++;
      // A drain is a group of its own, between what is in front of it and what is behind.
      const group = before * 2 + (drain ? 0 : 1);
      if (!drain && random.chance(0.2)) waiting.push(submitChain(group));
      else submitOne(group, drain ? SubmissionFlags.DRAIN : SubmissionFlags.NONE);
      if (random.chance(0.1)) await actor.pause(1);
    }
    if (closes) await inner.close();
    await Promise.all(waiting);
  } finally {
    await inner.close();
  }
  const { used } = bearer.stats().capacity.PendingCompletions;
  if (used !== 0) throw new Error(`Drains left ${used} operations in flight`);
  if (drained && order.some((group, index) => index > 0 && group < order[index - 1])) {
    throw new Error(`Drains did not order ${order}`);
  }
}

/** Another bearer beside this one: opened, used and closed, with operations in flight, all its memory taken, or both. */
export async function nested(actor) {
  const { random, stage } = actor;
  const inner = openStage(random, { ...stage.shared, small: true });
  const { bearer } = inner;
  const waiting = [];
  const settle = (promise) => waiting.push(promise.catch(() => {}));
  actor.count('bearer');
  try {
    let full = null;
    for (let i = 0; i < 2000 && full === null; i++) {
      try {
        const timeout = new Timeout({ milliseconds: 60_000 });
        if (random.chance(0.5)) bearer.push(timeout);
        else {
          const submitted = bearer.submit(timeout);
          settle(submitted);
          if (!timeout.inFlight) full = await submitted.catch((error) => error);
        }
      } catch (error) {
        full = error;
      }
    }
    if (!FULL.has(full?.code)) throw new Error(`A small bearer took everything: ${full}`);
    const leases = [];
    try {
      for (;;) leases.push(bearer.allocate(random.size(65_536)));
    } catch (error) {
      if (error.code !== 'AT_CAPACITY') throw error;
    }
    try {
      for (;;) leases.push(inner.pool.take());
    } catch (error) {
      if (error.code !== 'AT_CAPACITY') throw error;
    }
    if (random.chance(0.5)) for (const lease of leases) lease.release();
    if (random.chance(0.3)) await sleep(1);
  } finally {
    await inner.close();
  }
  await Promise.all(waiting);
  const { used } = bearer.stats().capacity.PendingCompletions;
  if (used !== 0) throw new Error(`A closed bearer has ${used} operations in flight`);
}
