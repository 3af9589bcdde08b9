import { describe, expect, it } from 'vitest';
import { allowedCores } from '../../src/machine.mjs';
import { parseOutcome, runProgram } from './program.mjs';

const LINE = '{"operations":10,"seconds":0.5,"cpuMicroseconds":400000,"checksum":7}';
const OUTCOME = { operations: 10, seconds: 0.5, cpuMicroseconds: 400_000, checksum: 7 };

describe('parseOutcome()', () => {
  it('reads the last line', () => {
    expect(parseOutcome(`${LINE}\n`)).toEqual(OUTCOME);
    expect(parseOutcome(`a warning\n${LINE}\n`)).toEqual(OUTCOME);
  });

  it.each([
    [''],
    ['null'],
    ['{'],
    ['{}'],
    [LINE.replace('10', '0')],
    [LINE.replace('0.5', '-1')],
    [LINE.replace(',"checksum":7', '')],
    [`${LINE}\nmore`],
  ])('finds none in %j', (text) => {
    expect(parseOutcome(text)).toBeUndefined();
  });
});

describe('runProgram()', () => {
  const [core] = allowedCores();
  const node = (program) => [process.execPath, '-e', program];

  it('gives the outcome', async () => {
    expect(await runProgram(node(`console.log('${LINE}')`), core)).toEqual(OUTCOME);
  });

  it('says why there is none', async () => {
    await expect(runProgram(node('throw new Error("broken")'), core)).rejects.toThrow(
      'ended with code 1: Error: broken',
    );
    await expect(runProgram(node(''), core)).rejects.toThrow('printed no outcome');
    await expect(runProgram(node('setInterval(() => {}, 9)'), core, 300)).rejects.toThrow(
      'was killed by SIGKILL',
    );
  });
});
