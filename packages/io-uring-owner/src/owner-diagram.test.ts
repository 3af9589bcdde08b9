import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { OWNER_EDGES, ownerDiagram, SHARED_OWNER_EDGES } from './index.js';

test('ownerDiagram() draws every pair of the table once', () => {
  const lines = ownerDiagram().split('\n').slice(2);
  const pairs = Object.values(OWNER_EDGES).reduce((sum, row) => sum + row.from.length, 0);
  expect(new Set(lines).size).toBe(pairs);
  expect(lines).toContain('  Kernel --> Returned: giveBack');
});

test('ownerDiagram() is what the README shows', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const drawn = [...readme.matchAll(/```mermaid\n([\s\S]*?)\n```/g)].map((match) => match[1]);
  expect(drawn).toEqual([ownerDiagram(OWNER_EDGES), ownerDiagram(SHARED_OWNER_EDGES)]);
});
