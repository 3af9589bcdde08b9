import { describe, expect, it } from 'vitest';
import { chooseCores, findTool, MissingToolError, parseCores } from './machine.mjs';

describe('parseCores()', () => {
  it('reads ranges and single cores', () => {
    expect(parseCores('0-2,5\n')).toEqual([0, 1, 2, 5]);
    expect(parseCores('7')).toEqual([7]);
  });
});

describe('chooseCores()', () => {
  it('takes the first two allowed', () => {
    expect(chooseCores(undefined, [2, 3, 4])).toEqual({ server: 2, client: 3 });
  });

  it('shares the only one', () => {
    expect(chooseCores(undefined, [1])).toEqual({ server: 1, client: 1 });
  });

  it('takes what was asked for, if it may', () => {
    expect(chooseCores({ server: 1, client: 0 }, [0, 1])).toEqual({ server: 1, client: 0 });
    expect(() => chooseCores({ server: 9, client: 0 }, [0, 1])).toThrow(MissingToolError);
  });
});

describe('findTool()', () => {
  it('finds what is on PATH and nothing else', () => {
    expect(findTool('sh')).toMatch(/\/sh$/);
    expect(findTool('no-such-tool-here')).toBeUndefined();
  });
});
