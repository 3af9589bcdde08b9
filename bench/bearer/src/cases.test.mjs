import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { C, C_FOLDER, CASES, goalsOf, PROGRAMS_FOLDER, programSettings, share } from './cases.mjs';

describe('CASES', () => {
  it.each(CASES)('$name: every program exists, once, and C is the first', ({ programs }) => {
    const names = programs.map(({ name }) => name);
    expect(names[0]).toBe(C);
    expect(new Set(names).size).toBe(names.length);
    for (const { c, script } of programs) {
      expect(existsSync(c ? join(C_FOLDER, `${c}.c`) : join(PROGRAMS_FOLDER, script))).toBe(true);
    }
  });

  it.each(CASES)('$name: goals and peer name programs of the case', (work) => {
    const names = work.programs.map(({ name }) => name);
    for (const { over, under, min, max } of goalsOf(work)) {
      expect(names).toContain(over);
      expect(names).toContain(under);
      expect([min, max].filter(Number.isFinite)).toHaveLength(1);
    }
    if (work.peer) expect(names).toContain(work.peer.name);
  });

  it('keeps whole batches', () => {
    for (const { operations, warmUp, step } of CASES) {
      expect([operations % step, warmUp % step]).toEqual([0, 0]);
    }
  });
});

describe('share()', () => {
  it('is a part in whole steps, and never nothing', () => {
    expect(share(1000, 1, 100)).toBe(1000);
    expect(share(1280, 128, 50)).toBe(640);
    expect(share(1280, 128, 1)).toBe(128);
    expect(share(48_000, 16, 250)).toBe(120_000);
  });
});

describe('programSettings()', () => {
  it('gives C and Node.js the same work', () => {
    const [nop] = CASES;
    const [inC, push] = nop.programs;
    const run = { percent: 100, file: '' };
    const common = programSettings(nop, inC, run);
    expect(common).toEqual(['operations=4096000', 'warmUp=512000', 'depth=128']);
    expect(programSettings(nop, push, run)).toEqual([...common, 'driver=manual']);
  });

  it('names the file where one is read', () => {
    const work = CASES.find(({ reads }) => reads);
    const settings = programSettings(work, work.programs[0], { percent: 100, file: 'blocks' });
    expect(settings).toContain('file=blocks');
  });
});
