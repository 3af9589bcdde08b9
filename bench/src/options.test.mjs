import { describe, expect, it } from 'vitest';
import { OptionError, parseOptions } from './options.mjs';

describe('parseOptions()', () => {
  it('has defaults for everything', () => {
    expect(parseOptions([])).toEqual({
      seconds: 3,
      rounds: 5,
      connections: 64,
      only: undefined,
      cases: ['hello', 'pipelined'],
      pin: undefined,
      extra: [],
      json: undefined,
      markdown: false,
      install: false,
      help: false,
    });
  });

  it('takes values after a space or an equals sign', () => {
    const options = parseOptions([
      '--seconds',
      '1',
      '--rounds=2',
      '--json=a=b.json',
      '--pin',
      '2,3',
    ]);
    expect(options).toMatchObject({
      seconds: 1,
      rounds: 2,
      json: 'a=b.json',
      pin: { server: 2, client: 3 },
    });
  });

  it('reads lists without repeats or blanks', () => {
    expect(parseOptions(['--only', 'limit, node-http,,limit']).only).toEqual([
      'limit',
      'node-http',
    ]);
  });

  it('keeps cases in the order they are run', () => {
    expect(parseOptions(['--case', 'pipelined,hello']).cases).toEqual(['hello', 'pipelined']);
    expect(parseOptions(['--case', 'pipelined']).cases).toEqual(['pipelined']);
  });

  it('takes extra peers with arguments', () => {
    expect(parseOptions(['--peer', 'mine=./server  --quiet x=1']).extra).toEqual([
      { name: 'mine', command: ['./server', '--quiet', 'x=1'] },
    ]);
  });

  it.each([
    [['--seconds', '0']],
    [['--seconds', '1.5']],
    [['--seconds']],
    [['--rounds', 'many']],
    [['--connections', '-1']],
    [['--only', ',']],
    [['--case', 'other']],
    [['--pin', '0']],
    [['--peer', 'mine=']],
    [['--markdown=yes']],
    [['--wat']],
    [['hello']],
  ])('refuses %j', (args) => {
    expect(() => parseOptions(args)).toThrow(OptionError);
  });
});
