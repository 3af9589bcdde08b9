import { describe, expect, test } from 'vitest';
import { duration, run, StepError, step } from './progress.mjs';

test('duration() picks a unit', () => {
  expect(duration(12.4)).toBe('12 ms');
  expect(duration(1234)).toBe('1.2 s');
  expect(duration(125_000)).toBe('2 min 5 s');
});

describe('run()', () => {
  test('returns code and output, and calls a missing program 127', async () => {
    const script = "console.log('out'); console.error('err'); process.exit(3)";
    const result = await run('x', process.execPath, ['-e', script]);
    expect(result.code).toBe(3);
    expect(result.output).toContain('out');
    expect(result.output).toContain('err');
    expect((await run('x', 'no-such-program', [])).code).toBe(127);
  });

  test('tells children not to phone home', async () => {
    const script = 'process.stdout.write(process.env.TURBO_TELEMETRY_DISABLED)';
    expect((await run('x', process.execPath, ['-e', script])).output).toBe('1');
  });
});

test('step() turns a failure into a StepError with the advice', async () => {
  const failing = step('Trying', process.execPath, ['-e', 'process.exit(2)'], {
    advice: 'Do this.',
  });
  await expect(failing).rejects.toThrow(StepError);
  await expect(failing).rejects.toThrow(/exited 2\nDo this\./);
});
