import { describe, expect, it } from 'vitest';
import { answer } from '../servers/answers.mjs';
import { CASES, caseOf } from './cases.mjs';

describe('CASES', () => {
  for (const { name, method, path, bodyBytes, right } of CASES) {
    it(`${name}: what the servers share answers right`, async () => {
      const body = bodyBytes > 0 ? Buffer.alloc(bodyBytes, 'x') : undefined;
      const response = await answer(new Request(`http://localhost${path}`, { method, body }));
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(response.status).toBe(200);
      expect(right(bytes)).toBe(true);
    });
  }

  it('have bodies of the size they are called after', async () => {
    for (const [name, least, most] of [
      ['json-1k', 900, 1200],
      ['json-10k', 9000, 12_000],
      ['stream-1m', 2 ** 20, 2 ** 20],
    ]) {
      const response = await answer(new Request(`http://localhost${caseOf(name).path}`));
      const { byteLength } = await response.arrayBuffer();
      expect(byteLength).toBeGreaterThanOrEqual(least);
      expect(byteLength).toBeLessThanOrEqual(most);
    }
  });
});
