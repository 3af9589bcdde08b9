import { Ring } from '@ringbearer/native/ring';
import { expect, test } from 'vitest';
import { bearerMaker } from '../../test-support/bearers.js';
import { olderThan } from '../kernel-version.js';

const make = bearerMaker();

test('capabilities().query is what the kernel says, and more than any one ring was granted', (context) => {
  const bearer = make('owner');
  const { query, opcodes, features, setupFlags, kernel } = bearer.capabilities();
  if (olderThan(kernel, '6.18')) {
    expect(query).toBeNull();
    context.skip(`kernel ${kernel} is before 6.18: there it is null, as it should be`);
  }
  if (query === null) throw new Error('this kernel should answer');
  // The same kernel, asked in two ways: by a probe of the ring, and without a ring.
  expect(query.opcodes).toBe(opcodes);
  expect([...query.features]).toEqual([...features]);
  expect(query.setupFlags).toEqual(expect.arrayContaining([...setupFlags]));
  expect(query.setupFlags.length).toBeGreaterThan(setupFlags.length);
  expect(query.sqeFlags).toEqual([
    'FIXED_FILE',
    'IO_DRAIN',
    'IO_LINK',
    'IO_HARDLINK',
    'ASYNC',
    'BUFFER_SELECT',
    'CQE_SKIP_SUCCESS',
  ]);
});

test('what it says of registrations is true: the last one there is, and one behind', (context) => {
  const { query, kernel } = make('embedded').capabilities();
  if (query === null) return context.skip(`kernel ${kernel} does not answer queries`);
  const ring = new Ring(8, 0x8, 16);
  const refusal = (opcode: number): unknown => {
    try {
      return ring.register(opcode, null, 0xffff);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  };
  expect(query.registrations).toBeGreaterThan(35); // REGISTER_QUERY itself is 35
  expect(refusal(query.registrations)).toBe('EINVAL');
  ring.close();
});
