import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/arguments.mjs';
import { parseOptions } from './options.mjs';

describe('parseOptions()', () => {
  it('has defaults for everything', () => {
    expect(parseOptions([])).toEqual({
      rounds: 5,
      only: undefined,
      cases: ['nop', 'ping-pong-1', 'ping-pong-16', 'read-4k', 'read-1m'],
      percent: 100,
      json: undefined,
      markdown: false,
      help: false,
    });
  });

  it('takes what it is given', () => {
    const args = ['--rounds=2', '--case', 'read-4k,nop', '--only', 'push-owner,c', '--work', '10'];
    expect(parseOptions([...args, '--json', 'a.json', '--markdown'])).toEqual({
      rounds: 2,
      only: ['c', 'push-owner'],
      cases: ['nop', 'read-4k'],
      percent: 10,
      json: 'a.json',
      markdown: true,
      help: false,
    });
    expect(parseOptions(['-h']).help).toBe(true);
  });

  it.each([
    [['--only', 'nope']],
    [['--case', 'hello']],
    [['--rounds', '0']],
    [['--work', '0.5']],
    [['--seconds', '1']],
  ])('refuses %j', (args) => {
    expect(() => parseOptions(args)).toThrow(OptionError);
  });
});
