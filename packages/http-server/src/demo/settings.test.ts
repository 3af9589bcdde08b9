import { describe, expect, test } from 'vitest';
import { demoSettings } from './settings.js';
import { explainStartFailure } from './start-failure.js';

describe('demoSettings()', () => {
  test('is for this machine alone unless told otherwise', () => {
    expect(demoSettings({})).toEqual({ hostname: '127.0.0.1', port: 3000 });
    expect(demoSettings({ PORT: '', HOST: ' ' })).toEqual({ hostname: '127.0.0.1', port: 3000 });
  });
  test('reads PORT and HOST', () => {
    expect(demoSettings({ PORT: '0', HOST: '::' })).toEqual({ hostname: '::', port: 0 });
    expect(demoSettings({ PORT: ' 65535 ' }).port).toBe(65_535);
  });
  test.each(['65536', '-1', '80.5', '0x50', 'http', '1e3'])('refuses PORT=%s', (PORT) => {
    expect(() => demoSettings({ PORT })).toThrow(RangeError);
    expect(() => demoSettings({ PORT })).toThrow(JSON.stringify(PORT));
  });
});

describe('explainStartFailure() says what to do', () => {
  const explain = (code: string, port: number) =>
    explainStartFailure(Object.assign(new Error('no'), { code }), { hostname: '::1', port });
  test.each([
    ['EADDRINUSE', 3000, /\[::1\]:3000 .*PORT=3001 npm start.*ss -ltnp/],
    ['EADDRINUSE', 65_535, /PORT=3000 npm start/],
    ['EACCES', 80, /below 1024 .*PORT=3000/],
    ['EPERM', 3000, /Cannot start: no/],
    ['EADDRNOTAVAIL', 3000, /set HOST/],
    ['ENOTFOUND', 3000, /set HOST/],
    ['SETUP_FAILED', 3000, /^no$/],
  ])('%s on port %i', (code, port, message) => {
    expect(explain(code, port)).toMatch(message);
  });
});
