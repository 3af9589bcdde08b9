import { FixedFd } from '@ringbearer/io-uring-fd';
import type { Cqe } from '@ringbearer/io-uring-opcode';
import { describe, expect, it } from 'vitest';
import { OpenRoute } from './open-route.js';

describe('OpenRoute', () => {
  it('copies from the first notice on, or from two in a row', () => {
    const route = (...notices: boolean[]) => {
      const open = new OpenRoute(new FixedFd(0));
      for (const copied of notices) open.noticed(copied);
      return open.copies;
    };
    expect([route(), route(true)]).toEqual([false, true]);
    expect([route(false, true), route(false, true, true)]).toEqual([false, true]);
    expect(route(false, true, false, true, false, true)).toBe(false);
  });

  it('has progress when the peer has acknowledged more than before, however much was sent since', () => {
    const open = new OpenRoute(new FixedFd(0));
    const heard: boolean[] = [];
    const after = (sent: number, unacknowledged: number) => {
      open.sentBytes += sent;
      const asking = open.asking((progress) => void heard.push(progress));
      asking!.handler!({ res: unacknowledged } as Cqe);
      return heard.pop();
    };
    // What was sent before there was a route counts for nothing.
    expect(after(1000, 5000)).toBe(true);
    expect(after(0, 5000)).toBe(false);
    expect(after(0, 4999)).toBe(true);
    expect(after(3000, 7999)).toBe(false);
    expect(after(3000, 10_998)).toBe(true);
    expect(after(0, -32)).toBe(false);
  });
});
