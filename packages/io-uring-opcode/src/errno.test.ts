import { getSystemErrorName } from 'node:util';
import { expect, test } from 'vitest';
import { Errno } from './abi.generated.js';
import { errnoMessage, errnoName } from './errno.js';
import { OpCodeError } from './errors.js';

test('errnoName() names what Node.js names', () => {
  for (const number of Object.values(Errno)) {
    const theirs = getSystemErrorName(-number);
    if (theirs.startsWith('Unknown')) continue; // libuv knows fewer
    expect(errnoName(number)).toBe(theirs === 'ENOTSUP' ? 'EOPNOTSUPP' : theirs);
    expect(errnoName(-number)).toBe(errnoName(number));
  }
});

test('errnoName() gives numbers nobody knows a stable name', () => {
  expect(errnoName(4095)).toBe('E4095');
  expect(errnoMessage(4095)).toBe('Unknown error 4095');
});

test('errnoMessage() speaks as strerror(3)', () => {
  expect(errnoMessage(104)).toBe('Connection reset by peer');
  expect(errnoMessage(-11)).toBe('Resource temporarily unavailable');
});

test('OpCodeError carries code, errno and syscall', () => {
  const error = new OpCodeError('SEND_ZC', 95, 'Unix sockets copy');
  expect(error).toMatchObject({
    code: 'EOPNOTSUPP',
    errno: -95,
    syscall: 'send_zc',
    name: 'OpCodeError',
  });
  expect(error.message).toBe(
    'send_zc failed: EOPNOTSUPP: Operation not supported; Unix sockets copy',
  );
});
