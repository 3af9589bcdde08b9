import { describe, expect, it } from 'vitest';
import { knownNames, OptionError, readArguments, wholeNumber } from './arguments.mjs';

describe('readArguments()', () => {
  it('hands out values and flags', () => {
    const seen = [];
    const take = {
      '--value': ({ value }) => seen.push(value()),
      '--flag': ({ flag }) => seen.push(flag()),
    };
    readArguments(['--value', 'a', '--flag', '--value=b=c'], take);
    expect(seen).toEqual(['a', true, 'b=c']);
  });

  it.each([[['--nope']], [['toString']], [['--value']], [['--value=']], [['--flag=x']]])(
    'refuses %j',
    (args) => {
      const take = { '--value': ({ value }) => value(), '--flag': ({ flag }) => flag() };
      expect(() => readArguments(args, take)).toThrow(OptionError);
    },
  );
});

describe('wholeNumber()', () => {
  it('is within bounds', () => {
    expect(wholeNumber('--n', '7', 7)).toBe(7);
    for (const text of ['0', '8', '1.5', '-1', 'x', ''])
      expect(() => wholeNumber('--n', text, 7)).toThrow(OptionError);
  });
});

describe('knownNames()', () => {
  it('keeps the order of what is known', () => {
    expect(knownNames('--case', 'b, a,b', ['a', 'b', 'c'])).toEqual(['a', 'b']);
    expect(() => knownNames('--case', 'd', ['a'])).toThrow(OptionError);
  });
});
