import { describe, expect, it } from 'vitest';
import { run } from './cli.js';

async function result(...args: string[]) {
  const out: string[] = [];
  const errors: string[] = [];
  const code = await run(args, {
    out: (text) => out.push(text),
    error: (text) => errors.push(text),
  });
  return { code, out: out.join('\n'), errors: errors.join('\n') };
}

describe('run()', () => {
  it('doctor tells what it found, as text and as JSON', async () => {
    const text = await result('doctor');
    expect(text).toMatchObject({ code: 0, errors: '' });
    expect(text.out).toContain('io_uring can be used here.');
    const json = await result('doctor', '--json');
    expect(json.code).toBe(0);
    expect(JSON.parse(json.out)).toMatchObject({ usable: true, node: process.versions.node });
  });

  it('help shows the commands', async () => {
    for (const word of ['help', '--help', '-h']) {
      expect(await result(word)).toMatchObject({ code: 0, errors: '' });
    }
    expect((await result('help')).out).toContain('doctor');
  });

  it('answers 2 and says why to a wrong command line', async () => {
    expect(await result()).toMatchObject({ code: 2, out: '' });
    expect((await result('fly')).errors).toContain('"fly"');
    const wrong = await result('doctor', '--yaml');
    expect(wrong.code).toBe(2);
    expect(wrong.errors).toContain('--yaml');
  });
});
