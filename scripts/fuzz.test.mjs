import { expect, test } from 'vitest';
import { fuzzEnvironment } from './fuzz.mjs';

test('fuzzEnvironment() passes on what it understands', () => {
  expect(fuzzEnvironment([])).toEqual({ FUZZ_SECONDS: '60' });
  const args = ['--seconds', '5', '--seed', '-7', '--target', 'head', '--path', '1:2'];
  expect(fuzzEnvironment(args.map((arg) => (arg === '-7' ? '7' : arg)))).toEqual({
    FUZZ_SECONDS: '5',
    FUZZ_SEED: '7',
    FUZZ_TARGET: 'head',
    FUZZ_PATH: '1:2',
  });
});

test.each([
  [['--seconds', 'x'], 'must be a number > 0'],
  [['--seed', 'x'], 'must be an integer'],
  [['--target', 'x'], 'must be one of head'],
  [['--path', '1'], 'needs the --seed'],
  [['--what'], '--what'],
])('fuzzEnvironment() refuses %j', (args, why) => {
  expect(() => fuzzEnvironment(args)).toThrow(why);
});
