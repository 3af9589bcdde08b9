// Credentials of a submission, against the kernel this runs on.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Nop, SubmissionFlags } from '@ringbearer/io-uring-opcode';
import { afterAll, describe, expect, test } from 'vitest';
import { bearerMaker } from '../../test-support/bearers.js';
import { reportOf } from '../../test-support/child.js';
import { UringBearer } from '../index.js';

const make = bearerMaker();
const folder = mkdtempSync(join(tmpdir(), 'personality-'));
const secret = join(folder, 'secret');
writeFileSync(secret, 'for root only', { mode: 0o600 });
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true }));

/** Opens a file of root's as nobody: without, with, and again without its credentials of before. */
const program = (path: string) => `
const bearer = bearerWith();
const run = async (operation, options) => {
  const result = bearer.submit(operation, options);
  if (driver === 'manual' && bearer.stats().capacity.PendingCompletions.used > 0) { bearer.submitAndWait(); bearer.handleCompletions(); }
  return result;
};
const open = (flags) => run(new op.OpenAt({ path: ${JSON.stringify(path)} }), { flags })
  .then((descriptor) => run(new op.Close({ descriptor })).then(() => 'opened'), (error) => error.code ?? error.name);
const root = bearer.registration.registerPersonality();
process.setegid(65534);
process.seteuid(65534);
const nobody = bearer.registration.registerPersonality();
report(await open(0));
report(await open(root.flags));
report(await open(root.flags | op.SubmissionFlags.ASYNC));
report(await open(nobody.flags));
process.seteuid(0);
report(await open(0));
report(await open(nobody.flags));
root.release();
report([root.released, nobody.released, await open(root.flags)]);
await bearer.close();
`;

describe.each(['embedded', 'owner', 'manual'])('driver %s', (driver) => {
  test('an operation runs with the credentials it names', async (context) => {
    if (process.geteuid?.() !== 0) context.skip('only root can give up its privileges');
    expect(await reportOf(driver, program(secret))).toEqual([
      'EACCES',
      'opened',
      'opened',
      'EACCES',
      'opened',
      'EACCES',
      [true, false, 'RangeError'],
    ]);
  });
});

test('its flags go with those of every form of submission', async () => {
  const bearer = make('embedded');
  const { flags, id } = bearer.registration.registerPersonality();
  expect(id).toBeGreaterThan(0);
  const { LINK, ASYNC, BACKGROUND } = SubmissionFlags;
  await bearer.submit(new Nop(), { flags });
  await Promise.all([
    bearer.submit(new Nop(), { flags: flags | LINK }),
    bearer.submit(new Nop(), { flags: flags | ASYNC }),
  ]);
  const nop = new Nop();
  const pushed = new Promise<number>((resolve) => {
    nop.handler = (cqe) => resolve(cqe.res);
  });
  bearer.push(nop, flags);
  expect(await pushed).toBe(0);
  const background = new Nop();
  bearer.push(background, flags | BACKGROUND);
  await bearer.submit(new Nop());
  expect(background.inFlight).toBe(false);
});

test('flags of no personality, of a released one and of another bearer are refused before anything happens', async () => {
  const bearer = make('embedded');
  const other = make('embedded');
  for (let i = 0; i < 3; i++) other.registration.registerPersonality();
  const foreign = other.registration.registerPersonality();
  const own = bearer.registration.registerPersonality();
  const { submitted } = bearer.stats();
  const nop = new Nop();
  for (const flags of [1 << 17, 0xffff << 16, -1, foreign.flags, 1 << 14, 65_536.5]) {
    expect(() => bearer.push(nop, flags), String(flags)).toThrow(RangeError);
    await expect(bearer.submit(nop, { flags }), String(flags)).rejects.toThrow(/Personality/);
  }
  own.release();
  own.release();
  expect(own.released).toBe(true);
  expect(() => bearer.push(nop, own.flags)).toThrow(/not released/);
  expect(nop.inFlight).toBe(false);
  expect(bearer.stats().submitted).toBe(submitted);
});

test('65535 is the most, and release makes room', async () => {
  const bearer = make('embedded');
  const { registration } = bearer;
  const all = Array.from({ length: 65_535 }, () => registration.registerPersonality());
  expect(new Set(all.map(({ id }) => id)).size).toBe(65_535);
  expect(() => registration.registerPersonality()).toThrow(/EBUSY.*65535 personalities/);
  const last = all.find(({ id }) => id === 65_535)!;
  await bearer.submit(new Nop(), { flags: last.flags });
  await bearer.submit(new Nop(), { flags: last.flags | SubmissionFlags.ASYNC });
  all[40_000]!.release();
  expect(registration.registerPersonality().released).toBe(false);
});

test('ends with its bearer', async () => {
  const bearer = UringBearer.withCapacity({ CoreQueue: 8 });
  const personality = bearer.registration.registerPersonality();
  await bearer.close();
  expect(() => personality.release()).toThrow(/closed/);
  expect(() => bearer.registration.registerPersonality()).toThrow(/closed/);
});
