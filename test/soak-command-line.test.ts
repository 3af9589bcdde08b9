// The options of "npm run soak", which every target shares.

import { expect, test } from 'vitest';
import { readCommandLine, TARGETS, targetArguments } from './soak/command-line.mjs';

test('readCommandLine() plays every target by default, a minute of a random seed', () => {
  const options = readCommandLine([]);
  expect(options).toMatchObject({ targets: Object.keys(TARGETS), seconds: 60, memoryBounds: true });
  expect(options.seed).toBeGreaterThanOrEqual(0);
  expect(options.only).toBeUndefined();
});

test('targetArguments() says to the program of a target what was asked for', () => {
  const asked = ['--seconds', '5', '--seed', '7', '--episode', '12', '--no-memory-bounds'];
  const options = readCommandLine(['--target', 'ring', ...asked]);
  expect(options.targets).toEqual(['ring']);
  expect(targetArguments(options)).toEqual(asked);
  expect(readCommandLine(targetArguments(options))).toMatchObject({
    seconds: 5,
    seed: 7,
    only: 12,
  });
});

test.each([
  [['--target', 'moon'], /--target must be ring/],
  [['--seconds', 'x'], /--seconds must be an integer >= 0: current value is x/],
  [['--seconds', ''], /--seconds/],
  [['--seed', '1.5'], /--seed/],
  [['--episode', '-1'], /episode/],
  [['--sede', '1'], /sede/],
  [['7'], /7/],
])('readCommandLine(%j) says what is wrong', (args, message) => {
  expect(() => readCommandLine(args)).toThrow(message);
});
