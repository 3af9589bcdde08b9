import { describe, expect, it } from 'vitest';
import { LiveConnections } from './live-connections.js';

const connections = (count: number) => Array.from({ length: count }, () => ({ index: -1 }));

describe('LiveConnections', () => {
  it('knows where each one is, whichever are removed', () => {
    const live = new LiveConnections<{ index: number }>();
    const all = connections(7);
    for (const connection of all) live.add(connection);
    for (const removed of [all[3]!, all[6]!, all[0]!]) {
      live.remove(removed);
      expect(removed.index).toBe(-1);
      expect(live.copy().map(({ index }) => index)).toEqual([...live.copy().keys()]);
      expect(live.copy()).not.toContain(removed);
    }
    expect(live.size).toBe(4);
  });

  it('each() has every one once, although those it is called with are removed', () => {
    const live = new LiveConnections<{ index: number }>();
    const all = connections(9);
    for (const connection of all) live.add(connection);
    const seen: object[] = [];
    live.each((connection) => {
      seen.push(connection);
      if (seen.length % 2 === 0) live.remove(connection);
    });
    expect(new Set(seen)).toEqual(new Set(all));
    expect(seen.length).toBe(9);
    expect(live.size).toBe(5);
  });

  it('empty() waits for the last one, emptyWithin() no longer than it is told', async () => {
    const live = new LiveConnections<{ index: number }>();
    await live.empty();
    const [first, second] = connections(2) as [{ index: number }, { index: number }];
    live.add(first);
    live.add(second);
    await live.emptyWithin(1);
    expect(live.size).toBe(2);
    let empty = false;
    const ended = live.empty().then(() => {
      empty = true;
    });
    live.remove(first);
    await new Promise(setImmediate);
    expect(empty).toBe(false);
    live.remove(second);
    await ended;
    await live.emptyWithin(Number.POSITIVE_INFINITY);
  });
});
