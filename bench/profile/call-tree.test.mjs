import { describe, expect, it } from 'vitest';
import { callTree, selfTimes } from './call-tree.mjs';

const frame = (functionName, url = '', lineNumber = 0) => ({ functionName, url, lineNumber });
const profile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 5, 6] },
    {
      id: 2,
      callFrame: frame('serve', 'file:///x/packages/http-server/dist/a.js', 9),
      children: [3, 4],
    },
    { id: 3, callFrame: frame('', 'file:///x/app.mjs', 2) },
    { id: 4, callFrame: frame('enter') },
    { id: 5, callFrame: frame('(idle)') },
    { id: 6, callFrame: frame('emit', 'node:events', 4), children: [7] },
    { id: 7, callFrame: frame('', 'file:///x/app.mjs', 2) },
  ],
  samples: [2, 3, 4, 5, 7, 7],
  timeDeltas: [10, 20, 30, 1000, 5, -3],
};

describe('callTree()', () => {
  const root = callTree(profile);

  it('adds up the times of calls, without what was idle', () => {
    expect(root.total).toBe(65);
    expect(root.calls.map(({ name, self, total }) => [name, self, total])).toEqual([
      ['serve a.js:10', 10, 60],
      ['emit node:events:5', 0, 5],
    ]);
  });

  it('says whose a function is', () => {
    expect(selfTimes(root, ({ group }) => group)).toEqual([
      { key: 'native', micros: 30 },
      { key: 'handler', micros: 25 },
      { key: 'http-server', micros: 10 },
    ]);
  });

  it('is one line for a function that was called from several places', () => {
    expect(selfTimes(root, ({ name }) => name)).toEqual([
      { key: 'enter, native', micros: 30 },
      { key: '(anonymous) app.mjs:3', micros: 25 },
      { key: 'serve a.js:10', micros: 10 },
    ]);
  });
});
