import { expect, test } from 'vitest';
import { findSanitizer } from './toolchain.mjs';

const LIBRARY = '/usr/lib/libasan.so';
/** A machine where each program ends as given. */
const machine = (answers) => (command, args) =>
  answers[args[0].startsWith('-print') ? 'compiler' : command === 'cmake' ? 'cmake' : 'node'] ?? {
    status: 0,
    stdout: `${LIBRARY}\n`,
    stderr: '',
  };

test('findSanitizer() names the runtime of the compiler', () => {
  expect(findSanitizer({}, machine({}))).toEqual({ library: LIBRARY });
});

test.each([
  ['no compiler', { compiler: { error: new Error('ENOENT') } }, /^c\+\+ does not run/],
  ['a compiler without it', { compiler: { status: 0, stdout: 'libasan.so\n' } }, /has no libasan/],
  ['no cmake', { cmake: { status: null } }, /cmake is not installed/],
  [
    'a Node.js that refuses',
    { node: { status: 1, stderr: 'Shadow memory range interleaves\nmore' } },
    /does not start under AddressSanitizer: Shadow memory range interleaves$/,
  ],
])('findSanitizer() says why there is none: %s', (_, answers, reason) => {
  expect(findSanitizer({}, machine(answers)).reason).toMatch(reason);
});

test('findSanitizer() asks the compiler that CXX names', () => {
  const asked = [];
  const spy = (command, args) => {
    asked.push(command);
    return machine({})(command, args);
  };
  findSanitizer({ CXX: 'g++-14' }, spy);
  expect(asked[0]).toBe('g++-14');
});
