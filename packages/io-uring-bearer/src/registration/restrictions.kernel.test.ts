// A bearer that may do only some things, against the kernel this runs on.

import { closeSync, openSync } from 'node:fs';
import { RawFd, TargetFd } from '@ringbearer/io-uring-fd';
import {
  AddressFamily,
  Close,
  Errno,
  Nop,
  OpenAt,
  OpNumber,
  PollAdd,
  Read,
  RecvMulti,
  SetupFlag,
  Socket,
  SocketType,
  SqeFlag,
  SubmissionFlags,
  Timeout,
} from '@ringbearer/io-uring-opcode';
import { controlWords, Ring } from '@ringbearer/native/ring';
import { describe, expect, test } from 'vitest';
import { bearerMaker, inUse } from '../../test-support/bearers.js';
import { brief, driven } from '../../test-support/chains.js';
import { openDescriptors } from '../../test-support/kernel-fixture.js';
import { startRole } from '../../test-support/registration-worker.js';
import {
  type BearerError,
  openEventfd,
  RestrictedError,
  type Restrictions,
  UnsupportedOpcodeError,
  UringBearer,
} from '../index.js';

const make = bearerMaker();
const hour = () => new Timeout({ milliseconds: 3_600_000 });
const codeOf = (error: BearerError) => error.code;
const { UNIX } = AddressFamily;
const { DGRAM } = SocketType;

describe.each(['embedded', 'owner', 'manual'] as const)('driver %s', (driver) => {
  const restricted = (restrictions: Restrictions, capacity = {}) =>
    make(driver, capacity, { restrictions });

  test('what is allowed works, the rest is refused before anything happens', async () => {
    const bearer = restricted({ opcodes: ['NOP', OpNumber.TIMEOUT] });
    await driven(bearer, bearer.submit(new Nop()));
    await driven(bearer, bearer.submit(new Timeout({ milliseconds: 1 })));
    const { submitted } = bearer.stats();
    const open = new OpenAt({ path: '/etc/hostname' });
    expect(() => bearer.push(open)).toThrow(RestrictedError);
    expect(() => bearer.push(open)).toThrow(/OPENAT as the restrictions.*restrictions\.opcodes/);
    expect(await bearer.submit(open).catch(codeOf)).toBe('RESTRICTED');
    const chain = bearer.chain(new Nop()).link(open);
    expect(await chain.submit().catch(codeOf)).toBe('RESTRICTED');
    expect([bearer.stats().submitted, inUse(bearer), open.inFlight]).toEqual([submitted, 0, false]);
    const probe = bearer.probe();
    expect([probe.has('NOP'), probe.has('OPENAT'), probe.has('CLOSE')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(bearer.capabilities().opcodes).toBe(2);
    expect(bearer.capabilities().setupFlags).toContain('R_DISABLED');
  });

  test('cancelling, closing with operations in flight, and waking up still work', async () => {
    const bearer = restricted({ opcodes: ['TIMEOUT'], registrations: [] });
    const [cancelled, abandoned] = [hour(), hour()];
    const first = bearer.submit(cancelled).catch(codeOf);
    const second = bearer.submit(abandoned).catch(codeOf);
    bearer.flush();
    bearer.cancel(cancelled);
    expect(await driven(bearer, first)).toBe('ECANCELED');
    expect(bearer.cancelNow(hour())).toBe(0);
    // Timers of the event loop and of the ring in turn: an 'owner' polls libuv with an entry of its own.
    for (let i = 0; i < 3; i++) {
      await driven(bearer, new Promise((resolve) => setTimeout(resolve, 2)));
      await driven(bearer, bearer.submit(new Timeout({ milliseconds: 1 })));
    }
    await bearer.close();
    expect(await second).toBe('ECANCELED');
  });

  test('registrations: only those that were named, and what closing needs', async () => {
    const { registration, ...rest } = restricted({ registrations: ['REGISTER_PERSONALITY'] });
    expect(registration.registerPersonality().id).toBe(1);
    expect(() => registration.workerLimits()).toThrow(RestrictedError);
    expect(() => registration.workerLimits()).toThrow(
      /REGISTER_IOWQ_MAX_WORKERS.*restrictions\.registrations/,
    );
    expect(() => rest.buffers.ring({ count: 4, bufferBytes: 64 })).toThrow(/EACCES/);
  });

  test('registrations: all by default, direct descriptors and buffer rings included', async () => {
    const before = openDescriptors();
    const bearer = restricted({ opcodes: ['SOCKET', 'RECV', 'CLOSE'] }, { RegisteredFd: 4 });
    const { group } = bearer.buffers.ring({ count: 4, bufferBytes: 64 });
    const socket = await driven(
      bearer,
      bearer.submit(new Socket({ family: UNIX, type: DGRAM, into: TargetFd.auto })),
    );
    const stream = bearer.stream(new RecvMulti({ socket, group }));
    const next = stream.next().catch(codeOf);
    bearer.flush();
    bearer.registration.workerLimits();
    await bearer.close();
    expect(await next).toBe('BEARER_CLOSED');
    expect(openDescriptors()).toBe(before);
  });

  test('flags that are not allowed end an operation with EACCES', async () => {
    const bearer = restricted({ flagsAllowed: SqeFlag.IO_LINK }, { RegisteredFd: 4 });
    const { ASYNC, LINK } = SubmissionFlags;
    const fail = (flags: number) =>
      driven(bearer, bearer.submit(new Nop(), { flags }).catch(codeOf as never));
    expect(await fail(ASYNC)).toBe('EACCES');
    const outcome = bearer.chain(new Nop()).link(new Nop()).submit();
    expect((await driven(bearer, outcome)).map(brief)).toEqual([0, 0]);
    const linked = [fail(LINK), fail(0)];
    expect(await Promise.all(linked)).not.toContain('EACCES');
    const socket = await driven(
      bearer,
      bearer.submit(new Socket({ family: UNIX, type: DGRAM, into: TargetFd.auto })),
    );
    const group = bearer.buffers.ring({ count: 4, bufferBytes: 64 }).group;
    const stream = bearer.stream(new RecvMulti({ socket, group }));
    expect(await driven(bearer, stream.next().catch(codeOf as never))).toBe('EACCES');
  });
});

describe.each(['embedded', 'manual'] as const)('driver %s', (driver) => {
  test('flags every entry must have: only direct descriptors, and cancelling still works', async () => {
    const restrictions = { flagsRequired: SqeFlag.FIXED_FILE };
    const bearer = make(driver, { RegisteredFd: 4 }, { restrictions, manualFiles: 2 });
    const raw = new RawFd(openSync('/dev/null', 'r'));
    const refused = bearer
      .submit(new Read({ descriptor: raw, memory: bearer.allocate(8) }))
      .catch(codeOf);
    expect(await driven(bearer, refused)).toBe('EACCES');
    const registered = bearer.files!.add(raw);
    const read = bearer.submit(new Read({ descriptor: registered, memory: bearer.allocate(8) }));
    expect(await driven(bearer, read)).toMatchObject({ length: 0 });
    const eventfd = openEventfd();
    const waiting = bearer.files!.add(eventfd);
    const poll = new PollAdd({ descriptor: waiting, events: 1 });
    const ended = bearer.submit(poll).catch(codeOf);
    bearer.flush();
    bearer.cancel(poll);
    expect(await driven(bearer, ended)).toBe('ECANCELED');
    await bearer.close();
    for (const { number } of [raw, eventfd]) closeSync(number);
  });
});

test('a ring takes nothing until it is enabled, which the bearer does', () => {
  const disabled = new Ring(8, SetupFlag.R_DISABLED | SetupFlag.CQSIZE, 16);
  disabled.enter();
  const control = new Int32Array(disabled.control);
  expect(control[controlWords.result]).toBe(-Errno.EBADFD);
  disabled.close();
});

test('a direct descriptor has no peer name where FIXED_FD_INSTALL is not allowed', async () => {
  const restrictions = { opcodes: ['SOCKET', 'CLOSE'] } as const;
  const bearer = make('embedded', { RegisteredFd: 4 }, { restrictions });
  const socket = await bearer.submit(
    new Socket({ family: UNIX, type: DGRAM, into: TargetFd.auto }),
  );
  expect(() => bearer.peerName(socket)).toThrow(/EACCES/);
  await bearer.submit(new Close({ descriptor: socket }));
});

test('what the kernel does not have is unsupported, not restricted', async () => {
  const bearer = make(
    'embedded',
    {},
    { restrictions: { opcodes: ['NOP', 250] }, disableOpcodes: [OpNumber.OPENAT] },
  );
  const open = new OpenAt({ path: '/etc/hostname' });
  expect(() => bearer.push(open)).toThrow(UnsupportedOpcodeError);
  await bearer.submit(new Nop());
});

test('bad restrictions are refused, and leave nothing behind', () => {
  const before = openDescriptors();
  const attempt = (restrictions: unknown, driver: 'embedded' | 'owner' = 'embedded') =>
    UringBearer.withCapacity(
      { CoreQueue: 8 },
      { driver, restrictions: restrictions as Restrictions },
    );
  for (const wrong of [
    null,
    7,
    'NOP',
    { opcodes: 'NOP' },
    { opcodes: ['nop'] },
    { opcodes: [256] },
    { opcodes: [-1] },
    { opcodes: ['toString'] },
    { registrations: ['REGISTER_EVERYTHING'] },
    { registrations: ['REGISTER_FILES_SKIP'] },
    { registrations: {} },
  ]) {
    expect(() => attempt(wrong), JSON.stringify(wrong)).toThrow(TypeError);
  }
  for (const flags of [256, -1, 0.5, '1', Number.NaN]) {
    expect(() => attempt({ flagsAllowed: flags })).toThrow(RangeError);
    expect(() => attempt({ flagsRequired: flags })).toThrow(RangeError);
  }
  expect(() => attempt({ flagsRequired: 1 }, 'owner')).toThrow(/excludes the driver 'owner'/);
  expect(openDescriptors()).toBe(before);
});

test('a Worker that ends takes its restricted ring with it', async () => {
  const before = openDescriptors();
  for (const driver of ['embedded', 'owner']) {
    const { worker, next } = startRole('restricted', { driver });
    expect(await next()).toBe('running');
    await worker.terminate();
  }
  expect(openDescriptors()).toBe(before);
});
