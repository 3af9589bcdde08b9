import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/bench-profile.mjs', import.meta.url));
let out;
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), 'profile-'));
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

describe('npm run bench:profile', () => {
  it('profiles a server under load', () => {
    const args = ['--seconds', '1', '--connections', '8', '--out', out];
    const output = execFileSync(process.execPath, [SCRIPT, ...args], { encoding: 'utf8' });
    expect(output).toMatch(/^ringbearer-raw, GET \/ hello, keep-alive: \d+ requests, [\d.]+ us/);
    expect(output).toMatch(/^http-server +[\d.]+ +[\d.]+ %$/m);
    const svg = readFileSync(join(out, 'ringbearer-raw-hello.svg'), 'utf8');
    expect(svg).toContain('http1-connection.js');
    const profile = JSON.parse(readFileSync(join(out, 'ringbearer-raw-hello.cpuprofile'), 'utf8'));
    expect(profile.samples.length).toBeGreaterThan(100);
  });

  it('refuses what it cannot profile, and says why', () => {
    for (const [server, why] of [
      ['limit', /^bench: limit is no(t compiled| program of Node\.js)/],
      ['nobody', /^bench: no server called nobody; there are /],
    ]) {
      const run = spawnSync(process.execPath, [SCRIPT, '--server', server], { encoding: 'utf8' });
      expect(run.stderr).toMatch(why);
      expect(run.status).toBe(2);
    }
  });
});
