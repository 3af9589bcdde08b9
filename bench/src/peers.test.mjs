import { describe, expect, it } from 'vitest';
import { choosePeers, PEERS } from './peers.mjs';

describe('choosePeers()', () => {
  it('takes all, in table order', () => {
    expect(choosePeers(undefined, [])).toEqual(PEERS);
    expect(choosePeers(['node-http', 'limit'], []).map((peer) => peer.name)).toEqual([
      'limit',
      'node-http',
    ]);
  });

  it('adds extra peers, whatever else was chosen', () => {
    const extra = [{ name: 'mine', command: ['./mine', '--fast'] }];
    const [limit, peer, ...rest] = choosePeers(['limit'], extra);
    expect([limit.name, peer.name, rest]).toEqual(['limit', 'mine', []]);
    expect(peer.launch()).toEqual({ command: ['./mine', '--fast'], version: '' });
  });

  it('refuses unknown names and repeated ones', () => {
    expect(() => choosePeers(['nope'], [])).toThrow(RangeError);
    expect(() => choosePeers(undefined, [{ name: 'limit', command: ['x'] }])).toThrow(RangeError);
  });
});

describe('PEERS', () => {
  it('either can be launched or say what is missing', () => {
    for (const peer of PEERS) {
      const launch = peer.launch();
      if ('missing' in launch) expect(launch.missing).not.toBe('');
      else expect(launch.command.length).toBeGreaterThan(0);
    }
  });
});
